//! When to try again after a failed attempt, and what ends the waiting early.

use std::time::Duration;

use crate::domain::{
    decide::{
        digest::PayloadDigest,
        failure::Failure,
        known::Versions,
        memory::SecretVersions,
        reason::{Class, Reason, RetryEndsWith},
    },
    parse::duration,
};

/// First delay of the exponential backoff.
pub(crate) const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Longest delay of the exponential backoff.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_mins(5);
/// The same after a failure of the API server, or a right that is missing there. A right that is given, or an API server that comes
/// back, is noticed within this time.
pub(crate) const LONGEST_API_DELAY: Duration = Duration::from_secs(10);
/// Longest delay while AI Core is unavailable: when it is there again, nothing waits longer. Who asks at all during an outage is
/// limited for each tenant, whatever the number of its resources.
pub(crate) const LONGEST_WHILE_UNAVAILABLE: Duration = Duration::from_secs(10);
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
    /// Which versions of the Secrets all that was read from, if both can be used. Another version need not hold anything else.
    pub read: Option<SecretVersions>,
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

/// When an attempt was made, in time since the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When what it was decided by was known.
    pub began: Duration,
    /// When it was answered, or given up.
    pub ended: Duration,
}

impl Attempt {
    /// When the next one may be made after this one has failed. The own delay counts from the beginning, because an attempt without
    /// an answer has waited already; from the end there is a short one at least. What a server asks for counts from its answer.
    fn not_before(self, delay: Delay) -> Duration {
        let own = self.began.saturating_add(delay.own);
        let pause = self.ended.saturating_add(delay.own.min(FIRST_DELAY).max(delay.asked));
        own.max(pause)
    }
}

impl Backoff {
    /// After a failed attempt. `jitter` is in `0.0..=1.0`. A failure that repeats the one before keeps the words of
    /// that, so that not each attempt is news.
    #[must_use]
    pub fn after(
        previous: Option<&Self>,
        failure: Failure,
        circumstances: Circumstances,
        attempt: Attempt,
        jitter: f64,
    ) -> Self {
        let attempts = previous.map_or(0, |backoff| backoff.attempts).saturating_add(1);
        let longest = if circumstances.deleting { LONGEST_WHILE_DELETING } else { Duration::MAX };
        let delay = Delay::after(&failure, attempts, jitter).up_to(longest);
        let failure = match previous {
            Some(before) if failure.repeats(&before.failure) => Failure {
                retry_after: failure.retry_after,
                may_have_arrived: failure.may_have_arrived || before.failure.may_have_arrived,
                ..before.failure.clone()
            },
            _ => failure,
        };
        Self { attempts, not_before: attempt.not_before(delay), failure, circumstances }
    }

    /// How much longer to wait at `uptime` under `circumstances`; `None` when an attempt may be made.
    #[must_use]
    pub fn remaining(&self, circumstances: &Circumstances, uptime: Duration) -> Option<Duration> {
        if !self.applies_to(circumstances) {
            return None;
        }
        self.not_before.checked_sub(uptime).filter(|left| !left.is_zero())
    }

    /// Whether what is seen now, without reading anything, leaves room for another attempt before its time: something has changed.
    #[must_use]
    pub(crate) fn may_end_with(&self, seen: Versions<'_>, generation: i64) -> bool {
        let Circumstances { generation: then, read, .. } = &self.circumstances;
        let read = read.as_ref().map(SecretVersions::as_seen).unwrap_or_default();
        let differs =
            |then: Option<&str>, now: Option<&str>| then.zip(now).is_some_and(|(then, now)| then != now);
        // With another spec it may be another key, or another content.
        let other_key = differs(read.service_key, seen.service_key) || *then != generation;
        match self.failure.reason.retry_ends_with() {
            RetryEndsWith::ServiceKey => other_key,
            RetryEndsWith::ServiceKeyOrContent => other_key || differs(read.source, seen.source),
        }
    }

    /// The same attempt, after this was read and gave no reason for another one.
    #[must_use]
    pub(crate) fn having_read(&self, now: &Circumstances) -> Self {
        let (generation, read) = (now.generation, now.read.clone());
        let circumstances = Circumstances { generation, read, ..self.circumstances.clone() };
        Self { circumstances, ..self.clone() }
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

/// How long to wait after a failure. What a server asks for makes it longer, never shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Delay {
    /// By how often it has failed, and why.
    own: Duration,
    /// What the server has asked for.
    asked: Duration,
}

impl Delay {
    /// After the failure, `attempts` (from 1) of which came in a row.
    fn after(failure: &Failure, attempts: u32, jitter: f64) -> Self {
        match failure.reason.class() {
            Class::Stalled => Self { own: duration::spread(STALLED_INTERVAL, jitter), asked: Duration::ZERO },
            Class::Done | Class::Waiting | Class::Transient => Self {
                own: exponential(attempts, jitter).min(longest(failure.reason)),
                asked: failure.retry_after.map_or(Duration::ZERO, |asked| asked.min(LONGEST_RETRY_AFTER)),
            },
        }
    }

    fn up_to(self, longest: Duration) -> Self {
        Self { own: self.own.min(longest), asked: self.asked.min(longest) }
    }
}

/// The longest delay that is not the server's wish.
fn longest(reason: Reason) -> Duration {
    match reason {
        Reason::RemoteUnavailable => LONGEST_WHILE_UNAVAILABLE,
        _ => LONGEST_DELAY,
    }
}

/// Exponential backoff with full jitter: between nothing and `1 s · 2^(attempts-1)`, at most five minutes; never shorter
/// than a tenth of the ceiling, so that a lucky draw does not turn into a burst.
#[must_use]
pub(crate) fn exponential(attempts: u32, jitter: f64) -> Duration {
    exponential_up_to(LONGEST_DELAY, attempts, jitter)
}

/// The same after failures because of the API server, at most ten seconds.
#[must_use]
pub(crate) fn api_delay(failures: u32, jitter: f64) -> Duration {
    exponential_up_to(LONGEST_API_DELAY, failures, jitter)
}

fn exponential_up_to(longest: Duration, attempts: u32, jitter: f64) -> Duration {
    let ceiling = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(longest);
    ceiling.mul_f64(jitter.clamp(0.1, 1.0))
}

#[cfg(test)]
mod tests;
