//! The access token of one service key: fetched once for all who need it, renewed early, and never asked for again and
//! again when the authorization server refuses the key.

mod answer;
#[cfg(test)]
mod fuzz;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Mutex, time::Instant};
use tracing::{Instrument, trace_span};
use url::Url;

use self::answer::{Granted, Unreadable};
use super::{
    body,
    error::{ClientCertificate, Error, Server, WithoutToken},
    exchange::{self, Failed},
    redact::Sent,
    tls::Handshake,
    way::Way,
};
use crate::{
    clock,
    domain::decide::backoff::{
        LONGEST_RETRY_AFTER, LONGEST_WHILE_DELETING, LONGEST_WHILE_UNAVAILABLE, STALLED_INTERVAL, exponential,
    },
    metrics::Metrics,
};

/// Share of a token's life after which it is renewed.
const RENEW_AFTER: f64 = 0.8;
/// How long a refusal of the key stands for all who share it: the shortest of the long intervals of resources, so that the
/// first of them to look again is the one that asks again.
const REFUSAL_STANDS: Duration = Duration::from_secs(STALLED_INTERVAL.as_secs() / 10 * 9);

/// How much a pass insists on an answer of the authorization server's own, when that refused the key a while ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insistence {
    /// The refusal stands for all who share the key, for about the long interval.
    Patient,
    /// A resource that is being deleted asks again after a minute.
    Deleting,
    /// A user asked for an attempt now.
    Forced,
}

impl Insistence {
    /// How old a refusal may be to be taken as the answer.
    fn patience(self) -> Duration {
        match self {
            Self::Patient => Duration::MAX,
            Self::Deleting => LONGEST_WHILE_DELETING,
            Self::Forced => Duration::ZERO,
        }
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The server was asked for it now.
    Asked,
    /// It was asked for before, maybe by another who needed the same.
    Kept,
}

/// What came of it to see to it that there is a token.
#[derive(Debug)]
pub(crate) struct Authorization<T = ()> {
    /// Where the result comes from.
    pub(crate) origin: Origin,
    /// The token, or why there is none.
    pub(crate) result: Result<T, Error>,
}

impl<T> Authorization<T> {
    fn asked(result: Result<T, Error>) -> Self {
        Self { origin: Origin::Asked, result }
    }

    fn kept(result: Result<T, Error>) -> Self {
        Self { origin: Origin::Kept, result }
    }

    /// The same, without the token.
    pub(super) fn without_token(self) -> Authorization {
        Authorization { origin: self.origin, result: self.result.map(drop) }
    }
}

/// Where and with what to ask for a token.
pub(super) struct TokenRequest {
    /// `<url>/oauth/token`, or `<certurl>/oauth/token` for X.509.
    pub(super) token_url: Url,
    /// OAuth 2.0 client id.
    pub(super) client_id: String,
    /// OAuth 2.0 client secret; `None` when the client authenticates by its TLS certificate.
    pub(super) client_secret: Option<SecretString>,
    /// When that certificate ends, if it says so.
    pub(super) certificate_not_after: Option<Timestamp>,
    /// Client for the authorization server; it holds the TLS certificate if there is one.
    pub(super) http: reqwest::Client,
    /// What a failure tells of its way.
    pub(super) way: Arc<Way>,
}

/// An access token.
pub(super) struct Token {
    value: SecretString,
    renew_at: Instant,
    expires_at: Instant,
}

impl Token {
    /// For the `Authorization` header, and to be redacted.
    pub(super) fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

/// The token of one service key.
pub(super) struct TokenSource {
    request: TokenRequest,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// The last failure; who was waiting while it happened gets it too.
    failed: Option<(Instant, Error)>,
    /// Failures in a row.
    failures: u32,
    /// Until when the authorization server is not asked.
    quiet_until: Option<Instant>,
    /// When a token was last renewed because the API refused one, until the API accepts one again.
    renewed_for_refusal: Option<Instant>,
}

impl TokenSource {
    pub(super) fn new(request: TokenRequest, metrics: Arc<Metrics>) -> Self {
        Self { request, state: Mutex::default(), metrics }
    }

    /// The client secret, if the key has one, to be redacted.
    pub(super) fn client_secret(&self) -> Option<&str> {
        self.request.client_secret.as_ref().map(ExposeSecret::expose_secret)
    }

    /// A token that is not about to expire.
    pub(super) async fn get(&self, insistence: Insistence) -> Result<Arc<Token>, Error> {
        self.authorize(insistence).await.result
    }

    /// The same, and whether the authorization server was asked for it.
    pub(super) async fn authorize(&self, insistence: Insistence) -> Authorization<Arc<Token>> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(token) = state.token.as_ref().filter(|token| now < token.renew_at) {
            return Authorization::kept(Ok(Arc::clone(token)));
        }
        let renewed = self.renew(&mut state, asked, insistence).await;
        let old = state.token.clone().filter(|token| Instant::now() < token.expires_at);
        match old.filter(|_| renewed.result.is_err()) {
            // It still works for a while; whoever comes next tries to renew again.
            Some(old) => Authorization::kept(Ok(old)),
            None => renewed,
        }
    }

    /// Another token than `refused`, which the API answered with 401 or 403; `None` when renewing was tried already and did
    /// not help.
    pub(super) async fn replace(
        &self,
        refused: &Arc<Token>,
        insistence: Insistence,
    ) -> Result<Option<Arc<Token>>, Error> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(token) = state.token.as_ref().filter(|token| !Arc::ptr_eq(token, refused)) {
            return Ok(Some(Arc::clone(token)));
        }
        let patience = REFUSAL_STANDS.min(insistence.patience());
        let tried =
            state.renewed_for_refusal.is_some_and(|at| asked.saturating_duration_since(at) < patience);
        if tried {
            return Ok(None);
        }
        state.token = None;
        state.renewed_for_refusal = Some(asked);
        self.renew(&mut state, asked, insistence).await.result.map(Some)
    }

    /// The API accepted the token: a later refusal is a new event.
    pub(super) fn accepted(&self) {
        // Somebody who holds the lock is renewing; then there is nothing to forget either.
        if let Ok(mut state) = self.state.try_lock() {
            state.renewed_for_refusal = None;
        }
    }

    async fn renew(
        &self,
        state: &mut State,
        asked: Instant,
        insistence: Insistence,
    ) -> Authorization<Arc<Token>> {
        if let Some((at, error)) = &state.failed {
            let now = Instant::now();
            let quiet = state.quiet_until.is_some_and(|until| now < until);
            if (quiet && now.duration_since(*at) < insistence.patience()) || *at >= asked {
                return Authorization::kept(Err(error.clone()));
            }
        }
        let result = match self.fetch().instrument(trace_span!("token")).await {
            Ok(token) => {
                let token = Arc::new(token);
                state.token = Some(Arc::clone(&token));
                state.failed = None;
                state.failures = 0;
                state.quiet_until = None;
                Ok(token)
            }
            Err(error) => {
                let now = Instant::now();
                state.failures = state.failures.saturating_add(1);
                // The shortest wait of a resource after as many failures: one resource notices nothing of it, and many with the
                // same key ask no more often than one that has bad luck. Shorter than the time between two probes of a tenant, so
                // that each of them finds out.
                let backoff = exponential(state.failures, 0.0).min(LONGEST_WHILE_UNAVAILABLE / 2);
                let quiet = match &error {
                    error if error.is_final() => REFUSAL_STANDS,
                    Error::Refused(refusal) => {
                        refusal.retry_after.map_or(backoff, |wait| wait.min(LONGEST_RETRY_AFTER).max(backoff))
                    }
                    _ => backoff,
                };
                state.quiet_until = Some(now + quiet);
                state.failed = Some((now, error.clone()));
                Err(error)
            }
        };
        Authorization::asked(result)
    }

    /// Client credentials grant (RFC 6749 §4.4) with the credentials in the form: client ids of XSUAA hold characters that
    /// servers decode differently in HTTP Basic.
    async fn fetch(&self) -> Result<Token, Error> {
        let TokenRequest { token_url, client_id, http, way, .. } = &self.request;
        let client_secret = self.client_secret();
        let sent = Sent { secrets: client_secret.as_slice(), names: &[client_id], payload: None };
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", client_id)];
        form.extend(client_secret.map(|secret| ("client_secret", secret)));
        let request = http
            .post(token_url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body::form(&form));
        let asked = Instant::now();
        let answer = exchange::send(Server::Authorization, request, way, &self.metrics).await;
        let answer = answer.map_err(|failed| self.refused(failed, &sent))?;
        let Granted { value, life } = answer::read(&answer).map_err(|unreadable| Error::UnreadableToken {
            host: exchange::authority(token_url),
            cause: match unreadable {
                Unreadable::ErrorInstead(details) => WithoutToken::ErrorInstead(details.checked(&sent)),
                Unreadable::Form(cause) => WithoutToken::Form(cause),
            },
        })?;
        Ok(Token { value, renew_at: asked + life.mul_f64(RENEW_AFTER), expires_at: asked + life })
    }

    /// A certificate that has ended is the cause of whatever went wrong, and so is one that the server does not accept.
    fn refused(&self, failed: Failed, sent: &Sent<'_>) -> Error {
        let handshake = match &failed {
            Failed::Unreachable { handshake, .. } => *handshake,
            Failed::Refused { .. } | Failed::Silent { .. } => None,
        };
        let certificate = match self.request.certificate_not_after {
            _ if self.request.client_secret.is_some() => ClientCertificate::None,
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
            Some(why) => {
                let host = exchange::authority(&self.request.token_url);
                Error::CertificateRefused { host, certificate, why }
            }
            None => failed.checked(sent),
        }
    }
}

#[cfg(test)]
pub(in crate::aicore) mod tests;
