//! What the conditions are for each reason.

use super::*;

#[derive(Clone, Copy, Debug)]
enum Reached {
    Push,
    FailedPush,
    PostponedPush,
    BadSource,
    BadKey,
    Conflict,
    Suspension,
    Deletion,
}

#[rstest]
#[case(Reason::Synced, Reached::Push, &["Ready=True/Synced"])]
#[case(Reason::Progressing, Reached::PostponedPush, &["Ready=Unknown/Progressing", "Reconciling=True/Progressing"])]
#[case(Reason::Suspended, Reached::Suspension, &["Ready=Unknown/Suspended"])]
#[case(Reason::SecretNotFound, Reached::BadSource, &["Ready=False/SecretNotFound", "Reconciling=True/SecretNotFound"])]
#[case(Reason::ServiceKeyNotFound, Reached::BadKey, &["Ready=False/ServiceKeyNotFound", "Reconciling=True/ServiceKeyNotFound"])]
#[case(Reason::TenantNotFound, Reached::BadKey, &["Ready=False/TenantNotFound", "Reconciling=True/TenantNotFound"])]
#[case(Reason::TenantNotServed, Reached::BadKey, &["Ready=False/TenantNotServed", "Stalled=True/TenantNotServed"])]
#[case(Reason::NamespaceNotAllowed, Reached::BadKey, &["Ready=False/NamespaceNotAllowed", "Stalled=True/NamespaceNotAllowed"])]
#[case(Reason::RemoteNameNotAllowed, Reached::BadKey, &["Ready=False/RemoteNameNotAllowed", "Stalled=True/RemoteNameNotAllowed"])]
#[case(Reason::SecretInvalid, Reached::BadSource, &["Ready=False/SecretInvalid", "Stalled=True/SecretInvalid"])]
#[case(Reason::ServiceKeyInvalid, Reached::BadKey, &["Ready=False/ServiceKeyInvalid", "Stalled=True/ServiceKeyInvalid"])]
#[case(Reason::AuthenticationFailed, Reached::FailedPush, &["Ready=False/AuthenticationFailed", "Stalled=True/AuthenticationFailed"])]
#[case(Reason::Forbidden, Reached::FailedPush, &["Ready=False/Forbidden", "Stalled=True/Forbidden"])]
#[case(Reason::RemoteConflict, Reached::Conflict, &["Ready=False/RemoteConflict", "Stalled=True/RemoteConflict"])]
#[case(Reason::QuotaExceeded, Reached::FailedPush, &["Ready=False/QuotaExceeded", "Stalled=True/QuotaExceeded"])]
#[case(Reason::RemoteRejected, Reached::FailedPush, &["Ready=False/RemoteRejected", "Stalled=True/RemoteRejected"])]
#[case(Reason::RemoteMissing, Reached::FailedPush, &["Ready=False/RemoteMissing", "Stalled=True/RemoteMissing"])]
#[case(Reason::RateLimited, Reached::FailedPush, &["Ready=False/RateLimited", "Reconciling=True/RateLimited"])]
#[case(Reason::RemoteUnavailable, Reached::FailedPush, &["Ready=False/RemoteUnavailable", "Reconciling=True/RemoteUnavailable"])]
#[case(Reason::Deleting, Reached::Deletion, &["Ready=Unknown/Progressing", "Reconciling=True/Deleting"])]
fn conditions_of_a_new_resource(
    #[case] reason: Reason,
    #[case] reached: Reached,
    #[case] conditions: &[&str],
) {
    let mut life = Life::new();
    reach(&mut life, reason, reached);
    assert_eq!(life.conditions(), conditions);
    let outcome = !matches!(reached, Reached::PostponedPush);
    assert_eq!(life.status.observed_generation, Some(if outcome { 1 } else { -1 }));
    // Whatever came before leaves no trace.
    for (before, how) in [
        (Reason::SecretNotFound, Reached::BadSource),
        (Reason::ServiceKeyInvalid, Reached::BadKey),
        (Reason::RemoteConflict, Reached::Conflict),
    ] {
        let mut life = Life::new();
        reach(&mut life, before, how);
        reach(&mut life, reason, reached);
        match reason {
            // What was wrong is mended, or nothing would wait for its turn.
            Reason::Progressing => {
                assert_eq!(life.conditions(), ["Ready=False/Progressing", "Reconciling=True/Progressing"]);
            }
            Reason::Suspended => assert_eq!(life.conditions(), ["Ready=False/Suspended"]),
            Reason::Deleting => assert_eq!(
                life.conditions(),
                [format!("Ready=False/{}", before.as_str()).as_str(), "Reconciling=True/Deleting"]
            ),
            _ => assert_eq!(life.conditions(), conditions),
        }
    }
}

fn reach(life: &mut Life, reason: Reason, reached: Reached) {
    match reached {
        Reached::Push => drop(life.push_succeeds(as_found)),
        Reached::FailedPush => drop(life.push_fails(as_found, failure(reason))),
        Reached::PostponedPush => drop(life.pass(as_found, |_| Outcome::Postponed(NOTEWORTHY_WAIT))),
        Reached::BadSource => drop(life.rests(|observed| observed.source = unusable(reason))),
        Reached::BadKey => drop(life.rests(|observed| observed.service_key = unusable(reason))),
        Reached::Conflict => drop(life.rests(owned_by(&key("older")))),
        Reached::Suspension => {
            life.object = life.object.clone().with_spec(|spec| spec.suspend = Some(true));
            life.rests(as_found);
        }
        Reached::Deletion => {
            life.object = life
                .object
                .clone()
                .with_spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete));
            life.object.deleting = true;
            life.object.finalizer = true;
            life.status.last_sync_time = Some(Time(at(LAST_SYNC)));
            life.rests(|observed| observed.service_key = unusable(Reason::ServiceKeyNotFound));
        }
    }
}

/// When the operator looks again by itself.
#[rstest]
#[case::waiting(Reason::SecretNotFound, Reached::BadSource, 900)]
#[case::stalled_by_a_secret(Reason::SecretInvalid, Reached::BadSource, 900)]
#[case::stalled_by_another(Reason::RemoteConflict, Reached::Conflict, 900)]
#[case::stalled_by_ai_core(Reason::Forbidden, Reached::FailedPush, 900)]
#[case::deleting(Reason::Deleting, Reached::Deletion, 15)]
fn looks_again(#[case] reason: Reason, #[case] reached: Reached, #[case] after: u64) {
    let mut life = Life::new();
    reach(&mut life, reason, reached);
    let mut requeue_after = None;
    match reached {
        Reached::FailedPush => requeue_after = life.rests(as_found).requeue_after,
        Reached::BadSource => requeue_after = life.rests(|seen| seen.source = unusable(reason)).requeue_after,
        Reached::Conflict => requeue_after = life.rests(owned_by(&key("older"))).requeue_after,
        Reached::Deletion => {
            requeue_after =
                life.rests(|seen| seen.service_key = unusable(Reason::ServiceKeyNotFound)).requeue_after;
        }
        _ => {}
    }
    assert_eq!(requeue_after, Some(seconds(after)));
}

#[test]
fn transient_failures_are_tried_again_with_growing_delays_and_retry_after_wins() {
    let mut life = Life::new();
    let mut delays = Vec::new();
    for _ in 0..4 {
        let report = life.push_fails(as_found, failure(Reason::RemoteUnavailable));
        delays.push(report.requeue_after.unwrap().as_millis());
        assert_eq!(report.outcome.as_str(), "RemoteUnavailable");
        life.later(report.requeue_after.unwrap());
    }
    assert_eq!(delays, [500, 1000, 2000, 4000]);
    let asked = Failure { retry_after: Some(seconds(42)), ..failure(Reason::RateLimited) };
    assert_eq!(life.push_fails(as_found, asked).requeue_after, Some(seconds(42)));
}

#[test]
fn the_message_is_that_of_the_failure() {
    let mut life = Life::new();
    life.push_fails(as_found, failure(Reason::Forbidden));
    assert_eq!(life.message(READY), "Forbidden happened");
    assert_eq!(life.message(STALLED), "Forbidden happened");
}

#[test]
fn a_conflict_names_the_owner() {
    let mut life = Life::new();
    life.rests(owned_by(&key("older")));
    assert!(life.message(READY).contains("ns/older"));
    assert!(life.message(READY).contains("\"pull\""));
}
