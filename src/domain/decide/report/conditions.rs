//! Builds the conditions of one pass, and the events that follow from what changed in them.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{Event, messages, statements::Statement};
use crate::{
    api::{
        AICoreRegistrySecretStatus, FailedAttempt,
        condition::{self, ConditionStatus, READY, RECONCILING, STALLED},
    },
    domain::{
        decide::{
            backoff::Backoff,
            life::{self, Lives},
            observed::Observed,
            pass_outcome::PassOutcome,
            reason::{Class, Reason},
        },
        parse::{bounds, object::Object},
        tools::time::whole_seconds,
    },
};

/// What AI Core held when a resource was suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// What the Secret held.
    Current,
    /// What the Secret held before it changed: that had not been pushed yet.
    Outdated,
    /// Not what the Secret held; why, the resource had said.
    NotCurrent,
    /// It is not known: something was sent, and what came of it was not seen.
    Unknown,
    /// Nothing of the resource.
    Nothing,
}

impl Before {
    /// As the observation shows it, in the first pass that finds the resource suspended.
    pub(super) fn of(observed: &Observed<'_>) -> Self {
        let ready = condition::find(&observed.status.conditions, READY);
        match ready.map(|ready| ConditionStatus::parse(&ready.status)) {
            Some(ConditionStatus::True) if observed.has_unsent_change() => Self::Outdated,
            Some(ConditionStatus::True) => Self::Current,
            Some(ConditionStatus::False) => Self::NotCurrent,
            Some(ConditionStatus::Unknown) | None if observed.status.api_url.is_some() => Self::Unknown,
            Some(ConditionStatus::Unknown) | None => Self::Nothing,
        }
    }

    fn ready(self) -> ConditionStatus {
        match self {
            Self::Current => ConditionStatus::True,
            Self::Outdated | Self::NotCurrent => ConditionStatus::False,
            Self::Unknown | Self::Nothing => ConditionStatus::Unknown,
        }
    }
}

/// A status being written. `finish` compares it with the one before and derives the events.
pub(super) struct StatusBuilder<'a> {
    status: AICoreRegistrySecretStatus,
    headline_before: Option<String>,
    generation: i64,
    outcome_reached: bool,
    requested_at: Option<String>,
    /// What there is to say beside the headline.
    news: Option<Event>,
    now: Timestamp,
    object: &'a Object,
}

impl<'a> StatusBuilder<'a> {
    /// Starts from a status, which already has the fields that are no conditions.
    pub(super) fn new(observed: &Observed<'a>, mut status: AICoreRegistrySecretStatus) -> Self {
        status.failed_attempt = None;
        if !observed.object.deleting {
            let (object, validity) = (observed.object, observed.service_key_validity);
            life::keep_service_key(&mut status, object, validity, observed.now.wall);
        }
        let before = headline(&observed.status.conditions).map(|condition| condition.reason.clone());
        Self { headline_before: before, ..Self::of(observed.object, status, observed.now.wall) }
    }

    /// The same where nothing was read.
    pub(super) fn of(object: &'a Object, mut status: AICoreRegistrySecretStatus, now: Timestamp) -> Self {
        status.remote_name = object.remote_name.as_ref().ok().map(ToString::to_string);
        Self {
            headline_before: headline(&status.conditions).map(|condition| condition.reason.clone()),
            status,
            generation: object.generation,
            outcome_reached: true,
            requested_at: object.requested_at.as_deref().map(str::to_owned),
            news: None,
            now,
            object,
        }
    }

    /// Keeps what the next attempt depends on.
    pub(super) fn attempted(mut self, attempt: Option<Box<FailedAttempt>>) -> Self {
        self.status.failed_attempt = attempt;
        self
    }

    /// Marks that no outcome was reached: neither generation nor request is answered.
    pub(super) fn unfinished(mut self) -> Self {
        self.outcome_reached = false;
        self
    }

    /// Sets `Ready`.
    pub(super) fn ready(mut self, status: ConditionStatus, reason: Reason, message: String) -> Self {
        self.set(READY, status, reason, message);
        self
    }

    /// Sets `Ready` to `Synced` without a push, whether all is well or something else failed: AI Core holds the current credential.
    /// What there is to say about the Secret changes with its annotations, and with entries that are not sent, so the message is that
    /// of now. It stays if it is not known that the Secret holds what was accepted.
    pub(super) fn in_sync(mut self, observed: &Observed<'_>) -> Self {
        let said = condition::find(&self.status.conditions, READY)
            .filter(|ready| ready.status == "True" && ready.reason == Reason::Synced.as_str())
            .filter(|_| !observed.unchanged());
        let message = said.map_or_else(
            || {
                let found = observed.source.content().filter(|_| observed.unchanged());
                let registries = found.or(self.status.registries.as_ref()).cloned().unwrap_or_default();
                messages::synced(&registries, observed.object.shown_remote_name(), &observed.remarks)
            },
            |ready| ready.message.clone(),
        );
        self.set(READY, ConditionStatus::True, Reason::Synced, message);
        self
    }

    /// Says that AI Core holds another resource's. What keeps this one from pushing is the headline, so this is an event of its own.
    pub(super) fn displaced(mut self, message: String) -> Self {
        let reason = Reason::RemoteConflict;
        let ready = condition::find(&self.status.conditions, READY);
        if ready.is_none_or(|ready| ready.reason != reason.as_str()) {
            let warning = reason.is_warning();
            self.news = Some(Event { warning, reason: reason.as_str(), note: message.clone() });
        }
        self.ready(ConditionStatus::False, reason, message)
    }

    /// Sets the reason of `Ready` to `Suspended`. What it says then is as of the suspension: it stays, whatever changes later.
    pub(super) fn suspended(self, before: Before) -> Self {
        let ready = condition::find(&self.status.conditions, READY);
        match ready.filter(|ready| ready.reason == Reason::Suspended.as_str()) {
            Some(ready) => {
                let (status, message) = (ConditionStatus::parse(&ready.status), ready.message.clone());
                self.ready(status, Reason::Suspended, message)
            }
            None => self.ready(before.ready(), Reason::Suspended, messages::suspended(before)),
        }
    }

    /// Says that the next step is the operator's.
    pub(super) fn reconciling(mut self, reason: Reason, message: String) -> Self {
        self.remove(STALLED);
        self.set(RECONCILING, ConditionStatus::True, reason, message);
        self
    }

    /// Says that the remote secret is still to be deleted. `Ready` stays as it was; without one, nothing is known.
    pub(super) fn deleting(mut self, message: String) -> Self {
        if condition::find(&self.status.conditions, READY)
            .is_none_or(|ready| ready.reason == Reason::Progressing.as_str())
        {
            self.set(READY, ConditionStatus::Unknown, Reason::Progressing, message.clone());
        }
        self.reconciling(Reason::Deleting, message)
    }

    /// Says whose step is next after a failure: a person's if the reason is of that class, else the operator's.
    pub(super) fn waiting(mut self, reason: Reason, message: String) -> Self {
        let (set, remove) = match reason.class() {
            Class::Stalled => (STALLED, RECONCILING),
            Class::Done | Class::Waiting | Class::Transient => (RECONCILING, STALLED),
        };
        self.remove(remove);
        self.set(set, ConditionStatus::True, reason, message);
        self
    }

    /// Says that nobody has to do anything.
    pub(super) fn settled(mut self) -> Self {
        self.remove(RECONCILING);
        self.remove(STALLED);
        self
    }

    /// The statement.
    pub(super) fn finish(
        mut self,
        mut requeue_after: Option<Duration>,
        backoff: Option<Backoff>,
        outcome: PassOutcome,
    ) -> Statement {
        if self.outcome_reached {
            self.status.observed_generation = Some(self.generation);
            if self.requested_at.is_some() {
                self.status.last_handled_reconcile_at = self.requested_at;
            }
        }
        let lives = Lives::of(self.object, &self.status);
        let mut events = Vec::new();
        if self.outcome_reached && !self.object.deleting {
            events = lives.tell(&mut self.status.conditions, self.now);
            events.splice(0..0, self.news);
            requeue_after = life::sooner(requeue_after, lives.next_turn(self.now));
        }
        self.status = bounds::status(self.status);
        if let Some(now) = headline(&self.status.conditions)
            && self.outcome_reached
            && self.headline_before.as_ref() != Some(&now.reason)
            && let Some(reason) = Reason::parse(&now.reason)
        {
            let note = now.message.clone();
            events.insert(0, Event { warning: reason.is_warning(), reason: reason.as_str(), note });
        }
        Statement { status: Some(self.status), events, requeue_after, backoff, outcome }
    }

    fn set(&mut self, type_: &str, status: ConditionStatus, reason: Reason, message: String) {
        let before = condition::find(&self.status.conditions, type_);
        let since = before
            .filter(|before| before.status == status.as_str())
            .map_or_else(|| whole_seconds(self.now), |before| Time(before.last_transition_time.0));
        let condition = Condition {
            type_: type_.to_owned(),
            status: status.as_str().to_owned(),
            reason: reason.as_str().to_owned(),
            message,
            last_transition_time: since,
            observed_generation: Some(self.generation),
        };
        match self.status.conditions.iter_mut().find(|condition| condition.type_ == type_) {
            Some(existing) => *existing = condition,
            None => self.status.conditions.push(condition),
        }
    }

    fn remove(&mut self, type_: &str) {
        self.status.conditions.retain(|condition| condition.type_ != type_);
    }
}

/// The condition that tells best how the resource is: what it waits for, else whether it is ready.
fn headline(conditions: &[Condition]) -> Option<&Condition> {
    [STALLED, RECONCILING, READY].into_iter().find_map(|type_| condition::find(conditions, type_))
}
