//! The request rate of a tenant.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::tools::{
    bucket::Rate,
    turns::{Turn, Turns},
};

/// The request rate of one tenant, shared by all who write to it.
pub struct RateLimiter {
    turns: Mutex<Turns>,
    rate: Rate,
    start: Instant,
}

impl RateLimiter {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { turns: Mutex::new(Turns::default()), rate, start: Instant::now() }
    }

    /// Reserves the next request of a pass that has not begun.
    pub fn reserve(&self) -> Turn {
        self.turns.lock().reserve(self.rate, self.start.elapsed())
    }

    /// How long it is until that turn, which others may put off meanwhile.
    pub fn left(&self, turn: Turn) -> Duration {
        self.turns.lock().left(self.rate, turn, self.start.elapsed())
    }

    /// Waits for the next place ahead of all who have not begun: a pass in the middle of its requests occupies a place among the
    /// passes meanwhile. It waits one gap of the rate for each pass that does the same, and at most one more.
    pub async fn cut_in(&self) {
        let wait = self.turns.lock().cut_in(self.rate, self.start.elapsed());
        tokio::time::sleep(wait).await;
    }
}
