//! Which statuses may be written later.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rstest::rstest;

use super::*;
use crate::{
    api::{FailedAttempt, LeftBehind, UnansweredWrite, condition::READY},
    domain::testing::condition,
};

/// After its first push.
fn pushed() -> (TestIndex, Object) {
    let object = an_object();
    let index = index_with(&[&object]);
    proves(&index, &object, claim_in("one", "pull"));
    (index, object)
}

#[test]
fn a_first_push_may_be_told_later() {
    let (index, object) = pushed();
    assert!(index.may_be_told_later(&object, &a_new_status(), &a_status_in_sync()));
    // Also one that was announced.
    let announced = AICoreRegistrySecretStatus { api_url: Some(tenant("one").api_url), ..a_new_status() };
    assert!(index.may_be_told_later(&object, &announced, &a_status_in_sync()));
}

/// It would vouch for what is not so any more.
#[rstest]
#[case::another_content("True", "Synced")]
#[case::nothing_was_sent("False", "SecretNotFound")]
#[case::waits("Unknown", "Progressing")]
fn what_changes_a_word_is_told_at_once(#[case] status: &str, #[case] reason: &str) {
    let (index, object) = pushed();
    let before =
        AICoreRegistrySecretStatus { conditions: vec![condition(READY, status, reason)], ..a_new_status() };
    assert!(!index.may_be_told_later(&object, &before, &a_status_in_sync()));
}

/// A restart has to know of it.
#[rstest]
#[case::failure(|status: &mut AICoreRegistrySecretStatus| status.conditions = vec![condition(READY, "False", "Forbidden")])]
#[case::hold(|status: &mut AICoreRegistrySecretStatus| status.failed_attempt = Some(Box::new(FailedAttempt {
    retry_time: Time(at(5)),
    ai_core_secret_resource_version: None,
    secret_resource_version: None,
})))]
#[case::late_write(|status: &mut AICoreRegistrySecretStatus| status.unanswered_write = Some(Box::new(UnansweredWrite {
    time: Time(at(5)),
    confirmation_time: None,
})))]
#[case::left_behind(|status: &mut AICoreRegistrySecretStatus| status.left_behind = Some(Box::new(LeftBehind {
    remote_name: "before".to_owned(),
    api_url: None,
    authorization_server: None,
})))]
fn what_is_more_than_a_success_is_told_at_once(#[case] change: fn(&mut AICoreRegistrySecretStatus)) {
    let (index, object) = pushed();
    let mut status = a_status_in_sync();
    change(&mut status);
    assert!(!index.may_be_told_later(&object, &a_new_status(), &status));
}

#[test]
fn what_a_suspended_resource_or_one_with_a_rival_says_is_told_at_once() {
    let (index, object) = pushed();
    let suspended = object.clone().with_spec(|spec| spec.suspend = Some(true));
    assert!(!index.may_be_told_later(&suspended, &a_new_status(), &a_status_in_sync()));
    // A younger one that wants the same, and could have it.
    let other = in_other_namespace(&object, "other");
    let younger = Object { created: object.created + seconds(1), ..other };
    index.apply_resource(younger.clone(), a_new_status());
    assert!(index.may_be_told_later(&object, &a_new_status(), &a_status_in_sync()), "it has no proof");
    proves(&index, &younger, claim_in("one", "pull"));
    assert!(!index.may_be_told_later(&object, &a_new_status(), &a_status_in_sync()));
    assert!(!index.may_be_told_later(&younger, &a_new_status(), &a_status_in_sync()));
}
