//! The conditions of an AICoreTenant.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    api::{
        AICoreTenantStatus,
        condition::{self, ConditionStatus, EXPIRED, EXPIRING, READY, RECONCILING, STALLED},
    },
    domain::{
        decide::{
            failure::Failure,
            life::{self, Life, SERVICE_KEY},
            reason::{Class, Reason},
            report::Event,
        },
        parse::tenant::SharedTenant,
        tools::time::whole_seconds,
    },
};

/// Reason of `Ready` when it is true, as External Secrets' stores have it.
const VALID: &str = "Valid";
/// And its message.
const GIVEN: &str = "The authorization server gives tokens for the service key";

/// What an event says when it is not.
const NOT_USABLE: &str = "The service key cannot be used; the status of the AICoreTenant says why";
/// Where the service key is.
const HOLDER: &str = "the Secret of spec.secretRef";

/// Conditions being written.
pub(super) struct Conditions<'a> {
    list: Vec<Condition>,
    events: Vec<Event>,
    before: &'a [Condition],
    tenant: &'a SharedTenant,
    now: Timestamp,
}

impl<'a> Conditions<'a> {
    /// Those of before, which are true of this generation too unless something else is said.
    pub(super) fn of(before: &'a AICoreTenantStatus, tenant: &'a SharedTenant, now: Timestamp) -> Self {
        let before = &*before.conditions;
        let mut list = before.to_vec();
        list.iter_mut().for_each(|condition| condition.observed_generation = Some(tenant.generation));
        Self { list, events: Vec::new(), before, tenant, now }
    }

    /// Whether `Ready` is true.
    pub(super) fn are_ready(&self) -> bool {
        condition::is_ready(&self.list)
    }

    /// The service key was given a token, and nobody has to do anything.
    pub(super) fn ready(&mut self) {
        self.set(READY, ConditionStatus::True, VALID, GIVEN.to_owned());
        self.list.retain(|condition| ![RECONCILING, STALLED].contains(&&*condition.type_));
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

    /// How long the service key still lives. `Ready` has nothing to do with it.
    pub(super) fn life(&mut self, life: Option<Life>) {
        for type_ in [EXPIRING, EXPIRED] {
            let life = life.filter(|life| life.condition(self.now) == Some(type_));
            let said = life.map(|life| (SERVICE_KEY, life.of_service_key(type_, HOLDER)));
            self.events.extend(life::tell(&mut self.list, type_, said, self.tenant.generation, self.now));
        }
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
            observed_generation: Some(self.tenant.generation),
        });
    }

    /// The conditions in the order of their names, so that the same conditions are the same list; and what of them is news.
    pub(super) fn finish(mut self) -> (Vec<Condition>, Vec<Event>) {
        self.list.sort_by(|one, other| one.type_.cmp(&other.type_));
        self.events.splice(0..0, self.turn());
        (self.list, self.events)
    }

    /// An event if it is news whether the service key works, or why not. Events of what is in no namespace are in the namespace
    /// `default`, where more people read than may see AICoreTenants: the Secret, and what is wrong in it, is in the status alone.
    fn turn(&self) -> Option<Event> {
        let ready = |list| condition::find(list, READY).map(|ready| (&*ready.status, &*ready.reason));
        let (status, reason) = ready(&self.list).filter(|now| Some(*now) != ready(self.before))?;
        if status == ConditionStatus::True.as_str() {
            return Some(Event { warning: false, reason: VALID, note: GIVEN.to_owned() });
        }
        let reason = Reason::parse(reason)?.as_str();
        Some(Event { warning: true, reason, note: NOT_USABLE.to_owned() })
    }
}
