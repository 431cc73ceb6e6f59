//! The access token of one service key: fetched once for all who need it, renewed early, and never asked for again and
//! again when the authorization server refuses the key.

mod answer;
pub(crate) mod endpoint;
mod flight;
#[cfg(test)]
mod fuzz;
pub(super) mod refusals;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{Instrument, trace_span};

pub(super) use self::endpoint::TokenRequest;
use self::{
    endpoint::Endpoint,
    flight::{Flight, Outcome, Seat},
};
use super::error::{Error, Server};
use crate::domain::decide::backoff::{
    LONGEST_RETRY_AFTER, LONGEST_WHILE_DELETING, LONGEST_WHILE_UNAVAILABLE, STALLED_INTERVAL, exponential,
};

/// Share of a token's life after which it is renewed.
const RENEW_AFTER: f64 = 0.8;
/// How long those who have a token that still works wait for its successor.
const RENEWAL_PATIENCE: Duration = Duration::from_millis(500);
/// How long a refusal of the key stands for all who share it: the shortest of the long intervals of resources, so that the
/// first of them to look again is the one that asks again.
const REFUSAL_STANDS: Duration = Duration::from_secs(STALLED_INTERVAL.as_secs() / 10 * 9);
/// The same for one that is being deleted: shorter than its longest wait, which counts from before the refusal.
const REFUSAL_STANDS_WHILE_DELETING: Duration =
    Duration::from_secs(LONGEST_WHILE_DELETING.as_secs() / 10 * 9);

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
            Self::Deleting => REFUSAL_STANDS_WHILE_DELETING,
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
    pub(crate) fn without_token(self) -> Authorization {
        Authorization { origin: self.origin, result: self.result.map(drop) }
    }
}

/// An access token.
pub(crate) struct Token {
    value: SecretString,
    renew_at: Instant,
    expires_at: Instant,
}

impl Token {
    /// One that was asked for then, and lives for so long from then on.
    pub(crate) fn new(value: SecretString, asked: Instant, life: Duration) -> Self {
        Self { value, renew_at: asked + life.mul_f64(RENEW_AFTER), expires_at: asked + life }
    }

    /// For the `Authorization` header, and to be redacted.
    pub(super) fn expose(&self) -> &str {
        self.value.expose_secret()
    }
}

/// The token of one service key. Requests that are under way are given up with it: nobody can wait for them any more, and each has a
/// connection.
pub(crate) struct TokenSource<E = TokenRequest> {
    shared: Arc<Shared<E>>,
    _in_use: DropGuard,
}

struct Shared<E> {
    endpoint: E,
    state: Mutex<State>,
    /// The service key is used by nobody any more.
    unused: CancellationToken,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// Requests that are under way.
    flight: Option<Arc<Flight>>,
    /// The last failure, until there is a token again.
    failed: Option<(Instant, Error)>,
    /// Failures in a row.
    failures: u32,
    /// Until when the authorization server is not asked.
    quiet_until: Option<Instant>,
    /// When a token was last renewed because the API refused one, until the API accepts one again.
    renewed_for_refusal: Option<Instant>,
}

/// Who waits for requests that are under way.
struct Waiting {
    seat: Seat,
    began: Instant,
    origin: Origin,
}

impl TokenSource<TokenRequest> {
    /// The client secret, if the key has one, to be redacted.
    pub(super) fn client_secret(&self) -> Option<&str> {
        self.shared.endpoint.client_secret.as_ref().map(ExposeSecret::expose_secret)
    }
}

impl<E: Endpoint> TokenSource<E> {
    pub(crate) fn new(endpoint: E) -> Self {
        let unused = CancellationToken::new();
        let in_use = unused.clone().drop_guard();
        let state = State::after(endpoint.refusal());
        Self { shared: Arc::new(Shared { endpoint, state: Mutex::new(state), unused }), _in_use: in_use }
    }

    /// A token that works.
    pub(super) async fn get(&self, insistence: Insistence) -> Result<Arc<Token>, Error> {
        self.authorize(insistence).await.result
    }

    /// The same, and whether the authorization server was asked for it. Of one that is about to end, the successor is waited for
    /// only shortly.
    pub(crate) async fn authorize(&self, insistence: Insistence) -> Authorization<Arc<Token>> {
        let (old, waiting) = {
            let mut state = self.shared.state.lock();
            let now = Instant::now();
            let old = state.token.clone().filter(|token| now < token.expires_at);
            if let Some(token) = old.as_ref().filter(|token| now < token.renew_at) {
                return Authorization::kept(Ok(Arc::clone(token)));
            }
            (old, self.wait_for_requests(&mut state, insistence, now))
        };
        match (old, waiting) {
            (Some(old), Ok(waiting)) => self.successor(old, waiting).await,
            (Some(old), Err(_)) => Authorization::kept(Ok(old)),
            (None, Ok(waiting)) => self.outcome(waiting).await,
            (None, Err(error)) => Authorization::kept(Err(error)),
        }
    }

    /// Another token than `refused`, which the API answered with 401 or 403; `None` when renewing was tried already and did
    /// not help.
    pub(super) async fn replace(
        &self,
        refused: &Arc<Token>,
        insistence: Insistence,
    ) -> Result<Option<Arc<Token>>, Error> {
        let waiting = {
            let mut state = self.shared.state.lock();
            let now = Instant::now();
            if let Some(token) = state.token.as_ref().filter(|token| !Arc::ptr_eq(token, refused)) {
                return Ok(Some(Arc::clone(token)));
            }
            let patience = REFUSAL_STANDS.min(insistence.patience());
            let tried = state.renewed_for_refusal.is_some_and(|at| now.duration_since(at) < patience);
            if tried && state.flight.is_none() {
                return state.failed.as_ref().map_or(Ok(None), |(_, error)| Err(error.clone()));
            }
            if !tried {
                state.token = None;
                state.renewed_for_refusal = Some(now);
            }
            self.wait_for_requests(&mut state, insistence, now)?
        };
        self.outcome(waiting).await.result.map(Some)
    }

    /// The API accepted the token: a later refusal is a new event.
    pub(super) fn accepted(&self) {
        self.shared.state.lock().renewed_for_refusal = None;
    }

    /// Joins the requests that are under way, or begins some.
    ///
    /// # Errors
    /// The last failure, when that is the answer for now.
    fn wait_for_requests(
        &self,
        state: &mut State,
        insistence: Insistence,
        now: Instant,
    ) -> Result<Waiting, Error> {
        if let Some(flight) = &state.flight {
            return Ok(Waiting { seat: flight.board(), began: flight.began, origin: Origin::Kept });
        }
        if let Some((at, error)) = &state.failed
            && state.quiet_until.is_some_and(|until| now < until)
            && now.duration_since(*at) < insistence.patience()
        {
            return Err(error.clone());
        }
        let flight = Arc::new(Flight::begin());
        let waiting = Waiting { seat: flight.board(), began: flight.began, origin: Origin::Asked };
        state.flight = Some(Arc::clone(&flight));
        tokio::spawn(Arc::clone(&self.shared).send(flight).instrument(trace_span!("token")));
        Ok(waiting)
    }

    /// What comes of the requests. Whoever has waited for as long as one may take knows that the server does not answer, whatever
    /// others wait for.
    async fn outcome(&self, waiting: Waiting) -> Authorization<Arc<Token>> {
        let Waiting { mut seat, origin, .. } = waiting;
        let limit = self.shared.endpoint.limit();
        match seat.outcome(Instant::now() + limit).await {
            Some(result) => Authorization { origin, result },
            None => {
                let error =
                    Error::Silent { server: Server::Authorization, host: self.shared.endpoint.host(), limit };
                self.shared.state.lock().failed(error.clone(), None);
                Authorization::asked(Err(error))
            }
        }
    }

    /// The successor of a token that still works, if it comes soon; the requests for it go on meanwhile.
    async fn successor(&self, old: Arc<Token>, mut waiting: Waiting) -> Authorization<Arc<Token>> {
        match waiting.seat.outcome(waiting.began + RENEWAL_PATIENCE).await {
            Some(Ok(token)) => Authorization { origin: waiting.origin, result: Ok(token) },
            Some(Err(_)) => Authorization::kept(Ok(old)),
            None => {
                if waiting.origin == Origin::Asked {
                    let until = Instant::now() + self.shared.endpoint.limit();
                    tokio::spawn(async move { waiting.seat.outcome(until).await });
                }
                Authorization::kept(Ok(old))
            }
        }
    }
}

impl<E: Endpoint> Shared<E> {
    /// Sends requests until there is an outcome, or nobody uses the key.
    async fn send(self: Arc<Self>, flight: Arc<Flight>) {
        let Some(result) = self.unused.run_until_cancelled(flight.fly(&self.endpoint)).await else { return };
        let mut state = self.state.lock();
        state.flight = None;
        self.endpoint.settled(result.as_ref().map(drop));
        let outcome = state.settled(result, Instant::now());
        flight.arrive(outcome);
    }
}

impl State {
    /// Of a key that was refused then, or about which nothing is known.
    fn after(refusal: Option<(Instant, Error)>) -> Self {
        let quiet_until = refusal.as_ref().map(|(at, _)| *at + REFUSAL_STANDS);
        Self { failures: u32::from(refusal.is_some()), failed: refusal, quiet_until, ..Self::default() }
    }

    /// Remembers what came of requests.
    fn settled(&mut self, result: Result<Token, Error>, now: Instant) -> Outcome {
        match result {
            Ok(token) => {
                let token = Arc::new(token);
                self.token = Some(Arc::clone(&token));
                self.failed = None;
                self.failures = 0;
                self.quiet_until = None;
                Ok(token)
            }
            Err(error) => {
                // The shortest wait of a resource after as many failures: one resource notices nothing of it, and many with the
                // same key ask no more often than one that has bad luck. Shorter than the time between two probes of a tenant, so
                // that each of them finds out.
                let backoff =
                    exponential(self.failures.saturating_add(1), 0.0).min(LONGEST_WHILE_UNAVAILABLE / 2);
                let quiet = match &error {
                    error if error.is_final() => Some(REFUSAL_STANDS),
                    Error::Refused(refusal) => {
                        let asked = refusal.retry_after.map(|wait| wait.min(LONGEST_RETRY_AFTER));
                        Some(asked.map_or(backoff, |wait| wait.max(backoff)))
                    }
                    // It has been waited for.
                    Error::Silent { .. } => None,
                    _ => Some(backoff),
                };
                self.failed(error.clone(), quiet.map(|quiet| now + quiet));
                Err(error)
            }
        }
    }

    /// Remembers a failure, and until when it is the answer for all.
    fn failed(&mut self, error: Error, quiet_until: Option<Instant>) {
        self.failures = self.failures.saturating_add(1);
        self.quiet_until = quiet_until;
        self.failed = Some((Instant::now(), error));
    }
}

#[cfg(test)]
pub(in crate::aicore) mod tests;
