//! When an unchanged credential is sent again. The status says when the last push was and when the next one is; what it says can be
//! the work of a clock that was wrong, or of somebody else. A time that cannot be is due.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::memory::Synced,
        parse::{
            duration::ResyncInterval,
            object::{Now, Object},
        },
        tools::time::whole_seconds,
    },
};

/// So far the clocks of two processes may differ where there is no interval to compare that with.
const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// When the next resync is: what the status says, unless the interval was shortened since.
#[must_use]
pub(super) fn next(status: &AICoreRegistrySecretStatus, interval: Duration) -> Option<Timestamp> {
    let latest = latest(status, interval)?;
    Some(status.next_resync_time.as_ref().map_or(latest, |next| next.0.min(latest)))
}

/// What the status has to say of it. A time that cannot be stays, so that it is due until a push replaces it.
#[must_use]
pub(super) fn to_announce(
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    interval: ResyncInterval,
) -> Option<Time> {
    match interval {
        ResyncInterval::Never => None,
        ResyncInterval::Every(interval) if is_announced_too_late(object, status, interval) => {
            status.next_resync_time.clone()
        }
        ResyncInterval::Every(interval) => next(status, interval).map(whole_seconds),
    }
}

/// Time to the next resync after the push of which the status speaks; zero when it is due, `None` when there is none.
#[must_use]
pub(super) fn due_in(
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    interval: ResyncInterval,
    synced: Option<Synced>,
    now: Now,
) -> Option<Duration> {
    let last = status.last_sync_time.as_ref()?.0;
    let age = Synced::age(synced, last, now);
    if is_ahead(age, interval) {
        return Some(Duration::ZERO);
    }
    let ResyncInterval::Every(interval) = interval else { return None };
    if is_announced_too_late(object, status, interval) {
        return Some(Duration::ZERO);
    }
    // Both times are of the clock that the push was made by, right or wrong.
    let after = next(status, interval)?.duration_since(last);
    let left = after.checked_sub(age).unwrap_or(SignedDuration::ZERO);
    let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
    Some(if left > interval.mul_f64(1.1) { Duration::ZERO } else { left })
}

/// Whether a push is so far in the future that it cannot have been made.
fn is_ahead(age: SignedDuration, interval: ResyncInterval) -> bool {
    let admitted = match interval {
        ResyncInterval::Never => CLOCK_SKEW,
        ResyncInterval::Every(interval) => interval.mul_f64(0.1),
    };
    age.is_negative() && age.unsigned_abs() > admitted
}

/// Whether the next resync is further away than the interval and its spread, although the status is about this very spec.
fn is_announced_too_late(object: &Object, status: &AICoreRegistrySecretStatus, interval: Duration) -> bool {
    status.observed_generation == Some(object.generation)
        && status
            .next_resync_time
            .as_ref()
            .zip(latest(status, interval))
            .is_some_and(|(next, latest)| next.0 > latest)
}

fn latest(status: &AICoreRegistrySecretStatus, interval: Duration) -> Option<Timestamp> {
    status.last_sync_time.as_ref()?.0.checked_add(interval.mul_f64(1.1)).ok()
}
