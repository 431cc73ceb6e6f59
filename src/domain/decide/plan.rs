//! What to do about a resource: one total function of what was observed.

mod names;

use std::time::Duration;

use crate::{
    api::{CreationPolicy, DeletionPolicy},
    domain::{
        decide::{
            arrival,
            backoff::Backoff,
            digest,
            failure::Failure,
            observed::{NamespaceState, Observed, Ownership, Takeover},
            reason::Reason,
            resync,
        },
        parse::{
            duration::ResyncInterval,
            object::{Object, ObjectKey},
        },
    },
};

/// Window over which pushes that a restart would bunch together are spread.
pub(crate) const SPREAD_WINDOW: Duration = Duration::from_mins(1);

/// Looks in a row at which the service key may not be read, in a namespace that is being deleted; at the next one it counts as gone:
/// the right went with the namespace. The pauses between are those after failures of the API server: together 25 seconds at most, and
/// mostly some 15.
const DENIED_FOR_GOOD: u32 = 5;

/// Looks in a row that could neither find the service key nor see whether the namespace is being deleted, after which it counts as
/// one that is: a namespace must not hang. Together they take some five minutes.
const HIDDEN_FOR_GOOD: u32 = 60;

/// How long a resource that is being deleted waits for a successor to push: as long as a request may take.
const HANDOVER_LIMIT: Duration = Duration::from_secs(15);
/// It looks again after as long as it has waited, but within these times.
const HANDOVER_LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// What to do with the finalizer before the step.
    pub finalizer: FinalizerStep,
    /// What to do.
    pub step: Step,
}

/// The finalizer is present exactly while `deletionPolicy` is `Delete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinalizerStep {
    /// It is as it should be.
    Keep,
    /// Add it.
    Add,
    /// Remove it.
    Remove,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Send nothing.
    NoPush(Why),
    /// Send the credential.
    Push(Push),
    /// Delete the remote secret, then let the resource go.
    DeleteRemote {
        /// Whether a user asked for it now, so that no earlier refusal is taken for an answer.
        forced: bool,
    },
    /// Let a resource that is being deleted go, without touching AI Core.
    LetGo(LetGo),
}

/// Why nothing is sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    /// AI Core has it.
    InSync {
        /// Time to the next resync, or to a push that is spread.
        requeue_after: Option<Duration>,
    },
    /// `spec.suspend` is true.
    Suspended,
    /// An older resource owns the remote secret.
    OwnedBy(ObjectKey),
    /// It is not known yet who owns the remote secret.
    Pending,
    /// Something that the push needs cannot be used.
    Unusable(Failure),
    /// An earlier failure still delays the next attempt.
    BackingOff {
        /// For how long.
        left: Duration,
        /// The earlier failure.
        failure: Failure,
    },
    /// It is being deleted, and its successor is to push before it goes.
    HandingOver {
        /// Time to the next look.
        left: Duration,
    },
    /// It is being deleted, waits for others, and is reconciled again.
    Blocked(Failure),
    /// It is being deleted, and other finalizers than the operator's keep it.
    Gone,
}

/// A push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Push {
    /// What made it necessary.
    pub(crate) cause: Cause,
    /// Whether it may create the remote secret.
    pub(crate) creation: Creation,
}

/// Whether a push creates the remote secret when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    /// It must not.
    Never,
    /// It does. Something of the resource was accepted there, or may have arrived.
    IfMissing,
    /// It does. Nothing of the resource was sent there, so there is none, unless it is somebody else's.
    Expected,
}

impl Creation {
    /// Whether it is allowed.
    #[must_use]
    pub(crate) fn is_allowed(self) -> bool {
        match self {
            Self::Never => false,
            Self::IfMissing | Self::Expected => true,
        }
    }
}

/// What made a push necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
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
    /// A write before the last accepted one had no answer, and may have been carried out after it.
    Confirmation,
    /// The resync interval is over.
    Resync,
}

/// Why a resource goes without its remote secret being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LetGo {
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
    /// The remote secret has another name than the one that was pushed.
    Renamed,
    /// The namespace is being deleted, and the service key is gone already.
    Orphaned,
}

impl LetGo {
    /// Whether something stays in AI Core that was to be deleted, and that nobody looks after.
    #[must_use]
    pub(crate) fn leaves_orphan(&self) -> bool {
        match self {
            Self::TenantChanged | Self::Renamed | Self::Orphaned => true,
            Self::Retained | Self::Suspended | Self::Abandoned | Self::NeverPushed | Self::HandedOver(_) => {
                false
            }
        }
    }
}

/// Decides. Total: every observation has a plan.
#[must_use]
pub(crate) fn plan(observed: &Observed<'_>) -> Plan {
    let object = observed.object;
    if object.deleting {
        return Plan { finalizer: FinalizerStep::Keep, step: deletion(observed) };
    }
    Plan { finalizer: finalizer_step(object), step: sync(observed) }
}

/// Whether the finalizer has to be added or removed for a resource that is not being deleted.
#[must_use]
pub(crate) fn finalizer_step(object: &Object) -> FinalizerStep {
    match (object.spec.deletion_policy(), object.finalizer) {
        (DeletionPolicy::Delete, false) => FinalizerStep::Add,
        (DeletionPolicy::Retain, true) => FinalizerStep::Remove,
        _ => FinalizerStep::Keep,
    }
}

fn sync(observed: &Observed<'_>) -> Step {
    if observed.object.spec.suspended() {
        return Step::NoPush(Why::Suspended);
    }
    if let Ownership::OwnedBy(owner) = &observed.ownership {
        return Step::NoPush(Why::OwnedBy(owner.clone()));
    }
    if let Some(failure) = observed.source.failure().or(observed.service_key.failure()) {
        return Step::NoPush(Why::Unusable(failure.clone()));
    }
    let Some(cause) = cause(observed) else {
        return Step::NoPush(Why::InSync { requeue_after: until_resync(observed) });
    };
    if observed.ownership == Ownership::Pending {
        return Step::NoPush(Why::Pending);
    }
    if cause != Cause::Forced {
        if let Some((backoff, left)) = backing_off(observed) {
            return Step::NoPush(Why::BackingOff { left, failure: backoff.failure.clone() });
        }
        if let Some(wait) = spread_wait(cause, observed) {
            return Step::NoPush(Why::InSync { requeue_after: Some(wait) });
        }
    }
    Step::Push(Push { cause, creation: creation(observed) })
}

fn creation(observed: &Observed<'_>) -> Creation {
    match observed.object.spec.creation_policy() {
        CreationPolicy::Never => Creation::Never,
        CreationPolicy::IfMissing if observed.is_new_to_tenant() => Creation::Expected,
        CreationPolicy::IfMissing => Creation::IfMissing,
    }
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
    if !digest::is_known_version(pushed) {
        return Some(Cause::UnknownDigest);
    }
    if !observed.unchanged() {
        return Some(Cause::Changed);
    }
    // A push that failed although nothing changed (a resync, a forced push) is due until it succeeds.
    if observed.unconfirmed() {
        return Some(Cause::Unconfirmed);
    }
    if observed.confirmation_due {
        return Some(Cause::Confirmation);
    }
    (until_resync(observed) == Some(Duration::ZERO)).then_some(Cause::Resync)
}

fn backing_off<'a>(observed: &'a Observed<'_>) -> Option<(&'a Backoff, Duration)> {
    let backoff = observed.backoff?;
    Some((backoff, backoff.remaining(&observed.circumstances(), observed.now.uptime)?))
}

/// Pushes that are only due because time passed while no operator worked wait for their place in the window after this one began;
/// a change never waits, and neither does what is not known to be in AI Core.
fn spread_wait(cause: Cause, observed: &Observed<'_>) -> Option<Duration> {
    if !observed.confirmed() {
        return None;
    }
    let window = match cause {
        Cause::UnknownDigest => SPREAD_WINDOW,
        Cause::Resync => match observed.object.resync_interval(observed.default_resync_interval) {
            ResyncInterval::Never => SPREAD_WINDOW,
            ResyncInterval::Every(interval) => SPREAD_WINDOW.min(interval / 10),
        },
        _ => return None,
    };
    spread_place(&observed.object.uid, window)
        .checked_sub(observed.now.leading)
        .filter(|wait| !wait.is_zero())
}

/// A place in the window that is the same for a resource at each start, and even over resources.
pub(super) fn spread_place(uid: &str, window: Duration) -> Duration {
    // FNV-1a: spreads the uids evenly; nothing here needs to withstand an attacker.
    let hash = uid.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let thousandth = u32::try_from((hash >> 32) % 1000).unwrap_or_default();
    window * thousandth / 1000
}

/// Time to the next resync; zero when it is due, `None` when there is none.
fn until_resync(observed: &Observed<'_>) -> Option<Duration> {
    let interval = observed.object.resync_interval(observed.default_resync_interval);
    resync::due_in(observed.object, observed.status, interval, observed.synced, observed.now)
}

fn deletion(observed: &Observed<'_>) -> Step {
    let object = observed.object;
    if !object.finalizer {
        return Step::NoPush(Why::Gone);
    }
    if let Some(why) = let_go(observed) {
        return Step::LetGo(why);
    }
    if let Some(left) = handing_over(observed) {
        return Step::NoPush(Why::HandingOver { left });
    }
    if let Some(failure) = observed.service_key.failure() {
        let is_gone_for_good = match observed.namespace {
            NamespaceState::Active => false,
            // The right may come back; with a namespace it goes for good.
            NamespaceState::Terminating => {
                failure.reason != Reason::AccessDenied || observed.api_failures >= DENIED_FOR_GOOD
            }
            NamespaceState::Hidden { .. } => observed.api_failures >= HIDDEN_FOR_GOOD,
        };
        if is_gone_for_good {
            return Step::LetGo(LetGo::Orphaned);
        }
        return Step::NoPush(Why::Blocked(failure.clone()));
    }
    let forced = object.unanswered_request(observed.status).is_some();
    if !forced && let Some((backoff, left)) = backing_off(observed) {
        return Step::NoPush(Why::BackingOff { left, failure: backoff.failure.clone() });
    }
    Step::DeleteRemote { forced }
}

/// Time to the next look at a successor that is to push. Until it has, nobody else would delete what this resource leaves; one that
/// does not push is waited for only so long.
fn handing_over(observed: &Observed<'_>) -> Option<Duration> {
    let expected = matches!(observed.ownership, Ownership::Owner { successor: Some(_) })
        && observed.takeover == Takeover::Expected;
    let waited = observed.now.uptime.saturating_sub(observed.handing_over.unwrap_or(observed.now.uptime));
    let left = HANDOVER_LIMIT.checked_sub(waited).filter(|left| expected && !left.is_zero())?;
    Some(waited.clamp(HANDOVER_LOOKS.0, HANDOVER_LOOKS.1).min(left))
}

/// Whether the remote secret is not this resource's to delete.
fn let_go(observed: &Observed<'_>) -> Option<LetGo> {
    let object = observed.object;
    if object.abandon {
        return Some(LetGo::Abandoned);
    }
    if object.spec.suspended() {
        return Some(LetGo::Suspended);
    }
    if object.spec.deletion_policy() == DeletionPolicy::Retain {
        return Some(LetGo::Retained);
    }
    // What was pushed has another name than the one that others are compared by.
    if observed.renamed_from().is_some() {
        return Some(LetGo::Renamed);
    }
    // AI Core never had a secret of a name that it does not accept.
    if object.remote_name.is_err() {
        return Some(LetGo::NeverPushed);
    }
    // What was pushed is in another tenant than the one that others are compared in.
    if observed.tenant_changed() {
        return Some(LetGo::TenantChanged);
    }
    match &observed.ownership {
        Ownership::OwnedBy(owner) => return Some(LetGo::HandedOver(owner.clone())),
        Ownership::Owner { successor: Some(successor) } if observed.takeover == Takeover::Done => {
            return Some(LetGo::HandedOver(successor.clone()));
        }
        Ownership::Owner { .. } | Ownership::Pending => {}
    }
    (!arrival::may_hold(observed.status, observed.sent)).then_some(LetGo::NeverPushed)
}

#[cfg(test)]
mod tests;
