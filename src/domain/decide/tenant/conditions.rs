//! The conditions of an AICoreTenant.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    api::condition::{self, ConditionStatus, READY, RECONCILING, STALLED},
    domain::decide::{
        failure::Failure,
        reason::{Class, Reason},
        report::whole_seconds,
    },
};

/// Reason of `Ready` when it is true, as External Secrets' stores have it.
const VALID: &str = "Valid";
/// And its message.
const GIVEN: &str = "The authorization server gives tokens for the service key";

/// Conditions being written.
pub(super) struct Conditions {
    list: Vec<Condition>,
    now: Timestamp,
    generation: i64,
}

impl Conditions {
    /// Those of before, which are true of this generation too unless something else is said.
    pub(super) fn of(before: &[Condition], generation: i64, now: Timestamp) -> Self {
        let mut list = before.to_vec();
        list.iter_mut().for_each(|condition| condition.observed_generation = Some(generation));
        Self { list, now, generation }
    }

    /// Whether `Ready` is true.
    pub(super) fn are_ready(&self) -> bool {
        condition::find(&self.list, READY).is_some_and(|ready| ready.status == "True")
    }

    /// The service key was given a token, and nobody has to do anything.
    pub(super) fn ready(&mut self) {
        self.set(READY, ConditionStatus::True, VALID, GIVEN.to_owned());
        self.list.retain(|condition| condition.type_ == READY);
    }

    /// The service key cannot be used, or was given no token.
    pub(super) fn failed(&mut self, failure: &Failure) {
        self.set(READY, ConditionStatus::False, failure.reason.as_str(), failure.message.clone());
        self.waiting(failure);
    }

    /// Says whose step is next after a failure. `Ready` stays as it was.
    pub(super) fn waiting(&mut self, failure: &Failure) {
        let (set, remove) = match failure.reason.class() {
            Class::Stalled => (STALLED, RECONCILING),
            Class::Done | Class::Waiting | Class::Transient => (RECONCILING, STALLED),
        };
        self.list.retain(|condition| condition.type_ != remove);
        let Failure { reason, message, .. } = failure;
        self.set(set, ConditionStatus::True, Reason::as_str(*reason), message.clone());
    }

    fn set(&mut self, type_: &str, status: ConditionStatus, reason: &str, message: String) {
        let before = condition::find(&self.list, type_);
        let since = before
            .filter(|before| before.status == status.as_str())
            .map_or_else(|| whole_seconds(self.now), |before| Time(before.last_transition_time.0));
        self.list.retain(|condition| condition.type_ != type_);
        self.list.push(Condition {
            type_: type_.to_owned(),
            status: status.as_str().to_owned(),
            reason: reason.to_owned(),
            message,
            last_transition_time: since,
            observed_generation: Some(self.generation),
        });
    }
}

impl From<Conditions> for Vec<Condition> {
    /// In the order of their names, so that the same conditions are the same list.
    fn from(Conditions { mut list, .. }: Conditions) -> Self {
        list.sort_by(|one, other| one.type_.cmp(&other.type_));
        list
    }
}
