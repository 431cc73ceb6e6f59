//! Where a place goes that becomes free: to the next who waits for it, which is woken.

use std::{sync::Arc, time::Duration};

use super::State;
use crate::{
    controller::{
        admission::{SharedLimit, entrance::Access, lane::Lane, waiting::Position},
        queue::Priority,
    },
    domain::parse::object::ObjectKey,
};

impl State {
    /// Leaves its position. What was kept for it goes to the next.
    pub(super) fn leave_lane(&mut self, who: &ObjectKey, now: Duration) {
        let Some(waiting) = self.waiting.get_mut(who) else {
            return;
        };
        let position = std::mem::take(&mut waiting.lane);
        let Some(lane) = position.limit().map(Arc::clone) else {
            return;
        };
        let state = self.lanes.of(&lane);
        match position {
            Position::Nowhere => {}
            Position::Waits(_, ticket) => state.line.remove(who, ticket),
            Position::AtEntrance(_, crowd, ticket) => {
                state.at_entrance.retain(|other| other != who);
                state.unused(now);
                self.entrances.of(crowd).remove(who, ticket);
            }
            Position::Promised { access, .. } => {
                state.leaves(who, false);
                state.unused(now);
                self.entrances.give_back(access, &who.namespace);
            }
        }
        self.go_on(&lane, now);
    }

    pub(super) fn leave_shared(&mut self, who: &ObjectKey) {
        let Some(waiting) = self.waiting.get_mut(who) else {
            return;
        };
        let position = std::mem::take(&mut waiting.shared);
        let Some(limit) = position.limit().cloned() else {
            return;
        };
        match position {
            Position::Waits(_, ticket) => {
                waiting.leaves_service_key();
                self.shared.remove(&limit, who, ticket);
            }
            Position::Promised { .. } => self.shared.unpromise(&limit, &who.namespace),
            Position::Nowhere | Position::AtEntrance(..) => {}
        }
        self.promise_shared(&limit);
    }

    pub(super) fn promise_shared(&mut self, limit: &SharedLimit) {
        for (who, priority) in self.shared.next(limit) {
            if let Some(waiting) = self.waiting.get_mut(&who) {
                waiting.shared = if limit.keeps_places() {
                    Position::Promised { limit: limit.clone(), access: Access::Open }
                } else {
                    Position::Nowhere
                };
            }
            self.woken.push((who, priority));
        }
    }

    /// Those who stand at an entrance for the lane go to where its passes come in now.
    pub(super) fn regroup(&mut self, lane: &Arc<Lane>) {
        let Some(state) = self.lanes.get_mut(lane) else {
            return;
        };
        let (access, mut moved) = (state.access(), Vec::new());
        state.at_entrance.retain(|who| {
            let position = self.waiting.get(who).map(|waiting| &waiting.lane);
            let Some(Position::AtEntrance(_, crowd, ticket)) = position else {
                return false;
            };
            let stays = access == Access::Shared(*crowd);
            if !stays {
                moved.push((who.clone(), *crowd, *ticket));
            }
            stays
        });
        for (who, crowd, ticket) in moved {
            self.entrances.of(crowd).remove(&who, ticket);
            self.place(lane, who, ticket.priority);
        }
    }

    /// Lets in whom the lane admits, and whom the entrances do.
    pub(super) fn go_on(&mut self, lane: &Arc<Lane>, now: Duration) {
        while let Some((who, priority)) = self.next_in_line(lane, now) {
            self.let_in(lane, who, priority, now);
        }
        let standing = self.lanes.standing(lane);
        if let Some(state) = self.lanes.get_mut(lane) {
            let alarm = state.goes_on_at(now, standing);
            if alarm != state.alarm {
                if let Some(before) = std::mem::replace(&mut state.alarm, alarm) {
                    self.alarms.remove(&(before, Arc::clone(lane)));
                }
                self.alarms.extend(alarm.map(|at| (at, Arc::clone(lane))));
            }
        }
        self.open_entrances();
    }

    fn next_in_line(&mut self, lane: &Arc<Lane>, now: Duration) -> Option<(ObjectKey, Priority)> {
        let (most, crowded, standing) =
            (self.places.lane, self.passes.is_crowded(), self.lanes.standing(lane));
        self.lanes.get_mut(lane).filter(|state| state.admits(now, most, crowded, standing))?.next(most)
    }

    /// Fewer wait for long for an answer than before: if that was what kept lanes, they go on.
    pub(super) fn after_crowd(&mut self, was_crowded: bool, now: Duration) {
        if was_crowded && !self.passes.is_crowded() {
            for lane in self.lanes.kept_by_a_crowd() {
                self.go_on(&lane, now);
            }
        }
    }

    /// One is through the line of the lane.
    pub(super) fn let_in(&mut self, lane: &Arc<Lane>, who: ObjectKey, priority: Priority, now: Duration) {
        self.lanes.of(lane).let_in(now);
        self.place(lane, who, priority);
    }

    /// Promises a place to one that its lane has let in, or has it stand at the entrance of the lanes like it.
    fn place(&mut self, lane: &Arc<Lane>, who: ObjectKey, priority: Priority) {
        let (state, waiting) = (self.lanes.of(lane), self.waiting.of(&who));
        match state.access() {
            Access::Open => {
                waiting.lane = Position::Promised { limit: Arc::clone(lane), access: Access::Open };
                state.keeps_a_place(&who);
                self.woken.push((who, priority));
            }
            Access::Shared(crowd) => {
                let ticket = self.entrances.of(crowd).push(&who, priority);
                waiting.lane = Position::AtEntrance(Arc::clone(lane), crowd, ticket);
                state.at_entrance.push(who);
            }
        }
    }

    pub(super) fn open_entrances(&mut self) {
        while let Some((who, priority)) = self.entrances.let_in() {
            let Some(waiting) = self.waiting.get_mut(&who) else {
                continue;
            };
            if let Position::AtEntrance(lane, crowd, _) = &waiting.lane {
                let (lane, access) = (Arc::clone(lane), Access::Shared(*crowd));
                if let Some(state) = self.lanes.get_mut(&lane) {
                    state.at_entrance.retain(|other| *other != who);
                    state.keeps_a_place(&who);
                }
                waiting.lane = Position::Promised { limit: lane, access };
                self.woken.push((who, priority));
            }
        }
    }
}
