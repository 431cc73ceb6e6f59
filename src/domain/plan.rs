//! What to do about a resource: one total function of what was observed.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    backoff::Pace,
    duration::ResyncInterval,
    failure::Failure,
    fingerprint,
    object::{Now, Object, ObjectKey},
    observed::{Observed, Standing},
    reason::Reason,
};
use crate::api::{
    AICoreRegistrySecretStatus, CreationPolicy, DeletionPolicy,
    condition::{self, READY, RECONCILING, STALLED},
};

/// Window over which pushes that a restart would bunch together are spread.
pub const SPREAD_WINDOW: Duration = Duration::from_mins(1);

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What to do with the finalizer before the step.
    pub finalizer: FinalizerStep,
    /// What to do.
    pub step: Step,
}

/// The finalizer is present exactly while `deletionPolicy` is `Delete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalizerStep {
    /// It is as it should be.
    Keep,
    /// Add it.
    Add,
    /// Remove it.
    Remove,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing remote.
    Rest(Rest),
    /// Send the credential.
    Push(Push),
    /// Delete the remote secret, then let the resource go.
    DeleteRemote,
    /// Let a resource that is being deleted go, without touching AI Core.
    LetGo(LetGo),
}

/// Why nothing is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Rest {
    /// AI Core has it. `again`: time to the next resync.
    InSync {
        /// Time to the next resync, or to a push that is spread.
        again: Option<Duration>,
    },
    /// `spec.suspend` is true.
    Suspended,
    /// An older resource owns the remote secret.
    LostTo(ObjectKey),
    /// It is not known yet who owns the remote secret.
    Undecided,
    /// Something that the push needs cannot be used.
    Unusable(Failure),
    /// An earlier failure still delays the next attempt.
    Held {
        /// For how long.
        left: Duration,
        /// The earlier failure.
        failure: Failure,
    },
    /// It is being deleted, waits for others, and is looked at again.
    Blocked(Failure),
    /// It is being deleted, and other finalizers than the operator's keep it.
    Gone,
}

/// A push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Push {
    /// What made it necessary.
    pub cause: Cause,
    /// Whether to create the remote secret when there is none.
    pub create: bool,
}

/// What made a push necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A user asked for it.
    Forced,
    /// Nothing was accepted yet.
    First,
    /// The service key is for another tenant than before.
    TenantChanged,
    /// The digest was made by a version of the operator whose digests this one does not know.
    UnknownDigest,
    /// The credential, or a field of the spec that decides what is sent, changed.
    Changed,
    /// The last attempt failed, or another resource had the remote secret: what AI Core holds is not certain.
    Unconfirmed,
    /// The resync interval is over.
    Resync,
}

/// Why a resource goes without its remote secret being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetGo {
    /// `deletionPolicy` is `Retain`.
    Retained,
    /// It is suspended.
    Suspended,
    /// A user asked for it by annotation.
    Abandoned,
    /// Nothing of it was ever accepted.
    NeverPushed,
    /// Another resource owns or inherits the remote secret.
    HandedOver(ObjectKey),
    /// The service key is for another tenant than the one that holds the remote secret.
    TenantChanged,
    /// The namespace is being deleted, and the service key is gone already.
    Orphaned,
}

/// Decides. Total: every observation has a plan.
#[must_use]
pub fn plan(observed: &Observed<'_>) -> Plan {
    let object = observed.object;
    if object.deleting {
        return Plan { finalizer: FinalizerStep::Keep, step: deletion(observed) };
    }
    Plan { finalizer: finalizer_step(object), step: sync(observed) }
}

/// Whether the finalizer has to be added or removed for a resource that is not being deleted.
#[must_use]
pub fn finalizer_step(object: &Object) -> FinalizerStep {
    match (object.spec.deletion_policy(), object.finalizer) {
        (DeletionPolicy::Delete, false) => FinalizerStep::Add,
        (DeletionPolicy::Retain, true) => FinalizerStep::Remove,
        _ => FinalizerStep::Keep,
    }
}

fn sync(observed: &Observed<'_>) -> Step {
    if observed.object.spec.suspended() {
        return Step::Rest(Rest::Suspended);
    }
    if let Standing::LostTo(owner) = &observed.standing {
        return Step::Rest(Rest::LostTo(owner.clone()));
    }
    if let Some(failure) = observed.source.failure().or(observed.service_key.failure()) {
        return Step::Rest(Rest::Unusable(failure.clone()));
    }
    let Some(cause) = cause(observed) else {
        return Step::Rest(Rest::InSync { again: until_resync(observed) });
    };
    if observed.standing == Standing::Undecided {
        return Step::Rest(Rest::Undecided);
    }
    if cause != Cause::Forced {
        if let Some((pace, left)) = hold(observed) {
            return Step::Rest(Rest::Held { left, failure: pace.failure.clone() });
        }
        if let Some(wait) = spread_wait(cause, observed) {
            return Step::Rest(Rest::InSync { again: Some(wait) });
        }
    }
    Step::Push(Push { cause, create: observed.object.spec.creation_policy() == CreationPolicy::IfMissing })
}

/// What makes a push necessary; `None`: nothing.
fn cause(observed: &Observed<'_>) -> Option<Cause> {
    let status = observed.status;
    if observed.object.unanswered_request(status).is_some() {
        return Some(Cause::Forced);
    }
    let Some(pushed) = status.credentials_digest.as_deref().filter(|_| status.last_sync_time.is_some())
    else {
        return Some(Cause::First);
    };
    if observed.tenant_changed() {
        return Some(Cause::TenantChanged);
    }
    if !fingerprint::is_known_version(pushed) {
        return Some(Cause::UnknownDigest);
    }
    if !observed.unchanged() {
        return Some(Cause::Changed);
    }
    // A push that failed although nothing changed (a resync, a forced push) is due until it succeeds.
    if observed.unconfirmed() {
        return Some(Cause::Unconfirmed);
    }
    (until_resync(observed) == Some(Duration::ZERO)).then_some(Cause::Resync)
}

fn hold<'a>(observed: &'a Observed<'_>) -> Option<(&'a Pace, Duration)> {
    let pace = observed.pace?;
    Some((pace, pace.remaining(&observed.circumstances(), observed.now.uptime)?))
}

/// Pushes that are only due because time passed while no operator ran wait for their place in the window after the start;
/// a change never waits, and neither does what is not known to be in AI Core.
fn spread_wait(cause: Cause, observed: &Observed<'_>) -> Option<Duration> {
    if !observed.confirmed() {
        return None;
    }
    let window = match cause {
        Cause::UnknownDigest => SPREAD_WINDOW,
        Cause::Resync => match observed.object.resync_interval(observed.default_resync_interval) {
            ResyncInterval::Never => return None,
            ResyncInterval::Every(interval) => SPREAD_WINDOW.min(interval / 10),
        },
        _ => return None,
    };
    spread_place(&observed.object.uid, window).checked_sub(observed.now.uptime).filter(|wait| !wait.is_zero())
}

/// A place in the window that is the same for a resource at each start, and even over resources.
fn spread_place(uid: &str, window: Duration) -> Duration {
    // FNV-1a: spreads the uids evenly; nothing here needs to withstand an attacker.
    let hash = uid.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let thousandth = u32::try_from((hash >> 32) % 1000).unwrap_or_default();
    window * thousandth / 1000
}

/// Time to the next resync; zero when it is due, `None` when there is none.
fn until_resync(observed: &Observed<'_>) -> Option<Duration> {
    match observed.object.resync_interval(observed.default_resync_interval) {
        ResyncInterval::Never => None,
        ResyncInterval::Every(interval) => {
            let next = next_resync(observed.status, interval)?;
            Some(until(next, observed.now))
        }
    }
}

/// When the next resync is: what the status says, unless the interval was shortened since.
#[must_use]
pub fn next_resync(status: &AICoreRegistrySecretStatus, interval: Duration) -> Option<Timestamp> {
    let last = status.last_sync_time.as_ref()?.0;
    let latest = last.checked_add(interval.mul_f64(1.1)).ok()?;
    Some(status.next_resync_time.as_ref().map_or(latest, |next| next.0.min(latest)))
}

fn until(time: Timestamp, now: Now) -> Duration {
    Duration::try_from(time.duration_since(now.wall)).unwrap_or(Duration::ZERO)
}

fn deletion(observed: &Observed<'_>) -> Step {
    let object = observed.object;
    if !object.finalizer {
        return Step::Rest(Rest::Gone);
    }
    if let Some(why) = let_go(observed) {
        return Step::LetGo(why);
    }
    if let Some(failure) = observed.service_key.failure() {
        if observed.namespace_terminating {
            return Step::LetGo(LetGo::Orphaned);
        }
        return Step::Rest(Rest::Blocked(failure.clone()));
    }
    if object.unanswered_request(observed.status).is_none()
        && let Some((pace, left)) = hold(observed)
    {
        return Step::Rest(Rest::Held { left, failure: pace.failure.clone() });
    }
    Step::DeleteRemote
}

/// Whether the remote secret is not this resource's to delete.
fn let_go(observed: &Observed<'_>) -> Option<LetGo> {
    let object = observed.object;
    let status = observed.status;
    if object.abandon {
        return Some(LetGo::Abandoned);
    }
    if object.spec.suspended() {
        return Some(LetGo::Suspended);
    }
    if object.spec.deletion_policy() == DeletionPolicy::Retain {
        return Some(LetGo::Retained);
    }
    // AI Core never had a secret of a name that it does not accept.
    if object.remote_name.is_err() {
        return Some(LetGo::NeverPushed);
    }
    // What was pushed is in another tenant than the one that others are compared in.
    if observed.tenant_changed() {
        return Some(LetGo::TenantChanged);
    }
    match &observed.standing {
        Standing::LostTo(owner) => return Some(LetGo::HandedOver(owner.clone())),
        Standing::Owner { heir: Some(heir) } => return Some(LetGo::HandedOver(heir.clone())),
        Standing::Owner { heir: None } | Standing::Undecided => {}
    }
    // A resource without any outcome may have been pushed by a process that ended before it could say so, and a request
    // without an answer may have arrived.
    let surely_not = condition::find(&status.conditions, READY).is_some_and(|ready| {
        ![Reason::Progressing, Reason::RemoteUnavailable]
            .into_iter()
            .any(|reason| reason.as_str() == ready.reason)
    });
    let may_have_arrived = observed.pace.is_some_and(|pace| pace.failure.reason == Reason::RemoteUnavailable);
    (status.last_sync_time.is_none() && surely_not && !may_have_arrived).then_some(LetGo::NeverPushed)
}

/// What is known of the two Secrets without reading them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Versions<'a> {
    /// resourceVersion of the Secret with the registry credential.
    pub source: Option<&'a str>,
    /// resourceVersion of the Secret with the service key.
    pub service_key: Option<&'a str>,
}

/// Whether the status alone, together with the Secrets' versions, shows that nothing is to be done; if so, the time to the
/// next resync. `checked` are versions that were read since the last push and held the same content.
#[must_use]
pub fn at_rest(
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    now_versions: Versions<'_>,
    checked: Versions<'_>,
    default_resync_interval: ResyncInterval,
    now: Now,
) -> Option<Option<Duration>> {
    let synced = condition::find(&status.conditions, READY)
        .is_some_and(|ready| ready.status == "True" && ready.reason == Reason::Synced.as_str());
    let quiet = !object.deleting
        && !object.spec.suspended()
        && finalizer_step(object) == FinalizerStep::Keep
        && object.unanswered_request(status).is_none()
        && status.observed_generation == Some(object.generation)
        && synced
        && condition::find(&status.conditions, RECONCILING).is_none()
        && condition::find(&status.conditions, STALLED).is_none()
        && status.credentials_digest.as_deref().is_some_and(fingerprint::is_known_version);
    if !quiet {
        return None;
    }
    let same = |now: Option<&str>, pushed: Option<&str>, checked: Option<&str>| {
        now.is_some() && (now == pushed || now == checked)
    };
    if !same(now_versions.source, status.secret_resource_version.as_deref(), checked.source)
        || !same(
            now_versions.service_key,
            status.ai_core_secret_resource_version.as_deref(),
            checked.service_key,
        )
    {
        return None;
    }
    match object.resync_interval(default_resync_interval) {
        ResyncInterval::Never => status.next_resync_time.is_none().then_some(None),
        ResyncInterval::Every(interval) => {
            status.next_resync_time.as_ref()?;
            let left = until(next_resync(status, interval)?, now);
            (!left.is_zero()).then_some(Some(left))
        }
    }
}

#[cfg(test)]
mod tests;
