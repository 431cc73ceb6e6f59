//! What a pass has to say: status, events, and when to look again; one function for each end that a step can have.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Event, Jitter, NOTEWORTHY_WAIT,
    conditions::{Before, StatusBuilder},
    messages,
};
use crate::{
    api::{
        AICoreRegistrySecretStatus,
        condition::{self, ConditionStatus, READY, STALLED},
    },
    domain::{
        decide::{
            arrival,
            backoff::{self, Attempt, Backoff},
            failure::Failure,
            hold, life,
            observed::Observed,
            pass_outcome::PassOutcome,
            plan::Why,
            reason::Reason,
            resync,
        },
        parse::{
            duration::{ResyncInterval, spread},
            object::Object,
        },
        tools::time::whole_seconds,
    },
};

/// What a pass has to say, without what follows from step and outcome alone.
pub(super) struct Statement {
    pub(super) status: Option<AICoreRegistrySecretStatus>,
    pub(super) events: Vec<Event>,
    pub(super) requeue_after: Option<Duration>,
    pub(super) backoff: Option<Backoff>,
    pub(super) outcome: PassOutcome,
}

/// The resource goes with this pass.
pub(super) fn gone(outcome: PassOutcome, events: Vec<Event>) -> Statement {
    Statement { status: None, events, requeue_after: None, backoff: None, outcome }
}

pub(super) fn pushed(observed: &Observed<'_>, at: Timestamp, created: bool, jitter: Jitter) -> Statement {
    let at = whole_seconds(at);
    let mut status = observed.status.clone();
    let registries = observed.source.content().cloned().unwrap_or_default();
    let message = messages::synced(&registries, observed.object.shown_remote_name(), &observed.remarks);
    if let Some(tenant) = observed.service_key.content() {
        arrival::set_tenant(&mut status, tenant);
    }
    status.registries = Some(registries);
    status.credentials_digest = observed.digest.as_ref().map(|digest| digest.as_str().to_owned());
    status.secret_resource_version = observed.source.version().map(str::to_owned);
    status.ai_core_secret_resource_version = observed.service_key.version().map(str::to_owned);
    status.last_sync_time = Some(at.clone());
    life::keep_credential(&mut status, observed.credential_ends, at.0);
    let interval = observed.object.resync_interval(observed.default_resync_interval);
    let after = match interval {
        ResyncInterval::Never => None,
        ResyncInterval::Every(interval) => Some(spread(interval, jitter.resync)),
    };
    status.next_resync_time = after.and_then(|after| at.0.checked_add(after).ok()).map(whole_seconds);
    StatusBuilder::new(observed, status)
        .ready(ConditionStatus::True, Reason::Synced, message)
        .settled()
        .finish(after, None, if created { PassOutcome::Created } else { PassOutcome::Updated })
}

pub(super) fn failed(
    observed: &Observed<'_>,
    failure: Failure,
    ended: Duration,
    jitter: Jitter,
) -> Statement {
    // What is left behind by that in another tenant was taken out of the status before.
    let arrived = failure.may_have_arrived && !observed.object.deleting && !observed.tenant_changed();
    let backoff = Backoff::after(
        observed.backoff.filter(|backoff| backoff.applies_to(&observed.circumstances())),
        failure,
        observed.circumstances(),
        Attempt { began: observed.now.uptime, ended },
        jitter.retry,
    );
    let requeue_after = backoff.not_before.saturating_sub(ended);
    let outcome = PassOutcome::Reason(backoff.failure.reason);
    let mut status = observed.status.clone();
    if let Some(tenant) = observed.service_key.content().filter(|_| arrived) {
        arrival::set_tenant(&mut status, tenant);
    }
    let story = troubled(observed, status, &backoff.failure).attempted(hold::kept(observed, &backoff));
    story.finish(Some(requeue_after), Some(backoff), outcome)
}

/// The status after a failed attempt, and while it delays the next one.
fn troubled<'a>(
    observed: &Observed<'a>,
    status: AICoreRegistrySecretStatus,
    failure: &Failure,
) -> StatusBuilder<'a> {
    let story = StatusBuilder::new(observed, status);
    if observed.object.deleting {
        return story.deleting(messages::deleting(failure));
    }
    let stands = observed.held() && !failure.remote_absent && !observed.in_doubt();
    not_pushed_because_of(observed, story, failure, stands)
}

/// What `Ready` says while a failure keeps the credential from being pushed, and who has to move next. `stands`: whether AI Core holds
/// it nevertheless, unless another resource has pushed over it.
fn not_pushed_because_of<'a>(
    observed: &Observed<'_>,
    story: StatusBuilder<'a>,
    failure: &Failure,
    stands: bool,
) -> StatusBuilder<'a> {
    let Failure { reason, message, remote_absent, may_have_arrived, .. } = failure;
    // A request of its own may have changed what is there.
    let untouched = !remote_absent && !may_have_arrived && !reason.is_not_allowed();
    let story = match observed.displaced_by().filter(|_| untouched) {
        Some(rival) => {
            let name = observed.object.shown_remote_name();
            story.displaced(messages::displaced(name, &observed.object.key, rival, failure))
        }
        None if stands && !observed.overwritten => story.in_sync(observed),
        None => story.ready(ConditionStatus::False, *reason, message.clone()),
    };
    story.waiting(*reason, message.clone())
}

/// Neither a failure nor news: the next pass sees what there is to do.
pub(super) fn withdrawn(observed: &Observed<'_>) -> Statement {
    Statement {
        status: None,
        events: Vec::new(),
        requeue_after: Some(Duration::ZERO),
        backoff: observed.backoff.cloned(),
        outcome: PassOutcome::Withdrawn,
    }
}

/// The same, but that AI Core does not hold what it accepted last must not be forgotten: there may be no other push for long.
pub(super) fn found_absent(observed: &Observed<'_>) -> Statement {
    let ready = condition::find(&observed.status.conditions, READY);
    if observed.object.deleting
        || observed.has_unsent_change()
        || ready.is_none_or(|ready| ready.status != "True")
    {
        return withdrawn(observed);
    }
    let message = messages::absent(observed.object.shown_remote_name());
    StatusBuilder::new(observed, observed.status.clone())
        .attempted(observed.status.failed_attempt.clone())
        .unfinished()
        .ready(ConditionStatus::False, Reason::RemoteMissing, message.clone())
        .reconciling(Reason::Progressing, message)
        .finish(Some(Duration::ZERO), observed.backoff.cloned(), PassOutcome::Withdrawn)
}

pub(super) fn postponed(observed: &Observed<'_>, wait: Duration) -> Statement {
    let backoff = observed.backoff.cloned();
    let conditions = &observed.status.conditions;
    let ready = condition::find(conditions, READY);
    // What the last attempt has left in the status stands until the next one.
    let is_outdated = observed.backoff.is_none_or(|backoff| !backoff.applies_to(&observed.circumstances()));
    let story = || StatusBuilder::new(observed, observed.status.clone());
    let story = match ready.map(|ready| (ready.status.as_str(), ready.reason.as_str())) {
        // A short wait is not worth a write; after a long one, people would believe a status that is not true.
        _ if wait < NOTEWORTHY_WAIT => None,
        None => Some(progressing(story(), Some(ConditionStatus::Unknown))),
        Some(_) if observed.object.deleting => None,
        Some(("True", _)) if !observed.held() => Some(progressing(story(), Some(ConditionStatus::False))),
        Some(("True", _)) if is_outdated && condition::find(conditions, STALLED).is_some() => {
            Some(progressing(story(), None))
        }
        Some(("True", _)) => None,
        Some((_, reason)) if is_outdated && reason != Reason::Progressing.as_str() => {
            let nothing_is_known = ready.is_some_and(|ready| ready.status == "Unknown");
            let status = if nothing_is_known { ConditionStatus::Unknown } else { ConditionStatus::False };
            Some(progressing(story(), Some(status)))
        }
        Some(_) => None,
    };
    match story {
        Some(story) => story.finish(Some(wait), backoff, PassOutcome::Postponed),
        None => Statement {
            status: None,
            events: Vec::new(),
            requeue_after: Some(wait),
            backoff,
            outcome: PassOutcome::Postponed,
        },
    }
}

/// A push waits for its turn. `None`: `Ready` is true as it is.
fn progressing(story: StatusBuilder<'_>, ready: Option<ConditionStatus>) -> StatusBuilder<'_> {
    let message = messages::PROGRESSING.to_owned();
    let story = match ready {
        Some(ready) => story.ready(ready, Reason::Progressing, message.clone()),
        None => story,
    };
    story.unfinished().reconciling(Reason::Progressing, message)
}

/// The status of a resource that has waited for long and of which nothing was said yet. Nothing was read for it.
pub(in crate::domain::decide) fn waiting(
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    now: Timestamp,
) -> Option<AICoreRegistrySecretStatus> {
    let story = progressing(StatusBuilder::of(object, status.clone(), now), Some(ConditionStatus::Unknown));
    story.finish(None, None, PassOutcome::Queued).status
}

pub(super) fn not_pushed(observed: &Observed<'_>, why: &Why, jitter: Jitter) -> Statement {
    let story = || StatusBuilder::new(observed, observed.status.clone());
    let long = Some(spread(backoff::STALLED_INTERVAL, jitter.retry));
    let soon = || backoff::api_delay(observed.api_failures.saturating_add(1), jitter.retry);
    let backoff = || observed.backoff.cloned();
    match why {
        Why::InSync { requeue_after } => {
            let mut status = observed.status.clone();
            life::keep_credential(&mut status, observed.credential_ends, observed.now.wall);
            let interval = observed.object.resync_interval(observed.default_resync_interval);
            status.next_resync_time = resync::to_announce(observed.object, observed.status, interval);
            StatusBuilder::new(observed, status).in_sync(observed).settled().finish(
                *requeue_after,
                None,
                PassOutcome::Unchanged,
            )
        }
        Why::Suspended => {
            let story = story().suspended(Before::of(observed)).settled();
            story.finish(None, None, PassOutcome::Reason(Reason::Suspended))
        }
        Why::OwnedBy(owner) => {
            let message =
                messages::conflict(observed.object.shown_remote_name(), &observed.object.key, owner);
            let story = story().ready(ConditionStatus::False, Reason::RemoteConflict, message.clone());
            story.waiting(Reason::RemoteConflict, message).finish(
                long,
                None,
                PassOutcome::Reason(Reason::RemoteConflict),
            )
        }
        Why::Pending => postponed(observed, backoff::FIRST_DELAY),
        Why::Unusable(failure) => {
            // AI Core does not forget what it holds because the service key is gone.
            let only_the_key = observed.source.failure().is_none();
            let stands = only_the_key && observed.held() && !observed.in_doubt();
            let stands = stands && !failure.reason.is_not_allowed();
            let again = if failure.reason == Reason::AccessDenied { Some(soon()) } else { long };
            not_pushed_because_of(observed, story(), failure, stands).finish(
                again,
                backoff(),
                PassOutcome::Reason(failure.reason),
            )
        }
        Why::BackingOff { left, failure } => {
            let attempt = observed.status.failed_attempt.clone();
            troubled(observed, observed.status.clone(), failure).attempted(attempt).finish(
                Some(*left),
                observed.backoff.map(|backoff| backoff.having_read(&observed.circumstances())),
                PassOutcome::BackingOff,
            )
        }
        // A successor that can push does so at once.
        Why::HandingOver { left } => postponed(observed, *left),
        Why::Blocked(failure) => {
            let story = story().deleting(messages::deleting(failure));
            let again = match failure.reason {
                Reason::AccessDenied => soon(),
                _ => backoff::LONGEST_WHILE_DELETING / 4,
            };
            story.finish(Some(again), backoff(), PassOutcome::Reason(Reason::Deleting))
        }
        Why::Gone => gone(PassOutcome::Deleted, Vec::new()),
    }
}
