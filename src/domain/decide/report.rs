//! The state after a pass: status, events, what to remember, and when to look again. Pure; the caller writes it down.

mod conditions;
mod messages;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::{
        AICoreRegistrySecretStatus,
        condition::{self, ConditionStatus, READY},
    },
    domain::{
        decide::{
            backoff::{self, Backoff},
            failure::Failure,
            memory::{Checked, Memory, Retry},
            observed::Observed,
            pass_outcome::PassOutcome,
            plan::{LetGo, Step, Why},
            reason::Reason,
            report::conditions::StatusBuilder,
        },
        parse::{
            api_url::Tenant,
            duration::{ResyncInterval, spread},
        },
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
    /// AI Core no longer holds the secret.
    RemoteDeleted,
    /// The resource was let go without touching AI Core.
    LetGo,
}

impl Outcome {
    /// Whether the tenant was available in an attempt; `None`: nothing was attempted.
    #[must_use]
    pub(crate) fn found_available(&self) -> Option<bool> {
        match self {
            Self::Pushed { .. } | Self::RemoteDeleted => Some(true),
            Self::Failed(failure) => Some(failure.reason != Reason::RemoteUnavailable),
            Self::NothingSent | Self::Postponed(_) | Self::LetGo => None,
        }
    }
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

/// A Kubernetes event about the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Whether a person should look at it.
    pub warning: bool,
    /// `reason` of the event.
    pub reason: &'static str,
    /// `note` of the event.
    pub note: String,
}

/// What a pass has to say, without what follows from step and outcome alone.
struct Statement {
    status: Option<AICoreRegistrySecretStatus>,
    events: Vec<Event>,
    requeue_after: Option<Duration>,
    backoff: Option<Backoff>,
    outcome: PassOutcome,
}

/// Says what came of a pass.
#[must_use]
pub(crate) fn report(observed: &Observed<'_>, step: &Step, outcome: Outcome, jitter: Jitter) -> Report {
    let source_answered = answer(step, &outcome);
    let checked = checked(observed, step, &outcome);
    let Statement { status, events, requeue_after, backoff, outcome } = match (step, outcome) {
        (Step::Push(_), Outcome::Pushed { at, created }) => pushed(observed, at, created, jitter),
        (_, Outcome::Failed(failure)) => failed(observed, failure, jitter),
        (_, Outcome::Postponed(wait)) => postponed(observed, wait),
        (_, Outcome::RemoteDeleted) => gone(PassOutcome::Deleted, Vec::new()),
        (Step::LetGo(why), _) => gone(PassOutcome::LetGo, let_go_events(observed, why)),
        (Step::NoPush(why), _) => not_pushed(observed, why, jitter),
        // An outcome that does not belong to its step: say nothing, look again.
        (Step::Push(_) | Step::DeleteRemote, _) => postponed(observed, backoff::FIRST_DELAY),
    };
    let retry = Retry { backoff, api_failures: 0 };
    let memory = Memory { retry, checked, unsaved: false };
    Report { status, events, memory, requeue_after, source_answered, outcome }
}

/// Whether AI Core holds what the Secret holds, as this pass has found.
fn in_sync(step: &Step, outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Pushed { .. }) || matches!(step, Step::NoPush(Why::InSync { .. }))
}

fn answer(step: &Step, outcome: &Outcome) -> Option<Answer> {
    if matches!(outcome, Outcome::Pushed { .. }) {
        return Some(Answer::Accepted);
    }
    let nothing_to_send = match step {
        // Suspended, lost or unusable: no rotation is pending.
        Step::NoPush(Why::InSync { .. } | Why::Suspended | Why::OwnedBy(_) | Why::Unusable(_)) => true,
        Step::NoPush(Why::Pending | Why::BackingOff { .. } | Why::Blocked(_) | Why::Gone)
        | Step::Push(_)
        | Step::DeleteRemote
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
    let mut events = Vec::new();
    if observed.tenant_changed() {
        events.push(Event {
            warning: true,
            reason: "TenantChanged",
            note: messages::left_behind(observed.object.shown_remote_name(), observed.status),
        });
    }
    let registries = observed.source.content().cloned().unwrap_or_default();
    let message = messages::synced(&registries, observed.object.shown_remote_name(), &observed.remarks);
    if let Some(Tenant { api_url, authorization_server }) = observed.service_key.content() {
        status.api_url = Some(api_url.clone());
        status.authorization_server = Some(authorization_server.clone());
    }
    status.registries = Some(registries);
    status.credentials_digest = observed.digest.as_ref().map(|digest| digest.as_str().to_owned());
    status.secret_resource_version = observed.source.version().map(str::to_owned);
    status.ai_core_secret_resource_version = observed.service_key.version().map(str::to_owned);
    status.last_sync_time = Some(at.clone());
    let interval = observed.object.resync_interval(observed.default_resync_interval);
    let after = match interval {
        ResyncInterval::Never => None,
        ResyncInterval::Every(interval) => Some(spread(interval, jitter.resync)),
    };
    status.next_resync_time = after.and_then(|after| at.0.checked_add(after).ok()).map(whole_seconds);
    StatusBuilder::new(observed, status, events)
        .ready(ConditionStatus::True, Reason::Synced, message)
        .settled()
        .finish(after, None, if created { PassOutcome::Created } else { PassOutcome::Updated })
}

/// Times in the API have whole seconds, so nothing finer is kept either.
fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

fn failed(observed: &Observed<'_>, failure: Failure, jitter: Jitter) -> Statement {
    let backoff = Backoff::after(
        observed.backoff.filter(|backoff| backoff.applies_to(&observed.circumstances())),
        failure,
        observed.circumstances(),
        observed.now.uptime,
        jitter.retry,
    );
    let requeue_after = backoff.not_before.saturating_sub(observed.now.uptime);
    let outcome = PassOutcome::Reason(backoff.failure.reason);
    troubled(observed, &backoff.failure).finish(Some(requeue_after), Some(backoff), outcome)
}

/// The status after a failed attempt, and while it delays the next one.
fn troubled(observed: &Observed<'_>, failure: &Failure) -> StatusBuilder {
    let story = StatusBuilder::new(observed, observed.status.clone(), Vec::new());
    if observed.object.deleting {
        return story.deleting(messages::deleting(failure));
    }
    let holds = observed.unchanged() && !failure.remote_absent && !observed.in_doubt();
    let story = if holds {
        story.still_ready(&observed.remarks)
    } else {
        story.ready(ConditionStatus::False, failure.reason, failure.message.clone())
    };
    story.waiting(failure.reason, failure.message.clone())
}

fn postponed(observed: &Observed<'_>, wait: Duration) -> Statement {
    let backoff = observed.backoff.cloned();
    let ready = condition::find(&observed.status.conditions, READY).map(|ready| ready.status.as_str());
    let status = match ready {
        // A short wait is not worth a write; after a long one, people would believe a Ready that is not true.
        _ if wait < NOTEWORTHY_WAIT => None,
        None => Some(ConditionStatus::Unknown),
        Some("True") if !observed.object.deleting && !observed.unchanged() => Some(ConditionStatus::False),
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
    StatusBuilder::new(observed, observed.status.clone(), Vec::new())
        .unfinished()
        .ready(status, Reason::Progressing, message.clone())
        .reconciling(Reason::Progressing, message)
        .finish(Some(wait), backoff, PassOutcome::Postponed)
}

fn not_pushed(observed: &Observed<'_>, why: &Why, jitter: Jitter) -> Statement {
    let story = || StatusBuilder::new(observed, observed.status.clone(), Vec::new());
    let long = Some(spread(backoff::STALLED_INTERVAL, jitter.retry));
    let backoff = || observed.backoff.cloned();
    match why {
        Why::InSync { requeue_after } => {
            let mut status = observed.status.clone();
            status.next_resync_time = match observed.object.resync_interval(observed.default_resync_interval)
            {
                ResyncInterval::Never => None,
                ResyncInterval::Every(interval) => {
                    super::plan::next_resync(observed.status, interval).map(whole_seconds)
                }
            };
            let registries = status.registries.clone().unwrap_or_default();
            let message =
                messages::synced(&registries, observed.object.shown_remote_name(), &observed.remarks);
            StatusBuilder::new(observed, status, Vec::new()).in_sync(message).settled().finish(
                *requeue_after,
                None,
                PassOutcome::Unchanged,
            )
        }
        Why::Suspended => {
            let message = messages::suspended(observed.status);
            story().suspended(message).settled().finish(None, None, PassOutcome::Reason(Reason::Suspended))
        }
        Why::OwnedBy(owner) => {
            let message = messages::conflict(observed.object.shown_remote_name(), owner);
            let story = story().ready(ConditionStatus::False, Reason::RemoteConflict, message.clone());
            story.waiting(Reason::RemoteConflict, message).finish(
                long,
                None,
                PassOutcome::Reason(Reason::RemoteConflict),
            )
        }
        Why::Pending => postponed(observed, backoff::FIRST_DELAY),
        Why::Unusable(failure) => {
            let story = story().ready(ConditionStatus::False, failure.reason, failure.message.clone());
            story.waiting(failure.reason, failure.message.clone()).finish(
                long,
                backoff(),
                PassOutcome::Reason(failure.reason),
            )
        }
        Why::BackingOff { left, failure } => {
            troubled(observed, failure).finish(Some(*left), backoff(), PassOutcome::BackingOff)
        }
        Why::Blocked(failure) => {
            let story = story().deleting(messages::deleting(failure));
            story.finish(
                Some(backoff::LONGEST_WHILE_DELETING / 4),
                backoff(),
                PassOutcome::Reason(Reason::Deleting),
            )
        }
        Why::Gone => gone(PassOutcome::Deleted, Vec::new()),
    }
}

fn let_go_events(observed: &Observed<'_>, why: &LetGo) -> Vec<Event> {
    let name = observed.object.shown_remote_name();
    let (warning, reason, note) = match why {
        LetGo::Retained | LetGo::NeverPushed => return Vec::new(),
        LetGo::Suspended => (false, "RemoteRetained", messages::let_go_suspended(name)),
        LetGo::Abandoned => (true, "RemoteAbandoned", messages::let_go_abandoned(name)),
        LetGo::HandedOver(successor) => {
            (false, "RemoteHandedOver", messages::let_go_handed_over(name, successor))
        }
        LetGo::TenantChanged => (true, "RemoteOrphaned", messages::left_behind(name, observed.status)),
        LetGo::Orphaned => (true, "RemoteOrphaned", messages::let_go_orphaned(name, observed.status)),
    };
    vec![Event { warning, reason, note }]
}

#[cfg(test)]
mod tests;
