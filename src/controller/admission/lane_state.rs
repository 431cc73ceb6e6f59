//! What is known of one lane: whether its tenant answers those who stand in it, and how many passes it may have because of that.

use std::{sync::Arc, time::Duration};

use super::PATIENCE;
use crate::{
    aicore::rate_limit::RateLimiter,
    controller::queue::line::Line,
    domain::{decide::outage::Outage, parse::object::ObjectKey},
};

/// An answer after this long is late: such lanes share the entrance with those that do not answer.
const IN_TIME: Duration = Duration::from_secs(3);
/// So many passes find out whether a server that has not answered for a while still does. One could be waiting for the API server.
const AFTER_IDLE: usize = 2;
/// So many passes that wait for long for an answer do not keep others from trying.
const OVERTAKEN: usize = 3;

/// What is known of the tenant's servers, as those in the lane find them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// Nothing: anybody can write down the URLs of a tenant.
    #[default]
    Unheard,
    /// They answered in time.
    Prompt,
    /// They answered, and took long, or have not answered yet to what was asked long ago.
    Late,
    /// They did not answer.
    Silent,
}

/// One lane.
#[derive(Debug, Default)]
pub(super) struct LaneState {
    /// Who waits for a place or for the tenant's rate.
    pub(super) line: Line,
    /// Who is through that line, and waits for a place among the unproven. They hold a place in the lane.
    pub(super) at_entrance: Vec<ObjectKey>,
    /// Passes, and places that are kept for somebody who was woken.
    pub(super) in_flight: usize,
    /// How many of them have not taken their turn in the rate.
    pub(super) before_turn: usize,
    /// How many of them have waited for an answer for long.
    pub(super) kept_waiting: usize,
    /// When the line goes on by itself.
    pub(super) alarm: Option<Duration>,
    rate: Option<Arc<RateLimiter>>,
    standing: Standing,
    /// How many passes it may have; grows with each answer.
    window: usize,
    last_answer: Option<Duration>,
    outage: Outage<ObjectKey>,
}

impl LaneState {
    /// Of resources that have proof that the tenant has answered.
    pub(super) fn prompt() -> Self {
        Self { standing: Standing::Prompt, ..Self::default() }
    }

    /// Whether one more may pass, or go to the entrance.
    pub(super) fn admits(&self, now: Duration, most: usize) -> bool {
        let used = self.in_flight + self.at_entrance.len();
        let has_place = match self.outage.next_probe() {
            Some(probe) => now >= probe,
            // One that is not answered may be a matter of its resource: a few others may find out meanwhile.
            None => used.saturating_sub(self.kept_waiting.min(OVERTAKEN)) < self.window(now),
        };
        used < most && has_place && self.has_turn()
    }

    /// Whether one may pass, or go to the entrance, because a person asks for it, although it is only probed now.
    pub(super) fn admits_what_is_asked_for(&self, now: Duration, most: usize) -> bool {
        let used = self.in_flight + self.at_entrance.len();
        let may = self.outage.next_asked_for().is_some_and(|at| now >= at);
        used < most && may && self.has_turn()
    }

    /// As in the slow start of TCP: one, and one more with each answer. Who has not answered for a while starts anew, so that
    /// few passes find out that a server has gone silent.
    fn window(&self, now: Duration) -> usize {
        let idle = self.last_answer.is_none_or(|at| now.saturating_sub(at) >= PATIENCE);
        if self.standing == Standing::Prompt && idle { AFTER_IDLE } else { self.window.max(1) }
    }

    /// Whether the rate has turns left beyond those that passes have not taken yet.
    fn has_turn(&self) -> bool {
        self.rate.as_ref().is_none_or(|rate| rate.free() >= self.turns_needed())
    }

    /// So that there is one for each pass that is in, and one for the next.
    fn turns_needed(&self) -> u32 {
        u32::try_from(self.before_turn + self.at_entrance.len() + 1).unwrap_or(u32::MAX)
    }

    /// When the line goes on although no pass ends; `None`: not before one does.
    pub(super) fn goes_on_at(&self, now: Duration) -> Option<Duration> {
        if self.line.is_empty() {
            return None;
        }
        let probe = self.outage.next_probe().unwrap_or(now);
        let turn = match &self.rate {
            Some(rate) => now + rate.until_free(self.turns_needed())?,
            None => now,
        };
        Some(probe.max(turn)).filter(|at| *at > now)
    }

    /// Whether its passes have the places of all; else they share the few of the unproven.
    pub(super) fn is_proven(&self) -> bool {
        self.standing == Standing::Prompt
    }

    /// A place is kept for somebody who is woken for it, and has its turn before it.
    pub(super) fn keeps_a_place(&mut self) {
        self.in_flight += 1;
        self.before_turn += 1;
    }

    /// Who had a place has it no longer.
    pub(super) fn leaves(&mut self, had_turn: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.before_turn = self.before_turn.saturating_sub(usize::from(!had_turn));
    }

    /// Somebody was let in.
    pub(super) fn let_in(&mut self, now: Duration) {
        self.outage.let_in(now);
    }

    /// Who was let in did not ask for anything.
    pub(super) fn unused(&mut self, now: Duration) {
        self.outage.unused(now);
    }

    /// A turn is asked for: from now on the rate is known.
    pub(super) fn keep_to(&mut self, rate: &Arc<RateLimiter>) {
        if !self.rate.as_ref().is_some_and(|known| Arc::ptr_eq(known, rate)) {
            self.rate = Some(Arc::clone(rate));
        }
    }

    /// A server of the tenant answered `after` it was asked. Of one that has kept passes waiting before, only an answer to a
    /// request to the API counts: its authorization server may answer at once.
    pub(super) fn answered(&mut self, after: Duration, by_api: bool, now: Duration, most: usize) {
        self.last_answer = Some(now);
        self.window = (self.window.max(1) + 1).min(most);
        match (self.standing, after <= IN_TIME) {
            (Standing::Late | Standing::Silent, true) if !by_api => {}
            (_, true) => self.standing = Standing::Prompt,
            (_, false) => self.standing = Standing::Late,
        }
    }

    /// A pass has waited for an answer for too long.
    pub(super) fn keeps_waiting(&mut self) {
        self.kept_waiting += 1;
        self.window = 1;
        if self.standing == Standing::Prompt {
            self.standing = Standing::Late;
        }
    }

    /// One of those has its answer, or waits no longer.
    pub(super) fn keeps_one_less_waiting(&mut self) {
        self.kept_waiting = self.kept_waiting.saturating_sub(1);
    }

    /// An attempt had no answer.
    pub(super) fn was_silent(&mut self) {
        self.window = 1;
        self.standing = Standing::Silent;
    }

    /// An attempt of that resource ended, and the tenant was available in it or not.
    pub(super) fn was_available(&mut self, available: bool, who: &ObjectKey, now: Duration) {
        if available {
            self.outage.was_available();
        } else {
            self.outage.was_unavailable(who, now);
        }
    }

    /// Whether nobody passes or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.at_entrance.is_empty() && self.line.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{key, seconds};

    const MOST: usize = 8;
    const SOON: Duration = Duration::from_millis(100);

    fn places(lane: &mut LaneState, now: Duration) -> usize {
        lane.in_flight = 0;
        while lane.admits(now, MOST) {
            lane.in_flight += 1;
        }
        lane.in_flight
    }

    #[test]
    fn places_grow_with_answers_and_start_anew_after_silence() {
        let mut lane = LaneState::default();
        let now = seconds(10);
        assert_eq!((places(&mut lane, now), lane.is_proven()), (1, false));
        lane.answered(SOON, false, now, MOST);
        assert_eq!((places(&mut lane, now), lane.is_proven()), (2, true));
        (0..20).for_each(|_| lane.answered(SOON, true, now, MOST));
        assert_eq!(places(&mut lane, now), MOST);
        assert_eq!(places(&mut lane, now + PATIENCE), AFTER_IDLE);
    }

    #[test]
    fn a_lane_with_proof_is_proven_until_it_answers_late_or_not_at_all() {
        let mut lane = LaneState::prompt();
        assert!(lane.is_proven());
        lane.keeps_waiting();
        assert!(!lane.is_proven());
        lane.keeps_one_less_waiting();
        lane.answered(seconds(10), true, seconds(1), MOST);
        assert!(!lane.is_proven());
        lane.answered(SOON, false, seconds(1), MOST);
        assert!(!lane.is_proven(), "a token is no sign that the API answers again");
        assert_eq!(places(&mut lane, seconds(100)), 3, "it is slow, and answers");
        lane.answered(SOON, true, seconds(1), MOST);
        assert!(lane.is_proven());
        lane.was_silent();
        assert_eq!((places(&mut lane, seconds(1)), lane.is_proven()), (1, false));
    }

    #[test]
    fn whoever_is_kept_waiting_does_not_keep_a_few_others_from_trying() {
        let mut lane = LaneState::prompt();
        for kept_waiting in 0..=OVERTAKEN + 2 {
            assert_eq!(lane.admits(seconds(1), MOST), kept_waiting <= OVERTAKEN, "{kept_waiting}");
            lane.in_flight += 1;
            lane.keeps_waiting();
        }
    }

    #[test]
    fn in_an_outage_one_probe_follows_the_other_at_growing_distances() {
        let mut lane = LaneState::default();
        lane.answered(SOON, true, seconds(0), MOST);
        lane.was_available(false, &key("a"), seconds(0));
        lane.was_available(false, &key("a"), seconds(0));
        assert!(lane.admits(seconds(0), MOST), "this may be a matter of that resource");
        lane.was_available(false, &key("b"), seconds(0));
        let mut probes = Vec::new();
        for now in (0..60).map(seconds) {
            if lane.admits(now, MOST) {
                lane.let_in(now);
                probes.push(now.as_secs());
                lane.was_available(false, &key("c"), now);
            }
        }
        assert_eq!(probes, [1, 2, 4, 8, 16, 26, 36, 46, 56]);
        assert!(!lane.admits(seconds(60), MOST));
        lane.unused(seconds(60));
        assert!(lane.admits(seconds(60), MOST), "this one found out nothing");
        lane.was_available(true, &key("c"), seconds(60));
        assert!(lane.admits(seconds(60), MOST));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_pass_than_there_are_turns() {
        let mut lane = LaneState::default();
        (0..20).for_each(|_| lane.answered(SOON, true, seconds(0), MOST));
        let rate = Arc::new(RateLimiter::new(crate::domain::tools::bucket::Rate::new(1.0, 2)));
        lane.keep_to(&rate);
        assert!(lane.admits(seconds(0), MOST));
        lane.before_turn = 2;
        assert!(!lane.admits(seconds(0), MOST), "both turns are for those who are in");
        lane.before_turn = 0;
        rate.take().and(rate.take()).unwrap();
        assert!(!lane.admits(seconds(0), MOST));
        lane.line.push(&key("a"), crate::controller::queue::Priority::Routine);
        assert_eq!(lane.goes_on_at(seconds(5)), Some(seconds(6)));
    }
}
