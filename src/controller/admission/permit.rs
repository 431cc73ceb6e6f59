//! A place that a pass has, and what it tells of its tenant meanwhile.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Admission, lane::Lane, passes::PassId, shared::SharedLimit, state::State};

/// A place, until it is dropped.
#[must_use]
#[derive(Debug)]
pub(in crate::controller) struct Permit {
    pub(super) admission: Arc<Admission>,
    pub(super) place: Place,
    pub(super) lost: CancellationToken,
}

#[derive(Debug)]
pub(super) enum Place {
    Lane(Arc<Lane>, PassId),
    Shared(SharedLimit),
}

impl Permit {
    /// Tells what the pass has come to. Of one that sends nothing to a tenant there is nothing to tell.
    fn tell(&self, change: impl FnOnce(&mut State, PassId, Duration)) {
        if let Place::Lane(_, id) = self.place {
            self.admission.change(|state, now| change(state, id, now));
        }
    }

    /// A server of the tenant has answered, whatever it has answered. What was kept (a token) is no answer. A permit that is
    /// dropped while it waits for an answer, after its turn has come or a while after it was entered, stands for an attempt that
    /// found the tenant unavailable; else [`Permit::attempted`] says that.
    pub(in crate::controller) fn answered(&self) {
        self.tell(State::answered);
    }

    /// A server of the tenant was asked, and has not answered.
    pub(in crate::controller) fn unanswered(&self) {
        self.tell(State::unanswered);
    }

    /// Nothing was sent that could have been answered, so far or at all: whoever is next may find out what this pass was let in
    /// for.
    pub(in crate::controller) fn unused(&self) {
        self.tell(|state, id, _| state.asked_nothing(id));
    }

    /// It was given an answer that is kept for all (the refusal of a token): no server was asked, and none would be for others.
    pub(in crate::controller) fn given_what_is_kept(&self) {
        self.tell(|state, id, _| state.asks_nothing_for_now(id));
    }

    /// Waits until nobody will answer the request any more: it was sent in an outage that is over, since a later one was answered. The
    /// pass gives it up, which says nothing about the tenant.
    pub(in crate::controller) async fn lost(&self) {
        self.lost.cancelled().await;
        self.given_what_is_kept();
    }

    /// The attempt has ended, in which a server of the tenant was asked. The tenant was available in it, or did not answer or
    /// said that it was not.
    pub(in crate::controller) fn attempted(&self, available: bool) {
        self.tell(|state, id, now| state.attempted(id, available, now));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match &self.place {
            Place::Lane(_, id) => self.admission.change(|state, now| state.leaves(*id, now)),
            Place::Shared(limit) => self.admission.change(|state, _| state.give_back(limit, None)),
        }
    }
}
