//! What a pass leaves of when credentials end.

use super::*;
use crate::{
    api::{
        Moment,
        condition::{EXPIRED, EXPIRING},
    },
    domain::parse::certificate::Validity,
};

/// So long after the last push the passes of these tests begin.
const NOW: i64 = LAST_SYNC + 60;

fn ends_at(second: i64) -> impl Fn(&mut Observed<'_>) {
    move |observed| observed.credential_ends = Some(at(second))
}

fn key_ends_at(second: i64) -> impl Fn(&mut Observed<'_>) {
    move |observed| {
        observed.service_key_validity = Some(Validity { not_before: at(NOW), not_after: at(second) });
    }
}

fn rotated_and(second: i64) -> impl Fn(&mut Observed<'_>) {
    move |observed| {
        observed.source = usable("11", vec!["ghcr.io".to_owned()]);
        observed.digest = Some(digest_of("b"));
        observed.credential_ends = Some(at(second));
    }
}

fn second(moment: Option<Moment>) -> Option<i64> {
    moment.map(Moment::second)
}

fn reasons(report: &Report) -> Vec<&str> {
    report.events.iter().map(|event| event.reason).collect()
}

#[test]
fn the_status_of_a_push_has_the_end_of_what_was_sent() {
    let mut life = Life::new();
    let report = life.push_succeeds(|observed| {
        ends_at(NOW + 1000)(observed);
        key_ends_at(NOW + 5000)(observed);
    });
    assert_eq!(second(life.status.credential_expires_at), Some(NOW + 1000));
    assert_eq!(second(life.status.credential_expiring_from), Some(NOW + 800));
    assert_eq!(second(life.status.service_key_expires_at), Some(NOW + 5000));
    assert_eq!(second(life.status.service_key_expiring_from), Some(NOW + 4000));
    assert_eq!(reasons(&report), ["Synced"]);
    let turn = report.requeue_after.unwrap();
    assert!(turn >= seconds(800) && turn < seconds(820), "the turn comes before the resync: {turn:?}");
}

#[test]
fn a_credential_that_has_ended_is_sent_all_the_same_and_that_is_said() {
    let mut life = Life::new();
    let report = life.push_succeeds(ends_at(NOW - 10));
    assert_eq!(life.conditions(), ["Ready=True/Synced", "CredentialExpired=True/RegistryCredential"]);
    assert_eq!(reasons(&report), ["Synced", "CredentialExpired"]);
    assert!(report.events[1].warning);
    // A newer one takes it away, without a word.
    let report = life.push_succeeds(rotated_and(NOW + 1000));
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
    assert_eq!(reasons(&report), Vec::<&str>::new());
}

/// The Secret's annotation was changed: AI Core is told nothing, and the status what is news.
#[test]
fn another_end_of_the_same_content_is_written_and_not_sent() {
    let mut life = Life::in_sync();
    let before = life.status.clone();
    let report = life.rests(ends_at(NOW + 1000));
    assert_eq!(second(life.status.credential_expires_at), Some(NOW + 1000));
    assert_eq!(reasons(&report), Vec::<&str>::new());
    let after = AICoreRegistrySecretStatus {
        credential_expires_at: None,
        credential_expiring_from: None,
        ..life.status.clone()
    };
    assert_eq!(after, before);
    life.rests(|_| ());
    assert_eq!(life.status, before, "and taken back when it is not known any more");
}

#[test]
fn a_repetition_does_not_lengthen_a_life() {
    let mut life = Life::new();
    life.push_succeeds(ends_at(NOW + 10_000));
    let before = life.status.clone();
    life.later(seconds(4000));
    life.push_succeeds(ends_at(NOW + 10_000));
    assert_ne!(life.status.last_sync_time, before.last_sync_time);
    assert_eq!(life.status.credential_expiring_from, before.credential_expiring_from);
}

/// What AI Core holds ends when it ends, whatever the Secret holds by now.
#[test]
fn what_was_not_accepted_says_nothing_of_what_ai_core_holds() {
    let mut life = Life::new();
    life.push_succeeds(ends_at(NOW + 1000));
    let held = life.status.credential_expires_at;
    life.later(seconds(850));
    let report = life.push_fails(rotated_and(NOW + 9000), failure(Reason::RemoteUnavailable));
    assert_eq!(life.status.credential_expires_at, held);
    assert_eq!(reasons(&report), ["RemoteUnavailable", "CredentialExpiring"]);
    life.rests(|observed| observed.source = unusable(Reason::SecretNotFound));
    assert_eq!(life.status.credential_expires_at, held);
    assert!(condition::find(&life.status.conditions, EXPIRING).is_some());
}

#[test]
fn a_service_key_ends_whether_it_is_accepted_or_not() {
    let mut life = Life::new();
    life.push_fails(key_ends_at(NOW + 1000), failure(Reason::AuthenticationFailed));
    assert_eq!(second(life.status.service_key_expires_at), Some(NOW + 1000));
    assert_eq!(life.status.credential_expires_at, None);
    // Of one that cannot be read nothing is known.
    life.rests(|observed| {
        observed.service_key = unusable(Reason::ServiceKeyNotFound);
        observed.service_key_identity = None;
        observed.digest = None;
    });
    assert_eq!(life.status.service_key_expires_at, None);
}

#[test]
fn a_suspended_resource_is_told_too() {
    let mut life = Life::new();
    life.push_succeeds(ends_at(NOW + 1000));
    life.spec(|spec| spec.suspend = Some(true));
    let report = life.rests(ends_at(NOW + 1000));
    assert!(report.requeue_after.is_some_and(|turn| turn >= seconds(800) && turn < seconds(820)));
    life.later(report.requeue_after.unwrap());
    life.rests(ends_at(NOW + 1000));
    assert_eq!(life.conditions(), ["Ready=True/Suspended", "CredentialExpiring=True/RegistryCredential"]);
}

/// The wait after a failure is not cut short by it: the pass in between sends nothing.
#[test]
fn a_turn_in_a_backoff_sends_nothing() {
    let mut life = Life::new();
    life.push_succeeds(ends_at(NOW + 100));
    let report = life.push_fails(rotated_and(NOW + 9000), failure(Reason::Forbidden));
    let turn = report.requeue_after.unwrap();
    assert!(turn >= seconds(80) && turn < seconds(83), "{turn:?}");
    life.later(turn);
    let report = life.rests(rotated_and(NOW + 9000));
    assert!(condition::find(&life.status.conditions, EXPIRING).is_some());
    assert_eq!(reasons(&report), ["CredentialExpiring"]);
}

/// Whoever is about to go is not told when its credential goes.
#[test]
fn nothing_is_said_to_a_resource_that_is_being_deleted() {
    let mut life = Life::new();
    life.object.finalizer = true;
    life.spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete));
    life.push_succeeds(ends_at(NOW + 100));
    life.object.deleting = true;
    life.later(seconds(1000));
    let report = life.pass(|_| (), |_| Outcome::Failed(failure(Reason::RemoteUnavailable))).1;
    assert!(condition::find(&life.status.conditions, EXPIRED).is_none());
    assert_eq!(reasons(&report), ["Deleting"]);
}
