use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rstest::rstest;

use super::*;
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        parse::object::Object,
        testing::{
            LAST_SYNC, a_backoff, a_status_after_failed_resync, a_status_saying, an_object, an_observation,
            at, failure, seconds, unusable, usable,
        },
    },
};

/// Failed with the Secrets at versions 10 and 20; the next attempt was to be at `LAST_SYNC + 900`.
fn held(reason: Reason) -> AICoreRegistrySecretStatus {
    let content = reason.retry_ends_with() == RetryEndsWith::ServiceKeyOrContent;
    AICoreRegistrySecretStatus {
        failed_attempt: Some(Box::new(FailedAttempt {
            retry_time: Time(at(LAST_SYNC + 900)),
            ai_core_secret_resource_version: Some("20".to_owned()),
            secret_resource_version: content.then(|| "10".to_owned()),
        })),
        ..a_status_after_failed_resync(reason)
    }
}

fn left(status: &AICoreRegistrySecretStatus, now: i64) -> Option<u64> {
    let object = an_object();
    let mut observed = an_observation(&object, status);
    observed.now.wall = at(LAST_SYNC + now);
    restored(&observed).map(|backoff| (backoff.not_before - observed.now.uptime).as_secs())
}

/// However often the process starts, attempts follow one another at the long interval.
#[rstest]
#[case::at_once(0, Some(900))]
#[case::just_before(899, Some(1))]
#[case::due(900, None)]
#[case::after_the_second(901, Some(899))]
#[case::hours_later(900 + 3 * 900 + 10, Some(890))]
#[case::a_clock_a_little_behind(-90, Some(990))]
#[case::a_clock_far_behind(-91, None)]
fn a_hold_of_the_long_interval(#[case] now: i64, #[case] expected: Option<u64>) {
    assert_eq!(left(&held(Reason::AuthenticationFailed), now), expected);
}

#[rstest]
#[case::before(0, Some(900))]
#[case::over(900, None)]
#[case::long_over(5000, None)]
#[case::a_clock_far_behind(-3100, None)]
fn a_wait_that_a_server_asked_for(#[case] now: i64, #[case] expected: Option<u64>) {
    assert_eq!(left(&held(Reason::RateLimited), now), expected);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Nothing,
    Credential,
    CredentialGone,
    Spec,
    ServiceKey,
    ServiceKeyGone,
    Deletion,
}

#[rstest]
fn what_changed_while_no_operator_ran_ends_it(
    #[values(
        Reason::AuthenticationFailed,
        Reason::Forbidden,
        Reason::RemoteRejected,
        Reason::QuotaExceeded,
        Reason::RemoteMissing,
        Reason::RateLimited
    )]
    reason: Reason,
    #[values(
        Change::Nothing,
        Change::Credential,
        Change::CredentialGone,
        Change::Spec,
        Change::ServiceKey,
        Change::ServiceKeyGone,
        Change::Deletion
    )]
    change: Change,
) {
    let status = held(reason);
    let object = Object {
        generation: if change == Change::Spec { 2 } else { 1 },
        deleting: change == Change::Deletion,
        ..an_object()
    };
    let mut observed = an_observation(&object, &status);
    match change {
        Change::Credential => observed.source = usable("11", Vec::new()),
        Change::CredentialGone => observed.source = unusable(Reason::SecretNotFound),
        Change::ServiceKey => observed.service_key = usable("21", crate::domain::testing::tenant("one")),
        Change::ServiceKeyGone => observed.service_key = unusable(Reason::ServiceKeyNotFound),
        Change::Nothing | Change::Spec | Change::Deletion => {}
    }
    let content = reason.retry_ends_with() == RetryEndsWith::ServiceKeyOrContent;
    let ends = match change {
        Change::Nothing => false,
        Change::Credential | Change::CredentialGone | Change::Spec => content,
        Change::ServiceKey | Change::ServiceKeyGone | Change::Deletion => true,
    };
    let restored = restored(&observed);
    assert_eq!(restored.is_none(), ends);
    if let Some(backoff) = restored {
        assert_eq!(backoff.failure.reason, reason);
        assert_eq!(backoff.failure.message, format!("{} it is", reason.as_str()));
        assert_eq!(backoff.circumstances, observed.circumstances());
    }
}

#[rstest]
#[case::no_attempt(AICoreRegistrySecretStatus { failed_attempt: None, ..held(Reason::Forbidden) })]
#[case::no_condition(AICoreRegistrySecretStatus { conditions: Vec::new(), ..held(Reason::Forbidden) })]
#[case::waits_for_something_else(AICoreRegistrySecretStatus {
    conditions: a_status_saying("False", Reason::SecretInvalid, Some((STALLED, Reason::SecretInvalid))).conditions,
    ..held(Reason::Forbidden)
})]
#[case::of_a_later_version(AICoreRegistrySecretStatus {
    conditions: vec![crate::domain::testing::condition(STALLED, "True", "OfALaterVersion")],
    ..held(Reason::Forbidden)
})]
fn what_does_not_fit_together_holds_nothing(#[case] status: AICoreRegistrySecretStatus) {
    assert_eq!(left(&status, 0), None);
}

#[rstest]
#[case::refused_key(Reason::AuthenticationFailed, None, 900, true, false)]
#[case::refused_content(Reason::RemoteRejected, None, 900, true, true)]
#[case::asked_to_wait(Reason::RateLimited, Some(3600), 3600, true, false)]
#[case::asked_to_wait_a_little(Reason::RateLimited, Some(5), 5, false, false)]
#[case::long_backoff_of_our_own(Reason::RemoteUnavailable, None, 300, false, false)]
fn what_is_kept(
    #[case] reason: Reason,
    #[case] asked: Option<u64>,
    #[case] delay: u64,
    #[case] worth: bool,
    #[case] with_content: bool,
) {
    let (object, status) = (an_object(), crate::domain::testing::a_status_in_sync());
    let observed = an_observation(&object, &status);
    let failure = Failure { retry_after: asked.map(seconds), ..failure(reason) };
    let backoff = a_backoff(&observed, failure, seconds(delay));
    let attempt = kept(&observed, &backoff);
    assert_eq!(attempt.is_some(), worth);
    if let Some(attempt) = attempt {
        let after = i64::try_from(delay).unwrap();
        assert_eq!(attempt.retry_time, Time(at(LAST_SYNC + 60 + after)));
        assert_eq!(attempt.ai_core_secret_resource_version.as_deref(), Some("20"));
        assert_eq!(attempt.secret_resource_version.as_deref(), with_content.then_some("10"));
    }
}

/// What is said already is not written again.
#[test]
fn a_repetition_keeps_what_stands() {
    let object = an_object();
    let status = held(Reason::Forbidden);
    let mut observed = an_observation(&object, &status);
    observed.now.wall = at(LAST_SYNC + 901);
    let backoff = a_backoff(&observed, failure(Reason::Forbidden), seconds(900));
    assert_eq!(kept(&observed, &backoff), status.failed_attempt);
    observed.service_key = usable("21", crate::domain::testing::tenant("one"));
    assert_ne!(kept(&observed, &backoff), status.failed_attempt, "another key");
    let other = a_backoff(&observed, failure(Reason::AuthenticationFailed), seconds(900));
    assert_ne!(kept(&observed, &other), status.failed_attempt, "another reason");
}
