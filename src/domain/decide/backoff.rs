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
pub(crate) const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest delay of the exponential backoff.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_mins(5);
/// Longest `Retry-After` that is obeyed.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);
/// How often the operator looks again at a resource that waits for a person; spread by ±10 %.
pub(crate) const STALLED_INTERVAL: Duration = Duration::from_mins(15);
/// Longest wait of a resource that is being deleted: a namespace must not hang.
pub(crate) const LONGEST_WHILE_DELETING: Duration = Duration::from_mins(1);

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
    pub(crate) circumstances: Circumstances,
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
            Some(before) if failure.repeats(&before.failure) => Failure {
                retry_after: failure.retry_after,
                may_have_arrived: failure.may_have_arrived || before.failure.may_have_arrived,
                ..before.failure.clone()
            },
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
    pub(crate) fn applies_to(&self, now: &Circumstances) -> bool {
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
pub(crate) fn exponential(attempts: u32, jitter: f64) -> Duration {
    let ceiling =
        FIRST_DELAY.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST_DELAY);
    ceiling.mul_f64(jitter.clamp(0.1, 1.0))
}

#[cfg(test)]
mod tests;
