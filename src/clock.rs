//! The clocks. Everything else takes the time as an argument, or tokio's clock, which tests can stop.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::parse::object::Now;

/// The wall clock.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Tells the time since the process started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { wall: now(), uptime: self.start.elapsed() }
    }
}
