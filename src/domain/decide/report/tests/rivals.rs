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
