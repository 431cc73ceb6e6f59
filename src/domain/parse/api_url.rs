//! Where a tenant of AI Core is: its API, its authorization server, and the two together as its identity.

use std::fmt::{self, Display};

use url::{Host, Url};

use crate::domain::parse::allowed_hosts::{AllowedHosts, Refusal, Role};

/// The base URL of AI Core's API, without `/v2` and trailing slashes: `https://api.ai.….ml.hana.ondemand.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiUrl(Url);

/// The base URL of the OAuth server that issues a tenant's tokens, without `/oauth/token` and trailing slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorizationServer(Url);

impl ApiUrl {
    /// Reads `serviceurls.AI_API_URL`, with or without `/v2`.
    ///
    /// # Errors
    /// As [`AllowedHosts::url`], and for the path of a deployment: behind AI Core's own host, `/v2/inference/…` is answered
    /// by the server that a customer has deployed. An encoded path could hide one. A host of SAP has to be one of AI Core's API,
    /// and the path none but `/v2`; a customer's own proxy may have any.
    pub fn parse(text: &str, allowed: &AllowedHosts) -> Result<Self, Refusal> {
        let url = allowed.url(text)?;
        let role = Role::of(&url);
        if role == Some(Role::AuthorizationServer) {
            return Err(Refusal::IsAnAuthorizationServer);
        }
        if may_be_deployment(&url) {
            return Err(Refusal::Deployment);
        }
        let base = without_suffix(url, "/v2");
        if role.is_some() && base.path() != "/" { Err(Refusal::ApiPath) } else { Ok(Self(base)) }
    }

    /// The URL of `path`, which starts with a slash, below the base: `/v2/admin/dockerRegistrySecrets`.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        below(&self.0, path)
    }
}

impl AuthorizationServer {
    /// Reads a service key's `url`, with or without `/oauth/token`.
    ///
    /// # Errors
    /// As [`AllowedHosts::url`], and for the path of a deployment. A host of SAP has to be one of an authorization server, and
    /// the path none but `/oauth/token`.
    pub fn parse(text: &str, allowed: &AllowedHosts) -> Result<Self, Refusal> {
        let url = allowed.url(text)?;
        if may_be_deployment(&url) {
            return Err(Refusal::NotTheAuthorizationServer);
        }
        let role = Role::of(&url);
        if role == Some(Role::Api) {
            return Err(Refusal::IsTheApi);
        }
        let base = without_suffix(url, TOKEN_PATH);
        if role.is_some() && base.path() != "/" { Err(Refusal::TokenPath) } else { Ok(Self(base)) }
    }

    /// The same server under the name for clients without a certificate: SAP's have one for each kind, which differ in the label
    /// `cert` behind `authentication`. Any other name is one for both.
    #[must_use]
    pub(crate) fn for_any_client(self) -> Self {
        let Some(Host::Domain(name)) = self.0.host() else {
            return self;
        };
        let Some((front, rest)) = name.split_once(FOR_CERTIFICATES) else {
            return self;
        };
        let name = format!("{front}.authentication.{rest}");
        let mut url = self.0.clone();
        if url.set_host(Some(&name)).is_ok() { Self(url) } else { self }
    }

    /// What of this the other server, which a client certificate leads to, does not have in common. Both are as
    /// [`Self::for_any_client`] has them. At another port, or by another scheme, somebody else may answer.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<Difference> {
        let (own, expected) = (&self.0, &other.0);
        if own.host() != expected.host() {
            let expected = expected.host().map(|host| host.to_string()).unwrap_or_default();
            Some(Difference::Host { expected })
        } else if own.scheme() != expected.scheme() {
            Some(Difference::Scheme { expected: expected.scheme().to_owned() })
        } else if own.port_or_known_default() != expected.port_or_known_default() {
            Some(Difference::Port { expected: expected.port_or_known_default().unwrap_or_default() })
        } else if own.path() != expected.path() {
            Some(Difference::Path)
        } else {
            None
        }
    }

    /// The token endpoint: `<base>/oauth/token`.
    #[must_use]
    pub(crate) fn token_url(&self) -> Url {
        below(&self.0, TOKEN_PATH)
    }
}

impl Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Display for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// What two URLs of one authorization server have to have in common, and have not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The host.
    Host {
        /// The host of the other one.
        expected: String,
    },
    /// The scheme.
    Scheme {
        /// The scheme of the other one.
        expected: String,
    },
    /// The port.
    Port {
        /// The port of the other one.
        expected: u16,
    },
    /// The path.
    Path,
}

const TOKEN_PATH: &str = "/oauth/token";
const FOR_CERTIFICATES: &str = ".authentication.cert.";

/// What a deployment answers, its customer has written: a client secret must not get there either.
fn may_be_deployment(url: &Url) -> bool {
    let mut segments = url.path().split('/').map(str::to_ascii_lowercase);
    segments.any(|segment| segment.starts_with("inference") || segment.contains('%'))
}

fn without_suffix(mut url: Url, suffix: &str) -> Url {
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(suffix).unwrap_or(path).trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

/// One tenant of AI Core: API and authorization server, both normalised, so that every key of a tenant, with a
/// client secret or a certificate, gives the same value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant {
    /// The API's base URL without `/v2`, as in `status.apiURL`: what [`ApiUrl`] displays.
    pub api_url: String,
    /// The authorization server's base URL, as in `status.authorizationServer`: what [`AuthorizationServer`] displays.
    pub authorization_server: String,
}

impl Tenant {
    /// The tenant that a service key is for.
    #[must_use]
    pub fn new(api_url: &ApiUrl, authorization_server: &AuthorizationServer) -> Self {
        Self { api_url: api_url.to_string(), authorization_server: authorization_server.to_string() }
    }

    /// Host of the API, for messages.
    pub(crate) fn api_host(&self) -> String {
        let host = Url::parse(&self.api_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_else(|| self.api_url.clone())
    }
}

/// `https://api.ai.… (https://my-subdomain.authentication.…)`
impl Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.api_url, self.authorization_server)
    }
}

#[cfg(test)]
mod tests;
