//! What to say about a pass: status, events, and when to look again. Pure; the caller writes it down.

mod conditions;
mod messages;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use self::conditions::Story;
use super::{
    api_url::Tenant,
    backoff::{self, Pace},
    duration::{ResyncInterval, spread},
    failure::Failure,
    observed::Observed,
    plan::{LetGo, Rest, Step},
    reason::{Class, Reason},
};
use crate::api::{
    AICoreRegistrySecretStatus,
    condition::{self, ConditionStatus, READY},
};

/// A wait for a turn in the tenant that is worth a word in the status.
pub const NOTEWORTHY_WAIT: Duration = Duration::from_secs(5);

/// What came of the plan's step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing was to be done remotely.
    Rested,
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

/// The two values that decisions may not choose for themselves.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    /// In `0.0..=1.0`; spreads retries and long intervals.
    pub retry: f64,
    /// In `0.0..=1.0`; spreads resyncs.
    pub resync: f64,
}

/// What to say and when to look again.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The whole status as it should stand; `None` when it is as it should be, or the resource is gone with this pass.
    pub status: Option<AICoreRegistrySecretStatus>,
    /// What changed, for `kubectl describe`.
    pub events: Vec<Event>,
    /// When to look again without being woken; `None`: only when something changes.
    pub again: Option<Duration>,
    /// What delays the next attempt.
    pub pace: Option<Pace>,
    /// For the metric `reconcile_total`.
    pub outcome: &'static str,
}

/// A Kubernetes event about the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether a person should look at it.
    pub warning: bool,
    /// `reason` of the event.
    pub reason: &'static str,
    /// `note` of the event.
    pub note: String,
}

/// Says what came of a pass.
#[must_use]
pub fn report(observed: &Observed<'_>, step: &Step, outcome: Outcome, dice: Dice) -> Report {
    match (step, outcome) {
        (Step::Push(_), Outcome::Pushed { at, created }) => pushed(observed, at, created, dice),
        (_, Outcome::Failed(failure)) => failed(observed, failure, dice),
        (_, Outcome::Postponed(wait)) => postponed(observed, wait),
        (_, Outcome::RemoteDeleted) => gone("deleted", Vec::new()),
        (Step::LetGo(why), _) => gone("let_go", let_go_events(observed, why)),
        (Step::Rest(rest), _) => rested(observed, rest, dice),
        // An outcome that does not belong to its step: say nothing, look again.
        (Step::Push(_) | Step::DeleteRemote, _) => postponed(observed, backoff::FIRST_DELAY),
    }
}

fn gone(outcome: &'static str, events: Vec<Event>) -> Report {
    Report { status: None, events, again: None, pace: None, outcome }
}

fn pushed(observed: &Observed<'_>, at: Timestamp, created: bool, dice: Dice) -> Report {
    let at = whole_seconds(at);
    let mut status = observed.status.clone();
    let mut events = Vec::new();
    if observed.tenant_changed() {
        events.push(Event {
            warning: true,
            reason: "TenantChanged",
            note: messages::left_behind(observed.object.remote_name(), observed.status),
        });
    }
    let registries = observed.source.content().cloned().unwrap_or_default();
    let message = messages::synced(&registries, observed.object.remote_name());
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
        ResyncInterval::Every(interval) => Some(spread(interval, dice.resync)),
    };
    status.next_resync_time = after.and_then(|after| at.0.checked_add(after).ok()).map(whole_seconds);
    Story::new(observed, status, events)
        .ready(ConditionStatus::True, Reason::Synced, message)
        .settled()
        .finish(after, None, if created { "created" } else { "updated" })
}

/// Times in the API have whole seconds, so nothing finer is kept either.
fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

fn failed(observed: &Observed<'_>, failure: Failure, dice: Dice) -> Report {
    let pace = Pace::after(
        observed.pace.filter(|pace| pace.still_stands(&observed.circumstances())),
        failure,
        observed.circumstances(),
        observed.now.uptime,
        dice.retry,
    );
    let again = pace.not_before.saturating_sub(observed.now.uptime);
    let outcome = pace.failure.reason.as_str();
    troubled(observed, &pace.failure).finish(Some(again), Some(pace), outcome)
}

/// The status after a failed attempt, or while one is held against the next.
fn troubled(observed: &Observed<'_>, failure: &Failure) -> Story {
    let story = Story::new(observed, observed.status.clone(), Vec::new());
    if observed.object.deleting {
        return story.deleting(messages::deleting(failure));
    }
    let holds = observed.unchanged() && !failure.remote_absent && !observed.in_doubt();
    let story = if holds {
        story.still_ready()
    } else {
        story.ready(ConditionStatus::False, failure.reason, failure.message.clone())
    };
    story.waiting(failure.reason, failure.message.clone())
}

fn postponed(observed: &Observed<'_>, wait: Duration) -> Report {
    let pace = observed.pace.cloned();
    let ready = condition::find(&observed.status.conditions, READY).map(|ready| ready.status.as_str());
    let status = match ready {
        // A short wait is not worth a write; after a long one, people would believe a Ready that is not true.
        _ if wait < NOTEWORTHY_WAIT => None,
        None => Some(ConditionStatus::Unknown),
        Some("True") if !observed.object.deleting && !observed.unchanged() => Some(ConditionStatus::False),
        Some(_) => None,
    };
    let Some(status) = status else {
        return Report { status: None, events: Vec::new(), again: Some(wait), pace, outcome: "postponed" };
    };
    let message = messages::PROGRESSING.to_owned();
    Story::new(observed, observed.status.clone(), Vec::new())
        .unfinished()
        .ready(status, Reason::Progressing, message.clone())
        .reconciling(Reason::Progressing, message)
        .finish(Some(wait), pace, "postponed")
}

fn rested(observed: &Observed<'_>, rest: &Rest, dice: Dice) -> Report {
    let story = || Story::new(observed, observed.status.clone(), Vec::new());
    let long = Some(spread(backoff::STALLED_INTERVAL, dice.retry));
    let pace = || observed.pace.cloned();
    match rest {
        Rest::InSync { again } => {
            let mut status = observed.status.clone();
            status.next_resync_time = match observed.object.resync_interval(observed.default_resync_interval)
            {
                ResyncInterval::Never => None,
                ResyncInterval::Every(interval) => {
                    super::plan::next_resync(observed.status, interval).map(whole_seconds)
                }
            };
            let registries = status.registries.clone().unwrap_or_default();
            let message = messages::synced(&registries, observed.object.remote_name());
            Story::new(observed, status, Vec::new()).in_sync(message).settled().finish(
                *again,
                None,
                "unchanged",
            )
        }
        Rest::Suspended => {
            let message = messages::suspended(observed.status);
            story().suspended(message).settled().finish(None, None, Reason::Suspended.as_str())
        }
        Rest::LostTo(owner) => {
            let message = messages::conflict(observed.object.remote_name(), owner);
            let story = story().ready(ConditionStatus::False, Reason::RemoteConflict, message.clone());
            story.waiting(Reason::RemoteConflict, message).finish(long, None, Reason::RemoteConflict.as_str())
        }
        Rest::Undecided => postponed(observed, backoff::FIRST_DELAY),
        Rest::Unusable(failure) => {
            let story = story().ready(ConditionStatus::False, failure.reason, failure.message.clone());
            story.waiting(failure.reason, failure.message.clone()).finish(
                long,
                pace(),
                failure.reason.as_str(),
            )
        }
        Rest::Held { left, failure } => troubled(observed, failure).finish(Some(*left), pace(), "held"),
        Rest::Blocked(failure) => {
            let story = story().deleting(messages::deleting(failure));
            story.finish(Some(backoff::LONGEST_WHILE_DELETING / 4), pace(), Reason::Deleting.as_str())
        }
        Rest::Gone => gone("deleted", Vec::new()),
    }
}

fn let_go_events(observed: &Observed<'_>, why: &LetGo) -> Vec<Event> {
    let name = observed.object.remote_name();
    let (warning, reason, note) = match why {
        LetGo::Retained | LetGo::NeverPushed => return Vec::new(),
        LetGo::Suspended => (false, "RemoteRetained", messages::let_go_suspended(name)),
        LetGo::Abandoned => (true, "RemoteAbandoned", messages::let_go_abandoned(name)),
        LetGo::HandedOver(heir) => (false, "RemoteHandedOver", messages::let_go_handed_over(name, heir)),
        LetGo::TenantChanged => (true, "RemoteOrphaned", messages::left_behind(name, observed.status)),
        LetGo::Orphaned => (true, "RemoteOrphaned", messages::let_go_orphaned(name, observed.status)),
    };
    vec![Event { warning, reason, note }]
}

/// Whether the reason calls for a Warning event.
fn is_warning(reason: Reason) -> bool {
    matches!(reason.class(), Class::Stalled | Class::Waiting)
        // A deletion is only spoken of when it does not succeed at once.
        || matches!(reason, Reason::RateLimited | Reason::RemoteUnavailable | Reason::Deleting)
}

#[cfg(test)]
mod tests;
