//! Holds that outlive the process.

use super::*;

/// Every minute another process.
#[rstest]
#[case(Reason::AuthenticationFailed)]
#[case(Reason::Forbidden)]
#[case(Reason::QuotaExceeded)]
fn a_process_that_crashes_again_and_again_attempts_as_seldom_as_one_that_lives(#[case] reason: Reason) {
    let mut life = Life::new();
    let (mut attempts, mut written) = (Vec::new(), 0);
    for minute in 0..120_u32 {
        let before = life.status.clone();
        life.pass(as_found, |step| match step {
            Step::Push(_) => {
                attempts.push(minute);
                Outcome::Failed(failure(reason))
            }
            _ => Outcome::NothingSent,
        });
        written += u32::from(life.status != before);
        life.later(seconds(60));
        life.restart();
    }
    assert!((1..=9).contains(&attempts.len()), "{attempts:?}");
    assert!(attempts.windows(2).all(|pair| pair[1] - pair[0] >= 14), "{attempts:?}");
    assert_eq!(written, 1, "it is said once");
}

#[test]
fn another_key_is_tried_at_once_and_the_same_after_it_is_held() {
    let mut life = Life::new();
    life.push_fails(as_found, failure(Reason::AuthenticationFailed));
    life.restart();
    life.rests(as_found);
    life.restart();
    let other = |observed: &mut Observed<'_>| {
        observed.service_key = usable("21", tenant("one"));
        observed.service_key_identity = Some("aicore-key/@21".to_owned());
    };
    life.push_fails(other, failure(Reason::AuthenticationFailed));
    life.restart();
    life.rests(other);
    life.restart();
    life.push_succeeds(as_found);
    assert_eq!(life.status.failed_attempt, None);
}

#[test]
fn a_request_overrides_it_once() {
    let mut life = Life::new();
    life.push_fails(as_found, failure(Reason::AuthenticationFailed));
    life.restart();
    life.object.requested_at = Some("now".into());
    life.push_fails(as_found, failure(Reason::AuthenticationFailed));
    life.restart();
    life.rests(as_found);
}

#[test]
fn a_wait_that_a_server_asked_for_is_kept_as_well() {
    let mut life = Life::new();
    life.push_fails(as_found, Failure { retry_after: Some(seconds(1800)), ..failure(Reason::RateLimited) });
    life.later(seconds(600));
    life.restart();
    assert_eq!(life.rests(as_found).requeue_after, Some(seconds(1200)));
    life.later(seconds(1200));
    life.push_succeeds(as_found);
    // A short one is not worth it.
    life.later(seconds(4000));
    life.push_fails(as_found, Failure { retry_after: Some(seconds(5)), ..failure(Reason::RateLimited) });
    assert_eq!(life.status.failed_attempt, None);
}

#[test]
fn whatever_else_is_said_ends_it() {
    let held = || {
        let mut life = Life::new();
        life.push_fails(as_found, failure(Reason::Forbidden));
        assert!(life.status.failed_attempt.is_some());
        life
    };
    let mut life = held();
    life.rests(without_source);
    assert_eq!(life.status.failed_attempt, None);
    let mut life = held();
    life.rests(owned_by(&key("older")));
    assert_eq!(life.status.failed_attempt, None);
    let mut life = held();
    life.object = life.object.clone().with_spec(|spec| spec.suspend = Some(true));
    life.rests(as_found);
    assert_eq!(life.status.failed_attempt, None);
}
