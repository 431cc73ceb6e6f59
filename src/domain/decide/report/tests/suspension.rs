use super::*;

fn suspend(life: &mut Life, suspend: bool) {
    life.spec(|spec| spec.suspend = Some(suspend));
}

#[rstest]
#[case::in_sync(a_status_in_sync(), "True", "held the current credential")]
#[case::not_ready(
    a_status_saying("False", Reason::SecretInvalid, Some((STALLED, Reason::SecretInvalid))),
    "False",
    "did not hold the current credential"
)]
#[case::failed_resync(
    a_status_after_failed_resync(Reason::RateLimited),
    "True",
    "held the current credential"
)]
#[case::never_looked_at(a_new_status(), "Unknown", "nothing had been sent")]
fn keeps_the_status_of_ready(
    #[case] status: AICoreRegistrySecretStatus,
    #[case] ready: &str,
    #[case] message: &str,
) {
    let mut life = Life::of(an_object(), status);
    suspend(&mut life, true);
    for _ in 0..3 {
        let report = life.rests(as_found);
        assert_eq!(life.conditions(), [format!("Ready={ready}/Suspended")]);
        assert!(life.message(READY).contains(message), "{}", life.message(READY));
        assert_eq!(report.requeue_after, None);
        assert_eq!(report.outcome.as_str(), "Suspended");
        assert_eq!(report.memory.retry.backoff, None);
    }
    assert_eq!(life.status.observed_generation, Some(2));
}

#[test]
fn gives_ready_back() {
    let mut life = Life::in_sync();
    let before = life.status.clone();
    suspend(&mut life, true);
    life.rests(as_found);
    suspend(&mut life, false);
    let report = life.rests(as_found);
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
    assert!(life.message(READY).starts_with("AI Core accepted"), "{}", life.message(READY));
    assert_eq!(
        condition::find(&life.status.conditions, READY).map(|ready| &ready.last_transition_time),
        condition::find(&before.conditions, READY).map(|ready| &ready.last_transition_time),
        "it was ready all the time"
    );
    assert_eq!(report.requeue_after, Some(seconds(3540)));
}

#[test]
fn what_changed_meanwhile_is_pushed_afterwards() {
    let mut life = Life::in_sync();
    suspend(&mut life, true);
    life.rests(rotated);
    assert_eq!(life.ready(), "True/Suspended");
    suspend(&mut life, false);
    life.push_succeeds(rotated);
    assert_eq!(life.ready(), "True/Synced");
}

#[test]
fn a_remote_secret_that_was_gone_before_is_pushed_afterwards() {
    let mut life = Life::in_sync();
    life.now = resync_due_after(LONG_UPTIME);
    life.push_fails(as_found, absent(Reason::RemoteMissing));
    suspend(&mut life, true);
    life.rests(as_found);
    assert_eq!(life.ready(), "False/Suspended");
    suspend(&mut life, false);
    life.push_succeeds(as_found);
    assert_eq!(life.ready(), "True/Synced");
}

#[test]
fn answers_requests_without_a_remote_call() {
    let mut life = Life::in_sync();
    suspend(&mut life, true);
    life.object.requested_at = Some("1".into());
    life.rests(as_found);
    assert_eq!(life.status.last_handled_reconcile_at.as_deref(), Some("1"));
    // Answered is answered.
    suspend(&mut life, false);
    life.rests(as_found);
}

#[test]
fn so_does_a_conflict() {
    let mut life = Life::in_sync();
    life.object.requested_at = Some("1".into());
    life.rests(owned_by(&key("older")));
    assert_eq!(life.status.last_handled_reconcile_at.as_deref(), Some("1"));
}

#[test]
fn and_what_cannot_be_used() {
    let mut life = Life::in_sync();
    life.object.requested_at = Some("1".into());
    life.rests(without_source);
    assert_eq!(life.status.last_handled_reconcile_at.as_deref(), Some("1"));
}

#[test]
fn but_not_while_it_is_undecided_who_owns_the_name() {
    let mut life = Life::in_sync();
    life.object.requested_at = Some("1".into());
    life.object.generation = 2;
    let before = life.status.clone();
    let report = life.rests(|observed| observed.ownership = Ownership::Pending);
    assert_eq!(life.status, before);
    assert_eq!(report.requeue_after, Some(seconds(1)));
}
