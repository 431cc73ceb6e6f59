use std::sync::Arc;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::testing::*;

const NOW: i64 = LAST_SYNC + 60;

fn moment(second: i64) -> Option<Moment> {
    Moment::of(at(second))
}

fn now_at(second: i64) -> Now {
    Now { wall: at(second), ..a_minute_later() }
}

/// Of an object whose turns are noted at once.
fn prompt() -> Object {
    let mut number = 0;
    loop {
        let uid = format!("uid-{number}");
        if spread_place(&uid, SPREAD_WINDOW).is_zero() {
            return Object { uid: uid.into(), ..an_object() };
        }
        number += 1;
    }
}

/// The registry credential lives from `NOW` until so many seconds later.
fn with_credential(life: i64) -> AICoreRegistrySecretStatus {
    let mut status = a_status_in_sync();
    keep_credential(&mut status, Some(at(NOW + life)), at(NOW));
    status
}

fn validity(from: i64, to: i64) -> Validity {
    Validity { not_before: at(from), not_after: at(to) }
}

/// Type and reason of the conditions that speak of lives.
fn told(status: &AICoreRegistrySecretStatus) -> Vec<(&str, &str)> {
    let lives = |condition: &&Condition| [EXPIRING, EXPIRED].contains(&&*condition.type_);
    let told = status.conditions.iter().filter(lives);
    told.map(|condition| (&*condition.type_, &*condition.reason)).collect()
}

#[test]
fn the_last_part_of_a_life_is_a_fifth_of_it() {
    let status = with_credential(1000);
    assert_eq!(status.credential_expires_at, moment(NOW + 1000));
    assert_eq!(status.credential_expiring_from, moment(NOW + 800));
    let mut status = a_status_in_sync();
    keep_service_key(&mut status, &an_object(), Some(validity(NOW - 500, NOW + 500)), at(NOW));
    assert_eq!(status.service_key_expires_at, moment(NOW + 500));
    assert_eq!(status.service_key_expiring_from, moment(NOW + 300));
}

#[test]
fn a_life_is_counted_from_when_its_end_was_first_seen() {
    let mut status = with_credential(1000);
    let first = status.clone();
    keep_credential(&mut status, Some(at(NOW + 1000)), at(NOW + 700));
    assert_eq!(status, first, "a repetition is no new life");
    keep_credential(&mut status, Some(at(NOW + 2000)), at(NOW + 1500));
    assert_eq!(status.credential_expiring_from, moment(NOW + 1900));
    keep_credential(&mut status, Some(at(NOW + 100)), at(NOW + 1500));
    assert_eq!(
        status.credential_expiring_from,
        moment(NOW + 100),
        "what ended before it was seen is all end"
    );
    keep_credential(&mut status, None, at(NOW + 1500));
    assert_eq!(status, a_status_in_sync());
}

#[rstest]
#[case::of_long_ago(validity(NOW - 5000, NOW - 400 * 86_400))]
#[case::of_no_end(validity(NOW - 5000, NOW + 4000 * 86_400))]
fn a_certificate_whose_end_cannot_be_meant_does_not_count(#[case] validity: Validity) {
    let mut status = a_status_in_sync();
    keep_service_key(&mut status, &an_object(), Some(validity), at(NOW));
    assert_eq!(status, a_status_in_sync());
}

/// Each turn is written once, with an event, and nothing else is.
#[test]
fn a_life_turns_twice() {
    let (object, mut status) = (prompt(), with_credential(1000));
    let mut written = Vec::new();
    for second in (NOW..NOW + 2000).step_by(10) {
        if let Some((next, events)) = turned(&object, &status, now_at(second)) {
            let reasons: Vec<&str> = events.iter().map(|event| event.reason).collect();
            written.push((second - NOW, reasons.concat()));
            assert!(events.iter().all(|event| event.warning));
            status = next;
        }
    }
    assert_eq!(written, [(800, EXPIRING.to_owned()), (1000, EXPIRED.to_owned())]);
    assert_eq!(told(&status), [(EXPIRED, CREDENTIAL)]);
    let condition = condition::find(&status.conditions, EXPIRED).unwrap();
    assert_eq!(condition.last_transition_time.0, at(NOW + 1000));
    assert_eq!(condition.status, "True");
    // A newer credential takes it away.
    keep_credential(&mut status, Some(at(NOW + 9000)), at(NOW + 2000));
    let (renewed, events) = turned(&object, &status, now_at(NOW + 2000)).unwrap();
    assert_eq!((told(&renewed), events), (Vec::new(), Vec::new()));
}

/// The other conditions stay as they are, in their order.
#[test]
fn ready_has_nothing_to_do_with_it() {
    let (object, status) = (prompt(), with_credential(1000));
    let (next, _) = turned(&object, &status, now_at(NOW + 5000)).unwrap();
    assert_eq!(next.conditions[..status.conditions.len()], status.conditions);
    let rest = AICoreRegistrySecretStatus { conditions: status.conditions.clone(), ..next };
    assert_eq!(rest, status);
}

#[test]
fn a_condition_says_whose_life_it_is_and_what_to_do() {
    let object = prompt();
    let mut status = with_credential(1000);
    keep_service_key(&mut status, &an_object(), Some(validity(NOW, NOW + 1000)), at(NOW));
    let (next, events) = turned(&object, &status, now_at(NOW + 900)).unwrap();
    assert_eq!(told(&next), [(EXPIRING, BOTH)]);
    let message = &condition::find(&next.conditions, EXPIRING).unwrap().message;
    for part in ["Secret \"registry\"", "Secret \"aicore-key\"", &at(NOW + 1000).to_string()] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(events, [Event { warning: true, reason: EXPIRING, note: message.clone() }]);

    // One of them ends sooner.
    keep_service_key(&mut status, &an_object(), Some(validity(NOW, NOW + 850)), at(NOW));
    let (next, events) = turned(&object, &status, now_at(NOW + 900)).unwrap();
    assert_eq!(told(&next), [(EXPIRING, CREDENTIAL), (EXPIRED, SERVICE_KEY)]);
    assert_eq!(events.len(), 2);
    let (next, events) = turned(&object, &both_expiring(&object), now_at(NOW + 1000)).unwrap();
    assert_eq!(told(&next), [(EXPIRING, SERVICE_KEY), (EXPIRED, CREDENTIAL)]);
    assert_eq!(events.len(), 1, "what is left of what was said is no news");
}

/// Of which both are in their last part, as was said; the credential ends first.
fn both_expiring(object: &Object) -> AICoreRegistrySecretStatus {
    let mut status = with_credential(1000);
    keep_service_key(&mut status, &an_object(), Some(validity(NOW, NOW + 1100)), at(NOW));
    let (next, events) = turned(object, &status, now_at(NOW + 900)).unwrap();
    assert_eq!((told(&next), events.len()), (vec![(EXPIRING, BOTH)], 1));
    next
}

#[test]
fn what_is_said_already_is_not_said_again() {
    let object = prompt();
    let mut status = with_credential(1000);
    keep_service_key(&mut status, &an_object(), Some(validity(NOW, NOW + 850)), at(NOW));
    let (next, _) = turned(&object, &status, now_at(NOW + 900)).unwrap();
    assert_eq!(told(&next), [(EXPIRING, CREDENTIAL), (EXPIRED, SERVICE_KEY)]);
    let (next, events) = turned(&object, &next, now_at(NOW + 1000)).unwrap();
    assert_eq!(told(&next), [(EXPIRED, BOTH)]);
    assert_eq!(events.len(), 1);
}

/// So that thousands whose lives end in the same second do not write in the same second.
#[test]
fn turns_are_spread_over_resources() {
    let turns: std::collections::BTreeSet<Duration> = (0..200)
        .map(|number| {
            let uid = format!("{number:08}-8c4f-4b1e-9d2a-6f3e5a7b9c1d");
            let object = Object { uid: Arc::from(uid), ..an_object() };
            let lives = Lives::of(&object, &with_credential(43_200));
            lives.next_turn(at(NOW)).unwrap()
        })
        .collect();
    assert!(turns.len() > 150, "{}", turns.len());
    let (first, last) = (turns.first().unwrap(), turns.last().unwrap());
    assert!(*first >= seconds(34_560) && *last < seconds(34_560) + SPREAD_WINDOW, "{first:?} {last:?}");
}

proptest! {
    /// Whoever waits as long as it says finds that it has turned, exactly then, and not before; and that it ends at some time.
    #[test]
    fn the_wait_ends_at_the_turn(
        life in prop::option::of(1_i64..100_000),
        key in prop::option::of((1_i64..100_000, 1_i64..100_000)),
        uid in "[a-z]{1,8}",
    ) {
        let object = Object { uid: uid.into(), ..an_object() };
        let mut status = a_status_in_sync();
        keep_credential(&mut status, life.map(|life| at(NOW + life)), at(NOW));
        keep_service_key(&mut status, &object, key.map(|(before, after)| validity(NOW - before, NOW + after)), at(NOW));
        let mut now = at(NOW);
        if let Some((next, _)) = turned(&object, &status, now_at(NOW)) {
            status = next;
        }
        let mut turns = 0;
        while let Some(wait) = Lives::of(&object, &status).next_turn(now) {
            prop_assert!(!wait.is_zero());
            let just_before = Now { wall: now.checked_add(wait.saturating_sub(Duration::from_nanos(1))).unwrap(), ..a_minute_later() };
            prop_assert!(turned(&object, &status, just_before).is_none());
            now = now.checked_add(wait).unwrap();
            let (next, events) = turned(&object, &status, Now { wall: now, ..a_minute_later() }).unwrap();
            prop_assert!(!events.is_empty());
            status = next;
            turns += 1;
        }
        prop_assert!(turns <= 4);
        prop_assert_eq!(status.credential_expires_at.is_some() || status.service_key_expires_at.is_some(), !told(&status).is_empty());
        let at_last = turned(&object, &status, Now { wall: now, ..a_minute_later() });
        prop_assert_eq!(at_last, None);
    }
}

/// Fifty resources that share a key would say fifty times what one person has to do.
#[test]
fn a_shared_key_is_told_of_by_its_tenant_alone() {
    let ends_soon = validity(NOW - 900, NOW + 100);
    for (tenant, told) in [(None, moment(NOW + 100)), (Some("shared"), None)] {
        let object = an_object().with_spec(|spec| {
            spec.tenant_ref = tenant.map(|name| crate::api::TenantRef { name: name.to_owned() });
        });
        let mut status = a_status_in_sync();
        keep_service_key(&mut status, &object, Some(ends_soon), at(NOW));
        assert_eq!(status.service_key_expires_at, told);
        assert_eq!(turned(&object, &status, now_at(NOW)).is_some(), told.is_some());
    }
    // One that had a key of its own before says no more of that.
    let mut status = a_status_in_sync();
    keep_service_key(&mut status, &an_object(), Some(ends_soon), at(NOW));
    let shared = an_object().with_spec(|spec| {
        spec.tenant_ref = Some(crate::api::TenantRef { name: "shared".to_owned() });
    });
    keep_service_key(&mut status, &shared, Some(ends_soon), at(NOW));
    assert_eq!((status.service_key_expires_at, status.service_key_expiring_from), (None, None));
}
