//! What can go wrong with a request, in types and in sentences.

use std::{fmt, time::Duration};

use jiff::Timestamp;

pub(crate) use crate::aicore::error_details::{ErrorDetails, Message};
use crate::aicore::tls::IdentityError;
use crate::domain::decide::{
    backoff::LONGEST_RETRY_AFTER,
    failure::Failure,
    reason::{Advice, Reason},
};

/// Which server was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// AI Core's API.
    Api,
    /// The authorization server that gives access tokens.
    Authorization,
}

impl Server {
    /// The server in a sentence.
    fn at(self, host: &str) -> String {
        match self {
            Self::Api => format!("AI Core at {host}"),
            Self::Authorization => format!("the authorization server {host}"),
        }
    }
}

fn through(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

/// A limit as people read it: `15 s`, `500 ms`.
pub(super) struct Seconds(pub(super) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_millis()) {
            (seconds, 0) => write!(f, "{seconds} s"),
            _ => write!(f, "{} ms", self.0.as_millis()),
        }
    }
}

/// A request that did not succeed. It holds no secret value: what a server said was checked before it got here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server answered with another status than 2xx.
    #[error("{0}")]
    Refused(Refusal),
    /// There was no connection, or it broke.
    #[error("{} could not be reached{}: {cause}", server.at(host), through(proxy.as_deref()))]
    Unreachable {
        /// Which server.
        server: Server,
        /// Its host.
        host: String,
        /// The proxy that the way leads through, without user and password.
        proxy: Option<String>,
        /// Innermost cause.
        cause: String,
    },
    /// There was no whole answer in time.
    #[error("{} did not answer within {}", server.at(host), Seconds(*limit))]
    Silent {
        /// Which server.
        server: Server,
        /// Its host.
        host: String,
        /// How long it had.
        limit: Duration,
    },
    /// The request was given up, because a later one was answered after an outage.
    #[error("{} has not answered what it was sent in its outage; it is sent again", Server::Api.at(host))]
    GivenUp {
        /// Host of the API.
        host: String,
    },
    /// The authorization server answered 2xx with something that is no token.
    #[error("the authorization server {host} answered the token request with {cause}")]
    UnreadableToken {
        /// Host that was asked.
        host: String,
        /// What is wrong with it.
        cause: WithoutToken,
    },
    /// The client certificate of the service key has ended, or the authorization server refused it in the TLS handshake.
    #[error("{}", certificate.refused(host, *why))]
    CertificateRefused {
        /// Host that was asked.
        host: String,
        /// What is known of the certificate.
        certificate: ClientCertificate,
        /// What the server says of it.
        why: Option<&'static str>,
    },
    /// The X.509 certificate and key of the service key cannot be used for TLS.
    #[error("the certificate and private key of the AI Core service key cannot be used: {cause}")]
    UnusableIdentity {
        /// What is wrong with them.
        cause: IdentityError,
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

/// An answer with 2xx that holds no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithoutToken {
    /// The authorization server says why.
    ErrorInstead(ErrorDetails),
    /// It has another form.
    Form(&'static str),
}

/// What is known of the client certificate of a service key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// The service key has a client secret instead.
    None,
    /// It is valid until then, as far as that is known.
    Until(Option<Timestamp>),
    /// It has ended.
    Ended(Timestamp),
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
    /// What the server said.
    pub(crate) details: ErrorDetails,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, host, status, details, .. } = self;
        write!(f, "{} answered HTTP {status}{details}", server.at(host))
    }
}

/// What follows the name of the answer.
impl fmt::Display for ErrorDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.request_id) {
            (Some(code), Some(id)) => write!(f, " (error code {code}, request id {id})")?,
            (Some(code), None) => write!(f, " (error code {code})")?,
            (None, Some(id)) => write!(f, " (request id {id})")?,
            (None, None) => {}
        }
        match &self.message {
            Message::None => Ok(()),
            Message::Clean(message) => write!(f, ": {message}"),
            Message::Withheld => f.write_str("; its message is withheld because it may quote the credential"),
        }
    }
}

impl fmt::Display for WithoutToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrorInstead(details) => write!(f, "an error instead of a token{details}"),
            Self::Form(what) => write!(f, "something that is not an OAuth 2.0 access token: {what}"),
        }
    }
}

impl ClientCertificate {
    fn refused(&self, host: &str, why: Option<&str>) -> String {
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        match self {
            Self::None => format!(
                "the authorization server {host} asks for a client certificate in the TLS handshake, and the AI Core \
                 service key has a client secret{why}"
            ),
            Self::Until(until) => {
                let until =
                    until.map_or_else(String::new, |until| format!(", which is valid until {until},"));
                format!(
                    "the authorization server {host} refused the client certificate of the AI Core service key{until} in \
                     the TLS handshake{why}"
                )
            }
            Self::Ended(end) => format!(
                "the client certificate of the AI Core service key ended on {end}, and the authorization server {host} \
                 gives no token for it{why}"
            ),
        }
    }
}

impl Error {
    /// The HTTP status, if there was an answer from that server.
    #[must_use]
    pub(crate) fn status_of(&self, server: Server) -> Option<u16> {
        match self {
            Self::Refused(refusal) if refusal.server == server => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether a server answered, whatever it answered. What was refused before a request could be sent says nothing about a
    /// server, and counts as an answer.
    #[must_use]
    pub(crate) fn is_answer(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::GivenUp { .. } => false,
            Self::Refused(_)
            | Self::UnreadableToken { .. }
            | Self::CertificateRefused { .. }
            | Self::UnusableIdentity { .. }
            | Self::QuotaExceeded { .. }
            | Self::Missing { .. } => true,
        }
    }

    /// Whether the authorization server has refused the service key in a way that another try cannot mend. What may be
    /// different a moment later are 408, 425, 429 and what is wrong with the server itself; every other 4xx says that this
    /// request is wrong, and 3xx that its address is.
    #[must_use]
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                refusal.server == Server::Authorization
                    && matches!(refusal.status, 300..=499)
                    && !matches!(refusal.status, 408 | 425 | 429)
            }
            Self::CertificateRefused { .. } => true,
            _ => false,
        }
    }

    /// The kind of failure that it is for the resource.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Refused(refusal) => match (refusal.server, refusal.status) {
                (_, 401) | (Server::Authorization, 400 | 403 | 404) => Reason::AuthenticationFailed,
                (_, 403) => Reason::Forbidden,
                (_, 429) => Reason::RateLimited,
                (_, 408 | 425 | 500..) => Reason::RemoteUnavailable,
                _ => Reason::RemoteRejected,
            },
            Self::CertificateRefused { .. } => Reason::AuthenticationFailed,
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::GivenUp { .. }
            | Self::UnreadableToken { .. } => Reason::RemoteUnavailable,
            Self::UnusableIdentity { .. } => Reason::ServiceKeyInvalid,
            Self::QuotaExceeded { .. } => Reason::QuotaExceeded,
            Self::Missing { .. } => Reason::RemoteMissing,
        }
    }

    /// The same for those who use a service key that is shared with them: without what the authorization server says, which may name the
    /// client that the key is for. Whoever looks after the key is told all.
    #[must_use]
    pub(crate) fn without_words_about_the_key(mut self) -> Self {
        match &mut self {
            Self::Refused(Refusal { server: Server::Authorization, details, .. })
            | Self::UnreadableToken { cause: WithoutToken::ErrorInstead(details), .. } => {
                *details = ErrorDetails { request_id: details.request_id.take(), ..ErrorDetails::default() };
            }
            _ => {}
        }
        self
    }

    /// The failure, with a sentence that says what to do. `holder` is what holds the service key, as `Secret "key"`;
    /// `remote_absent` says whether AI Core was seen to lack the secret.
    #[must_use]
    pub fn failure(&self, holder: &str, remote_absent: bool) -> Failure {
        let message = self.message(holder);
        let refusal = match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        };
        let details = match self {
            Self::Refused(Refusal { details, .. })
            | Self::UnreadableToken { cause: WithoutToken::ErrorInstead(details), .. } => Some(details),
            _ => None,
        };
        Failure {
            request_id: details.and_then(|details| details.request_id.clone()),
            retry_after: refusal.and_then(|refusal| refusal.retry_after),
            remote_absent,
            ..Failure::new(self.reason(), message)
        }
    }

    /// The sentence of [`Self::failure`]. `holder` is what holds the service key, as `Secret "key"` or the name of a file.
    #[must_use]
    pub(crate) fn message(&self, holder: &str) -> String {
        let text = self.to_string();
        let mut characters = text.chars();
        let first: String = characters.next().map(char::to_uppercase).into_iter().flatten().collect();
        format!("{first}{}{}", characters.as_str(), self.cure(holder))
    }

    /// How many minutes the server asked to be left alone, at most what it is granted.
    fn minutes_to_wait(&self) -> Option<u64> {
        match self {
            Self::Refused(Refusal { retry_after: Some(wait), .. }) if !wait.is_zero() => {
                Some((*wait).min(LONGEST_RETRY_AFTER).as_secs().div_ceil(60).max(1))
            }
            _ => None,
        }
    }

    /// What to do about it: the end of the sentence.
    fn cure(&self, holder: &str) -> String {
        let authorization = match self {
            Self::Refused(refusal) if refusal.server == Server::Authorization => Some(refusal.status),
            _ => None,
        };
        match (self.reason().advice(), authorization) {
            (Advice::RenewServiceKey, Some(404)) => format!(
                "; the service key in {holder} leads there by its \"url\" (\"certurl\" with a certificate), and \
                 there is no such subaccount, or not any more: create a new service key, the operator tries again when it \
                 changes, and at least every 15 minutes"
            ),
            (Advice::RenewServiceKey, _) => {
                format!(
                    "; renew the service key in {holder}, the operator tries again when it changes, and at least every 15 minutes"
                )
            }
            (Advice::UseKeyOfInstance, _) => format!(
                "; the service key in {holder} may not manage docker registry secrets: use one \
                 of the AI Core instance itself, not one of a tenant that shares it"
            ),
            (Advice::ChangeRequest, Some(_)) => format!(
                "; check \"url\" (\"certurl\" with a certificate) of the service key in {holder}, the operator \
                 tries again when it changes, and at least every 15 minutes"
            ),
            (Advice::ChangeRequest, None) => {
                "; the operator tries again when the Secret or the spec changes, and at least every 15 minutes"
                    .to_owned()
            }
            (Advice::Wait, _) => match self.minutes_to_wait() {
                Some(minutes) => format!("; the operator tries again by itself, in {minutes} min or later"),
                None => "; the operator tries again by itself".to_owned(),
            },
            (Advice::ReplaceServiceKey, _) => format!("; renew the service key in {holder}"),
            (Advice::None, _) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
