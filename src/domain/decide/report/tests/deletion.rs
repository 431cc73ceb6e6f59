use super::*;
use crate::api::DeletionPolicy;

fn dying(status: AICoreRegistrySecretStatus) -> Life {
    let mut life =
        Life::of(an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete)), status);
    life.object.deleting = true;
    life.object.finalizer = true;
    life.object.generation = 2;
    life
}

fn without_key(observed: &mut Observed<'_>) {
    observed.service_key = unusable(Reason::ServiceKeyNotFound);
    observed.service_key_identity = None;
}

#[test]
fn a_deleted_remote_secret_ends_the_story() {
    let mut life = dying(a_status_in_sync());
    let (step, report) = life.pass(as_found, |_| Outcome::RemoteDeleted);
    assert_eq!(step, Step::DeleteRemote { forced: false });
    assert_eq!(
        report,
        Report {
            status: None,
            events: Vec::new(),
            memory: Memory { synced: life.memory.synced, ..Memory::default() },
            requeue_after: None,
            source_answered: None,
            leaving: None,
            outcome: PassOutcome::Deleted
        }
    );
}

#[rstest]
#[case::refused(Reason::AuthenticationFailed, 60)]
#[case::unavailable(Reason::RemoteUnavailable, 0)]
fn a_failed_deletion_is_tried_again_soon(#[case] reason: Reason, #[case] after: u64) {
    let mut life = dying(a_status_after_failed_resync(Reason::Forbidden));
    let (_, report) = life.pass(as_found, |_| Outcome::Failed(failure(reason)));
    assert_eq!(life.conditions(), ["Ready=True/Synced", "Reconciling=True/Deleting"]);
    let message = life.message(RECONCILING);
    assert!(message.contains(&format!("{} happened", reason.as_str())));
    assert!(message.contains("aicore-registry.dev/abandon-remote=true"));
    assert_eq!(life.status.observed_generation, Some(2));
    assert_eq!(report.requeue_after.unwrap().as_secs(), after);
    assert!(report.requeue_after.unwrap() <= LONGEST_WHILE_DELETING);
    assert_eq!(report.events.len(), 1);
    // The hold says the same.
    let before = life.status.clone();
    let report = life.rests(as_found);
    assert_eq!((life.status, report.events), (before, Vec::new()));
}

#[test]
fn retry_after_does_not_hold_a_deletion_longer_than_a_minute() {
    let mut life = dying(a_status_in_sync());
    let asked = Failure { retry_after: Some(HOUR), ..failure(Reason::RateLimited) };
    let (_, report) = life.pass(as_found, |_| Outcome::Failed(asked));
    assert_eq!(report.requeue_after, Some(LONGEST_WHILE_DELETING));
}

#[test]
fn a_missing_service_key_is_looked_for_again_and_said() {
    let mut life = dying(a_status_in_sync());
    let report = life.rests(without_key);
    assert_eq!(life.conditions(), ["Ready=True/Synced", "Reconciling=True/Deleting"]);
    assert!(life.message(RECONCILING).contains("ServiceKeyNotFound happened"));
    assert_eq!(report.requeue_after, Some(seconds(15)));
    assert_eq!(report.outcome.as_str(), "Deleting");
    let (_, report) = life.pass(
        |observed| {
            without_key(observed);
            observed.namespace = NamespaceState::Terminating;
        },
        |_| Outcome::LetGo,
    );
    assert_eq!(report.status, None);
    assert_eq!(report.events[0].reason, "RemoteOrphaned");
}

/// A resource without any outcome may have been pushed; that must not be forgotten by saying `Deleting`.
#[test]
fn what_may_have_been_pushed_stays_so() {
    let mut life = dying(a_new_status());
    life.rests(without_key);
    assert_eq!(life.conditions(), ["Ready=Unknown/Progressing", "Reconciling=True/Deleting"]);
    let (step, _) = life.pass(as_found, |_| Outcome::RemoteDeleted);
    assert_eq!(step, Step::DeleteRemote { forced: false });
}

#[rstest]
#[case(LetGo::Retained, None)]
#[case(LetGo::NeverPushed, None)]
#[case(LetGo::Suspended, Some((false, "RemoteRetained")))]
#[case(LetGo::Abandoned, Some((true, "RemoteAbandoned")))]
#[case(LetGo::HandedOver(key("successor")), Some((false, "RemoteHandedOver")))]
#[case(LetGo::TenantChanged, Some((true, "RemoteOrphaned")))]
#[case(LetGo::Orphaned, Some((true, "RemoteOrphaned")))]
fn each_way_to_let_go_has_its_event(#[case] why: LetGo, #[case] expected: Option<(bool, &str)>) {
    let life = dying(a_status_in_sync());
    let observed = an_observation(&life.object, &life.status);
    let orphaned = why == LetGo::TenantChanged || why == LetGo::Orphaned;
    let handed_over = matches!(why, LetGo::HandedOver(_));
    let report = report(&observed, &Step::LetGo(why), Outcome::LetGo, observed.now.uptime, JITTER);
    assert_eq!((report.status, report.requeue_after, report.outcome), (None, None, PassOutcome::Released));
    let events: Vec<_> = report.events.iter().map(|event| (event.warning, event.reason)).collect();
    assert_eq!(events, expected.into_iter().collect::<Vec<_>>());
    for event in &report.events {
        assert!(event.note.contains("\"pull\""), "{}", event.note);
        assert_eq!(event.note.contains(&tenant("one").api_url), orphaned, "{}", event.note);
        assert_eq!(event.note.contains("ns/successor"), handed_over, "{}", event.note);
    }
}

/// Of what was never there nobody says that it stays.
#[test]
fn a_suspended_one_that_never_pushed_retains_nothing() {
    let life = dying(a_status_saying("Unknown", Reason::Suspended, None));
    let status = AICoreRegistrySecretStatus { last_sync_time: None, api_url: None, ..life.status.clone() };
    let observed = Observed { status: &status, ..an_observation(&life.object, &life.status) };
    let report =
        report(&observed, &Step::LetGo(LetGo::Suspended), Outcome::LetGo, observed.now.uptime, JITTER);
    assert_eq!(report.events, []);
}

/// Nothing is said while a successor is about to push, and the wait is remembered.
#[test]
fn a_handover_waits_for_the_successor() {
    let mut life = dying(a_status_in_sync());
    let began = life.now.uptime;
    let see = |observed: &mut Observed<'_>| {
        observed.ownership = Ownership::Owner { successor: Some(key("successor")) };
        observed.takeover = Takeover::Expected;
    };
    let mut waits = 0;
    loop {
        let (step, report) = life.pass(see, |step| match step {
            Step::DeleteRemote { .. } => Outcome::RemoteDeleted,
            _ => Outcome::NothingSent,
        });
        if step == (Step::DeleteRemote { forced: false }) {
            break;
        }
        assert_eq!((report.status, report.events), (None, Vec::new()));
        waits += 1;
        life.later(report.requeue_after.unwrap());
    }
    assert_eq!(life.now.uptime.saturating_sub(began), seconds(15));
    assert!(waits > 5, "{waits}");
}

#[test]
fn without_the_finalizer_nothing_is_said() {
    let mut life = dying(a_status_in_sync());
    life.object.finalizer = false;
    let report = life.rests(as_found);
    assert_eq!((report.status, report.requeue_after, report.events), (None, None, Vec::new()));
}
