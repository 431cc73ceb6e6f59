//! What a pass makes of what is remembered, and of a change of the Secret that came before it.

use super::*;
use crate::domain::decide::memory::SecretVersions;

fn checked(source: &str, service_key: &str) -> SecretVersions {
    SecretVersions { source: source.into(), service_key: service_key.into() }
}

fn delete(life: &mut Life) {
    life.spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete));
    life.object.deleting = true;
    life.object.finalizer = true;
}

#[test]
fn an_accepted_push_answers_a_rotation_with_its_latency() {
    let mut life = Life::in_sync();
    let report = life.push_succeeds(rotated);
    assert_eq!(report.source_answered, Some(Answer::Accepted));
    assert_eq!(life.memory.checked, Some(checked("11", "20")));
}

#[test]
fn the_same_content_at_another_version_is_remembered_and_is_no_rotation() {
    let mut life = Life::in_sync();
    let report = life.rests(|observed| observed.source = usable("11", vec!["ghcr.io".to_owned()]));
    assert_eq!(report.source_answered, Some(Answer::NothingToSend));
    assert_eq!(life.memory.checked, Some(checked("11", "20")));
}

/// A push that only waits for its place in the spread of a restart is due without a change.
#[test]
fn so_is_content_that_is_sent_again_later() {
    let mut life = Life::in_sync();
    life.now = resync_due_after(Duration::ZERO);
    life.object.uid = "uid-that-waits".into();
    let report = life.rests(as_found);
    assert_eq!(report.source_answered, Some(Answer::NothingToSend));
    assert_eq!(life.memory.checked, Some(checked("10", "20")));
}

#[rstest]
#[case::suspended(true, as_found as fn(&mut Observed<'_>))]
#[case::owned_by_another(false, |observed: &mut Observed<'_>| observed.ownership = Ownership::OwnedBy(key("older")))]
#[case::unusable(false, without_source)]
fn what_is_not_to_be_sent_ends_a_rotation_and_teaches_nothing(
    #[case] suspend: bool,
    #[case] see: fn(&mut Observed<'_>),
) {
    let mut life = Life::in_sync();
    life.memory.checked = Some(checked("7", "8"));
    life.spec(|spec| spec.suspend = Some(suspend));
    let report = life.rests(|observed| {
        rotated(observed);
        see(observed);
    });
    assert_eq!(report.source_answered, Some(Answer::NothingToSend));
    assert_eq!(life.memory.checked, Some(checked("7", "8")));
}

#[test]
fn a_rotation_stays_open_until_it_is_sent() {
    let mut life = Life::in_sync();
    life.memory.checked = Some(checked("7", "8"));
    let open = |life: &mut Life, outcome: Outcome, see: fn(&mut Observed<'_>)| {
        let (_, report) = life.pass(see, |_| outcome);
        assert_eq!(report.source_answered, None);
        assert_eq!(life.memory.checked, Some(checked("7", "8")));
    };
    let undecided = |observed: &mut Observed<'_>| {
        rotated(observed);
        observed.ownership = Ownership::Pending;
    };
    open(&mut life, Outcome::NothingSent, undecided);
    open(&mut life, Outcome::Postponed(seconds(9)), rotated);
    open(&mut life, Outcome::Failed(failure(Reason::RemoteUnavailable)), rotated);
    // The failure delays the next attempt.
    open(&mut life, Outcome::NothingSent, rotated);
    life.later(seconds(1000));
    assert_eq!(life.push_succeeds(rotated).source_answered, Some(Answer::Accepted));
}

#[test]
fn no_deletion_answers_a_rotation() {
    let mut life = Life::in_sync();
    delete(&mut life);
    let blocked = life.rests(|observed| observed.service_key = unusable(Reason::ServiceKeyNotFound));
    assert_eq!(blocked.source_answered, None);
    let (_, deleted) = life.pass(as_found, |_| Outcome::RemoteDeleted);
    assert_eq!(deleted.source_answered, None);
}

#[test]
fn a_pass_that_ends_clears_what_the_api_server_did() {
    let mut life = Life::in_sync();
    life.memory.retry.api_failures = 3;
    let report = life.rests(as_found);
    assert_eq!(report.memory.retry.api_failures, 0);
}

#[test]
fn a_backoff_lives_as_long_as_it_delays() {
    let mut life = Life::in_sync();
    life.push_fails(rotated, failure(Reason::RemoteUnavailable));
    let backoff = life.memory.retry.backoff.clone();
    assert!(backoff.is_some());
    life.rests(rotated);
    assert_eq!(life.memory.retry.backoff, backoff, "while it delays");
    life.later(seconds(1000));
    life.pass(rotated, |_| Outcome::Postponed(seconds(9)));
    assert_eq!(life.memory.retry.backoff, backoff, "while the next attempt waits for its turn");
    life.push_succeeds(rotated);
    assert_eq!(life.memory.retry.backoff, None);
}

/// The next look comes when the next attempt may be made, however long the last one took.
#[rstest]
#[case(0, None, 500)]
#[case(15, None, 500)]
#[case(15, Some(60), 60_000)]
fn the_next_look_is_at_the_time_of_the_next_attempt(
    #[case] took: u64,
    #[case] asked: Option<u64>,
    #[case] millis: u64,
) {
    let life = Life::new();
    let observed = Observed { now: life.now, ..an_observation(&life.object, &life.status) };
    let failure = Failure { retry_after: asked.map(seconds), ..failure(Reason::RemoteUnavailable) };
    let step = plan(&observed).step;
    let ended = observed.now.uptime + seconds(took);
    let report = report(&observed, &step, Outcome::Failed(failure), ended, JITTER);
    let backoff = report.memory.retry.backoff.unwrap();
    assert_eq!(report.requeue_after, Some(Duration::from_millis(millis)));
    assert_eq!(backoff.remaining(&observed.circumstances(), ended), report.requeue_after);
}
