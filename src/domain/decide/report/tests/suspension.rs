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
    life.rests(as_found);
    life.rests(rotated);
    assert_eq!(life.ready(), "True/Suspended");
    suspend(&mut life, false);
    life.push_succeeds(rotated);
    assert_eq!(life.ready(), "True/Synced");
}

/// What the first pass that finds it suspended sees, beside the suspension.
type See = fn(&mut Observed<'_>);

fn other_selection(observed: &mut Observed<'_>) {
    observed.source = usable("10", vec!["quay.io".to_owned()]);
    observed.digest = Some(digest_of("b"));
}

fn labelled(observed: &mut Observed<'_>) {
    observed.source = usable("11", vec!["ghcr.io".to_owned()]);
}

fn without_key(observed: &mut Observed<'_>) {
    observed.service_key = unusable(Reason::ServiceKeyNotFound);
    observed.digest = None;
}

fn other_key(observed: &mut Observed<'_>) {
    observed.service_key = usable("21", tenant("one"));
    observed.digest = Some(digest_of("b"));
}

fn other_tenant(observed: &mut Observed<'_>) {
    observed.service_key = usable("21", tenant("two"));
    observed.digest = Some(digest_of("b"));
}

fn rotated_without_key(observed: &mut Observed<'_>) {
    rotated(observed);
    without_key(observed);
}

fn broken(observed: &mut Observed<'_>) {
    observed.source = unusable(Reason::SecretInvalid);
    observed.digest = None;
}

fn denied(observed: &mut Observed<'_>) {
    observed.source = unusable(Reason::AccessDenied);
    observed.source_seen = Some("10");
    observed.digest = None;
}

fn denied_and_unwatched(observed: &mut Observed<'_>) {
    denied(observed);
    observed.source_seen = None;
}

fn denied_and_rotated(observed: &mut Observed<'_>) {
    denied(observed);
    observed.source_seen = Some("11");
}

/// When the resource is suspended, seen from a change that is not pushed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Its push was not tried.
    NotTried,
    /// A pass that wanted to push it was withdrawn.
    Withdrawn,
    /// It had waited for its turn.
    Postponed,
    /// No operator was there.
    Down,
}

/// `Ready` is about what the Secret holds: whatever a pass that was to push it came to, and also where none came to it.
#[rstest]
#[case::nothing_changed(as_found, "True")]
#[case::rotated(rotated, "False")]
#[case::only_its_metadata_changed(labelled, "True")]
#[case::other_selection(other_selection, "False")]
#[case::other_service_key(other_key, "True")]
#[case::service_key_gone(without_key, "True")]
#[case::rotated_and_service_key_gone(rotated_without_key, "False")]
#[case::other_tenant(other_tenant, "False")]
#[case::secret_gone(without_source, "False")]
#[case::secret_broken(broken, "False")]
#[case::secret_may_not_be_read(denied, "True")]
#[case::neither_read_nor_watched(denied_and_unwatched, "True")]
#[case::rotated_and_may_not_be_read(denied_and_rotated, "False")]
fn what_was_not_pushed_before_is_said(
    #[case] see: See,
    #[case] ready: &str,
    #[values(Moment::NotTried, Moment::Withdrawn, Moment::Postponed, Moment::Down)] moment: Moment,
) {
    let mut life = Life::in_sync();
    match moment {
        Moment::NotTried => {}
        Moment::Withdrawn => drop(life.pass(see, |_| Outcome::Withdrawn)),
        Moment::Postponed => drop(life.pass(see, |step| match step {
            Step::Push(_) => Outcome::Postponed(seconds(1)),
            _ => Outcome::Withdrawn,
        })),
        Moment::Down => life.restart(),
    }
    suspend(&mut life, true);
    for _ in 0..2 {
        let report = life.rests(see);
        assert_eq!(life.conditions(), [format!("Ready={ready}/Suspended")]);
        assert_eq!(life.message(READY).contains("was not pushed before"), ready == "False");
        assert_eq!(report.requeue_after, None);
        // Another process finds the same.
        life.restart();
    }
    // What comes to be later is not of the suspension.
    let before = life.status.clone();
    life.rests(as_found);
    life.rests(rotated);
    assert_eq!(life.status, before);
    suspend(&mut life, false);
    life.push_succeeds(rotated);
    assert_eq!(life.ready(), "True/Synced");
}

/// A repetition found that AI Core has nothing of the name, and was stopped before it created it.
#[test]
fn what_was_found_absent_is_not_called_current() {
    let mut life = Life::in_sync();
    life.object.requested_at = Some("1".into());
    let before = life.status.clone();
    life.pass(as_found, |_| Outcome::FoundAbsent);
    assert_eq!(life.conditions(), ["Ready=False/RemoteMissing", "Reconciling=True/Progressing"]);
    assert_eq!(life.status.last_handled_reconcile_at, None, "nothing was answered");
    suspend(&mut life, true);
    life.restart();
    life.rests(as_found);
    assert_eq!(life.ready(), "False/Suspended");
    suspend(&mut life, false);
    life.push_succeeds(as_found);
    assert_eq!(life.ready(), "True/Synced");
    // Of a rotation it says nothing that the version does not say.
    let mut life = Life::in_sync();
    let (_, report) = life.pass(rotated, |_| Outcome::FoundAbsent);
    assert_eq!((report.status, &life.status), (None, &before));
}

/// What was found out of sync is pushed after the suspension also where the Secret has come back to what it was.
#[test]
fn what_was_out_of_date_is_pushed_afterwards() {
    let mut life = Life::in_sync();
    suspend(&mut life, true);
    life.rests(rotated);
    suspend(&mut life, false);
    life.push_succeeds(as_found);
    assert_eq!(life.ready(), "True/Synced");
}

/// The process ended between the announcement of the first push and its answer.
#[test]
fn what_may_have_arrived_is_not_called_unsent() {
    let mut life = Life::new();
    crate::domain::decide::arrival::set_tenant(&mut life.status, &tenant("one"));
    suspend(&mut life, true);
    life.rests(as_found);
    assert_eq!(life.ready(), "Unknown/Suspended");
    assert!(life.message(READY).ends_with("is not known"), "{}", life.message(READY));
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
