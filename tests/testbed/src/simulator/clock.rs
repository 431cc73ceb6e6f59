//! Wall-clock time, read in this place only. Spans are measured with `tokio::time::Instant`.

use jiff::Timestamp;

/// The time now.
#[allow(clippy::disallowed_methods, reason = "the place where the simulator reads the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
