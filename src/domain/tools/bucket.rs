//! A token bucket that gives out places in time: who comes too early is told how long to wait, and keeps the place.

use std::time::Duration;

/// How many requests a tenant gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    per_second: f64,
    pub(super) burst: u32,
}

impl Rate {
    /// `per_second` requests in the long run, `burst` at once. Both are at least the smallest useful value.
    #[must_use]
    pub fn new(per_second: f64, burst: u32) -> Self {
        Self {
            per_second: if per_second.is_finite() { per_second.max(0.001) } else { 0.001 },
            burst: burst.max(1),
        }
    }

    /// Time between two requests in the long run.
    pub(super) fn gap(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second)
    }
}

/// The generic cell rate algorithm: the whole state is the time at which the bucket will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Takes a place at `uptime` and returns the time until its turn.
    pub fn take(&mut self, rate: Rate, uptime: Duration) -> Duration {
        let gap = rate.gap();
        let full_at = self.full_at.max(uptime) + gap;
        self.full_at = full_at;
        // `burst` places are free at once.
        full_at.saturating_sub(gap * rate.burst).saturating_sub(uptime)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_is_free_then_the_rate_holds() {
        let rate = Rate::new(10.0, 3);
        let mut bucket = Bucket::default();
        let waits: Vec<u64> = (0..6)
            .map(|_| u64::try_from(bucket.take(rate, Duration::from_secs(5)).as_millis()).unwrap())
            .collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        // All places are used up at 5.3 s; 0.3 s later the burst is free again.
        assert_eq!(bucket.take(rate, Duration::from_millis(5600)), Duration::ZERO);
    }

    #[test]
    fn nonsense_becomes_the_smallest_useful_value() {
        assert_eq!(Rate::new(f64::NAN, 0), Rate::new(0.0, 1));
        assert_eq!(Rate::new(-1.0, 1), Rate::new(0.001, 1));
    }

    proptest! {
        #[test]
        fn no_second_has_more_turns_than_rate_and_burst(gaps in prop::collection::vec(0_u64..500, 1..200)) {
            let rate = Rate::new(10.0, 5);
            let (mut bucket, mut now) = (Bucket::default(), 0);
            let mut turns: Vec<u64> = Vec::new();
            for gap in gaps {
                now += gap;
                let wait = bucket.take(rate, Duration::from_millis(now));
                turns.push(now + u64::try_from(wait.as_millis()).unwrap());
            }
            prop_assert!(turns.is_sorted());
            for (i, start) in turns.iter().enumerate() {
                let within = turns[i..].iter().take_while(|turn| **turn < start + 1000).count();
                prop_assert!(within <= 10 + 5 + 1);
            }
        }
    }
}
