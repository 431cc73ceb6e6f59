//! When to try again after a failed attempt, and what ends the waiting early.

use std::time::Duration;

use crate::domain::{
    decide::{
        digest::PayloadDigest,
        failure::Failure,
        reason::{Class, RetryEndsWith},
    },
    parse::duration,
};

/// First delay of the exponential backoff.
pub const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest delay of the exponential backoff.
pub const LONGEST_DELAY: Duration = Duration::from_mins(5);
/// Longest `Retry-After` that is obeyed.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);
/// How often the operator looks again at a resource that waits for a person; spread by ±10 %.
pub const STALLED_INTERVAL: Duration = Duration::from_mins(15);
/// Longest wait of a resource that is being deleted: a namespace must not hang.
pub const LONGEST_WHILE_DELETING: Duration = Duration::from_mins(1);

/// Under which circumstances an attempt was made. When they change, its failure says nothing about the next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// Which service key: the Secret's name, the key within it, and something that changes with its content. `None` when
    /// there is none.
    pub service_key: Option<String>,
    /// What would be sent.
    pub digest: Option<PayloadDigest>,
    /// `metadata.generation` of the resource.
    pub generation: i64,
    /// Whether the resource is being deleted.
    pub deleting: bool,
}

/// A failed attempt that delays the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    /// Failed attempts in a row.
    pub attempts: u32,
    /// Earliest time of the next attempt, in time since the start of the process.
    pub not_before: Duration,
    /// What went wrong.
    pub failure: Failure,
    /// When it went wrong.
    pub circumstances: Circumstances,
}

impl Backoff {
    /// After a failed attempt at `uptime`. `jitter` is in `0.0..=1.0`. A failure that repeats the one before keeps the words of
    /// that, so that not each attempt is news.
    #[must_use]
    pub fn after(
        previous: Option<&Self>,
        failure: Failure,
        circumstances: Circumstances,
        uptime: Duration,
        jitter: f64,
    ) -> Self {
        let attempts = previous.map_or(0, |backoff| backoff.attempts).saturating_add(1);
        let longest = if circumstances.deleting { LONGEST_WHILE_DELETING } else { Duration::MAX };
        let delay = delay(&failure, attempts, jitter).min(longest);
        let failure = match previous {
            Some(before) if failure.repeats(&before.failure) => {
                Failure { retry_after: failure.retry_after, ..before.failure.clone() }
            }
            _ => failure,
        };
        Self { attempts, not_before: uptime.saturating_add(delay), failure, circumstances }
    }

    /// How much longer to wait at `uptime` under `circumstances`; `None` when an attempt may be made.
    #[must_use]
    pub fn remaining(&self, circumstances: &Circumstances, uptime: Duration) -> Option<Duration> {
        if !self.applies_to(circumstances) {
            return None;
        }
        self.not_before.checked_sub(uptime).filter(|left| !left.is_zero())
    }

    /// Whether the failure still tells something about an attempt under these circumstances.
    #[must_use]
    pub fn applies_to(&self, now: &Circumstances) -> bool {
        let then = &self.circumstances;
        if then.service_key != now.service_key || then.deleting != now.deleting {
            return false;
        }
        match self.failure.reason.retry_ends_with() {
            RetryEndsWith::ServiceKeyOrContent => {
                then.digest == now.digest && then.generation == now.generation
            }
            RetryEndsWith::ServiceKey => true,
        }
    }
}

/// How long to wait after the failure, `attempts` (from 1) of which came in a row. What a server asks for makes it longer, never
/// shorter.
#[must_use]
pub fn delay(failure: &Failure, attempts: u32, jitter: f64) -> Duration {
    match failure.reason.class() {
        Class::Stalled => duration::spread(STALLED_INTERVAL, jitter),
        Class::Done | Class::Waiting | Class::Transient => failure
            .retry_after
            .map_or(Duration::ZERO, |asked| asked.min(LONGEST_RETRY_AFTER))
            .max(exponential(attempts, jitter)),
    }
}

/// Exponential backoff with full jitter: between nothing and `1 s · 2^(attempts-1)`, at most five minutes; never shorter
/// than a tenth of the ceiling, so that a lucky draw does not turn into a burst.
#[must_use]
pub fn exponential(attempts: u32, jitter: f64) -> Duration {
    let ceiling =
        FIRST_DELAY.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST_DELAY);
    ceiling.mul_f64(jitter.clamp(0.1, 1.0))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::decide::reason::Reason;

    fn failure(reason: Reason) -> Failure {
        Failure::new(reason, "no")
    }

    fn circumstances(key: &str, generation: i64) -> Circumstances {
        Circumstances { service_key: Some(key.to_owned()), digest: None, generation, deleting: false }
    }

    #[rstest]
    #[case(1, 1.0, 1_000)]
    #[case(2, 1.0, 2_000)]
    #[case(2, 0.5, 1_000)]
    #[case(1, 0.0, 100)]
    #[case(9, 1.0, 256_000)]
    #[case(10, 1.0, 300_000)]
    #[case(u32::MAX, 1.0, 300_000)]
    fn transient_failures_back_off_exponentially(
        #[case] attempts: u32,
        #[case] jitter: f64,
        #[case] millis: u64,
    ) {
        let delay = delay(&failure(Reason::RemoteUnavailable), attempts, jitter);
        assert_eq!(delay, Duration::from_millis(millis));
    }

    #[test]
    fn retry_after_wins_up_to_an_hour() {
        let asked = |seconds| Failure {
            retry_after: Some(Duration::from_secs(seconds)),
            ..failure(Reason::RateLimited)
        };
        assert_eq!(delay(&asked(7), 3, 0.3), Duration::from_secs(7));
        assert_eq!(delay(&asked(7200), 1, 0.3), Duration::from_hours(1));
        assert_eq!(delay(&asked(u64::MAX), 20, 1.0), Duration::from_hours(1));
    }

    /// Whatever a server asks for, the attempts of half a minute are those that the backoff allows.
    #[rstest]
    #[case(None)]
    #[case(Some(0.0))]
    #[case(Some(0.001))]
    #[case(Some(1.0))]
    fn retry_after_never_makes_it_faster(#[case] seconds: Option<f64>) {
        let refused = Failure {
            retry_after: seconds.map(Duration::from_secs_f64),
            ..failure(Reason::RemoteUnavailable)
        };
        let mut uptime = Duration::ZERO;
        let mut pace = None;
        let mut attempts = 0;
        while uptime < Duration::from_secs(30) {
            attempts += 1;
            let after = Backoff::after(pace.as_ref(), refused.clone(), circumstances("a", 1), uptime, 0.0);
            uptime = after.not_before;
            pace = Some(after);
        }
        // 0.1 s, 0.2 s, 0.4 s, …: the ninth comes after 25.5 s.
        assert!(attempts <= 9, "{attempts} attempts");
    }

    #[test]
    fn a_failure_that_repeats_keeps_its_words() {
        let with_id = |id: &str| Failure {
            request_id: Some(id.to_owned()),
            retry_after: Some(Duration::from_secs(9)),
            ..Failure::new(Reason::RemoteUnavailable, format!("busy (request id {id})"))
        };
        let after = |previous: Option<&Backoff>, failure| {
            Backoff::after(previous, failure, circumstances("a", 1), Duration::ZERO, 1.0)
        };
        let first = after(None, Failure { retry_after: None, ..with_id("r-1") });
        let second = after(Some(&first), with_id("r-2"));
        assert_eq!(second.failure.message, "busy (request id r-1)");
        assert_eq!(second.not_before, Duration::from_secs(9), "its own wait counts");
        let other = after(Some(&second), Failure::new(Reason::RemoteUnavailable, "down"));
        assert_eq!(other.failure.message, "down");
    }

    #[test]
    fn stalled_failures_wait_the_long_interval_whatever_the_server_says() {
        let refused =
            Failure { retry_after: Some(Duration::from_secs(1)), ..failure(Reason::AuthenticationFailed) };
        assert_eq!(delay(&refused, 1, 0.5), Duration::from_mins(15));
        assert_eq!(delay(&refused, 1, 0.0), Duration::from_secs(810));
        assert_eq!(delay(&refused, 1, 1.0), Duration::from_secs(990));
    }

    #[test]
    fn attempts_add_up_and_time_runs_out() {
        let first = Backoff::after(
            None,
            failure(Reason::RemoteUnavailable),
            circumstances("a", 1),
            Duration::ZERO,
            1.0,
        );
        assert_eq!((first.attempts, first.not_before), (1, Duration::from_secs(1)));
        let second = Backoff::after(
            Some(&first),
            failure(Reason::RemoteUnavailable),
            circumstances("a", 1),
            Duration::from_secs(10),
            1.0,
        );
        assert_eq!((second.attempts, second.not_before), (2, Duration::from_secs(12)));
        let same = circumstances("a", 1);
        assert_eq!(second.remaining(&same, Duration::from_secs(11)), Some(Duration::from_secs(1)));
        assert_eq!(second.remaining(&same, Duration::from_secs(12)), None);
    }

    #[test]
    fn a_resource_that_is_being_deleted_is_not_held_longer_than_a_minute() {
        let alive = circumstances("a", 1);
        let dying = Circumstances { deleting: true, ..alive.clone() };
        let before = Backoff::after(None, failure(Reason::Forbidden), alive, Duration::ZERO, 1.0);
        assert_eq!(before.remaining(&dying, Duration::ZERO), None);
        let during = Backoff::after(None, failure(Reason::Forbidden), dying.clone(), Duration::ZERO, 1.0);
        assert_eq!(during.remaining(&dying, Duration::ZERO), Some(Duration::from_mins(1)));
    }

    #[rstest]
    #[case(Reason::AuthenticationFailed, "b", 1, false)]
    #[case(Reason::AuthenticationFailed, "a", 2, true)]
    #[case(Reason::RemoteUnavailable, "b", 1, false)]
    #[case(Reason::RemoteUnavailable, "a", 2, true)]
    #[case(Reason::RemoteRejected, "a", 2, false)]
    #[case(Reason::QuotaExceeded, "a", 2, false)]
    #[case(Reason::RemoteMissing, "a", 2, false)]
    #[case(Reason::RemoteMissing, "a", 1, true)]
    fn only_changed_circumstances_end_a_hold(
        #[case] reason: Reason,
        #[case] key: &str,
        #[case] generation: i64,
        #[case] stands: bool,
    ) {
        let backoff = Backoff::after(None, failure(reason), circumstances("a", 1), Duration::ZERO, 1.0);
        assert_eq!(backoff.applies_to(&circumstances(key, generation)), stands);
        assert_eq!(backoff.remaining(&circumstances(key, generation), Duration::ZERO).is_some(), stands);
    }
}
