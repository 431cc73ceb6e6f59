//! Holds that outlive the process: a key that was refused must not be tried at each start of a process that crashes again and
//! again. The status has when the next attempt is, and which Secrets the last one was made with.

use std::time::Duration;

use jiff::SignedDuration;

use crate::{
    api::{
        FailedAttempt,
        condition::{self, RECONCILING, STALLED},
    },
    domain::{
        decide::{
            backoff::{Backoff, LONGEST_RETRY_AFTER, STALLED_INTERVAL},
            failure::Failure,
            observed::Observed,
            reason::{Class, Reason, RetryEndsWith},
        },
        tools::time::whole_seconds,
    },
};

/// A shorter hold, which a server asked for, is not worth keeping.
const WORTH_KEEPING: Duration = Duration::from_mins(1);

/// What the status keeps of a failed attempt. One that repeats the one before, with the same Secrets, changes nothing: the times
/// of the next attempts follow from the first.
#[must_use]
pub(crate) fn kept(observed: &Observed<'_>, backoff: &Backoff) -> Option<Box<FailedAttempt>> {
    let failure = &backoff.failure;
    let left = backoff.not_before.saturating_sub(observed.now.uptime);
    let worth = match failure.reason.class() {
        Class::Stalled => true,
        Class::Done | Class::Waiting | Class::Transient => {
            failure.retry_after.is_some() && left >= WORTH_KEEPING
        }
    };
    if !worth || observed.object.deleting {
        return None;
    }
    let made_with = |retry_time| {
        Some(Box::new(FailedAttempt {
            retry_time,
            ai_core_secret_resource_version: observed.service_key.version().map(str::to_owned),
            secret_resource_version: match failure.reason.retry_ends_with() {
                RetryEndsWith::ServiceKey => None,
                RetryEndsWith::ServiceKeyOrContent => observed.source.version().map(str::to_owned),
            },
        }))
    };
    if let Some(before) = &observed.status.failed_attempt
        && said(observed).is_some_and(|(reason, _)| reason == failure.reason)
        && let Some(again) = made_with(before.retry_time.clone())
        && again == *before
    {
        return Some(again);
    }
    let at = observed.now.wall.checked_add(left).ok()?;
    made_with(whole_seconds(at))
}

/// The hold that another process has left; `None`: there is none, it is over, or what it was about has changed.
#[must_use]
pub(crate) fn restored(observed: &Observed<'_>) -> Option<Backoff> {
    let attempt = observed.status.failed_attempt.as_ref()?;
    let (reason, message) = said(observed)?;
    let same = |then: Option<&str>, now: Option<&str>| now.is_some() && then == now;
    let same_key = same(attempt.ai_core_secret_resource_version.as_deref(), observed.service_key.version());
    let same_content = match reason.retry_ends_with() {
        RetryEndsWith::ServiceKey => true,
        RetryEndsWith::ServiceKeyOrContent => {
            same(attempt.secret_resource_version.as_deref(), observed.source.version())
                && observed.status.observed_generation == Some(observed.object.generation)
        }
    };
    if observed.object.deleting || !same_key || !same_content {
        return None;
    }
    let until = attempt.retry_time.0.duration_since(observed.now.wall);
    let left = match reason.class() {
        Class::Stalled => next_in_turn(until, STALLED_INTERVAL)?,
        Class::Done | Class::Waiting | Class::Transient => within(until, LONGEST_RETRY_AFTER)?,
    };
    Some(Backoff {
        attempts: 1,
        not_before: observed.now.uptime.saturating_add(left),
        failure: Failure::new(reason, message),
        circumstances: observed.circumstances(),
    })
}

/// What the conditions wait for, if that is something that attempts fail with.
fn said<'a>(observed: &'a Observed<'_>) -> Option<(Reason, &'a str)> {
    let conditions = &observed.status.conditions;
    let waiting =
        condition::find(conditions, STALLED).or_else(|| condition::find(conditions, RECONCILING))?;
    let reason = Reason::parse(&waiting.reason).filter(|reason| reason.leaves_doubt())?;
    Some((reason, &waiting.message))
}

/// The time until the next of the attempts that follow one another at this interval. One that is further away than a whole
/// interval was written by a clock that is wrong, and counts for nothing.
fn next_in_turn(until: SignedDuration, interval: Duration) -> Option<Duration> {
    if until.is_positive() {
        return within(until, interval);
    }
    let over = until.unsigned_abs().as_secs() % interval.as_secs();
    interval.checked_sub(Duration::from_secs(over)).filter(|_| over > 0)
}

fn within(until: SignedDuration, longest: Duration) -> Option<Duration> {
    let left = Duration::try_from(until).ok().filter(|left| !left.is_zero())?;
    (left <= longest.mul_f64(1.1)).then_some(left)
}

#[cfg(test)]
mod tests;
