//! Which operation a request asks for.

use http::Method;

/// The token endpoint and the operations on docker registry secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `POST …/oauth/token`.
    Token,
    /// `GET /v2/admin/dockerRegistrySecrets`.
    List,
    /// `POST /v2/admin/dockerRegistrySecrets`.
    Create,
    /// `GET /v2/admin/dockerRegistrySecrets/{name}`.
    Get,
    /// `PATCH /v2/admin/dockerRegistrySecrets/{name}`.
    Patch,
    /// `DELETE /v2/admin/dockerRegistrySecrets/{name}`.
    Delete,
    /// `GET /v2/admin/resourceQuota/dockerRegistrySecrets`.
    Quota,
    /// Anything else.
    Unknown,
}

impl Operation {
    /// Whether it creates, changes or deletes a secret.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Patch | Self::Delete)
    }
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) operation: Operation,
    /// Tenant named by the path, or for the token endpoint by the host; of the API only with a URL of its own.
    pub(super) tenant: Option<String>,
    /// Secret named by the path, as it stands there.
    pub(super) name: Option<String>,
    /// The path exists, but not with this method.
    pub(super) wrong_method: bool,
}

impl Route {
    /// `host` is what the client calls this server; the first label is the tenant's name where that is in no path.
    pub(super) fn of(method: &Method, host: Option<&str>, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (tenant, rest) = match segments.as_slice() {
            ["uaa" | "api", tenant, rest @ ..] => (Some((*tenant).to_owned()), rest),
            rest @ ["oauth", "token"] => {
                let label = host.and_then(|host| host.split_once('.')).map(|(label, _)| label.to_owned());
                (label, rest)
            }
            rest => (None, rest),
        };
        let mut name = None;
        let methods: &[(Method, Operation)] = match rest {
            ["oauth", "token"] if tenant.is_some() && !path.starts_with("/api/") => {
                &[(Method::POST, Operation::Token)]
            }
            _ if path.starts_with("/uaa/") => &[],
            ["v2", "admin", "dockerRegistrySecrets"] => {
                &[(Method::GET, Operation::List), (Method::POST, Operation::Create)]
            }
            ["v2", "admin", "dockerRegistrySecrets", secret] => {
                name = Some((*secret).to_owned());
                &[
                    (Method::GET, Operation::Get),
                    (Method::PATCH, Operation::Patch),
                    (Method::DELETE, Operation::Delete),
                ]
            }
            ["v2", "admin", "resourceQuota", "dockerRegistrySecrets"] => &[(Method::GET, Operation::Quota)],
            _ => &[],
        };
        let found = methods.iter().find(|(candidate, _)| candidate == method);
        Self {
            operation: found.map_or(Operation::Unknown, |(_, operation)| *operation),
            tenant,
            name,
            wrong_method: found.is_none() && !methods.is_empty(),
        }
    }
}
