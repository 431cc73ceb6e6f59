//! The requests for one token: one is enough while the server answers. One that hangs is not waited for alone: a server that comes
//! back may have lost it.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{sync::watch, time::Instant};

use super::{Token, endpoint::Endpoint};
use crate::aicore::error::Error;

/// After this long without an answer another request begins, while the ones before it are still waited for. It is longer than
/// connecting may take, so that a server that cannot be reached is found out by one.
pub(super) const ANOTHER_AFTER: Duration = Duration::from_secs(6);
/// So many requests of one service key are under way at most.
pub(super) const MOST_UNDER_WAY: usize = 3;

/// What came of the requests, for all who wait for it.
pub(super) type Outcome = Result<Arc<Token>, Error>;

/// Requests that are under way, as those see them who wait for their outcome.
pub(super) struct Flight {
    outcome: watch::Sender<Option<Outcome>>,
    /// When it began.
    pub(super) began: Instant,
}

impl Flight {
    pub(super) fn begin() -> Self {
        Self { outcome: watch::Sender::new(None), began: Instant::now() }
    }

    /// To wait for the outcome. Other requests follow the first as long as somebody does.
    pub(super) fn board(&self) -> Seat {
        Seat(self.outcome.subscribe())
    }

    /// Whether somebody waits.
    fn is_wanted(&self) -> bool {
        self.outcome.receiver_count() > 0
    }

    /// Tells all who wait.
    pub(super) fn arrive(&self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }

    /// Sends a request, and others as long as somebody waits, until there is an answer. What a server answers counts at once; that one
    /// request had no answer counts when no other is under way.
    pub(super) async fn fly(&self, endpoint: &impl Endpoint) -> Result<Token, Error> {
        let pace = ANOTHER_AFTER.max(endpoint.limit() / 3);
        let mut under_way = FuturesUnordered::new();
        under_way.push(endpoint.token());
        let mut next = Instant::now() + pace;
        loop {
            let has_room = under_way.len() < MOST_UNDER_WAY;
            tokio::select! {
                biased;
                Some(result) = under_way.next() => match result {
                    Err(error) if !Error::is_answer(&error) && !under_way.is_empty() => {}
                    result => return result,
                },
                () = tokio::time::sleep_until(next), if has_room => {
                    if self.is_wanted() {
                        under_way.push(endpoint.token());
                    }
                    next = Instant::now() + pace;
                }
            }
        }
    }
}

/// Who waits for the outcome.
pub(super) struct Seat(watch::Receiver<Option<Outcome>>);

impl Seat {
    /// The outcome; `None`: there is none by that time.
    pub(super) async fn outcome(&mut self, until: Instant) -> Option<Outcome> {
        let outcome = tokio::time::timeout_at(until, self.0.wait_for(Option::is_some)).await;
        outcome.ok()?.ok()?.clone()
    }
}
