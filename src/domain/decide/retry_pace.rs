//! How many repetitions are borne that fail because of the API server. Each resource tries again by itself and soon; when thousands
//! wait, most of them leave their attempt out until one of the others succeeds. A success costs nothing, so that once the API server
//! is back all go on at their next look.

use std::time::Duration;

/// Between two failures in the long run: 100 a second.
const GAP: Duration = Duration::from_millis(10);
/// How many may come at once.
const BURST: u32 = 50;
/// How long what failed before is held against the next one.
const LONGEST_DEBT: Duration = Duration::from_secs(1);

/// The failures of the last moments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RetryPace {
    /// When all failures so far are made up for.
    settled_at: Duration,
}

impl RetryPace {
    /// A request failed at `uptime`.
    pub(crate) fn failed(&mut self, uptime: Duration) {
        self.settled_at = (self.settled_at.max(uptime) + GAP).min(uptime + LONGEST_DEBT);
    }

    /// Whether what failed before may be tried again at `uptime`.
    #[must_use]
    pub(crate) fn may_retry(&self, uptime: Duration) -> bool {
        self.settled_at < uptime + GAP * BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// So many resources try every few seconds: attempts that were made from one time to another.
    fn attempts(resources: u64, from: u64, to: u64, fails: impl Fn(u64) -> bool) -> u64 {
        let mut pace = RetryPace::default();
        let mut made = 0;
        for at in 0..to {
            // Each once in five seconds, evenly.
            let before = |place: u64| place * resources / 5000;
            for _ in before(at % 5000)..before(at % 5000 + 1) {
                if pace.may_retry(MS(at)) {
                    made += u64::from(at >= from);
                    if fails(at) {
                        pace.failed(MS(at));
                    }
                }
            }
        }
        made
    }

    #[test]
    fn failures_are_bounded_however_many_wait() {
        let made = attempts(50_000, 0, 60_000, |_| true);
        assert!((5900..=6100).contains(&made), "{made} attempts in a minute");
    }

    #[test]
    fn a_few_hundred_are_not_held_back() {
        assert_eq!(attempts(400, 0, 60_000, |_| true), 400 * 12);
    }

    /// Those who come within the first second may have to come again.
    #[test]
    fn a_second_after_the_last_failure_all_go_on() {
        let made = attempts(5000, 61_000, 66_000, |at| at < 60_000);
        assert_eq!(made, 5000);
    }
}
