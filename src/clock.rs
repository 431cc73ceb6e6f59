//! The clocks. Everything else takes the time as an argument, or tokio's clock, which tests can stop.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::parse::object::Now;

/// The wall clock.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Tells the time since the process started, and since it leads. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    lead: Arc<OnceLock<Instant>>,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now(), lead: Arc::default() }
    }

    /// From now on this process leads. One that does not say so leads from its start.
    pub fn lead(&self) {
        // The first time counts: whoever has lost the lead ends.
        let _ = self.lead.set(Instant::now());
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            wall: now(),
            uptime: self.start.elapsed(),
            leading: self.lead.get().unwrap_or(&self.start).elapsed(),
        }
    }
}
