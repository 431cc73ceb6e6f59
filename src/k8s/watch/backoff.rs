//! How long a watch that fails pauses.

use std::time::Duration;

use tokio::time::Instant;

/// First and longest pause after a failure.
pub(super) const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Longest pause after a request that was refused or did not get through, which costs little: so long does a right that is given back,
/// or an API server that comes back, wait to be noticed.
pub(super) const LONGEST_IF_CHEAP: Duration = Duration::from_secs(10);
/// After this long without one, a failure counts as the first.
const CALM: Duration = Duration::from_secs(90);

/// Failures that follow each other. A list that works between two of them does not count as an end: with a version that
/// expires at once, each list is followed by another failure.
#[derive(Default)]
pub(super) struct WatchBackoff {
    failures: u32,
    last: Option<Instant>,
    announced: bool,
    /// Whether the last failure was that the version had expired.
    listing: bool,
}

impl WatchBackoff {
    /// How many failures followed each other.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Another failure of a request that costs little; how long to pause. `fraction`, in `0.0..=1.0`, takes up to half of it away, so
    /// that many watches do not try at the same time.
    pub(super) fn failed_cheaply(&mut self, fraction: f64) -> Duration {
        self.failed().min(LONGEST_IF_CHEAP).mul_f64(1.0 - fraction.clamp(0.0, 1.0) / 2.0)
    }

    /// Another failure; how long to pause: twice as long as before, unless the last one is long ago.
    pub(super) fn failed(&mut self) -> Duration {
        let calm = self.last.is_none_or(|last| last.elapsed() > CALM);
        self.failures = if calm { 1 } else { self.failures.saturating_add(1) };
        self.last = Some(Instant::now());
        self.announced = true;
        self.listing = false;
        PAUSE.0.saturating_mul(2_u32.saturating_pow(self.failures - 1)).min(PAUSE.1)
    }

    /// The version has expired, as after a restart of the API server; how long to pause: not at all, since a list mends that,
    /// unless it did not mend it the last time.
    pub(super) fn expired(&mut self) -> Duration {
        if self.listing {
            let pause = self.failed();
            self.listing = true;
            return pause;
        }
        self.announced = true;
        self.listing = true;
        self.last = Some(Instant::now());
        Duration::ZERO
    }

    /// Whether a failure was announced, and not its end.
    pub(super) fn announced(&self) -> bool {
        self.announced
    }

    /// Whether this is the first success after a failure.
    pub(super) fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.announced)
    }
}
