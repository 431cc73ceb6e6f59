//! Places of passes that hold a large payload. Those whose tenant answers in time have some of their own, so that they do not wait for
//! those that hang.

use std::{sync::Arc, time::Duration};

use super::State;
use crate::controller::admission::{
    Request,
    entrance::Access,
    passes::PassId,
    shared::{Pace, SharedLimit},
    waiting::Position,
};

impl State {
    /// Takes a place for the pass; else its resource stands in line, and tells how long it has waited in vain.
    pub(in crate::controller::admission) fn ask_large(
        &mut self,
        id: PassId,
        request: Request<'_>,
        now: Duration,
    ) -> Result<(), Duration> {
        let Request { who, priority } = request;
        let Some(pass) = self.passes.get(id).filter(|pass| pass.large.is_none()) else {
            return Ok(());
        };
        let lane = Arc::clone(&pass.lane);
        let state = self.lanes.of(&lane);
        // What becomes of those that are kept waiting is open: the next one may be, too.
        let answers = state.access() == Access::Open && state.kept_waiting == 0;
        let pace = if answers { Pace::Prompt } else { Pace::Unproven };
        let limit = SharedLimit::LargePayload(pace);
        if self.waiting.get(who).and_then(|waiting| waiting.shared.limit()) != Some(&limit) {
            self.leave_shared(who);
            let ticket = self.shared.push(&limit, who, priority);
            self.waiting.of(who).shared = Position::Waits(limit.clone(), ticket);
        }
        self.promise_shared(&limit);
        let waiting = self.waiting.of(who);
        if !matches!(waiting.shared, Position::Promised { .. }) {
            return Err(self.waiting.refused(who, now));
        }
        waiting.shared = Position::Nowhere;
        self.woken.retain(|(woken, _)| woken != who);
        self.waiting.goes_on(who);
        self.shared.take_promised(&limit);
        self.passes.holds_large(id, limit);
        Ok(())
    }

    /// A pass that is kept waiting gives a place of those that are answered to them, if there is room among the others.
    pub(super) fn make_room_for_large(&mut self, id: PassId) {
        let [from, to] = [Pace::Prompt, Pace::Unproven].map(SharedLimit::LargePayload);
        let Some(namespace) = self
            .passes
            .get(id)
            .filter(|pass| pass.large.as_ref() == Some(&from))
            .map(|pass| Arc::clone(&pass.who.namespace))
        else {
            return;
        };
        if self.shared.move_to(&to, &namespace) {
            self.passes.holds_large(id, to);
            self.give_back(&from, Some(&namespace));
        }
    }
}
