//! Tests of the decision of one candidate, and of what several of them add up to.

use super::*;
use crate::domain::testing::{at, seconds};

mod rivals;

const DURATION: Duration = Duration::from_secs(15);

fn me() -> Candidate {
    Candidate { identity: "me".to_owned(), duration: DURATION }
}

fn now(uptime: u64) -> Now {
    Now { wall: at(1_000_000), uptime: seconds(uptime), leading: Duration::ZERO }
}

fn held_by(holder: &str, renewed: i64) -> Record {
    Record {
        holder: holder.to_owned(),
        duration: Some(DURATION),
        acquired: Some(at(7)),
        renewed: Some(at(renewed)),
        transitions: 4,
    }
}

/// After these looks at the Lease, each with its time since the start of the process.
fn view(looks: &[(u64, Option<Record>)]) -> View {
    let mut view = View::default();
    looks.iter().for_each(|(uptime, record)| view.see(record.clone(), Duration::ZERO, seconds(*uptime)));
    view
}

fn written(decision: Decision) -> Record {
    match decision {
        Decision::Acquire(record) | Decision::Renew(record) => record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_lease_that_does_not_exist_or_has_no_holder_is_taken_at_once() {
    let first = Record { acquired: Some(at(1_000_000)), transitions: 0, ..held_by("me", 1_000_000) };
    assert_eq!(view(&[(3, None)]).decide(&me(), now(3)), Decision::Acquire(first.clone()));
    assert_eq!(View::default().decide(&me(), now(3)), Decision::Acquire(first.clone()));
    let next = Record { transitions: 5, ..first };
    assert_eq!(view(&[(3, Some(held_by("", 9)))]).decide(&me(), now(3)), Decision::Acquire(next));
}

#[test]
fn a_holder_has_the_whole_duration_from_when_it_was_last_seen_to_renew() {
    let looks =
        [(3, Some(held_by("other", 1))), (8, Some(held_by("other", 1))), (9, Some(held_by("other", 2)))];
    let view = view(&looks);
    assert_eq!(view.holder(), "other");
    assert_eq!(view.decide(&me(), now(9)), Decision::Wait(DURATION));
    assert_eq!(view.decide(&me(), now(23)), Decision::Wait(seconds(1)));
    assert_eq!(
        view.decide(&me(), now(24)),
        Decision::Acquire(Record {
            acquired: Some(at(1_000_000)),
            transitions: 5,
            ..held_by("me", 1_000_000)
        })
    );
}

/// The holder's clock may be years ahead or behind, or go backwards.
#[test]
fn the_time_of_the_renewal_only_tells_that_there_was_one() {
    for renewed in [-2_000_000_000, 0, 1_000_000, 4_000_000_000] {
        let view = view(&[(3, Some(held_by("other", 5))), (9, Some(held_by("other", renewed)))]);
        assert_eq!(view.decide(&me(), now(10)), Decision::Wait(seconds(14)), "{renewed}");
        assert!(matches!(view.decide(&me(), now(24)), Decision::Acquire(_)), "{renewed}");
    }
}

#[test]
fn the_duration_that_the_holder_wrote_counts() {
    let longer = Record { duration: Some(seconds(60)), ..held_by("other", 1) };
    assert_eq!(view(&[(0, Some(longer))]).decide(&me(), now(15)), Decision::Wait(seconds(45)));
    let silent = Record { duration: None, ..held_by("other", 1) };
    assert_eq!(view(&[(0, Some(silent))]).decide(&me(), now(14)), Decision::Wait(seconds(1)));
}

#[test]
fn a_lease_of_ones_own_is_renewed_and_keeps_its_history() {
    let own = held_by("me", 1);
    let renewed = Decision::Renew(held_by("me", 1_000_000));
    assert_eq!(view(&[(0, Some(own.clone()))]).decide(&me(), now(2)), renewed);
    assert_eq!(view(&[(0, Some(own.clone()))]).decide(&me(), now(1000)), renewed, "nobody else took it");
    assert_eq!(view(&[(0, Some(own)), (5, None)]).decide(&me(), now(5)), renewed, "deleted by hand");
}

/// Its holder does not know yet that it was deleted.
#[test]
fn a_lease_that_was_deleted_stands_until_it_would_have_expired() {
    let view = view(&[(0, Some(held_by("other", 1))), (5, None)]);
    assert_eq!(view.decide(&me(), now(5)), Decision::Wait(seconds(10)));
    assert!(matches!(view.decide(&me(), now(15)), Decision::Acquire(_)));
}

#[test]
fn only_ones_own_lease_is_given_back() {
    let own = view(&[(0, Some(held_by("me", 1)))]);
    let free = own.give_back(&me(), at(9)).unwrap();
    assert_eq!((&*free.holder, free.duration, free.transitions), ("", Some(seconds(1)), 4));
    assert_eq!(written(view(&[(0, Some(free))]).decide(&me(), now(0))).transitions, 5);
    assert_eq!(view(&[(0, Some(held_by("other", 1)))]).give_back(&me(), at(9)), None);
    assert_eq!(View::default().give_back(&me(), at(9)), None);
}

/// A container of a pod that starts again finds the Lease that the one before it has left.
#[test]
fn the_lease_of_an_earlier_container_of_the_pod_is_taken_back_at_once() {
    let view = view(&[(0, Some(held_by("me", 9)))]);
    let renewed = Record { acquired: Some(at(7)), ..held_by("me", 1_000_000) };
    assert_eq!(view.decide(&me(), now(0)), Decision::Renew(renewed));
}

/// Its pod was deleted by force, and may still run on a node that is away; the one in its place has another UID.
#[test]
fn the_lease_of_another_pod_is_waited_for() {
    let view = view(&[(0, Some(held_by("me-before", 9)))]);
    assert_eq!(view.decide(&me(), now(0)), Decision::Wait(DURATION));
}

#[test]
fn who_finds_a_renewal_of_its_own_identity_that_it_did_not_ask_for_leads_no_longer() {
    let mut view = view(&[(0, Some(held_by("me", 9)))]);
    let own = written(view.decide(&me(), now(0)));
    view.asks(own.clone());
    view.see(Some(held_by("me", 10)), Duration::ZERO, seconds(1));
    assert_eq!(written(view.decide(&me(), now(1))), own, "what an earlier process had under way");
    view.asks(own.clone());
    view.wrote(own.clone(), seconds(1));
    let asked = held_by("me", 11);
    view.asks(asked.clone());
    for record in [own, asked] {
        view.see(Some(record), Duration::ZERO, seconds(2));
        assert!(matches!(view.decide(&me(), now(2)), Decision::Renew(_)), "its answer was lost");
    }
    view.see(Some(held_by("me", 12)), Duration::ZERO, seconds(3));
    assert_eq!(view.decide(&me(), now(3)), Decision::SameIdentity);
    assert_eq!(view.give_back(&me(), at(9)), None, "it is the other's");
}

/// As a Lease keeps its times: in microseconds. What was written and had no answer is read.
#[test]
fn a_renewal_of_ones_own_is_known_by_what_the_lease_keeps_of_it() {
    let wall = jiff::Timestamp::new(1_000_000, 123_456_789).unwrap();
    let now = |uptime| Now { wall, ..now(uptime) };
    let mut view = View::default();
    let first = written(view.decide(&me(), now(0)));
    view.asks(first.clone());
    view.wrote(first, seconds(0));
    let asked = written(view.decide(&me(), now(1)));
    view.asks(asked.clone());
    let kept = |time: Option<jiff::Timestamp>| {
        time.map(|time| jiff::Timestamp::from_microsecond(time.as_microsecond()).unwrap())
    };
    let kept = Record { acquired: kept(asked.acquired), renewed: kept(asked.renewed), ..asked };
    view.see(Some(kept), Duration::ZERO, seconds(2));
    assert!(matches!(view.decide(&me(), now(2)), Decision::Renew(_)), "it is no other process's");
}

/// A release that was removed lost its rights before it could give the Lease back.
#[test]
fn a_lease_that_was_silent_for_long_by_the_clock_of_the_api_server_is_taken_at_once() {
    for (silent, taken) in [(0, false), (15, false), (29, false), (30, true), (86_400, true)] {
        let mut view = View::default();
        view.see(Some(held_by("removed", 9)), seconds(silent), seconds(0));
        assert_eq!(matches!(view.decide(&me(), now(0)), Decision::Acquire(_)), taken, "{silent}");
    }
    let mut renewed = View::default();
    renewed.see(Some(held_by("away", 9)), seconds(60), seconds(0));
    renewed.see(Some(held_by("away", 10)), Duration::ZERO, seconds(1));
    assert_eq!(renewed.decide(&me(), now(1)), Decision::Wait(DURATION), "it is back");
}
