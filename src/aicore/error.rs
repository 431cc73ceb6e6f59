//! What can go wrong with a request, in types and in sentences.

use std::{fmt, time::Duration};

use crate::domain::{failure::Failure, reason::Reason};

/// Which server was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// AI Core's API.
    Api,
    /// The authorization server that gives access tokens.
    Authorization,
}

/// A request that did not succeed. It holds no secret value: what a server said was redacted before it got here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server answered with another status than 2xx.
    #[error("{0}")]
    Refused(Refusal),
    /// There was no answer.
    #[error("{host} could not be reached: {cause}")]
    Unreachable {
        /// Host that was asked.
        host: String,
        /// Innermost cause.
        cause: String,
    },
    /// The authorization server answered 2xx with something that is no token.
    #[error(
        "{host} answered the token request with something that is not an OAuth 2.0 access token: {cause}"
    )]
    UnreadableToken {
        /// Host that was asked.
        host: String,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// The X.509 certificate and key of the service key cannot be used for TLS.
    #[error("the certificate and private key of the AI Core service key cannot be used: {cause}")]
    UnusableIdentity {
        /// What the TLS library says.
        cause: String,
    },
    /// The tenant holds as many secrets as it may.
    #[error(
        "the tenant's quota for docker registry secrets is used up ({used} of {limit} used); delete one that is no longer \
         needed, or ask SAP for a higher quota"
    )]
    QuotaExceeded {
        /// Secrets that exist.
        used: u64,
        /// Secrets that may exist.
        limit: u64,
    },
    /// There is no such secret, and it must not be created.
    #[error(
        "AI Core has no docker registry secret {name:?}, and spec.creationPolicy is Never; create it there, or set \
         spec.creationPolicy to IfMissing"
    )]
    Missing {
        /// Its name.
        name: String,
    },
}

/// A status other than 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which server.
    pub server: Server,
    /// Its host.
    pub host: String,
    /// HTTP status code.
    pub status: u16,
    /// SAP's error code (`error.code`), or the OAuth error (`error`).
    pub code: Option<String>,
    /// SAP's id of the request, to quote to support.
    pub request_id: Option<String>,
    /// The server's message: redacted, at most 300 characters.
    pub message: Option<String>,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, status, .. } = self;
        match self.server {
            Server::Api => write!(f, "AI Core at {host} answered HTTP {status}")?,
            Server::Authorization => write!(f, "the authorization server {host} answered HTTP {status}")?,
        }
        let details: Vec<String> = [
            self.code.as_ref().map(|code| format!("error code {code}")),
            self.request_id.as_ref().map(|id| format!("request id {id}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// The HTTP status, if there was an answer from that server.
    #[must_use]
    pub fn status_of(&self, server: Server) -> Option<u16> {
        match self {
            Self::Refused(refusal) if refusal.server == server => Some(refusal.status),
            _ => None,
        }
    }

    /// The kind of failure that it is for the resource.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Refused(refusal) => match (refusal.server, refusal.status) {
                (_, 401) | (Server::Authorization, 400) => Reason::AuthenticationFailed,
                (_, 403) => Reason::Forbidden,
                (_, 429) => Reason::RateLimited,
                (_, 408 | 425 | 500..) => Reason::RemoteUnavailable,
                _ => Reason::RemoteRejected,
            },
            Self::Unreachable { .. } | Self::UnreadableToken { .. } => Reason::RemoteUnavailable,
            Self::UnusableIdentity { .. } => Reason::ServiceKeyInvalid,
            Self::QuotaExceeded { .. } => Reason::QuotaExceeded,
            Self::Missing { .. } => Reason::RemoteMissing,
        }
    }

    /// The failure, with a sentence that says what to do. `service_key` is the name of the Secret that holds the service
    /// key; `remote_absent` says whether AI Core was seen to lack the secret.
    #[must_use]
    pub fn failure(&self, service_key: &str, remote_absent: bool) -> Failure {
        let reason = self.reason();
        let cure = match reason {
            Reason::AuthenticationFailed => {
                format!(
                    "; renew the service key in Secret {service_key:?}, the operator tries again when it changes"
                )
            }
            Reason::Forbidden => format!(
                "; the service key in Secret {service_key:?} may not manage docker registry secrets: use one of the main \
                 tenant"
            ),
            Reason::RemoteRejected => {
                "; the operator tries again when the Secret or the spec changes".to_owned()
            }
            Reason::RateLimited | Reason::RemoteUnavailable => {
                "; the operator tries again by itself".to_owned()
            }
            Reason::ServiceKeyInvalid => format!("; renew the service key in Secret {service_key:?}"),
            _ => String::new(),
        };
        let text = self.to_string();
        let mut characters = text.chars();
        let first = characters.next().map(char::to_uppercase);
        let message =
            format!("{}{}{cure}", first.into_iter().flatten().collect::<String>(), characters.as_str());
        let retry_after = match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        };
        Failure { retry_after, remote_absent, ..Failure::new(reason, message) }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn refused(server: Server, status: u16) -> Error {
        Error::Refused(Refusal {
            server,
            host: "api.example".to_owned(),
            status,
            code: None,
            request_id: None,
            message: None,
            retry_after: None,
        })
    }

    #[rstest]
    #[case(Server::Api, 401, Reason::AuthenticationFailed)]
    #[case(Server::Api, 403, Reason::Forbidden)]
    #[case(Server::Api, 400, Reason::RemoteRejected)]
    #[case(Server::Api, 302, Reason::RemoteRejected)]
    #[case(Server::Api, 404, Reason::RemoteRejected)]
    #[case(Server::Api, 408, Reason::RemoteUnavailable)]
    #[case(Server::Api, 425, Reason::RemoteUnavailable)]
    #[case(Server::Api, 429, Reason::RateLimited)]
    #[case(Server::Api, 500, Reason::RemoteUnavailable)]
    #[case(Server::Api, 503, Reason::RemoteUnavailable)]
    #[case(Server::Authorization, 400, Reason::AuthenticationFailed)]
    #[case(Server::Authorization, 401, Reason::AuthenticationFailed)]
    #[case(Server::Authorization, 403, Reason::Forbidden)]
    #[case(Server::Authorization, 429, Reason::RateLimited)]
    #[case(Server::Authorization, 502, Reason::RemoteUnavailable)]
    fn statuses_have_reasons(#[case] server: Server, #[case] status: u16, #[case] reason: Reason) {
        assert_eq!(refused(server, status).reason(), reason);
    }

    #[test]
    fn sentences_name_host_status_code_and_cure() {
        let mut error = refused(Server::Api, 401);
        if let Error::Refused(refusal) = &mut error {
            refusal.code = Some("01010076".to_owned());
            refusal.request_id = Some("r-1".to_owned());
            refusal.message = Some("token expired".to_owned());
        }
        assert_eq!(
            error.failure("aicore-key", false).message,
            "AI Core at api.example answered HTTP 401 (error code 01010076, request id r-1): token expired; renew the \
             service key in Secret \"aicore-key\", the operator tries again when it changes"
        );
        let quota = Error::QuotaExceeded { used: 50, limit: 50 };
        assert!(quota.failure("k", true).message.contains("50 of 50 used"));
    }
}
