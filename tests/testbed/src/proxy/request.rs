//! What a request asks for, as the API server itself takes it apart.

use http::{Method, Uri};

/// A request to the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, as it came.
    pub query: String,
    /// As in RBAC: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the method in lower case
    /// for a path that names no resource.
    pub verb: &'static str,
    /// The resource's plural, such as `secrets`; empty for a path that names none.
    pub resource: String,
    /// What follows the name, such as `status`.
    pub subresource: Option<String>,
    /// The namespace; for a namespace itself, its name.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: Option<String>,
}

impl Request {
    pub(super) fn of(method: &Method, uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().to_owned();
        let mut rest = uri.path().split('/').filter(|part| !part.is_empty());
        // Of the core group, `api/v1`; of others, `apis/group/version`.
        let skipped = match rest.next() {
            Some("api") => rest.by_ref().take(1).count() == 1,
            Some("apis") => rest.by_ref().take(2).count() == 2,
            _ => false,
        };
        let mut parts: Vec<String> = if skipped { rest.map(str::to_owned).collect() } else { Vec::new() };
        let mut namespace = None;
        if parts.first().is_some_and(|part| part == "namespaces") && parts.len() > 1 {
            namespace = Some(parts[1].clone());
            if parts.len() > 2 {
                parts.drain(..2);
            }
        }
        let mut parts = parts.into_iter();
        let resource = parts.next().unwrap_or_default();
        let (name, subresource) = (parts.next(), parts.next());
        let is_watch = parameters(&query).any(|(name, value)| name == "watch" && value == "true");
        let verb = verb(method, !resource.is_empty(), name.is_some(), is_watch);
        let path = uri.path().to_owned();
        Self { method: method.clone(), path, query, verb, resource, subresource, namespace, name }
    }

    /// Whether it is this, of objects or of their subresources.
    #[must_use]
    pub fn is(&self, verb: &str, resource: &str) -> bool {
        self.verb == verb && self.resource == resource
    }

    /// Whether it is about this namespace.
    #[must_use]
    pub fn is_in(&self, namespace: &str) -> bool {
        self.namespace.as_deref() == Some(namespace)
    }

    /// The value of a parameter of the query, as it came.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameters(&self.query).find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter_map(|parameter| parameter.split_once('='))
}

fn verb(method: &Method, of_resource: bool, named: bool, watch: bool) -> &'static str {
    match (method.as_str(), of_resource, named) {
        ("GET", true, _) if watch => "watch",
        ("GET", true, false) => "list",
        ("GET", _, _) => "get",
        ("POST", true, _) => "create",
        ("POST", false, _) => "post",
        ("PUT", true, _) => "update",
        ("PUT", false, _) => "put",
        ("PATCH", _, _) => "patch",
        ("DELETE", true, false) => "deletecollection",
        ("DELETE", _, _) => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart_as_rbac_does() {
        for (method, uri, expected) in [
            (Method::GET, "/api/v1/secrets?limit=5", ("list", "secrets", None, None, None)),
            (
                Method::GET,
                "/api/v1/namespaces/a/secrets?x=1&watch=true",
                ("watch", "secrets", Some("a"), None, None),
            ),
            (Method::GET, "/api/v1/namespaces/a/secrets/s", ("get", "secrets", Some("a"), Some("s"), None)),
            (Method::GET, "/api/v1/namespaces/a", ("get", "namespaces", Some("a"), Some("a"), None)),
            (Method::GET, "/api/v1/namespaces", ("list", "namespaces", None, None, None)),
            (
                Method::PATCH,
                "/apis/g.dev/v1/namespaces/a/things/t/status?",
                ("patch", "things", Some("a"), Some("t"), Some("status")),
            ),
            (Method::POST, "/apis/g.dev/v1/namespaces/a/things", ("create", "things", Some("a"), None, None)),
            (
                Method::DELETE,
                "/apis/g.dev/v1/namespaces/a/things",
                ("deletecollection", "things", Some("a"), None, None),
            ),
            (Method::GET, "/readyz", ("get", "", None, None, None)),
            (Method::GET, "/apis/g.dev/v1", ("get", "", None, None, None)),
        ] {
            let request = Request::of(&method, &uri.parse().unwrap());
            let parts = (
                request.verb,
                &*request.resource,
                request.namespace.as_deref(),
                request.name.as_deref(),
                request.subresource.as_deref(),
            );
            assert_eq!(parts, expected, "{method} {uri}");
        }
    }

    #[test]
    fn parameters_are_found_by_name() {
        let request = Request::of(&Method::GET, &"/api/v1/secrets?&limit=5&continue=a%3D".parse().unwrap());
        assert_eq!(request.parameter("limit"), Some("5"));
        assert_eq!(request.parameter("continue"), Some("a%3D"));
        assert_eq!(request.parameter("watch"), None);
    }
}
