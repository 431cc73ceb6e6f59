//! The bookkeeping of admission. Synchronous: each change returns whom to wake because of it.

use std::{collections::HashMap, time::Duration};

use super::{
    LARGE_PAYLOADS, Limit, Request, Wait,
    waiters::{Number, Ticket, Waiters},
};
use crate::{
    aicore::rate_limit::RateLimiter,
    domain::{parse::object::ObjectKey, tools::turns::Turn},
};

/// Whom to wake.
pub(super) type Woken = Vec<Ticket>;

#[derive(Debug)]
pub(super) struct State {
    tenant_passes: usize,
    /// Limits that somebody needs.
    pub(super) usage: HashMap<Limit, Usage>,
    /// Resources that were refused, until they are admitted, want nothing any more, or go.
    pub(super) waiting: HashMap<ObjectKey, Waiting>,
}

#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) in_use: usize,
    /// Free places that somebody was woken for.
    pub(super) promised: usize,
    pub(super) waiters: Waiters,
}

/// One resource that was refused.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) position: Position,
    /// Its turn in the tenant's rate.
    turn: Option<Turn>,
    /// Since when it has asked in vain for a place in its tenant, in time since the start of the process.
    crowded_since: Option<Duration>,
    /// Whether it has waited for another pass to read the service key. Once is enough.
    awaited_service_key: bool,
    /// Whether it was refused in the pass that is under way.
    refused: bool,
}

/// Where a resource stands. In one place at a time, so that there is never more to remember than there are resources.
#[derive(Debug, Default)]
pub(super) enum Position {
    #[default]
    Nowhere,
    /// Among the waiters of a limit.
    Waits(Limit, Number),
    /// It was woken for a place, and has not asked for it yet.
    Promised(Limit),
}

impl State {
    pub(super) fn new(tenant_passes: usize) -> Self {
        Self { tenant_passes, usage: HashMap::new(), waiting: HashMap::new() }
    }

    pub(super) fn has_awaited_service_key(&self, who: &ObjectKey) -> bool {
        self.waiting.get(who).is_some_and(|waiting| waiting.awaited_service_key)
    }

    /// Takes a place; else stands among the waiters, and tells how long it has waited in vain.
    pub(super) fn take(&mut self, limit: &Limit, request: Request<'_>) -> (Result<(), Duration>, Woken) {
        let places = self.places(limit);
        let usage = self.usage.entry(limit.clone()).or_default();
        if usage.in_use < places {
            usage.in_use += 1;
            self.goes_on(request.who);
            return (Ok(()), self.leave(request.who));
        }
        let stands_here =
            |waiting: &Waiting| matches!(&waiting.position, Position::Waits(at, _) if at == limit);
        let mut woken = Woken::new();
        if !self.waiting.get(request.who).is_some_and(stands_here) {
            woken = self.leave(request.who);
            let ticket = Ticket { who: request.who.clone(), priority: request.priority };
            let number = self.usage.entry(limit.clone()).or_default().waiters.push(ticket);
            self.waiting_of(request.who).position = Position::Waits(limit.clone(), number);
        }
        let waiting = self.waiting_of(request.who);
        waiting.refused = true;
        let waited = match limit {
            Limit::Tenant(_) | Limit::LargePayload => {
                request.uptime.saturating_sub(*waiting.crowded_since.get_or_insert(request.uptime))
            }
            Limit::ServiceKey(_) => {
                waiting.awaited_service_key = true;
                Duration::ZERO
            }
        };
        (Err(waited), woken)
    }

    /// Its turn in the tenant's rate. Whoever gets it waits for nothing any more.
    pub(super) fn take_turn(
        &mut self,
        rate: &RateLimiter,
        request: Request<'_>,
    ) -> (Result<(), Wait>, Woken) {
        let kept = self.waiting.get(request.who).and_then(|waiting| waiting.turn);
        let turn = kept.unwrap_or_else(|| rate.reserve());
        let left = rate.left(turn);
        if left.is_zero() {
            return (Ok(()), self.remove(request.who));
        }
        let woken = self.leave(request.who);
        let waiting = self.waiting_of(request.who);
        waiting.turn = Some(turn);
        waiting.refused = true;
        (Err(Wait { requeue_after: left }), woken)
    }

    /// It goes on, whatever it was refused before in this pass.
    pub(super) fn goes_on(&mut self, who: &ObjectKey) {
        if let Some(waiting) = self.waiting.get_mut(who) {
            waiting.refused = false;
        }
    }

    pub(super) fn pass_ended(&mut self, who: &ObjectKey, concluded: bool) -> Woken {
        match self.waiting.get_mut(who) {
            None => Woken::new(),
            Some(waiting) if waiting.refused => {
                waiting.refused = false;
                Woken::new()
            }
            Some(_) if concluded => self.remove(who),
            Some(_) => self.leave(who),
        }
    }

    pub(super) fn remove(&mut self, who: &ObjectKey) -> Woken {
        let woken = self.leave(who);
        self.waiting.remove(who);
        woken
    }

    pub(super) fn give_back(&mut self, limit: &Limit) -> Woken {
        if let Some(usage) = self.usage.get_mut(limit) {
            usage.in_use = usage.in_use.saturating_sub(1);
        }
        self.promise(limit)
    }

    fn places(&self, limit: &Limit) -> usize {
        match limit {
            Limit::Tenant(_) => self.tenant_passes,
            Limit::ServiceKey(_) => 1,
            Limit::LargePayload => LARGE_PAYLOADS,
        }
    }

    fn waiting_of(&mut self, who: &ObjectKey) -> &mut Waiting {
        self.waiting.entry(who.clone()).or_default()
    }

    /// Leaves its position. What it was promised goes to the next.
    fn leave(&mut self, who: &ObjectKey) -> Woken {
        let Some(waiting) = self.waiting.get_mut(who) else {
            return Woken::new();
        };
        let limit = match std::mem::take(&mut waiting.position) {
            Position::Nowhere => return Woken::new(),
            Position::Waits(limit, number) => {
                if let Some(usage) = self.usage.get_mut(&limit) {
                    usage.waiters.remove(number);
                }
                limit
            }
            Position::Promised(limit) => {
                if let Some(usage) = self.usage.get_mut(&limit) {
                    usage.promised = usage.promised.saturating_sub(1);
                }
                limit
            }
        };
        self.promise(&limit)
    }

    /// Promises the free places to those who are next, and forgets a limit that nobody needs.
    fn promise(&mut self, limit: &Limit) -> Woken {
        let places = self.places(limit);
        let Some(usage) = self.usage.get_mut(limit) else {
            return Woken::new();
        };
        let mut woken = Woken::new();
        match limit {
            Limit::Tenant(_) | Limit::LargePayload => {
                while usage.in_use + usage.promised < places
                    && let Some(next) = usage.waiters.pop()
                {
                    usage.promised += 1;
                    woken.push(next);
                }
            }
            // What was read is there for all of them.
            Limit::ServiceKey(_) => {
                while usage.in_use == 0
                    && let Some(next) = usage.waiters.pop()
                {
                    woken.push(next);
                }
            }
        }
        if usage.in_use == 0 && usage.promised == 0 && usage.waiters.is_empty() {
            self.usage.remove(limit);
        }
        for ticket in &woken {
            if let Some(waiting) = self.waiting.get_mut(&ticket.who) {
                waiting.position = match limit {
                    Limit::Tenant(_) | Limit::LargePayload => Position::Promised(limit.clone()),
                    Limit::ServiceKey(_) => Position::Nowhere,
                };
            }
        }
        woken
    }
}
