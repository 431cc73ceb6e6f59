//! The rights that the operator's requests to the API server take, as RBAC names them.

use std::fmt;

use crate::api::GROUP;

/// What a rule of a Role grants: one verb on one kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// The plural, with the subresource: `aicoreregistrysecrets/status`.
    pub resource: &'static str,
    /// `get`, `list`, `watch`, `create`, `update` or `patch`.
    pub verb: &'static str,
    /// Where an object of the kind is, and so which Roles grant it.
    pub scope: Scope,
}

/// Whether objects of a kind are in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// They are: a Role in each namespace grants it, or a `ClusterRole` in all.
    Namespaced,
    /// They are in none: only a `ClusterRole` grants it. Used where all namespaces are watched.
    Cluster,
}

/// All rights that the operator uses. What it asks of the API server beside these needs none of its own.
pub static RIGHTS: [Right; 18] = [
    on(GROUP, "aicoreregistrysecrets", "get"),
    on(GROUP, "aicoreregistrysecrets", "list"),
    on(GROUP, "aicoreregistrysecrets", "watch"),
    on(GROUP, "aicoreregistrysecrets", "patch"),
    on(GROUP, "aicoreregistrysecrets/status", "patch"),
    for_all(GROUP, "aicoretenants", "get"),
    for_all(GROUP, "aicoretenants", "list"),
    for_all(GROUP, "aicoretenants", "watch"),
    for_all(GROUP, "aicoretenants/status", "patch"),
    on("", "secrets", "get"),
    on("", "secrets", "list"),
    on("", "secrets", "watch"),
    on("", "namespaces", "get"),
    on("events.k8s.io", "events", "create"),
    on("events.k8s.io", "events", "patch"),
    on("coordination.k8s.io", "leases", "get"),
    on("coordination.k8s.io", "leases", "create"),
    on("coordination.k8s.io", "leases", "update"),
];

const fn on(group: &'static str, resource: &'static str, verb: &'static str) -> Right {
    Right { group, resource, verb, scope: Scope::Namespaced }
}

const fn for_all(group: &'static str, resource: &'static str, verb: &'static str) -> Right {
    Right { group, resource, verb, scope: Scope::Cluster }
}

/// `get secrets`
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)
    }
}

/// A right, and where a request uses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Which right.
    pub right: &'static Right,
    /// `None`: in all namespaces, or of a kind that is in none.
    pub namespace: Option<Box<str>>,
}

impl Use {
    /// What a request to a path of the Kubernetes API takes, as the API server itself takes requests apart; `None` for what the
    /// operator needs no right for.
    #[must_use]
    pub fn of(method: &str, path: &str, query: Option<&str>) -> Option<Self> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let group = match parts.next()? {
            "api" => "",
            "apis" => parts.next()?,
            _ => return None,
        };
        let _version = parts.next()?;
        let first = parts.next()?;
        let (namespace, resource) = match (first, parts.next()) {
            ("namespaces", Some(namespace)) => (Some(namespace), parts.next()),
            (resource, name) => {
                return Self::found(group, resource, parts.next(), verb(method, name, query)?, None);
            }
        };
        match resource {
            // The namespace itself is in the namespace of its name.
            None => Self::found(group, first, None, verb(method, namespace, query)?, namespace),
            Some(resource) => {
                let (name, subresource) = (parts.next(), parts.next());
                Self::found(group, resource, subresource, verb(method, name, query)?, namespace)
            }
        }
    }

    fn found(
        group: &str,
        resource: &str,
        subresource: Option<&str>,
        verb: &str,
        namespace: Option<&str>,
    ) -> Option<Self> {
        let is = |right: &&Right| {
            let (of, sub) =
                right.resource.split_once('/').map_or((right.resource, None), |(of, sub)| (of, Some(sub)));
            right.group == group && of == resource && sub == subresource && right.verb == verb
        };
        Some(Self { right: RIGHTS.iter().find(is)?, namespace: namespace.map(Box::from) })
    }

    /// Whether a refusal with HTTP status 403 says that this right is missing. Others are of quotas, policies and webhooks, and of
    /// namespaces that are being deleted.
    #[must_use]
    pub fn is_what_is_missing(&self, message: &str) -> bool {
        let Right { resource, verb, .. } = self.right;
        message.contains(&format!(" cannot {verb} resource \"{resource}\" "))
    }
}

/// `get secrets in namespace "ml"`, `list secrets in all namespaces`, `list aicoretenants`
impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} in namespace {namespace:?}", self.right),
            None if self.right.scope == Scope::Cluster => write!(f, "{}", self.right),
            None => write!(f, "{} in all namespaces", self.right),
        }
    }
}

fn verb(method: &str, name: Option<&str>, query: Option<&str>) -> Option<&'static str> {
    let watch = query.is_some_and(|query| query.split('&').any(|parameter| parameter == "watch=true"));
    Some(match (method, name) {
        ("GET", _) if watch => "watch",
        ("GET", Some(_)) => "get",
        ("GET", None) => "list",
        ("POST", None) => "create",
        ("PUT", Some(_)) => "update",
        ("PATCH", Some(_)) => "patch",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("GET", "/api/v1/secrets", Some("limit=500"), "list secrets in all namespaces")]
    #[case(
        "GET",
        "/api/v1/namespaces/a/secrets",
        Some("limit=500&watch=true"),
        "watch secrets in namespace \"a\""
    )]
    #[case("GET", "/api/v1/namespaces/a/secrets/s", None, "get secrets in namespace \"a\"")]
    #[case("GET", "/api/v1/namespaces/a", None, "get namespaces in namespace \"a\"")]
    #[case(
        "PATCH",
        "/apis/aicore-registry.dev/v1alpha1/namespaces/a/aicoreregistrysecrets/x/status",
        Some(""),
        "patch aicoreregistrysecrets/status in namespace \"a\""
    )]
    #[case(
        "PATCH",
        "/apis/aicore-registry.dev/v1alpha1/namespaces/a/aicoreregistrysecrets/x",
        None,
        "patch aicoreregistrysecrets in namespace \"a\""
    )]
    #[case(
        "GET",
        "/apis/aicore-registry.dev/v1alpha1/aicoreregistrysecrets",
        Some("watch=true"),
        "watch aicoreregistrysecrets in all namespaces"
    )]
    #[case(
        "GET",
        "/apis/aicore-registry.dev/v1alpha1/aicoretenants",
        Some("limit=500"),
        "list aicoretenants"
    )]
    #[case("GET", "/apis/aicore-registry.dev/v1alpha1/aicoretenants/x", None, "get aicoretenants")]
    #[case(
        "PATCH",
        "/apis/aicore-registry.dev/v1alpha1/aicoretenants/x/status",
        None,
        "patch aicoretenants/status"
    )]
    #[case("POST", "/apis/events.k8s.io/v1/namespaces/a/events", None, "create events in namespace \"a\"")]
    #[case(
        "PUT",
        "/apis/coordination.k8s.io/v1/namespaces/a/leases/l",
        None,
        "update leases in namespace \"a\""
    )]
    fn a_request_is_told_by_the_right_that_it_takes(
        #[case] method: &str,
        #[case] path: &str,
        #[case] query: Option<&str>,
        #[case] told: &str,
    ) {
        assert_eq!(Use::of(method, path, query).unwrap().to_string(), told);
    }

    #[rstest]
    #[case::no_resource("GET", "/readyz")]
    #[case::discovery("GET", "/apis/aicore-registry.dev/v1alpha1")]
    #[case::events_of_the_core_group("POST", "/api/v1/namespaces/a/events")]
    #[case::a_write_that_is_never_made("PATCH", "/api/v1/namespaces/a/secrets/s")]
    #[case::deletion("DELETE", "/api/v1/namespaces/a/secrets/s")]
    #[case::another_subresource("GET", "/api/v1/namespaces/a/secrets/s/status")]
    #[case::a_tenant_is_never_changed("PATCH", "/apis/aicore-registry.dev/v1alpha1/aicoretenants/x")]
    #[case::nothing("GET", "/")]
    #[case::a_group_alone("GET", "/apis")]
    fn what_takes_none_of_the_rights_is_not_told(#[case] method: &str, #[case] path: &str) {
        assert_eq!(Use::of(method, path, None), None);
    }

    /// As kube-apiserver's authorization words it, in a namespace and for the cluster, with and without a reason.
    #[test]
    fn a_refusal_is_about_a_right_or_about_something_else() {
        let read = Use::of("GET", "/api/v1/namespaces/a/secrets/s", None).unwrap();
        let rbac = "secrets \"s\" is forbidden: User \"system:serviceaccount:b:o\" cannot get resource \"secrets\" in API group \"\" in the \
                    namespace \"a\"";
        assert!(read.is_what_is_missing(rbac));
        assert!(!read.is_what_is_missing(&rbac.replace("cannot get", "cannot list")));
        assert!(!read.is_what_is_missing(&rbac.replace("\"secrets\"", "\"secrets/status\"")));
        let status = "/apis/aicore-registry.dev/v1alpha1/namespaces/a/aicoreregistrysecrets/x/status";
        let status = Use::of("PATCH", status, None).unwrap();
        assert!(status.is_what_is_missing(
            "x is forbidden: User \"u\" cannot patch resource \"aicoreregistrysecrets/status\" in API group \"g\" at the cluster scope: no"
        ));
        let create = Use::of("POST", "/apis/events.k8s.io/v1/namespaces/a/events", None).unwrap();
        assert!(!create.is_what_is_missing(
            "events.events.k8s.io \"e\" is forbidden: unable to create new content in namespace a because it is being terminated"
        ));
    }

    #[test]
    fn each_right_is_listed_once() {
        let mut sorted = RIGHTS;
        sorted.sort_unstable();
        assert!(sorted.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
