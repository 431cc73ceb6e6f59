//! What is known of one lane: whether its tenant answers those who stand in it, and how many passes it may have because of that.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    PATIENCE,
    entrance::{Access, Crowd},
};
use crate::{
    aicore::rate_limit::RateLimiter,
    controller::queue::{Priority, line::Line},
    domain::{decide::outage::Outage, parse::object::ObjectKey},
};

/// An answer after this long is late.
const IN_TIME: Duration = Duration::from_secs(3);
/// So many passes find out whether a server that has not answered for a while still does. One could be waiting for the API server.
const AFTER_IDLE: usize = 2;

/// So many passes that wait for long for an answer keep nobody from trying, where many do and nobody of the lane was answered meanwhile.
const OVERTAKEN: usize = 1;

/// How many places more than `most` a lane has for namespaces that have fewer than so many.
fn reserve(most: usize) -> usize {
    most / 4
}

/// When the next one of a lane takes a turn of the tenant's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// When there is one.
    Next,
    /// When there is one that others have left, since their namespaces have had fewer.
    Behind {
        /// So many are promised to others.
        promised: u32,
    },
}

/// One lane.
#[derive(Debug)]
pub(super) struct LaneState {
    /// Who waits for a place or for the tenant's rate.
    pub(super) line: Line,
    /// Who is through that line, and waits for a place among the unproven. They hold a place in the lane.
    pub(super) at_entrance: Vec<ObjectKey>,
    /// Passes, and places that are kept for somebody who was woken.
    pub(super) in_flight: usize,
    /// How many of them each namespace has.
    in_flight_of: HashMap<Arc<str>, usize>,
    /// How many of them have not taken their turn in the rate.
    pub(super) before_turn: usize,
    /// How many of them have waited for an answer for long.
    pub(super) kept_waiting: usize,
    /// Whether another one was answered while they wait.
    answered_meanwhile: bool,
    /// When the line goes on by itself, and its precedence among lines that do so at that time.
    pub(super) alarm: Option<(Duration, Duration)>,
    /// When a pass last took a turn in the rate.
    last_turn: Duration,
    rate: Option<Arc<RateLimiter>>,
    /// How its passes come to a place as long as nothing is known.
    begins: Access,
    access: Access,
    /// Whom the API has not answered last, in a lane that began among those that are answered.
    unanswered: Option<ObjectKey>,
    /// How many passes it may have; grows with each answer.
    window: usize,
    last_answer: Option<Duration>,
    outage: Outage<ObjectKey>,
    /// When the last outage was found to have ended.
    outage_ended: Option<Duration>,
}

impl LaneState {
    /// One that nothing is known of.
    pub(super) fn new(begins: Access) -> Self {
        Self {
            line: Line::default(),
            at_entrance: Vec::new(),
            in_flight: 0,
            in_flight_of: HashMap::new(),
            before_turn: 0,
            kept_waiting: 0,
            answered_meanwhile: false,
            alarm: None,
            last_turn: Duration::ZERO,
            rate: None,
            begins,
            access: begins,
            unanswered: None,
            window: 1,
            last_answer: None,
            outage: Outage::default(),
            outage_ended: None,
        }
    }

    /// Whether one more may pass, or go to the entrance. `crowded`: in all lanes together, many passes wait for long for an answer.
    pub(super) fn admits(&self, now: Duration, most: usize, crowded: bool, standing: Standing) -> bool {
        let used = self.used();
        let few = crowded && !self.answered_meanwhile;
        let overtaken = if few { self.kept_waiting.min(OVERTAKEN) } else { self.kept_waiting };
        let has_place = match self.outage.next_probe() {
            Some(probe) => now >= probe,
            // One that is not answered may be a matter of its resource: others may find out meanwhile.
            None => used.saturating_sub(overtaken) < self.window(now),
        };
        used < most + reserve(most) && has_place && self.has_turn(standing)
    }

    /// Whether somebody waits who might pass if few passes of all lanes waited for long for an answer.
    pub(super) fn is_kept_by_a_crowd(&self) -> bool {
        !self.line.is_empty() && self.kept_waiting > OVERTAKEN && !self.answered_meanwhile
    }

    /// Takes the next one out of the line, when one more is admitted: of the namespace that has had the fewest turns of the rate. Beyond
    /// `most` only of namespaces that have few places: what is slow in one does not keep another out.
    pub(super) fn next(&mut self, most: usize) -> Option<(ObjectKey, Priority)> {
        let used = self.used();
        let Self { line, at_entrance, in_flight_of, rate, .. } = self;
        let may = |namespace: &str| {
            let at_entrance = at_entrance.iter().filter(|who| &*who.namespace == namespace).count();
            let has = in_flight_of.get(namespace).unwrap_or(&0) + at_entrance;
            used < most || has < reserve(most)
        };
        line.pop_least(may, |namespace| rate.as_ref().map_or(0, |rate| rate.lead(namespace)))
    }

    /// How many turns more than others the namespace of the next one in the line has had; `None`: nobody waits for the rate.
    pub(super) fn lead(&self) -> Option<u64> {
        let rate = self.rate.as_ref().filter(|_| self.outage.next_probe().is_none())?;
        self.line.least(|namespace| rate.lead(namespace))
    }

    /// How many turns of the rate those have still to take who are in.
    pub(super) fn promised(&self) -> u32 {
        u32::try_from(self.before_turn + self.at_entrance.len()).unwrap_or(u32::MAX)
    }

    fn used(&self) -> usize {
        self.in_flight + self.at_entrance.len()
    }

    /// Whether one may pass, or go to the entrance, because a person asks for it, although it is only probed now.
    pub(super) fn admits_what_is_asked_for(&self, now: Duration, most: usize) -> bool {
        let may = self.outage.next_asked_for().is_some_and(|at| now >= at);
        self.used() < most && may && self.has_turn(Standing::Next)
    }

    /// As in the slow start of TCP: few, and one more with each answer. Who has not answered for a while starts anew, so that few passes
    /// find out that a server has gone silent.
    fn window(&self, now: Duration) -> usize {
        let idle = self.last_answer.is_none_or(|at| now.saturating_sub(at) >= PATIENCE);
        match self.access {
            Access::Open if idle => AFTER_IDLE,
            Access::Open => self.window.max(AFTER_IDLE),
            Access::Shared(_) => self.window,
        }
    }

    /// Whether the rate has turns left beyond those that passes have not taken yet.
    fn has_turn(&self, standing: Standing) -> bool {
        self.until_turn(standing) == Some(Duration::ZERO)
    }

    /// The time until there is a turn for each pass that is in, and one for the next; `None`: there are never so many.
    fn until_turn(&self, standing: Standing) -> Option<Duration> {
        let Some(rate) = &self.rate else { return Some(Duration::ZERO) };
        let needed = self.promised().saturating_add(1);
        match standing {
            Standing::Next => rate.until_free(needed),
            Standing::Behind { promised } => rate.until_left_over(needed, promised),
        }
    }

    /// When the line goes on although no pass ends, with its precedence: of those that wait for a turn of the same tenant, the one that has
    /// had none for longest is first. `None`: not before a pass ends.
    pub(super) fn goes_on_at(&self, now: Duration, standing: Standing) -> Option<(Duration, Duration)> {
        if self.line.is_empty() {
            return None;
        }
        let probe = self.outage.next_probe().unwrap_or(now);
        let turn = now + self.until_turn(standing)?;
        Some(probe.max(turn)).filter(|at| *at > now).map(|at| (at, self.last_turn))
    }

    /// How its passes come to a place.
    pub(super) fn access(&self) -> Access {
        self.access
    }

    /// A place is kept for somebody who is woken for it, and has its turn before it.
    pub(super) fn keeps_a_place(&mut self, who: &ObjectKey) {
        self.in_flight += 1;
        *self.in_flight_of.entry(Arc::clone(&who.namespace)).or_default() += 1;
        self.before_turn += 1;
    }

    /// Who had a place has it no longer.
    pub(super) fn leaves(&mut self, who: &ObjectKey, had_turn: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(in_flight) = self.in_flight_of.get_mut(&who.namespace) {
            *in_flight -= 1;
            if *in_flight == 0 {
                self.in_flight_of.remove(&who.namespace);
            }
        }
        self.before_turn = self.before_turn.saturating_sub(usize::from(!had_turn));
    }

    /// A pass took its turn in the rate, its first one or a further one.
    pub(super) fn takes_turn(&mut self, first: bool, now: Duration) {
        self.before_turn = self.before_turn.saturating_sub(usize::from(first));
        self.last_turn = now;
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

    /// A server of the tenant answered `after` it was asked. Of one that was late or silent before, only an answer to a request to the
    /// API counts: its authorization server may answer at once.
    pub(super) fn answered(&mut self, after: Duration, by_api: bool, now: Duration, most: usize) {
        self.last_answer = Some(now);
        self.answered_meanwhile = true;
        self.window = (self.window + 1).min(most);
        if by_api {
            self.unanswered = None;
        }
        match (self.access, after <= IN_TIME) {
            (Access::Shared(Crowd::Late | Crowd::Silent), true) if !by_api => {}
            (_, true) => self.access = Access::Open,
            (_, false) => self.access = Access::Shared(Crowd::Late),
        }
    }

    /// A pass has waited for an answer for too long. What becomes of it is still open: the server may be slow.
    pub(super) fn keeps_waiting(&mut self) {
        if self.kept_waiting == 0 {
            self.answered_meanwhile = false;
        }
        self.kept_waiting += 1;
        self.window = 1;
    }

    /// One of those has its answer, or waits no longer.
    pub(super) fn keeps_one_less_waiting(&mut self) {
        self.kept_waiting = self.kept_waiting.saturating_sub(1);
    }

    /// An attempt of that resource had no answer. Among those that are answered this may be a matter of that resource, so it takes
    /// another one.
    pub(super) fn was_silent(&mut self, who: &ObjectKey) {
        self.window = 1;
        let before = self.unanswered.replace(who.clone());
        match self.begins {
            Access::Shared(_) => self.access = self.begins,
            Access::Open if before.is_some_and(|before| before != *who) => {
                self.access = Access::Shared(Crowd::Silent);
            }
            Access::Open => {}
        }
    }

    /// An attempt of that resource ended, and the tenant was available in it or not.
    pub(super) fn was_available(&mut self, available: bool, who: &ObjectKey, now: Duration) {
        if available {
            if self.outage.next_probe().is_some() {
                self.outage_ended = Some(now);
            }
            self.outage.was_available();
        } else {
            self.outage.was_unavailable(who, now);
        }
    }

    /// When the last outage was found to have ended; `None`: there was none, or there is one.
    pub(super) fn outage_ended(&self) -> Option<Duration> {
        self.outage_ended.filter(|_| self.outage.next_probe().is_none())
    }

    /// Whether more than one passes or waits.
    pub(super) fn is_shared(&self) -> bool {
        self.used() > 1 || !self.line.is_empty()
    }

    /// Whether nobody passes or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0
            && self.in_flight_of.is_empty()
            && self.at_entrance.is_empty()
            && self.line.is_empty()
    }
}

#[cfg(test)]
mod tests;
