//! How long the credential that AI Core holds, and the service key, still live: what the status keeps of that, when it turns, and
//! what is said then. `Ready` has nothing to do with it: AI Core may well hold the current credential, and that one has ended.
//!
//! A life turns twice: when less than a fifth of it is left, and when it ends. Both times are in the status, so that neither a
//! request nor a restart is needed to know them. The life of a certificate is in it. Of a registry credential only the end is known,
//! so that its life is counted from when that end was first seen.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    api::{
        AICoreRegistrySecretStatus, Moment,
        condition::{self, ConditionStatus, EXPIRED, EXPIRING},
    },
    domain::{
        decide::{
            plan::{SPREAD_WINDOW, spread_place},
            report::Event,
        },
        parse::{
            certificate::Validity,
            expiry,
            object::{Now, Object},
        },
        tools::{invalid::Quoted, time::whole_seconds},
    },
};

/// The part of a life that is its end.
const LAST_PART: i32 = 5;

/// What the reason of a condition says: whose life it is.
const CREDENTIAL: &str = "RegistryCredential";
pub(super) const SERVICE_KEY: &str = "ServiceKey";
const BOTH: &str = "RegistryCredentialAndServiceKey";

/// Keeps in the status when the credential ends that AI Core holds.
pub(super) fn keep_credential(
    status: &mut AICoreRegistrySecretStatus,
    ends: Option<Timestamp>,
    now: Timestamp,
) {
    let ends = ends.and_then(Moment::of);
    if ends != status.credential_expires_at {
        status.credential_expires_at = ends;
        status.credential_expiring_from = ends.and_then(|ends| last_part(now, ends));
    }
}

/// Keeps in the status when the service key ends. One that an AICoreTenant shares is told of there, once, and to those who can
/// renew it.
pub(super) fn keep_service_key(
    status: &mut AICoreRegistrySecretStatus,
    object: &Object,
    validity: Option<Validity>,
    now: Timestamp,
) {
    let own = validity.filter(|_| object.tenant_ref().is_none());
    (status.service_key_expires_at, status.service_key_expiring_from) = of_certificate(own, now);
}

/// When a certificate ends, and when the last part of its life begins, if that can be meant.
pub(super) fn of_certificate(validity: Option<Validity>, now: Timestamp) -> (Option<Moment>, Option<Moment>) {
    let validity = validity.filter(|validity| expiry::is_plausible(validity.not_after, now));
    let ends = validity.and_then(|validity| Moment::of(validity.not_after));
    (ends, validity.zip(ends).and_then(|(validity, ends)| last_part(validity.not_before, ends)))
}

/// When the last part of a life begins. One that ends before it begins is all end.
fn last_part(begins: Timestamp, ends: Moment) -> Option<Moment> {
    let length = ends.timestamp().duration_since(begins).max(SignedDuration::ZERO);
    Moment::of(ends.timestamp().checked_sub(length / LAST_PART).ok()?)
}

/// A life, and when it turns.
#[derive(Clone, Copy)]
pub(super) struct Life {
    ends: Moment,
    /// How much later than its times the turns are noted: thousands of lives can end in the same second.
    delay: Duration,
    expiring_from: Moment,
}

impl Life {
    /// From the times of a status. `uid`: of whose status it is.
    pub(super) fn of(ends: Option<Moment>, expiring_from: Option<Moment>, uid: &str) -> Option<Self> {
        let (ends, expiring_from) = (ends?, expiring_from.or(ends)?);
        let last_part =
            u64::try_from(ends.second().saturating_sub(expiring_from.second())).unwrap_or_default();
        let window = SPREAD_WINDOW.min(Duration::from_secs(last_part) / 10);
        Some(Self { ends, delay: spread_place(uid, window), expiring_from })
    }

    fn turns(self) -> [Option<Timestamp>; 2] {
        [self.expiring_from, self.ends].map(|time| time.timestamp().checked_add(self.delay).ok())
    }

    /// How long until it turns next; `None`: it does not any more.
    pub(super) fn next_turn(self, now: Timestamp) -> Option<Duration> {
        let next = self.turns().into_iter().flatten().filter(|turn| *turn > now).min()?;
        Duration::try_from(next.duration_since(now)).ok()
    }

    fn has_turned(at: Option<Timestamp>, now: Timestamp) -> bool {
        at.is_some_and(|at| at <= now)
    }

    /// The condition that says how it stands with it; `None`: there is enough left.
    pub(super) fn condition(self, now: Timestamp) -> Option<&'static str> {
        match self.turns() {
            [_, end] if Self::has_turned(end, now) => Some(EXPIRED),
            [last_part, _] if Self::has_turned(last_part, now) => Some(EXPIRING),
            _ => None,
        }
    }

    /// What the condition of that type says of a service key.
    pub(super) fn of_service_key(self, type_: &str, holder: &str) -> String {
        let Self { ends, .. } = self;
        let (ends, then) = if type_ == EXPIRED {
            (format!("ended at {ends}"), "so that nothing can be sent with it any more")
        } else {
            (format!("ends at {ends}"), "and less than a fifth of its life is left")
        };
        format!(
            "The client certificate of the service key in {holder} {ends}, {then}; create a new service key or binding, and store \
             it in its place"
        )
    }
}

/// Writes the condition of that type, or takes it away if there is nothing to say; returns an event if what it says is news. It
/// stands where it stood.
pub(super) fn tell(
    conditions: &mut Vec<Condition>,
    type_: &'static str,
    said: Option<(&'static str, String)>,
    generation: i64,
    now: Timestamp,
) -> Option<Event> {
    let place = conditions.iter().position(|condition| condition.type_ == type_);
    let before = place.map(|place| conditions.remove(place));
    let (reason, message) = said?;
    // What was said of both was said of each.
    let is_news = before.as_ref().is_none_or(|before| before.reason != reason && before.reason != BOTH);
    let event = is_news.then(|| Event { warning: true, reason: type_, note: message.clone() });
    let since = before.map_or_else(|| whole_seconds(now), |before| before.last_transition_time);
    let condition = Condition {
        type_: type_.to_owned(),
        status: ConditionStatus::True.as_str().to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: since,
        observed_generation: Some(generation),
    };
    conditions.insert(place.unwrap_or(conditions.len()), condition);
    event
}

/// The lives that a status knows of.
#[derive(Clone, Copy)]
pub(super) struct Lives<'a> {
    object: &'a Object,
    credential: Option<Life>,
    service_key: Option<Life>,
}

impl<'a> Lives<'a> {
    pub(super) fn of(object: &'a Object, status: &AICoreRegistrySecretStatus) -> Self {
        let life = |ends, expiring_from| Life::of(ends, expiring_from, &object.uid);
        Self {
            object,
            credential: life(status.credential_expires_at, status.credential_expiring_from),
            service_key: life(status.service_key_expires_at, status.service_key_expiring_from),
        }
    }

    /// How long until the next of them turns; `None`: none does.
    pub(super) fn next_turn(self, now: Timestamp) -> Option<Duration> {
        let lives = [self.credential, self.service_key].into_iter().flatten();
        lives.filter_map(|life| life.next_turn(now)).min()
    }

    /// Reason and end of what is in the state that the condition of that type stands for.
    fn in_state(self, type_: &str, now: Timestamp) -> Option<(&'static str, Option<Life>, Option<Life>)> {
        let is_in = |life: &Life| life.condition(now) == Some(type_);
        let (credential, service_key) = (self.credential.filter(is_in), self.service_key.filter(is_in));
        let reason = match (credential, service_key) {
            (None, None) => return None,
            (Some(_), None) => CREDENTIAL,
            (None, Some(_)) => SERVICE_KEY,
            (Some(_), Some(_)) => BOTH,
        };
        Some((reason, credential, service_key))
    }

    /// Whether the conditions say how it stands now.
    fn are_told(self, conditions: &[Condition], now: Timestamp) -> bool {
        [EXPIRING, EXPIRED].into_iter().all(|type_| {
            let told = condition::find(conditions, type_).map(|condition| condition.reason.as_str());
            told == self.in_state(type_, now).map(|(reason, ..)| reason)
        })
    }

    /// Writes the conditions, and returns what is news.
    pub(super) fn tell(self, conditions: &mut Vec<Condition>, now: Timestamp) -> Vec<Event> {
        let mut news = Vec::new();
        for type_ in [EXPIRING, EXPIRED] {
            let said = self.in_state(type_, now).map(|(reason, credential, service_key)| {
                (reason, self.message(type_, credential, service_key))
            });
            news.extend(tell(conditions, type_, said, self.object.generation, now));
        }
        news
    }

    fn message(self, type_: &str, credential: Option<Life>, service_key: Option<Life>) -> String {
        let spec = &self.object.spec;
        let credential = credential.map(|Life { ends, .. }| {
            let source = Quoted(&spec.secret_ref.name);
            if type_ == EXPIRED {
                format!(
                    "The registry credential that AI Core holds ended at {ends}, so that images may not be pulled with it any \
                     more; see why Secret {source} has no newer one"
                )
            } else {
                format!(
                    "The registry credential that AI Core holds ends at {ends}, and less than a fifth of its life is left; see \
                     that Secret {source} gets a newer one, which is sent at once"
                )
            }
        });
        let service_key = service_key.map(|life| {
            let own = spec.ai_core_secret_ref.as_ref().map(|own| own.name.as_str());
            life.of_service_key(type_, &format!("Secret {}", Quoted(own.unwrap_or_default())))
        });
        credential.into_iter().chain(service_key).collect::<Vec<_>>().join(". ")
    }
}

/// What has to be written because a life has turned since the status was, where nothing else is to be done; no Secret is read for
/// that.
#[must_use]
pub(super) fn turned(
    object: &Object,
    status: &AICoreRegistrySecretStatus,
    now: Now,
) -> Option<(AICoreRegistrySecretStatus, Vec<Event>)> {
    let lives = Lives::of(object, status);
    if lives.are_told(&status.conditions, now.wall) {
        return None;
    }
    let mut status = status.clone();
    let events = lives.tell(&mut status.conditions, now.wall);
    Some((status, events))
}

/// The sooner of two waits; `None` is for ever.
pub(super) fn sooner(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests;
