//! The bookkeeping of admission. Synchronous, and without a clock: each change is told the time, and adds whom to wake because
//! of it.

mod hand_on;
mod large;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    Places, Request, SharedLimit,
    entrance::{Access, Entrances},
    lane::Lane,
    lanes::Lanes,
    passes::{PassId, Passes, Phase},
    shared::Shared,
    waiting::{After, Position, Waiters},
};
use crate::{aicore::rate_limit::RateLimiter, controller::queue::Priority, domain::parse::object::ObjectKey};

/// Whom to wake.
pub(super) type Woken = Vec<(ObjectKey, Priority)>;

#[derive(Debug)]
pub(super) struct State {
    places: Places,
    pub(super) lanes: Lanes,
    pub(super) entrances: Entrances,
    pub(super) shared: Shared,
    pub(super) waiting: Waiters,
    pub(super) passes: Passes,
    /// When lines go on by themselves, in which order.
    alarms: BTreeSet<((Duration, Duration), Arc<Lane>)>,
    woken: Woken,
}

impl State {
    pub(super) fn new(places: Places) -> Self {
        Self {
            places,
            lanes: Lanes::default(),
            entrances: Entrances::new(places.crowd),
            shared: Shared::default(),
            waiting: Waiters::default(),
            passes: Passes::new(places.aside),
            alarms: BTreeSet::new(),
            woken: Woken::new(),
        }
    }

    /// Whom to wake because of what has changed.
    pub(super) fn take_woken(&mut self) -> Woken {
        std::mem::take(&mut self.woken)
    }

    /// Takes a place in the lane; else stands in line, and tells how long it has waited in vain.
    pub(super) fn ask_lane(
        &mut self,
        lane: &Arc<Lane>,
        request: Request<'_>,
        now: Duration,
    ) -> Result<PassId, Duration> {
        let Request { who, priority } = request;
        self.waiting.goes_on(who);
        let stays = match self.waiting.get(who).map(|waiting| &waiting.lane) {
            Some(Position::Waits(at, ticket) | Position::AtEntrance(at, _, ticket)) => {
                at == lane && ticket.priority >= priority
            }
            Some(Position::Promised { limit, .. }) => limit == lane,
            Some(Position::Nowhere) | None => false,
        };
        if !stays {
            self.leave_lane(who, now);
            let ticket = self.lanes.of(lane).line.push(who, priority);
            self.waiting.of(who).lane = Position::Waits(Arc::clone(lane), ticket);
        }
        self.go_on(lane, now);
        if let Some(access) = self.waiting.take_promised(who) {
            self.woken.retain(|(woken, _)| woken != who);
            return Ok(self.passes.begin(Arc::clone(lane), who, access));
        }
        let waited = self.waiting.refused(who, now);
        // What is kept for it elsewhere is of no use to it before it has a place here.
        self.leave_shared(who);
        Err(waited)
    }

    /// A person asks for the pass that asks for a place next. In an outage it is the next to find out, instead of waiting for a probe.
    pub(super) fn is_asked_for(&mut self, lane: &Arc<Lane>, request: Request<'_>, now: Duration) {
        let Request { who, priority } = request;
        let is_in = matches!(
            self.waiting.get(who).map(|waiting| &waiting.lane),
            Some(Position::AtEntrance(..) | Position::Promised { .. })
        );
        if is_in || !self.lanes.of(lane).admits_what_is_asked_for(now, self.places.lane) {
            return;
        }
        self.leave_lane(who, now);
        self.let_in(lane, who.clone(), priority, now);
        self.open_entrances();
        // It comes anyway.
        self.woken.retain(|(woken, _)| woken != who);
    }

    /// From now on the pass waits for an answer.
    pub(super) fn asks(&mut self, id: PassId, now: Duration) {
        self.comes_to(id, Phase::Asked { at: now });
    }

    /// Takes a turn in the tenant's rate. Whoever gets it waits for nothing any more. Whoever does not is the next in its
    /// namespace, and tells how long it is until there is one.
    pub(super) fn turn(
        &mut self,
        id: PassId,
        rate: &Arc<RateLimiter>,
        now: Duration,
    ) -> Result<(), Duration> {
        let Some(pass) = self.passes.get(id) else {
            return Ok(());
        };
        let (lane, who) = (Arc::clone(&pass.lane), pass.who.clone());
        let Err(left) = rate.take(&who.namespace) else {
            self.has_turn(id, rate, now);
            return Ok(());
        };
        self.lanes.of(&lane).keep_to(rate);
        self.leave_lane(&who, now);
        // Another lane of the tenant has had the turn that it came for: the next is its own, however urgent others are.
        let ticket = self.lanes.of(&lane).line.push_ahead(&who, Priority::Urgent, None);
        self.waiting.of(&who).lane = Position::Waits(Arc::clone(&lane), ticket);
        self.waiting.refused(&who, now);
        self.go_on(&lane, now);
        Err(left)
    }

    /// The pass has its turn in the tenant's rate.
    pub(super) fn has_turn(&mut self, id: PassId, rate: &Arc<RateLimiter>, now: Duration) {
        let Some(pass) = self.passes.get(id) else {
            return;
        };
        let (lane, who, had_turn) = (Arc::clone(&pass.lane), pass.who.clone(), pass.has_turn);
        let state = self.lanes.of(&lane);
        state.keep_to(rate);
        state.takes_turn(!had_turn, now);
        self.passes.has_turn(id);
        self.asks(id, now);
        self.remove(&who, now);
        self.go_on(&lane, now);
        // The namespace has had one more, so another one may be next.
        for beside in self.lanes.waiting_beside(&lane) {
            self.go_on(&beside, now);
        }
    }

    /// The namespace of its resource.
    pub(super) fn namespace_of(&self, id: PassId) -> Arc<str> {
        self.passes.get(id).map(|pass| Arc::clone(&pass.who.namespace)).unwrap_or_default()
    }

    /// Whether there are others in its lane, or in those of its tenant for whom nothing was accepted yet.
    pub(super) fn has_company(&self, id: PassId) -> bool {
        self.passes.get(id).is_some_and(|pass| self.lanes.has_company(&pass.lane))
    }

    /// Returns what the pass had come to before.
    fn comes_to(&mut self, id: PassId, phase: Phase) -> Option<Phase> {
        let before = self.passes.comes_to(id, phase)?;
        if let (Phase::KeptWaiting { .. }, Some(pass)) = (before, self.passes.get(id)) {
            self.lanes.of(&pass.lane).keeps_one_less_waiting();
        }
        Some(before)
    }

    /// A server has answered the pass.
    pub(super) fn answered(&mut self, id: PassId, now: Duration) {
        let Some(before) = self.comes_to(id, Phase::Settled) else {
            return;
        };
        let Some(pass) = self.passes.get(id) else {
            return;
        };
        let asked = match before {
            Phase::Asked { at } | Phase::KeptWaiting { at } => at,
            Phase::Entered | Phase::Settled => now,
        };
        let after = now.saturating_sub(asked);
        let (lane, access, crowded) = (Arc::clone(&pass.lane), pass.access, self.passes.is_crowded());
        let state = self.lanes.of(&lane);
        state.answered(after, pass.has_turn, now, self.places.lane);
        if access == Access::Open || state.access() == Access::Open {
            self.counts_again(id);
        }
        self.passes.served(id, asked, after);
        self.regroup(&lane);
        self.go_on(&lane, now);
        self.after_crowd(crowded, now);
    }

    /// A server was asked by the pass, and has not answered.
    pub(super) fn unanswered(&mut self, id: PassId, now: Duration) {
        self.comes_to(id, Phase::Settled);
        if let Some(pass) = self.passes.get(id) {
            let lane = Arc::clone(&pass.lane);
            self.lanes.of(&lane).was_silent(&pass.who);
            self.regroup(&lane);
            self.go_on(&lane, now);
        }
    }

    /// The pass has asked no server.
    pub(super) fn asked_nothing(&mut self, id: PassId) {
        self.comes_to(id, Phase::Entered);
    }

    /// The pass has asked no server, and no other would.
    pub(super) fn asks_nothing_for_now(&mut self, id: PassId) {
        self.comes_to(id, Phase::Settled);
    }

    /// The attempt that the pass was has ended, and a server of the tenant was asked in it.
    pub(super) fn attempted(&mut self, id: PassId, available: bool, now: Duration) {
        if let Some(pass) = self.passes.get(id) {
            let lane = Arc::clone(&pass.lane);
            let state = self.lanes.of(&lane);
            state.was_available(available, &pass.who, now);
            if let Some(outage_ended) = state.outage_ended().filter(|_| available) {
                self.passes.give_up_lost(id, outage_ended, now);
                if outage_ended == now {
                    self.probe_beside(&lane, now);
                }
            }
            self.go_on(&lane, now);
        }
    }

    /// One lane of a tenant has found it available: the others find out now, and do not wait for their next probe.
    fn probe_beside(&mut self, lane: &Arc<Lane>, now: Duration) {
        for beside in self.lanes.beside(lane) {
            self.lanes.of(&beside).unused(now);
            self.go_on(&beside, now);
        }
    }

    /// Its request is given up when this ends.
    pub(super) fn lost(&self, id: PassId) -> CancellationToken {
        self.passes.get(id).map(|pass| pass.lost.clone()).unwrap_or_default()
    }

    /// The pass holds no place any more.
    pub(super) fn leaves(&mut self, id: PassId, now: Duration) {
        let crowded = self.passes.is_crowded();
        self.counts_again(id);
        let Some(pass) = self.passes.end(id) else {
            return;
        };
        if let Some(limit) = &pass.large {
            self.give_back(limit, Some(&pass.who.namespace));
        }
        let state = self.lanes.of(&pass.lane);
        state.leaves(&pass.who, pass.has_turn);
        if matches!(pass.phase, Phase::KeptWaiting { .. }) {
            state.keeps_one_less_waiting();
        }
        if pass.was_kept_waiting(now) {
            state.was_silent(&pass.who);
            state.was_available(false, &pass.who, now);
        } else if matches!(pass.phase, Phase::Entered | Phase::Asked { .. }) {
            // It has asked nobody, or went before anybody could be blamed for not answering.
            state.unused(now);
        }
        self.regroup(&pass.lane);
        self.go_on(&pass.lane, now);
        self.after_crowd(crowded, now);
    }

    /// Takes a place that is kept for nobody; else stands in line, and tells how long it has waited in vain.
    pub(super) fn ask_shared(
        &mut self,
        limit: &SharedLimit,
        request: Request<'_>,
        now: Duration,
    ) -> Result<(), Duration> {
        let Request { who, priority } = request;
        let for_service_key = matches!(limit, SharedLimit::ServiceKey(_));
        if for_service_key {
            // Which tenant it is for is not known any more.
            self.leave_lane(who, now);
        }
        if self.shared.take(limit) {
            self.waiting.goes_on(who);
            self.leave_shared(who);
            return Ok(());
        }
        let stays = self
            .waiting
            .get(who)
            .is_some_and(|waiting| matches!(&waiting.shared, Position::Waits(at, _) if at == limit));
        if !stays {
            self.leave_shared(who);
            let ticket = self.shared.push(limit, who, priority);
            self.waiting.of(who).shared = Position::Waits(limit.clone(), ticket);
        }
        if for_service_key {
            self.waiting.awaits_service_key(limit, who, now);
        }
        Err(self.waiting.refused(who, now))
    }

    /// A place is free again, which was kept for somebody of that namespace, if it was kept.
    pub(super) fn give_back(&mut self, limit: &SharedLimit, kept_for: Option<&Arc<str>>) {
        self.shared.give_back(limit, kept_for);
        self.promise_shared(limit);
    }

    pub(super) fn pass_ended(&mut self, who: &ObjectKey, concluded: bool, now: Duration) {
        match self.waiting.pass_ended(who, concluded) {
            After::Stays => {}
            After::Leaves => {
                self.leave_lane(who, now);
                self.leave_shared(who);
            }
            After::Goes => self.remove(who, now),
        }
    }

    pub(super) fn remove(&mut self, who: &ObjectKey, now: Duration) {
        self.leave_lane(who, now);
        self.leave_shared(who);
        self.waiting.remove(who);
    }

    /// The pass counts among those that are handed out at a time, and has no place at an entrance.
    fn counts_again(&mut self, id: PassId) {
        let access = self.passes.counts_again(id);
        if let Some(pass) = self.passes.get(id) {
            self.entrances.give_back(access, &pass.who.namespace);
        }
    }

    /// When there is something to do although nothing changes.
    pub(super) fn next_event(&self) -> Option<Duration> {
        let alarm = self.alarms.first().map(|((at, _), _)| *at);
        self.passes.patience_ends_at().into_iter().chain(alarm).min()
    }

    /// Does what is to be done by that time.
    pub(super) fn time_is(&mut self, now: Duration) {
        while let Some((id, lane)) = self.passes.set_aside(now) {
            self.lanes.of(&lane).keeps_waiting();
            self.make_room_for_large(id);
            self.go_on(&lane, now);
        }
        while let Some(((at, _), lane)) = self.alarms.first().cloned()
            && at <= now
        {
            self.alarms.pop_first();
            if let Some(state) = self.lanes.get_mut(&lane) {
                state.alarm = None;
            }
            self.go_on(&lane, now);
        }
    }
}
