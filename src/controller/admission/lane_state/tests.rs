use super::*;
use crate::domain::testing::{key, seconds};

const MOST: usize = 8;
const UNHEARD: Access = Access::Shared(Crowd::Unheard);
const LATE: Access = Access::Shared(Crowd::Late);
const SILENT: Access = Access::Shared(Crowd::Silent);
const SOON: Duration = Duration::from_millis(100);

fn places(lane: &mut LaneState, now: Duration) -> usize {
    lane.in_flight = 0;
    while lane.admits(now, MOST, false, Standing::Next) {
        lane.in_flight += 1;
    }
    lane.in_flight
}

#[test]
fn places_grow_with_answers_and_start_anew_after_silence() {
    let mut lane = LaneState::new(UNHEARD);
    let now = seconds(10);
    assert_eq!((places(&mut lane, now), lane.access()), (1, UNHEARD));
    lane.answered(SOON, false, now, MOST);
    assert_eq!((places(&mut lane, now), lane.access()), (2, Access::Open));
    (0..20).for_each(|_| lane.answered(SOON, true, now, MOST));
    assert_eq!(places(&mut lane, now), MOST);
    assert_eq!(places(&mut lane, now + PATIENCE), AFTER_IDLE);
}

#[test]
fn only_answers_tell_that_a_lane_is_late_and_only_the_api_that_it_no_longer_is() {
    let mut lane = LaneState::new(Access::Open);
    lane.keeps_waiting();
    assert_eq!(lane.access(), Access::Open, "it may be slow");
    lane.keeps_one_less_waiting();
    lane.answered(IN_TIME, true, seconds(1), MOST);
    assert_eq!(lane.access(), Access::Open);
    lane.answered(seconds(10), true, seconds(1), MOST);
    assert_eq!(lane.access(), LATE);
    lane.answered(SOON, false, seconds(1), MOST);
    assert_eq!(lane.access(), LATE, "a token is no sign that the API answers in time again");
    assert_eq!(places(&mut lane, seconds(100)), 4, "it is slow, and answers");
    lane.answered(SOON, true, seconds(1), MOST);
    assert_eq!(lane.access(), Access::Open);
}

#[test]
fn who_is_not_answered_is_among_those_like_it() {
    let mut answered_before = LaneState::new(Access::Open);
    answered_before.was_silent(&key("a"));
    answered_before.was_silent(&key("a"));
    assert_eq!(answered_before.access(), Access::Open, "this may be a matter of that resource");
    answered_before.was_silent(&key("b"));
    assert_eq!((places(&mut answered_before, seconds(1)), answered_before.access()), (1, SILENT));
    answered_before.answered(SOON, false, seconds(1), MOST);
    assert_eq!(answered_before.access(), SILENT);
    answered_before.answered(SOON, true, seconds(1), MOST);
    assert_eq!(answered_before.access(), Access::Open);
    answered_before.was_silent(&key("a"));
    assert_eq!(answered_before.access(), Access::Open, "the API has answered in between");

    for begins in [UNHEARD, SILENT] {
        let mut lane = LaneState::new(begins);
        lane.answered(SOON, true, seconds(1), MOST);
        assert_eq!(lane.access(), Access::Open);
        lane.was_silent(&key("a"));
        assert_eq!(lane.access(), begins);
    }
}

#[test]
fn whoever_is_kept_waiting_keeps_others_from_trying_only_by_the_places_of_the_lane() {
    let mut lane = LaneState::new(Access::Open);
    for _ in 0..MOST + reserve(MOST) {
        assert!(lane.admits(seconds(1), MOST, false, Standing::Next));
        lane.in_flight += 1;
        lane.keeps_waiting();
    }
    assert!(!lane.admits(seconds(1), MOST, false, Standing::Next));
}

#[test]
fn where_many_wait_for_long_a_lane_that_nobody_answers_has_few_that_do() {
    let mut lane = LaneState::new(Access::Open);
    for kept_waiting in 0..MOST {
        assert_eq!(
            lane.admits(seconds(1), MOST, true, Standing::Next),
            kept_waiting < AFTER_IDLE + OVERTAKEN
        );
        lane.in_flight += 1;
        lane.keeps_waiting();
    }
    assert!(!lane.admits(seconds(1), MOST, true, Standing::Next));
    assert!(lane.admits(seconds(1), MOST, false, Standing::Next));
    lane.answered(SOON, true, seconds(1), MOST);
    assert!(lane.admits(seconds(1), MOST, true, Standing::Next), "it is a matter of those resources");
}

#[test]
fn in_an_outage_one_probe_follows_the_other_at_growing_distances() {
    let mut lane = LaneState::new(UNHEARD);
    lane.answered(SOON, true, seconds(0), MOST);
    lane.was_available(false, &key("a"), seconds(0));
    lane.was_available(false, &key("a"), seconds(0));
    assert!(lane.admits(seconds(0), MOST, false, Standing::Next), "this may be a matter of that resource");
    lane.was_available(false, &key("b"), seconds(0));
    let mut probes = Vec::new();
    for now in (0..60).map(seconds) {
        if lane.admits(now, MOST, false, Standing::Next) {
            lane.let_in(now);
            probes.push(now.as_secs());
            lane.was_available(false, &key("c"), now);
        }
    }
    assert_eq!(probes, [1, 2, 4, 8, 16, 26, 36, 46, 56]);
    assert!(!lane.admits(seconds(60), MOST, false, Standing::Next));
    lane.unused(seconds(60));
    assert!(lane.admits(seconds(60), MOST, false, Standing::Next), "this one found out nothing");
    lane.was_available(true, &key("c"), seconds(60));
    assert!(lane.admits(seconds(60), MOST, false, Standing::Next));
}

#[tokio::test(start_paused = true)]
async fn no_more_pass_than_there_are_turns() {
    let mut lane = LaneState::new(UNHEARD);
    (0..20).for_each(|_| lane.answered(SOON, true, seconds(0), MOST));
    let rate = Arc::new(RateLimiter::new(crate::domain::tools::bucket::Rate::new(1.0, 2)));
    lane.keep_to(&rate);
    assert!(lane.admits(seconds(0), MOST, false, Standing::Next));
    lane.before_turn = 2;
    assert!(!lane.admits(seconds(0), MOST, false, Standing::Next), "both turns are for those who are in");
    lane.before_turn = 0;
    rate.take("ns").and(rate.take("ns")).unwrap();
    assert!(!lane.admits(seconds(0), MOST, false, Standing::Next));
    lane.line.push(&key("a"), crate::controller::queue::Priority::Routine);
    assert_eq!(lane.goes_on_at(seconds(5), Standing::Next), Some((seconds(6), seconds(0))));
    lane.takes_turn(true, seconds(5));
    assert_eq!(
        lane.goes_on_at(seconds(5), Standing::Next),
        Some((seconds(6), seconds(5))),
        "one that has had none for longer is before it"
    );
}
