//! Service keys that were refused, that cannot be used, or that are others than before.

use super::*;

#[rstest]
#[case(Reason::AuthenticationFailed, &["Ready=False/AuthenticationFailed", "Stalled=True/AuthenticationFailed"])]
#[case(Reason::Forbidden, &["Ready=False/Forbidden", "Stalled=True/Forbidden"])]
#[case(Reason::RemoteUnavailable, &["Ready=False/RemoteUnavailable", "Reconciling=True/RemoteUnavailable"])]
#[case(Reason::RateLimited, &["Ready=False/RateLimited", "Reconciling=True/RateLimited"])]
fn a_key_that_was_given_no_token_is_not_ready(#[case] reason: Reason, #[case] expected: &[&str]) {
    let mut life = Life::new();
    let again = life.asked(Answer::Failed(failure(reason)));
    assert_eq!(life.conditions(), expected);
    assert!(!life.asks(), "not before its time");
    assert_eq!(life.status.api_url, Some(tenant("one").api_url), "where the key leads is known");
    life.later(again);
    life.asked(Answer::Quota(Some((7, 50))));
    assert_eq!(life.conditions(), ["Ready=True/Valid"]);
    assert_eq!(life.memory.backoff, None);
}

/// That AI Core does not answer says nothing about the key.
#[rstest]
#[case(Reason::RemoteUnavailable, "True", "Reconciling")]
#[case(Reason::AuthenticationFailed, "False", "Stalled")]
fn what_worked_once(#[case] reason: Reason, #[case] ready: &str, #[case] other: &str) {
    let mut life = Life::valid();
    life.later(HOUR);
    life.asked(Answer::Failed(failure(reason)));
    assert_eq!(condition::find(&life.status.conditions, READY).unwrap().status, ready);
    assert_eq!(condition::find(&life.status.conditions, other).unwrap().reason, reason.as_str());
    assert_eq!(life.status.quota.as_ref().map(|quota| quota.used), Some(7), "what is known stays");
}

#[test]
fn a_key_that_resources_were_refused_with_is_tried() {
    let mut life = Life::valid();
    life.granted = Some(false);
    assert!(!life.known().at_rest() && life.asks());
    life.asked(Answer::Failed(failure(Reason::AuthenticationFailed)));
    assert_eq!(life.conditions(), ["Ready=False/AuthenticationFailed", "Stalled=True/AuthenticationFailed"]);
}

/// A crash loop must not lock an account.
#[test]
fn a_key_that_was_refused_is_not_tried_at_each_start() {
    let mut life = Life::new();
    life.asked(Answer::Failed(failure(Reason::AuthenticationFailed)));
    for _ in 0..5 {
        life.restart();
        assert!(!life.known().at_rest() && !life.asks());
        assert_eq!(life.found(&life.key()), STALLED_INTERVAL);
        life.later(seconds(60));
    }
    assert_eq!(life.writes, 1);
    life.later(STALLED_INTERVAL);
    assert!(life.asks());
    // Another key is tried at once, and so is one that somebody else was given a token with.
    for change in
        [|life: &mut Life| life.version = "21".to_owned(), |life: &mut Life| life.granted = Some(true)]
    {
        life.restart();
        change(&mut life);
        assert!(life.asks());
    }
}

#[rstest]
#[case(Reason::ServiceKeyNotFound, "Reconciling", STALLED_INTERVAL)]
#[case(Reason::ServiceKeyInvalid, "Stalled", STALLED_INTERVAL)]
#[case(Reason::AccessDenied, "Reconciling", seconds(1))]
fn a_key_that_cannot_be_used_is_waited_for(
    #[case] reason: Reason,
    #[case] other: &str,
    #[case] again: Duration,
) {
    let mut life = Life::valid();
    let key = TenantKey { found: Found::Unusable(failure(reason)), identity: None };
    assert_eq!(life.found(&key), again);
    let expected = [format!("Ready=False/{}", reason.as_str()), format!("{other}=True/{}", reason.as_str())];
    assert_eq!(life.conditions(), expected);
    assert_eq!((&life.status.secret_resource_version, &life.status.service_key_expires_at), (&None, &None));
    assert_eq!(life.status.api_url, Some(tenant("one").api_url), "where it was is still of use");
    life.found(&key);
    assert_eq!(life.writes, 2, "and nothing new");
    life.asked(Answer::Quota(Some((7, 50))));
    assert_eq!(life.conditions(), ["Ready=True/Valid"]);
}

/// A change of labels raises the version, and of the allow-list the generation.
#[test]
fn the_same_key_is_not_asked_about_again() {
    let mut life = Life::valid();
    life.version = "21".to_owned();
    life.tenant.generation = 2;
    assert!(!life.known().at_rest() && !life.asks());
    life.found(&life.key());
    assert_eq!(life.status.observed_generation, Some(2));
    assert_eq!(life.status.conditions[0].observed_generation, Some(2));
    assert_eq!(life.status.secret_resource_version.as_deref(), Some("21"));
    assert!(life.known().at_rest());
    // Of another one nothing is known.
    life.version = "22".to_owned();
    assert!(life.known().asks("22", Some("aicore-key/#2")));
}

#[test]
fn the_quota_of_another_tenant_is_not_shown() {
    let mut life = Life::valid();
    life.version = "21".to_owned();
    let content = KeyFacts { tenant: tenant("two"), validity: None };
    let key = TenantKey {
        found: Found::Usable { version: "21".to_owned(), content },
        identity: Some("aicore-key/#2".to_owned()),
    };
    let report =
        life.known().report(&key, Answer::Failed(failure(Reason::RemoteUnavailable)), LONG_UPTIME, 1.0);
    life.takes(report);
    assert_eq!((life.status.quota.is_none(), &life.status.api_url), (true, &Some(tenant("two").api_url)));
    assert_eq!(life.conditions(), ["Ready=False/RemoteUnavailable", "Reconciling=True/RemoteUnavailable"]);
}
