//! The state after a pass: status, events, what to remember, and when to look again. Pure; the caller writes it down.

mod conditions;
mod events;
pub(super) mod messages;

use std::{borrow::Cow, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

pub(crate) use self::events::{Event, let_go};
use crate::{
    api::{
        AICoreRegistrySecretStatus,
        condition::{self, ConditionStatus, READY},
    },
    domain::{
        decide::{
            arrival,
            backoff::{self, Attempt, Backoff},
            failure::Failure,
            hold,
            left_behind::{self, Leaving},
            life,
            memory::{Checked, Memory, Retry, Synced},
            observed::Observed,
            pass_outcome::PassOutcome,
            plan::{Step, Why},
            reason::Reason,
            report::conditions::{Before, StatusBuilder},
            resync,
        },
        parse::duration::{ResyncInterval, spread},
    },
};

/// A wait for a turn in the tenant that is worth a word in the status.
pub(crate) const NOTEWORTHY_WAIT: Duration = Duration::from_secs(5);

/// What came of the plan's step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Nothing was to be done remotely.
    NothingSent,
    /// AI Core accepted the credential.
    Pushed {
        /// When it did.
        at: Timestamp,
        /// Whether the remote secret was created, not updated.
        created: bool,
    },
    /// An attempt failed.
    Failed(Failure),
    /// The tenant's request rate is used up; nothing was sent.
    Postponed(Duration),
    /// What was planned is not to be done any more: the resource changed, or went, before all was sent; or the process is about to
    /// end.
    Withdrawn,
    /// The same, after AI Core had answered that it has no secret of the name.
    FoundAbsent,
    /// AI Core no longer holds the secret.
    RemoteDeleted,
    /// The resource was let go without touching AI Core.
    LetGo,
}

/// The two values that decisions may not choose for themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jitter {
    /// In `0.0..=1.0`; spreads retries and long intervals.
    pub retry: f64,
    /// In `0.0..=1.0`; spreads resyncs.
    pub resync: f64,
}

/// The state after a pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    /// The whole status as it should stand; `None` when it is as it should be, or the resource is gone with this pass.
    pub status: Option<AICoreRegistrySecretStatus>,
    /// What changed, for `kubectl describe`.
    pub events: Vec<Event>,
    /// What stays behind in AI Core by this pass. The status remembers it until that is said.
    pub(crate) leaving: Option<Leaving>,
    /// What to remember.
    pub memory: Memory,
    /// When to look again without being woken; `None`: only when something changes.
    pub(crate) requeue_after: Option<Duration>,
    /// What the pass is to changes of the Secret with the registry credential that came before it; `None`: it leaves them
    /// open.
    pub(crate) source_answered: Option<Answer>,
    /// What came of it, in one word.
    pub outcome: PassOutcome,
}

/// How a change of the Secret with the registry credential was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// AI Core accepted the new content: the time that took is the latency of a rotation.
    Accepted,
    /// There was nothing to send: the content is the same, or it is not to be sent, or cannot be.
    NothingToSend,
}

/// What a pass has to say, without what follows from step and outcome alone.
struct Statement {
    status: Option<AICoreRegistrySecretStatus>,
    events: Vec<Event>,
    requeue_after: Option<Duration>,
    backoff: Option<Backoff>,
    outcome: PassOutcome,
}

/// Says what came of a pass, whose step ended at the uptime `ended`.
#[must_use]
pub(crate) fn report(
    observed: &Observed<'_>,
    step: &Step,
    outcome: Outcome,
    ended: Duration,
    jitter: Jitter,
) -> Report {
    let source_answered = answer(step, &outcome);
    let checked = checked(observed, step, &outcome);
    let synced = synced(observed, &outcome);
    let left = left_behind::by(observed, &outcome);
    let leaving = left.as_ref().map(|left| left_behind::leaving(observed.object, left));
    let mut status_now = Cow::Borrowed(observed.status);
    match left {
        Some(left) => {
            let status_now = status_now.to_mut();
            arrival::forget(status_now);
            status_now.left_behind = Some(Box::new(left));
        }
        // What an earlier process had left, and the resource means again.
        None if matches!(outcome, Outcome::Pushed { .. }) && status_now.left_behind.is_some() => {
            status_now.to_mut().left_behind = None;
        }
        None => {}
    }
    let observed = &Observed { status: &status_now, ..observed.clone() };
    let Statement { status, events, requeue_after, backoff, outcome } = match (step, outcome) {
        (Step::Push(_), Outcome::Pushed { at, created }) => pushed(observed, at, created, jitter),
        (_, Outcome::Failed(failure)) => failed(observed, failure, ended, jitter),
        (_, Outcome::Postponed(wait)) => postponed(observed, wait),
        (_, Outcome::Withdrawn) => withdrawn(observed),
        (_, Outcome::FoundAbsent) => found_absent(observed),
        (_, Outcome::RemoteDeleted) => gone(PassOutcome::Deleted, Vec::new()),
        (Step::LetGo(why), _) => gone(PassOutcome::Released, events::let_go(observed, why)),
        (Step::NoPush(why), _) => not_pushed(observed, why, jitter),
        // An outcome that does not belong to its step: say nothing, look again.
        (Step::Push(_) | Step::DeleteRemote { .. }, _) => postponed(observed, backoff::FIRST_DELAY),
    };
    let api_failures = if denied(step) { observed.api_failures.saturating_add(1) } else { 0 };
    let retry = Retry { backoff, api_failures };
    let handing_over = match step {
        Step::NoPush(Why::HandingOver { .. }) => observed.handing_over.or(Some(observed.now.uptime)),
        _ => observed.handing_over,
    };
    let memory = Memory { retry, checked, synced, handing_over };
    // What is not written down is said when it is.
    let leaving = leaving.filter(|_| status.is_some());
    Report { status, events, leaving, memory, requeue_after, source_answered, outcome }
}

/// When the last push was, by the clock of this process: it made it, or finds out now how long ago it was.
fn synced(observed: &Observed<'_>, outcome: &Outcome) -> Option<Synced> {
    if let Outcome::Pushed { at, .. } = outcome {
        return Some(Synced::new(*at, SignedDuration::ZERO, observed.now));
    }
    let last = observed.status.last_sync_time.as_ref()?.0;
    Some(Synced::new(last, Synced::age(observed.synced, last, observed.now), observed.now))
}

/// Whether AI Core holds what the Secret holds, as this pass has found.
fn in_sync(step: &Step, outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Pushed { .. }) || matches!(step, Step::NoPush(Why::InSync { .. }))
}

/// Whether the operator may not read what it needs. Nothing tells it when it may, so it tries again as after a failure of the API
/// server.
fn denied(step: &Step) -> bool {
    let Step::NoPush(Why::Unusable(failure) | Why::Blocked(failure)) = step else { return false };
    failure.reason == Reason::AccessDenied
}

fn answer(step: &Step, outcome: &Outcome) -> Option<Answer> {
    if matches!(outcome, Outcome::Pushed { .. }) {
        return Some(Answer::Accepted);
    }
    let nothing_to_send = match step {
        // Suspended, lost or unusable: no rotation is pending.
        Step::NoPush(Why::InSync { .. } | Why::Suspended | Why::OwnedBy(_) | Why::Unusable(_)) => true,
        Step::NoPush(
            Why::Pending | Why::BackingOff { .. } | Why::HandingOver { .. } | Why::Blocked(_) | Why::Gone,
        )
        | Step::Push(_)
        | Step::DeleteRemote { .. }
        | Step::LetGo(_) => false,
    };
    nothing_to_send.then_some(Answer::NothingToSend)
}

/// The versions that hold what AI Core accepted: those of this pass if it is in sync, else those of before.
fn checked(observed: &Observed<'_>, step: &Step, outcome: &Outcome) -> Option<Checked> {
    let versions = observed.source.version().zip(observed.service_key.version());
    match versions.filter(|_| in_sync(step, outcome)) {
        Some((source, service_key)) => {
            Some(Checked { source: source.into(), service_key: service_key.into() })
        }
        None => observed.checked.cloned(),
    }
}

fn gone(outcome: PassOutcome, events: Vec<Event>) -> Statement {
    Statement { status: None, events, requeue_after: None, backoff: None, outcome }
}

fn pushed(observed: &Observed<'_>, at: Timestamp, created: bool, jitter: Jitter) -> Statement {
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

/// Times in the API have whole seconds, so nothing finer is kept either.
pub(super) fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

fn failed(observed: &Observed<'_>, failure: Failure, ended: Duration, jitter: Jitter) -> Statement {
    // For a resource that deletes nothing, where something was accepted before counts for more than where something may be.
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
    let story = if observed.held() && !failure.remote_absent && !observed.in_doubt() {
        story.still_ready(&observed.remarks)
    } else {
        story.ready(ConditionStatus::False, failure.reason, failure.message.clone())
    };
    story.waiting(failure.reason, failure.message.clone())
}

/// Neither a failure nor news: the next pass sees what there is to do.
fn withdrawn(observed: &Observed<'_>) -> Statement {
    Statement {
        status: None,
        events: Vec::new(),
        requeue_after: Some(Duration::ZERO),
        backoff: observed.backoff.cloned(),
        outcome: PassOutcome::Withdrawn,
    }
}

/// The same, but that AI Core does not hold what it accepted last must not be forgotten: there may be no other push for long.
fn found_absent(observed: &Observed<'_>) -> Statement {
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

fn postponed(observed: &Observed<'_>, wait: Duration) -> Statement {
    let backoff = observed.backoff.cloned();
    let ready = condition::find(&observed.status.conditions, READY).map(|ready| ready.status.as_str());
    let status = match ready {
        // A short wait is not worth a write; after a long one, people would believe a Ready that is not true.
        _ if wait < NOTEWORTHY_WAIT => None,
        None => Some(ConditionStatus::Unknown),
        Some("True") if !observed.object.deleting && !observed.held() => Some(ConditionStatus::False),
        Some(_) => None,
    };
    let Some(status) = status else {
        return Statement {
            status: None,
            events: Vec::new(),
            requeue_after: Some(wait),
            backoff,
            outcome: PassOutcome::Postponed,
        };
    };
    let message = messages::PROGRESSING.to_owned();
    StatusBuilder::new(observed, observed.status.clone())
        .unfinished()
        .ready(status, Reason::Progressing, message.clone())
        .reconciling(Reason::Progressing, message)
        .finish(Some(wait), backoff, PassOutcome::Postponed)
}

fn not_pushed(observed: &Observed<'_>, why: &Why, jitter: Jitter) -> Statement {
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
            let registries = status.registries.clone().unwrap_or_default();
            let message =
                messages::synced(&registries, observed.object.shown_remote_name(), &observed.remarks);
            StatusBuilder::new(observed, status).in_sync(message).settled().finish(
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
            let story = if only_the_key && observed.held() && !observed.in_doubt() {
                story().still_ready(&observed.remarks)
            } else {
                story().ready(ConditionStatus::False, failure.reason, failure.message.clone())
            };
            let again = if failure.reason == Reason::AccessDenied { Some(soon()) } else { long };
            story.waiting(failure.reason, failure.message.clone()).finish(
                again,
                backoff(),
                PassOutcome::Reason(failure.reason),
            )
        }
        Why::BackingOff { left, failure } => {
            let attempt = observed.status.failed_attempt.clone();
            troubled(observed, observed.status.clone(), failure).attempted(attempt).finish(
                Some(*left),
                backoff(),
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

#[cfg(test)]
mod tests;
