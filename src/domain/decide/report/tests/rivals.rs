//! What is said of other resources: their names only to those who may see them.

use super::*;

const HIDDEN: [&str; 2] = ["team-of-others", "their-resource"];

fn elsewhere() -> ObjectKey {
    ObjectKey::new(HIDDEN[0], HIDDEN[1])
}

fn assert_hidden(text: &str) {
    assert!(text.contains("in another namespace"), "{text}");
    assert!(!HIDDEN.iter().any(|hidden| text.contains(hidden)), "{text}");
}

#[test]
fn a_conflict_names_no_resource_of_another_namespace() {
    let mut life = Life::in_sync();
    let report = life.rests(owned_by(&elsewhere()));
    for condition in &life.status.conditions {
        assert_hidden(&condition.message);
    }
    assert!(!report.events.is_empty());
    report.events.iter().for_each(|event| assert_hidden(&event.note));
    life.rests(owned_by(&key("older")));
    assert!(life.message(READY).contains("the older resource ns/older"), "{}", life.message(READY));
}

#[test]
fn a_handover_names_no_resource_of_another_namespace() {
    let (object, status) = (an_object(), a_status_in_sync());
    let observed = an_observation(&object, &status);
    let step = Step::LetGo(LetGo::HandedOver(elsewhere()));
    let report = report(&observed, &step, Outcome::LetGo, observed.now.uptime, JITTER);
    assert_hidden(&report.events.first().unwrap().note);
    assert_eq!(step.rival(), Some(&elsewhere()), "for the log");
}

/// Its key is refused, and another one that has proof has pushed over it.
fn displaced_by(other: ObjectKey) -> impl Fn(&mut Observed<'_>) {
    move |observed| {
        observed.ownership = Ownership::Owner { successor: Some(other.clone()) };
        observed.overwritten = true;
    }
}

/// AI Core has refused the key, and nothing had changed but that.
fn fallen() -> Life {
    let mut life = Life::in_sync();
    life.now = resync_due_after(LONG_UPTIME);
    life.push_fails(as_found, failure(Reason::AuthenticationFailed));
    assert_eq!(life.conditions(), ["Ready=True/Synced", "Stalled=True/AuthenticationFailed"]);
    life
}

const DISPLACED: [&str; 2] = ["Ready=False/RemoteConflict", "Stalled=True/AuthenticationFailed"];

#[test]
fn whoever_was_pushed_over_is_not_ready_and_says_what_to_mend() {
    let mut life = fallen();
    let report = life.rests(displaced_by(elsewhere()));
    assert_eq!(life.conditions(), DISPLACED);
    let message = life.message(READY);
    assert_hidden(message);
    assert!(message.contains("AuthenticationFailed happened"), "{message}");
    let events: Vec<_> = report.events.iter().map(|event| (event.warning, event.reason)).collect();
    assert_eq!(events, [(true, "RemoteConflict")]);
    assert_hidden(&report.events[0].note);
    // Said once, also over a restart, and after the next attempt.
    let before = life.status.clone();
    assert_eq!(life.rests(displaced_by(elsewhere())).events, []);
    life.restart();
    assert_eq!(life.rests(displaced_by(elsewhere())).events, []);
    assert_eq!(life.status, before);
    life.later(2 * HOUR);
    life.push_fails(displaced_by(elsewhere()), failure(Reason::AuthenticationFailed));
    assert_eq!(life.conditions(), DISPLACED);
    life.rests(displaced_by(key("younger")));
    assert!(life.message(READY).contains("of the resource ns/younger"), "{}", life.message(READY));
}

/// Its key is good again.
#[test]
fn whoever_was_pushed_over_pushes_with_a_good_key_at_once() {
    let mut life = fallen();
    life.rests(displaced_by(elsewhere()));
    for restarts in [false, true] {
        let mut life = Life::of(life.object.clone(), life.status.clone());
        if restarts {
            life.restart();
        }
        life.push_succeeds(|observed| {
            // Nobody knows of the other one any more.
            observed.service_key = usable("21", tenant("one"));
            observed.service_key_identity = Some("aicore-key/@21".to_owned());
        });
        assert_eq!(life.conditions(), ["Ready=True/Synced"], "{restarts}");
    }
}

#[rstest]
#[case::no_key(Reason::ServiceKeyNotFound, true)]
#[case::not_allowed(Reason::RemoteNameNotAllowed, false)]
fn so_does_one_whose_key_cannot_be_used(#[case] reason: Reason, #[case] displaced: bool) {
    let mut life = fallen();
    life.rests(|observed| {
        displaced_by(elsewhere())(observed);
        observed.service_key = unusable(reason);
        observed.digest = None;
    });
    let expected = if displaced { Reason::RemoteConflict } else { reason };
    assert_eq!(life.ready(), format!("False/{}", expected.as_str()));
}

/// What its own request may have done is not the other one's.
#[rstest]
#[case::arrived(Failure { may_have_arrived: true, ..failure(Reason::RemoteUnavailable) })]
#[case::absent(absent(Reason::QuotaExceeded))]
fn an_attempt_that_may_have_changed_it_tells_of_itself(#[case] failure: Failure) {
    let mut life = Life::in_sync();
    let reason = failure.reason;
    life.push_fails(displaced_by(elsewhere()), failure);
    assert_eq!(life.ready(), format!("False/{}", reason.as_str()));
}
