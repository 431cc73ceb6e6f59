//! Passes that have a place in a lane: what each has come to, which of them wait for an answer, and which are set aside.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{PATIENCE, SharedLimit, entrance::Access, lane::Lane};
use crate::domain::parse::object::ObjectKey;

/// Tells one pass from another.
pub(super) type PassId = u64;

/// What a pass has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has asked no server: what it was let in for is still to be found out.
    Entered,
    /// It waits for an answer, since then.
    Asked {
        /// Time since the start of admission.
        at: Duration,
    },
    /// The same, and it was found to wait for long.
    KeptWaiting {
        /// Time since the start of admission.
        at: Duration,
    },
    /// It waits for nothing: a server has answered, has not, or would not have been asked for others either.
    Settled,
}

/// One pass.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) lane: Arc<Lane>,
    pub(super) who: ObjectKey,
    pub(super) phase: Phase,
    /// Whether its turn in the rate has come.
    pub(super) has_turn: bool,
    /// How it has come to its place.
    pub(super) access: Access,
    /// Whether it does not count among those that are handed out at a time.
    pub(super) aside: bool,
    /// The place that it has to hold a large payload.
    pub(super) large: Option<SharedLimit>,
}

impl Pass {
    /// Whether a server is to blame when the pass ends now: it has its request, or has waited for its token for long.
    pub(super) fn was_kept_waiting(&self, now: Duration) -> bool {
        match self.phase {
            Phase::Asked { at } | Phase::KeptWaiting { at } => {
                self.has_turn || now.saturating_sub(at) >= PATIENCE
            }
            Phase::Entered | Phase::Settled => false,
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Passes {
    by_id: BTreeMap<PassId, Pass>,
    next: PassId,
    /// Those that wait for an answer and were not found to wait for long, in the order in which their patience ends.
    patient: BTreeSet<(Duration, PassId)>,
    aside: usize,
    most_aside: usize,
}

impl Passes {
    /// None yet. So many may be set aside.
    pub(super) fn new(most_aside: usize) -> Self {
        Self { by_id: BTreeMap::new(), next: 0, patient: BTreeSet::new(), aside: 0, most_aside }
    }

    /// One begins. What comes through the entrance is aside from the beginning, if there is room.
    pub(super) fn begin(&mut self, lane: Arc<Lane>, who: &ObjectKey, access: Access) -> PassId {
        let id = self.next;
        self.next += 1;
        let aside = access != Access::Open && self.aside < self.most_aside;
        self.aside += usize::from(aside);
        let (who, phase) = (who.clone(), Phase::Entered);
        self.by_id.insert(id, Pass { lane, who, phase, has_turn: false, access, aside, large: None });
        id
    }

    pub(super) fn get(&self, id: PassId) -> Option<&Pass> {
        self.by_id.get(&id)
    }

    /// Its turn has come.
    pub(super) fn has_turn(&mut self, id: PassId) {
        if let Some(pass) = self.by_id.get_mut(&id) {
            pass.has_turn = true;
        }
    }

    /// It has that place to hold a large payload, and no other.
    pub(super) fn holds_large(&mut self, id: PassId, limit: SharedLimit) {
        if let Some(pass) = self.by_id.get_mut(&id) {
            pass.large = Some(limit);
        }
    }

    /// Returns what it had come to before.
    pub(super) fn comes_to(&mut self, id: PassId, phase: Phase) -> Option<Phase> {
        let before = std::mem::replace(&mut self.by_id.get_mut(&id)?.phase, phase);
        if let Phase::Asked { at } = before {
            self.patient.remove(&(at + PATIENCE, id));
        }
        if let Phase::Asked { at } = phase {
            self.patient.insert((at + PATIENCE, id));
        }
        Some(before)
    }

    /// It counts among those that are handed out at a time. Returns how it had come to its place: one at an entrance is free now.
    pub(super) fn counts_again(&mut self, id: PassId) -> Access {
        self.by_id.get_mut(&id).map_or(Access::Open, |pass| {
            self.aside -= usize::from(std::mem::take(&mut pass.aside));
            std::mem::replace(&mut pass.access, Access::Open)
        })
    }

    /// It holds nothing any more.
    pub(super) fn end(&mut self, id: PassId) -> Option<Pass> {
        let pass = self.by_id.remove(&id)?;
        self.aside -= usize::from(pass.aside);
        if let Phase::Asked { at } = pass.phase {
            self.patient.remove(&(at + PATIENCE, id));
        }
        Some(pass)
    }

    /// Sets one aside whose patience has ended, if there is room. Returns it, and the lane that keeps it waiting.
    pub(super) fn set_aside(&mut self, now: Duration) -> Option<(PassId, Arc<Lane>)> {
        let (_, id) = self.next_to_set_aside().filter(|(at, _)| *at <= now)?;
        self.patient.pop_first();
        let pass = self.by_id.get_mut(&id)?;
        self.aside += usize::from(!std::mem::replace(&mut pass.aside, true));
        if let Phase::Asked { at } = pass.phase {
            pass.phase = Phase::KeptWaiting { at };
        }
        Some((id, Arc::clone(&pass.lane)))
    }

    /// When the next one is set aside, unless it is answered; `None` also when there is no room.
    pub(super) fn patience_ends_at(&self) -> Option<Duration> {
        self.next_to_set_aside().map(|(at, _)| at)
    }

    fn next_to_set_aside(&self) -> Option<(Duration, PassId)> {
        self.patient.first().copied().filter(|_| self.aside < self.most_aside)
    }

    /// How many do not count.
    pub(super) fn aside(&self) -> usize {
        self.aside
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Pass> + Clone {
        self.by_id.values()
    }
}
