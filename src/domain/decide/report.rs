//! The state after a pass: status, events, what to remember, and when to look again. Pure; the caller writes it down.

mod conditions;
mod events;
pub(super) mod messages;
mod statements;

use std::{borrow::Cow, time::Duration};

use jiff::{SignedDuration, Timestamp};

pub(crate) use self::events::{Event, let_go};
pub(super) use self::statements::waiting;
use self::statements::{Statement, failed, found_absent, gone, not_pushed, postponed, pushed, withdrawn};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::decide::{
        arrival::{self, Sent},
        backoff::FIRST_DELAY,
        conflict,
        failure::Failure,
        left_behind::{self, Leaving},
        memory::{Memory, Retry, SecretVersions, Synced},
        observed::Observed,
        pass_outcome::PassOutcome,
        plan::{Step, Why},
        reason::Reason,
    },
};

/// A wait for a turn in the tenant that is worth a word in the status: who waits less is in a line that goes on.
pub(crate) const NOTEWORTHY_WAIT: Duration = Duration::from_mins(1);

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

impl Outcome {
    /// Whether AI Core may hold something that the pass has sent.
    pub(super) fn may_have_arrived(&self) -> bool {
        match self {
            Self::Pushed { .. } => true,
            Self::Failed(failure) => failure.may_have_arrived,
            Self::NothingSent
            | Self::Postponed(_)
            | Self::Withdrawn
            | Self::FoundAbsent
            | Self::RemoteDeleted
            | Self::LetGo => false,
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
    let is_accepted = matches!(outcome, Outcome::Pushed { .. });
    let left = left_behind::by(observed, &outcome);
    let sent = match left {
        // Whatever was sent is what is left behind.
        Some(_) if !outcome.may_have_arrived() => Sent::AsTold,
        _ => sent(observed, step, &outcome),
    };
    // What may be there is where the resource meant it to be.
    let keeps_doubt = sent == Sent::Unknown && left.is_none() && !observed.object.deleting;
    let leaving = left.as_ref().map(|left| left_behind::leaving(observed.object, left));
    let mut status_now = Cow::Borrowed(observed.status);
    match left {
        Some(left) => {
            let status_now = status_now.to_mut();
            arrival::forget(status_now);
            status_now.left_behind = Some(Box::new(left));
        }
        // What an earlier process had left, and the resource means again.
        None if is_accepted && status_now.left_behind.is_some() => {
            status_now.to_mut().left_behind = None;
        }
        None => {}
    }
    let observed = &Observed { status: &status_now, ..observed.clone() };
    let Statement { mut status, events, requeue_after, backoff, outcome } = match (step, outcome) {
        (Step::Push(_), Outcome::Pushed { at, created }) => pushed(observed, at, created, jitter),
        (_, Outcome::Failed(failure)) => failed(observed, failure, ended, jitter),
        (_, Outcome::Postponed(wait)) => postponed(observed, wait),
        (_, Outcome::Withdrawn) => withdrawn(observed),
        (_, Outcome::FoundAbsent) => found_absent(observed),
        (_, Outcome::RemoteDeleted) => gone(PassOutcome::Deleted, Vec::new()),
        (Step::LetGo(why), _) => gone(PassOutcome::Released, events::let_go(observed, why)),
        (Step::NoPush(why), _) => not_pushed(observed, why, jitter),
        // An outcome that does not belong to its step: say nothing, look again.
        (Step::Push(_) | Step::DeleteRemote { .. }, _) => postponed(observed, FIRST_DELAY),
    };
    if let Some(status) = status.as_mut().filter(|_| !is_accepted) {
        let why = observed.service_key.failure().map(|failure| failure.reason);
        conflict::stay_given_up(observed.status, why, status);
        if let Some(tenant) =
            observed.service_key.content().filter(|_| keeps_doubt && status.api_url.is_none())
        {
            arrival::set_tenant(status, tenant);
        }
    }
    let api_failures = if denied(step) { observed.api_failures.saturating_add(1) } else { 0 };
    let retry = Retry { backoff: backoff.map(Box::new), api_failures };
    let handing_over = match step {
        Step::NoPush(Why::HandingOver { .. }) => observed.handing_over.or(Some(observed.now.uptime)),
        _ => observed.handing_over,
    };
    let memory = Memory { retry, checked, synced, handing_over, sent };
    // What is not written down is said when it is.
    let leaving = leaving.filter(|_| status.is_some());
    Report { status, events, leaving, memory, requeue_after, source_answered, outcome }
}

/// What was sent, as far as the status does not say it, after this pass.
fn sent(observed: &Observed<'_>, step: &Step, outcome: &Outcome) -> Sent {
    // Who has lost the name, or may not have it, has nothing there to look after.
    let has_no_claim = match step {
        Step::NoPush(Why::OwnedBy(_)) => true,
        Step::NoPush(Why::Unusable(failure)) => failure.reason.is_not_allowed(),
        _ => false,
    };
    match outcome {
        Outcome::Failed(failure) if failure.may_have_arrived => Sent::Unknown,
        Outcome::Pushed { .. } => Sent::AsTold,
        _ if has_no_claim => Sent::AsTold,
        _ => observed.sent,
    }
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
fn checked(observed: &Observed<'_>, step: &Step, outcome: &Outcome) -> Option<SecretVersions> {
    let read = in_sync(step, outcome).then(|| observed.read()).flatten();
    read.or_else(|| observed.checked.cloned())
}

#[cfg(test)]
mod tests;
