//! A token bucket that gives out turns. Who comes too early is told how long to wait, and either keeps that turn or comes again.

use std::time::Duration;

/// How many requests a tenant gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    per_second: f64,
    burst: u32,
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

    /// So many at once.
    #[must_use]
    pub(crate) fn burst(self) -> u32 {
        self.burst
    }

    fn gap(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second)
    }
}

/// The generic cell rate algorithm: the whole state is the time at which the bucket will be full again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Takes a turn at `uptime` and returns the time until it.
    pub fn take(&mut self, rate: Rate, uptime: Duration) -> Duration {
        let gap = rate.gap();
        let full_at = self.full_at.max(uptime) + gap;
        self.full_at = full_at;
        // `burst` turns are free at once.
        full_at.saturating_sub(gap * rate.burst).saturating_sub(uptime)
    }

    /// Takes a turn if there is one at `uptime`.
    ///
    /// # Errors
    /// The time until there is one.
    pub(crate) fn take_now(&mut self, rate: Rate, uptime: Duration) -> Result<(), Duration> {
        let mut taken = *self;
        match taken.take(rate, uptime) {
            Duration::ZERO => {
                *self = taken;
                Ok(())
            }
            wait => Err(wait),
        }
    }

    /// The time until there are `turns` at once; `None`: there are never so many.
    #[must_use]
    pub(crate) fn until_free(&self, turns: u32, rate: Rate, uptime: Duration) -> Option<Duration> {
        let others = rate.burst.checked_sub(turns)?;
        Some(self.full_at.saturating_sub(rate.gap() * others).saturating_sub(uptime))
    }

    /// The time until there are `turns` at once that nobody has taken for as long as one turn takes; `None`: there are never so many.
    #[must_use]
    pub(crate) fn until_left_over(&self, turns: u32, rate: Rate, uptime: Duration) -> Option<Duration> {
        let others = rate.burst.checked_sub(turns)?;
        Some((self.full_at + rate.gap()).saturating_sub(rate.gap() * others).saturating_sub(uptime))
    }

    /// For how long no turn was needed beyond those that there are at once.
    #[must_use]
    pub(crate) fn full_for(&self, uptime: Duration) -> Duration {
        uptime.saturating_sub(self.full_at)
    }

    /// How many turns there are at `uptime`.
    #[cfg(test)]
    pub(crate) fn free(&self, rate: Rate, uptime: Duration) -> u32 {
        let used = self.full_at.saturating_sub(uptime).as_nanos().div_ceil(rate.gap().as_nanos().max(1));
        rate.burst.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// Gives back a turn that was not used.
    pub(crate) fn give_back(&mut self, rate: Rate) {
        self.full_at = self.full_at.saturating_sub(rate.gap());
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
        /// Three ways to ask agree, and what is given back is there again.
        #[test]
        fn what_is_said_is_so(takes in prop::collection::vec((0_u64..300, any::<bool>()), 1..100)) {
            let rate = Rate::new(10.0, 5);
            let (mut bucket, mut now) = (Bucket::default(), Duration::from_secs(10));
            for (gap, reserves) in takes {
                now += Duration::from_millis(gap);
                let free = bucket.free(rate, now);
                let until = bucket.until_free(1, rate, now).unwrap();
                prop_assert_eq!(free == 0, !until.is_zero());
                for turns in 1..=5 {
                    let then = now + bucket.until_free(turns, rate, now).unwrap();
                    prop_assert!(bucket.free(rate, then) >= turns);
                    prop_assert!(then == now || bucket.free(rate, then.saturating_sub(Duration::from_nanos(1))) < turns);
                }
                prop_assert_eq!(bucket.until_free(6, rate, now), None);
                // What is left over is what would be one turn more.
                for turns in 1..=4 {
                    let one_more = bucket.until_free(turns + 1, rate, now);
                    prop_assert_eq!(bucket.until_left_over(turns, rate, now), one_more);
                }
                prop_assert_eq!(bucket.until_left_over(6, rate, now), None);
                prop_assert_eq!(bucket.full_for(now).is_zero(), free < 5 || bucket.full_at == now);
                let before = bucket;
                if reserves {
                    prop_assert_eq!(bucket.take(rate, now), until);
                } else {
                    prop_assert_eq!(bucket.take_now(rate, now), if free > 0 { Ok(()) } else { Err(until) });
                }
                if free > 0 {
                    prop_assert_eq!(bucket.free(rate, now), free - 1);
                }
                if reserves || free > 0 {
                    let mut given_back = bucket;
                    given_back.give_back(rate);
                    prop_assert_eq!(given_back.free(rate, now), before.free(rate, now));
                    prop_assert_eq!(given_back.until_free(1, rate, now), Some(until));
                }
            }
        }

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
