//! Passes that have a place in a lane: what each has come to, which of them wait for an answer, and which are set aside.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{PATIENCE, SharedLimit, entrance::Access, lane::Lane};
use crate::domain::parse::object::ObjectKey;

/// A request that was sent in an outage, and has waited for so long since, is lost, unless requests take that long.
const LOST: Duration = Duration::from_secs(2);
/// So many times as long as the answer to a later request took.
const TIMES_LONGER: u32 = 4;

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
    /// When it asked last, and how long the answer to that took.
    pub(super) served: Option<(Duration, Duration)>,
    /// Its request is given up.
    pub(super) lost: CancellationToken,
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
    /// Whose request was given up, and whom nobody has answered since.
    given_up: HashSet<ObjectKey>,
}

impl Passes {
    /// None yet. So many may be set aside.
    pub(super) fn new(most_aside: usize) -> Self {
        Self {
            by_id: BTreeMap::new(),
            next: 0,
            patient: BTreeSet::new(),
            aside: 0,
            most_aside,
            given_up: HashSet::new(),
        }
    }

    /// One begins. What comes through the entrance is aside from the beginning, if there is room.
    pub(super) fn begin(&mut self, lane: Arc<Lane>, who: &ObjectKey, access: Access) -> PassId {
        let id = self.next;
        self.next += 1;
        let aside = access != Access::Open && self.aside < self.most_aside;
        self.aside += usize::from(aside);
        let pass = Pass {
            lane,
            who: who.clone(),
            phase: Phase::Entered,
            has_turn: false,
            access,
            aside,
            large: None,
            served: None,
            lost: CancellationToken::new(),
        };
        self.by_id.insert(id, pass);
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

    /// The request that it sent then was answered after so long.
    pub(super) fn served(&mut self, id: PassId, asked: Duration, took: Duration) {
        if let Some(pass) = self.by_id.get_mut(&id) {
            pass.served = Some((asked, took));
            if pass.has_turn {
                self.given_up.remove(&pass.who);
            }
        }
    }

    /// The resource is gone.
    pub(super) fn forget(&mut self, who: &ObjectKey) {
        self.given_up.remove(who);
    }

    /// Gives up requests to the tenant of this pass that were sent before its outage was found to have ended, and before a request that
    /// was answered since: nobody will answer them. A resource gives up one, and has its whole time from then on until it is answered:
    /// where outages follow one another, a slow answer would never be waited for.
    pub(super) fn give_up_lost(&mut self, id: PassId, outage_ended: Duration, now: Duration) {
        let Some((answered, (asked, took))) = self.by_id.get(&id).and_then(|pass| Some((pass, pass.served?)))
        else {
            return;
        };
        let long = LOST.max(took * TIMES_LONGER);
        for pass in self.by_id.values().filter(|pass| pass.lane.is_beside(&answered.lane)) {
            if let Phase::KeptWaiting { at } = pass.phase
                && at < outage_ended.min(asked)
                && now.saturating_sub(at) >= long
                && pass.has_turn
                && self.given_up.insert(pass.who.clone())
            {
                pass.lost.cancel();
            }
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

    /// Whether a quarter of those that may be are set aside.
    pub(super) fn is_crowded(&self) -> bool {
        self.aside.saturating_mul(4) >= self.most_aside
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        decide::credit::Credit,
        testing::{seconds, tenant},
    };

    /// So many seconds before.
    fn sent(now: Duration, before: u64) -> Duration {
        now.checked_sub(seconds(before)).unwrap()
    }

    /// When a request was sent and how long the answer to it took, as seen from one that was answered at 20 s and the outage that ended
    /// then.
    #[test]
    fn what_was_sent_in_an_outage_and_waits_for_long_is_lost_and_nothing_else() {
        let one = Arc::new(tenant("one"));
        let lane = |tenant: &Arc<_>, credit| Lane::of(tenant, 1, credit);
        let proven = lane(&one, Credit::Proven);
        let now = seconds(20);
        let cases = [
            ("sent in the outage", &proven, 10, true, 1, true),
            ("in another lane of the tenant", &lane(&one, Credit::Doubtful), 10, true, 1, true),
            ("in another tenant", &lane(&Arc::new(tenant("two")), Credit::Proven), 10, true, 1, false),
            ("a moment ago", &proven, 19, true, 1, false),
            ("where answers take that long", &proven, 10, true, 3, false),
            ("for a token", &proven, 10, false, 1, false),
        ];
        for (what, of, asked, has_turn, took, lost) in cases {
            let mut passes = Passes::new(10);
            let who = ObjectKey::new("ns", "a");
            let others = ObjectKey::new("ns", "b");
            let id = passes.begin(Arc::clone(of), &who, Access::Open);
            if has_turn {
                passes.has_turn(id);
            }
            passes.comes_to(id, Phase::Asked { at: seconds(asked) });
            passes.set_aside(now);
            let answered = passes.begin(Arc::clone(&proven), &others, Access::Open);
            passes.give_up_lost(answered, now, now);
            assert!(!passes.get(id).unwrap().lost.is_cancelled(), "{what}: nobody was answered yet");
            passes.served(answered, sent(now, took), seconds(took));
            passes.give_up_lost(answered, now, now);
            assert_eq!(passes.get(id).unwrap().lost.is_cancelled(), lost, "{what}");
            assert!(!passes.get(answered).unwrap().lost.is_cancelled());
        }
        // What was sent again, after the end of the outage, has its whole time, however fast others are.
        let mut passes = Passes::new(10);
        let again = passes.begin(Arc::clone(&proven), &ObjectKey::new("ns", "a"), Access::Open);
        passes.has_turn(again);
        passes.comes_to(again, Phase::Asked { at: seconds(21) });
        passes.set_aside(seconds(30));
        let answered = passes.begin(Arc::clone(&proven), &ObjectKey::new("ns", "b"), Access::Open);
        passes.served(answered, seconds(29), seconds(1));
        passes.give_up_lost(answered, now, seconds(30));
        assert!(!passes.get(again).unwrap().lost.is_cancelled());
    }

    #[test]
    fn where_outages_follow_one_another_each_is_given_up_once_until_it_is_answered() {
        let lane = Lane::of(&Arc::new(tenant("one")), 1, Credit::Proven);
        let mut passes = Passes::new(10);
        let fast = passes.begin(Arc::clone(&lane), &ObjectKey::new("ns", "fast"), Access::Open);
        passes.has_turn(fast);
        let slow = ObjectKey::new("ns", "slow");
        // Whether it is answered before, and whether it is given up in this outage.
        for (outage, (answered, lost)) in
            [(false, true), (false, false), (false, false), (true, true)].into_iter().enumerate()
        {
            let now = seconds(100 * (u64::try_from(outage).unwrap() + 1));
            let id = passes.begin(Arc::clone(&lane), &slow, Access::Open);
            passes.has_turn(id);
            if answered {
                passes.served(id, sent(now, 20), seconds(1));
            }
            passes.comes_to(id, Phase::Asked { at: sent(now, 10) });
            passes.set_aside(now);
            passes.served(fast, sent(now, 1), seconds(1));
            passes.give_up_lost(fast, now, now);
            assert_eq!(passes.get(id).unwrap().lost.is_cancelled(), lost, "{outage}");
            passes.end(id);
        }
        passes.forget(&slow);
        assert!(passes.given_up.is_empty());
    }
}
