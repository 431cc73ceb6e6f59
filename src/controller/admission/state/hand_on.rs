//! Where a place goes that becomes free: to the next who waits for it, which is woken.

use std::{sync::Arc, time::Duration};

use super::State;
use crate::{
    controller::{
        admission::{SharedLimit, lane::Lane, waiting::Position},
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
            Position::AtEntrance(_, ticket) => {
                state.at_entrance.retain(|other| other != who);
                state.unused(now);
                self.entrance.remove(who, ticket);
            }
            Position::Promised { at_entrance, .. } => {
                state.leaves(false);
                state.unused(now);
                if at_entrance {
                    self.entrance.give_back(&who.namespace);
                }
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
            Position::Waits(_, ticket) => self.shared.remove(&limit, who, ticket),
            Position::Promised { .. } => self.shared.unpromise(&limit, &who.namespace),
            Position::Nowhere | Position::AtEntrance(..) => {}
        }
        self.promise_shared(&limit);
    }

    pub(super) fn promise_shared(&mut self, limit: &SharedLimit) {
        for (who, priority) in self.shared.next(limit) {
            if let Some(waiting) = self.waiting.get_mut(&who) {
                waiting.shared = if limit.keeps_places() {
                    Position::Promised { limit: limit.clone(), at_entrance: false }
                } else {
                    Position::Nowhere
                };
            }
            self.woken.push((who, priority));
        }
    }

    /// Promises a place to those who stand at the entrance for a lane that is proven now.
    pub(super) fn open_to(&mut self, lane: &Arc<Lane>) {
        let Some(state) = self.lanes.get_mut(lane) else {
            return;
        };
        for who in std::mem::take(&mut state.at_entrance) {
            if let Some(waiting) = self.waiting.get_mut(&who)
                && let Position::AtEntrance(_, ticket) = waiting.lane
            {
                self.entrance.remove(&who, ticket);
                waiting.lane = Position::Promised { limit: Arc::clone(lane), at_entrance: false };
                state.keeps_a_place();
                self.woken.push((who, ticket.priority));
            }
        }
    }

    /// Lets in whom the lane admits, and whom the entrance does.
    pub(super) fn go_on(&mut self, lane: &Arc<Lane>, now: Duration) {
        while let Some((who, priority)) = self.next_in_line(lane, now) {
            self.let_in(lane, who, priority, now);
        }
        if let Some(state) = self.lanes.get_mut(lane) {
            let alarm = state.goes_on_at(now);
            if alarm != state.alarm {
                if let Some(before) = std::mem::replace(&mut state.alarm, alarm) {
                    self.alarms.remove(&(before, Arc::clone(lane)));
                }
                self.alarms.extend(alarm.map(|at| (at, Arc::clone(lane))));
            }
        }
        self.open_entrance();
    }

    fn next_in_line(&mut self, lane: &Arc<Lane>, now: Duration) -> Option<(ObjectKey, Priority)> {
        let most = self.places.lane;
        let state = self.lanes.get_mut(lane).filter(|state| state.admits(now, most))?;
        state.line.pop(|_| true)
    }

    /// One that is through the line of the lane: it has its place, or stands at the entrance.
    pub(super) fn let_in(&mut self, lane: &Arc<Lane>, who: ObjectKey, priority: Priority, now: Duration) {
        let state = self.lanes.of(lane);
        state.let_in(now);
        let waiting = self.waiting.of(&who);
        if state.is_proven() {
            waiting.lane = Position::Promised { limit: Arc::clone(lane), at_entrance: false };
            state.keeps_a_place();
            self.woken.push((who, priority));
        } else {
            let ticket = self.entrance.push(&who, priority);
            waiting.lane = Position::AtEntrance(Arc::clone(lane), ticket);
            state.at_entrance.push(who);
        }
    }

    pub(super) fn open_entrance(&mut self) {
        while let Some((who, priority)) = self.entrance.let_in() {
            let Some(waiting) = self.waiting.get_mut(&who) else {
                continue;
            };
            if let Position::AtEntrance(lane, _) = &waiting.lane {
                let lane = Arc::clone(lane);
                if let Some(state) = self.lanes.get_mut(&lane) {
                    state.at_entrance.retain(|other| *other != who);
                    state.keeps_a_place();
                }
                waiting.lane = Position::Promised { limit: lane, at_entrance: true };
                self.woken.push((who, priority));
            }
        }
    }
}
