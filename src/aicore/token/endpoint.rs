//! The token endpoint of an authorization server: one request, with the client secret or the certificate of one service key.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;

use super::{
    Token,
    answer::{self, Granted, Unreadable},
    refusals::Remembered,
};
use crate::{
    aicore::{
        body,
        error::{ClientCertificate, Error, Server, WithoutToken},
        exchange::{self, Failed},
        redact::Sent,
        tls::Handshake,
        way::Way,
    },
    clock,
    metrics::Metrics,
};

/// Who gives tokens for one service key.
pub(crate) trait Endpoint: Send + Sync + 'static {
    /// One request for a token.
    fn token(&self) -> impl Future<Output = Result<Token, Error>> + Send;

    /// How long a request may take.
    fn limit(&self) -> Duration;

    /// Its host, to be shown.
    fn host(&self) -> String;

    /// When it has refused the key last, and how, if that stands.
    fn refusal(&self) -> Option<(Instant, Error)> {
        None
    }

    /// Takes note of what came of the requests.
    fn settled(&self, _result: Result<(), &Error>) {}
}

/// Where and with what to ask for a token.
pub(crate) struct TokenRequest {
    /// `<url>/oauth/token`, or `<certurl>/oauth/token` for X.509.
    pub(in crate::aicore) token_url: Url,
    /// OAuth 2.0 client id.
    pub(in crate::aicore) client_id: String,
    /// OAuth 2.0 client secret; `None` when the client authenticates by its TLS certificate.
    pub(in crate::aicore) client_secret: Option<SecretString>,
    /// When that certificate ends, if it says so.
    pub(in crate::aicore) certificate_not_after: Option<Timestamp>,
    /// Client for the authorization server; it holds the TLS certificate if there is one.
    pub(in crate::aicore) http: reqwest::Client,
    /// What a failure tells of its way.
    pub(in crate::aicore) way: Arc<Way>,
    /// Where requests are counted.
    pub(in crate::aicore) metrics: Arc<Metrics>,
    /// What is known of the key although nobody has used it for a while.
    pub(in crate::aicore) remembered: Remembered,
}

impl Endpoint for TokenRequest {
    /// Client credentials grant (RFC 6749 §4.4) with the credentials in the form: client ids of XSUAA hold characters that
    /// servers decode differently in HTTP Basic.
    async fn token(&self) -> Result<Token, Error> {
        let Self { token_url, client_id, http, way, metrics, .. } = self;
        let client_secret = self.client_secret.as_ref().map(ExposeSecret::expose_secret);
        let sent = Sent { secrets: client_secret.as_slice(), names: &[client_id], payload: None };
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", client_id)];
        form.extend(client_secret.map(|secret| ("client_secret", secret)));
        let request = http
            .post(token_url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body::form(&form));
        let asked = Instant::now();
        let answer = exchange::send(Server::Authorization, request, way, metrics).await;
        let answer = answer.map_err(|failed| self.refused(failed, &sent))?;
        let Granted { value, life } = answer::read(&answer).map_err(|unreadable| Error::UnreadableToken {
            host: self.host(),
            cause: match unreadable {
                Unreadable::ErrorInstead(details) => WithoutToken::ErrorInstead(details.checked(&sent)),
                Unreadable::Form(cause) => WithoutToken::Form(cause),
            },
        })?;
        Ok(Token::new(value, asked, life))
    }

    fn limit(&self) -> Duration {
        self.way.request_timeout
    }

    fn host(&self) -> String {
        exchange::authority(&self.token_url)
    }

    fn refusal(&self) -> Option<(Instant, Error)> {
        self.remembered.refusal()
    }

    fn settled(&self, result: Result<(), &Error>) {
        self.remembered.settled(result);
    }
}

impl TokenRequest {
    /// A certificate that has ended is the cause of whatever went wrong, and so is one that the server does not accept.
    fn refused(&self, failed: Failed, sent: &Sent<'_>) -> Error {
        let handshake = match &failed {
            Failed::Unreachable { handshake, .. } => *handshake,
            Failed::Refused { .. } | Failed::Silent { .. } => None,
        };
        let certificate = match self.certificate_not_after {
            _ if self.client_secret.is_some() => ClientCertificate::None,
            Some(end) if end <= clock::now() => ClientCertificate::Ended(end),
            until => ClientCertificate::Until(until),
        };
        let refused = match (certificate, handshake, failed.status()) {
            (_, Some(Handshake::OursMissing), _)
            // Whatever the server makes of a certificate that has ended.
            | (ClientCertificate::Ended(_), None, None | Some(400 | 401 | 403)) => Some(None),
            (ClientCertificate::Until(_) | ClientCertificate::Ended(_), Some(Handshake::OursRefused(why)), _) => {
                Some(Some(why))
            }
            _ => None,
        };
        match refused {
            Some(why) => Error::CertificateRefused { host: self.host(), certificate, why },
            None => failed.checked(sent),
        }
    }
}
