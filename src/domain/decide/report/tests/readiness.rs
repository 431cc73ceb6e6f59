//! `Ready` answers one question: does AI Core hold the credential that the Secret holds now?

use super::*;
use crate::domain::decide::plan::{Cause, Push};

fn resync_is_due(life: &mut Life) {
    life.now = resync_due_after(LONG_UPTIME);
}

#[test]
fn the_first_push() {
    let mut life = Life::new();
    life.now.wall = Timestamp::from_millisecond(LAST_SYNC * 1000 + 789).unwrap();
    let report = life.push_succeeds(|observed| observed.digest = Some(digest_of("a")));
    let expected =
        AICoreRegistrySecretStatus { conditions: life.status.conditions.clone(), ..a_status_in_sync() };
    assert_eq!(life.status, expected);
    assert_eq!(life.ready(), "True/Synced");
    assert_eq!(
        life.message(READY),
        "AI Core accepted the credential for ghcr.io as docker registry secret \"pull\""
    );
    assert_eq!(report.requeue_after, Some(HOUR));
    assert_eq!(report.outcome, PassOutcome::Updated);
    assert_eq!(report.memory.retry.backoff, None);
}

#[test]
fn what_was_left_out_is_said_as_long_as_all_is_well() {
    let remark = |observed: &mut Observed<'_>| observed.remarks = vec!["\"x\" is not sent".to_owned()];
    let said =
        "AI Core accepted the credential for ghcr.io as docker registry secret \"pull\"; \"x\" is not sent";
    let mut life = Life::in_sync();
    resync_is_due(&mut life);
    life.push_succeeds(remark);
    assert_eq!(life.message(READY), said);
    life.later(seconds(2 * 3600));
    life.push_fails(remark, failure(Reason::RemoteUnavailable));
    assert_eq!(life.message(READY), said);
}

/// The Secret's annotations, and entries that are not sent, change without a push.
#[rstest]
fn what_there_is_to_say_is_that_of_now(#[values(false, true)] failing: bool) {
    let no_time = |observed: &mut Observed<'_>| {
        observed.source = usable("11", vec!["ghcr.io".to_owned()]);
        observed.remarks = vec!["\"x\" does not count".to_owned()];
    };
    let corrected = |observed: &mut Observed<'_>| {
        observed.source = usable("12", vec!["ghcr.io".to_owned()]);
    };
    let mut life = Life::in_sync();
    if failing {
        resync_is_due(&mut life);
        life.push_fails(as_found, failure(Reason::AuthenticationFailed));
    }
    let before = life.status.clone();
    let report = life.rests(no_time);
    assert_eq!(life.message(READY), format!("{SYNCED}; \"x\" does not count"));
    assert_eq!(report.events, []);
    life.rests(corrected);
    assert_eq!(life.status, before);
}

/// What is said of a Secret that AI Core may not have is not said of what it accepted.
#[test]
fn what_was_said_stays_while_the_content_cannot_be_compared() {
    let mut life = Life::in_sync();
    life.rests(|observed| {
        observed.service_key = unusable(Reason::ServiceKeyNotFound);
        observed.digest = None;
        observed.remarks = vec!["\"x\" does not count".to_owned()];
    });
    assert_eq!(life.ready(), "True/Synced");
    assert_eq!(life.message(READY), SYNCED);
}

#[test]
fn a_creation_is_counted_apart() {
    let mut life = Life::new();
    let at = at(LAST_SYNC);
    let (_, report) = life.pass(as_found, |_| Outcome::Pushed { at, created: true });
    assert_eq!(report.outcome, PassOutcome::Created);
}

#[rstest]
#[case(Reason::AuthenticationFailed, STALLED)]
#[case(Reason::Forbidden, STALLED)]
#[case(Reason::RemoteRejected, STALLED)]
#[case(Reason::RateLimited, RECONCILING)]
#[case(Reason::RemoteUnavailable, RECONCILING)]
fn a_failed_resync_leaves_ready(#[case] reason: Reason, #[case] type_: &str) {
    let mut life = Life::in_sync();
    let before = condition::find(&life.status.conditions, READY).cloned();
    resync_is_due(&mut life);
    let report = life.push_fails(as_found, failure(reason));
    let trouble = format!("{type_}=True/{}", reason.as_str());
    assert_eq!(life.conditions(), ["Ready=True/Synced", &trouble]);
    assert_eq!(condition::find(&life.status.conditions, READY).cloned(), before);
    assert_eq!(report.events.len(), 1);
    assert_eq!(report.outcome.as_str(), reason.as_str());
    // So does the hold that follows, and so does the next failure.
    life.rests(as_found);
    assert_eq!(life.conditions(), ["Ready=True/Synced", &trouble]);
    life.later(seconds(1000));
    life.push_fails(as_found, failure(reason));
    assert_eq!(life.conditions(), ["Ready=True/Synced", &trouble]);
    // And after the next success nothing is left of it.
    life.later(seconds(1000));
    life.push_succeeds(as_found);
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
}

#[test]
fn a_forced_push_that_fails_leaves_ready_too() {
    let mut life = Life::in_sync();
    life.object.requested_at = Some("1".into());
    life.push_fails(as_found, failure(Reason::RemoteUnavailable));
    assert_eq!(life.conditions(), ["Ready=True/Synced", "Reconciling=True/RemoteUnavailable"]);
    assert_eq!(life.status.last_handled_reconcile_at.as_deref(), Some("1"));
}

#[rstest]
fn a_failed_rotation_makes_it_false_at_once(
    #[values(Reason::AuthenticationFailed, Reason::RemoteUnavailable)] reason: Reason,
) {
    let mut life = Life::in_sync();
    life.push_fails(rotated, failure(reason));
    assert_eq!(life.ready(), format!("False/{}", reason.as_str()));
}

#[test]
fn a_rotation_while_a_failed_resync_is_held_makes_it_false_at_once() {
    let mut life = Life::in_sync();
    resync_is_due(&mut life);
    life.push_fails(as_found, failure(Reason::AuthenticationFailed));
    assert_eq!(life.ready(), "True/Synced");
    life.rests(rotated);
    assert_eq!(life.ready(), "False/AuthenticationFailed");
}

#[test]
fn another_tenant_makes_it_false_although_the_credential_is_the_same() {
    let mut life = Life::in_sync();
    life.push_fails(
        |observed| observed.service_key = usable("21", tenant("two")),
        failure(Reason::RemoteUnavailable),
    );
    assert_eq!(life.ready(), "False/RemoteUnavailable");
    assert_eq!(life.status.api_url, Some(tenant("one").api_url));
}

#[rstest]
#[case(Reason::RemoteMissing)]
#[case(Reason::QuotaExceeded)]
#[case(Reason::RemoteUnavailable)]
fn a_remote_secret_that_is_gone_makes_it_false(#[case] reason: Reason) {
    let mut life = Life::in_sync();
    resync_is_due(&mut life);
    life.push_fails(as_found, absent(reason));
    assert_eq!(life.ready(), format!("False/{}", reason.as_str()));
    life.rests(as_found);
    assert_eq!(life.ready(), format!("False/{}", reason.as_str()));
    // A later failure that says nothing about it does not bring it back.
    life.later(seconds(1000));
    life.push_fails(as_found, failure(Reason::RateLimited));
    assert_eq!(life.ready(), "False/RateLimited");
    // Nor does a restart.
    life.memory = Memory::default();
    life.now.uptime = Duration::ZERO;
    life.push_fails(as_found, failure(Reason::RemoteUnavailable));
    assert_eq!(life.ready(), "False/RemoteUnavailable");
    life.push_succeeds_later();
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
}

impl Life {
    fn push_succeeds_later(&mut self) {
        self.later(seconds(1000));
        self.push_succeeds(as_found);
    }
}

#[test]
fn who_takes_over_pushes_before_it_is_ready() {
    let mut life = Life::in_sync();
    life.rests(owned_by(&key("older")));
    assert_eq!(life.ready(), "False/RemoteConflict");
    // Meanwhile the owner pushed what it had.
    let (step, _) = life.pass(as_found, |_| Outcome::Failed(failure(Reason::RemoteUnavailable)));
    assert_eq!(
        step,
        Step::Push(Push {
            cause: Cause::Unconfirmed,
            creation: crate::domain::decide::plan::Creation::IfMissing
        })
    );
    assert_eq!(life.ready(), "False/RemoteUnavailable");
    life.push_succeeds_later();
    assert_eq!(life.ready(), "True/Synced");
}

#[test]
fn a_secret_that_comes_back_unchanged_needs_no_push() {
    let mut life = Life::in_sync();
    life.rests(without_source);
    assert_eq!(life.ready(), "False/SecretNotFound");
    let report = life.rests(as_found);
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
    assert_eq!(report.outcome, PassOutcome::Unchanged);
}

#[test]
fn a_hold_is_reported_again_for_a_new_generation() {
    let mut life = Life::in_sync();
    life.push_fails(rotated, failure(Reason::AuthenticationFailed));
    assert_eq!(life.status.observed_generation, Some(1));
    life.object.generation = 2;
    let report = life.rests(rotated);
    assert_eq!(life.status.observed_generation, Some(2));
    assert_eq!(life.conditions(), ["Ready=False/AuthenticationFailed", "Stalled=True/AuthenticationFailed"]);
    for condition in &life.status.conditions {
        assert_eq!(condition.observed_generation, Some(2), "{}", condition.type_);
    }
    assert_eq!(report.events, []);
    assert_eq!(report.outcome, PassOutcome::BackingOff);
    assert_eq!(report.requeue_after, Some(seconds(900)));
    assert!(report.memory.retry.backoff.is_some());
}

#[test]
fn a_push_that_waits_for_its_turn_says_so_only_before_the_first_outcome() {
    let mut life = Life::new();
    // A short wait is worth no write: the outcome comes soon.
    let (_, report) = life.pass(as_found, |_| Outcome::Postponed(seconds(4)));
    assert_eq!((report.status, report.requeue_after), (None, Some(seconds(4))));
    let (_, report) = life.pass(as_found, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!(life.conditions(), ["Ready=Unknown/Progressing", "Reconciling=True/Progressing"]);
    assert_eq!(life.status.observed_generation, Some(-1));
    assert_eq!((report.requeue_after, report.events), (Some(NOTEWORTHY_WAIT), Vec::new()));

    let mut life = Life::in_sync();
    life.object.requested_at = Some("1".into());
    life.object.generation = 2;
    let before = life.status.clone();
    let (_, report) = life.pass(rotated, |_| Outcome::Postponed(seconds(3)));
    assert_eq!(life.status, before);
    assert_eq!((report.requeue_after, report.events), (Some(seconds(3)), Vec::new()));
}

/// After a minute in the line, a status says what is true: of a failure that stands, and of one that may be mended.
#[rstest]
#[case::the_same_again(as_found as fn(&mut Observed<'_>), &["Ready=False/RemoteRejected", "Stalled=True/RemoteRejected"])]
#[case::rotated_since(rotated, &["Ready=False/Progressing", "Reconciling=True/Progressing"])]
fn a_failure_that_may_be_mended_is_not_said_for_long(
    #[case] see: fn(&mut Observed<'_>),
    #[case] conditions: &[&str],
) {
    let mut life = Life::new();
    life.push_fails(as_found, failure(Reason::RemoteRejected));
    life.later(HOUR);
    life.pass(see, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!(life.conditions(), conditions);
    // Another process sends it as well.
    life.restart();
    life.later(HOUR);
    life.push_succeeds(see);
}

#[test]
fn a_key_that_is_mended_leaves_ready_and_waits_for_its_turn() {
    let mut life = Life::in_sync();
    life.rests(|observed| observed.service_key = unusable(Reason::ServiceKeyInvalid));
    assert_eq!(life.conditions(), ["Ready=True/Synced", "Stalled=True/ServiceKeyInvalid"]);
    life.later(HOUR * 2);
    life.pass(as_found, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!(life.conditions(), ["Ready=True/Synced", "Reconciling=True/Progressing"]);
    life.restart();
    life.push_succeeds(as_found);
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
}

/// After a long wait for its turn, a rotation has made a Ready that says otherwise untrue.
#[test]
fn a_rotation_that_waits_long_for_its_turn_makes_ready_false() {
    let mut life = Life::in_sync();
    life.pass(rotated, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!(life.conditions(), ["Ready=False/Progressing", "Reconciling=True/Progressing"]);
    // What did not change is still held, however long a repetition waits.
    let mut life = Life::in_sync();
    life.object.requested_at = Some("1".into());
    let (_, report) = life.pass(as_found, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!((report.status, report.requeue_after), (None, Some(NOTEWORTHY_WAIT)));
    // What goes is not to become anything any more.
    let mut life = Life::of(
        an_object().with_spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete)),
        a_status_in_sync(),
    );
    life.object.deleting = true;
    life.object.finalizer = true;
    let (_, report) = life.pass(rotated, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!((report.status, report.requeue_after), (None, Some(NOTEWORTHY_WAIT)));
}

#[test]
fn a_postponed_attempt_keeps_the_failure_before() {
    let mut life = Life::in_sync();
    life.push_fails(rotated, failure(Reason::RemoteUnavailable));
    life.later(seconds(1));
    let (before, backoff) = (life.status.clone(), life.memory.retry.backoff.clone());
    life.pass(rotated, |_| Outcome::Postponed(seconds(3)));
    assert_eq!((life.status, life.memory.retry.backoff), (before, backoff));
}

mod next_resync {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Within ±10 %, to the second, and never so late that a later look would shorten it.
        #[test]
        fn is_within_ten_percent(interval in 10_u64..1_000_000, millis in 0_i64..1000, resync in 0.0..=1.0_f64) {
            let object = an_object().with_spec(|spec| spec.resync_interval = Some(format!("{interval}s")));
            let status = a_new_status();
            let observed = an_observation(&object, &status);
            let at = Timestamp::from_millisecond(LAST_SYNC * 1000 + millis).unwrap();
            let step = plan(&observed).step;
            let report = report(
                &observed,
                &step,
                Outcome::Pushed { at, created: false },
                observed.now.uptime,
                Jitter { retry: 0.5, resync },
            );
            let status = report.status.unwrap();
            let last = status.last_sync_time.clone().unwrap().0;
            let next = status.next_resync_time.clone().unwrap().0;
            prop_assert_eq!((last.as_second(), last.subsec_nanosecond()), (LAST_SYNC, 0));
            prop_assert_eq!(next.subsec_nanosecond(), 0);
            let after = Duration::try_from(next.duration_since(last)).unwrap();
            let interval = Duration::from_secs(interval);
            prop_assert!(after + seconds(1) > interval.mul_f64(0.9));
            prop_assert!(after <= interval.mul_f64(1.1));
            prop_assert_eq!(crate::domain::decide::resync::next(&status, interval), Some(next));
            // The timer goes off when it is due, not shortly before.
            prop_assert!(report.requeue_after.unwrap() >= after);
        }
    }

    #[rstest]
    #[case::earliest(0.0, 3240)]
    #[case::middle(0.5, 3600)]
    #[case::latest(1.0, 3960)]
    fn follows_the_dice(#[case] resync: f64, #[case] after: i64) {
        let (object, status) = (an_object(), a_new_status());
        let observed = an_observation(&object, &status);
        let outcome = Outcome::Pushed { at: at(LAST_SYNC), created: false };
        let jitter = Jitter { retry: 0.5, resync };
        let report = report(&observed, &plan(&observed).step, outcome, observed.now.uptime, jitter);
        assert_eq!(report.status.unwrap().next_resync_time, Some(Time(at(LAST_SYNC + after))));
    }

    #[test]
    fn goes_with_the_interval() {
        let mut life = Life::in_sync();
        life.spec(|spec| spec.resync_interval = Some("0s".to_owned()));
        let report = life.rests(as_found);
        assert_eq!(life.status.next_resync_time, None);
        assert_eq!(report.requeue_after, None);
        life.spec(|spec| spec.resync_interval = Some("10m".to_owned()));
        let report = life.rests(as_found);
        assert_eq!(life.status.next_resync_time, Some(Time(at(LAST_SYNC + 660))));
        assert_eq!(report.requeue_after, Some(seconds(600)));
        life.spec(|spec| spec.resync_interval = Some("10h".to_owned()));
        life.rests(as_found);
        assert_eq!(life.status.next_resync_time, Some(Time(at(LAST_SYNC + 660))));
    }

    #[test]
    fn is_none_when_the_push_is_the_only_one() {
        let mut life = Life::new();
        life.spec(|spec| spec.resync_interval = Some("0s".to_owned()));
        let report = life.push_succeeds(as_found);
        assert_eq!((report.requeue_after, life.status.next_resync_time), (None, None));
    }
}
