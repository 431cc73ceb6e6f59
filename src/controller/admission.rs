//! Which pass may go on: only so many passes of one tenant are under way at a time, one pass at a time reads a service key that
//! nobody has read yet, and the requests to a tenant keep to its rate. A pass that is refused ends, so that no worker waits; its
//! resource is woken when there is a place.
//!
//! A place that becomes free is promised to the next waiter, which is woken and asks for it. When its pass ends without asking
//! (the resource was suspended or deleted, backs off, or the API server failed), the promise goes to the one after it.

mod state;
mod waiters;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tracing::debug;

use self::state::{State, Woken};
use super::queue::{Priority, Queue};
use crate::{
    aicore::rate_limit::RateLimiter,
    domain::{
        decide::report::NOTEWORTHY_WAIT,
        parse::{api_url::Tenant, object::ObjectKey},
    },
};

/// After this long, a resource that waits for a place looks by itself whether there is one.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Large payloads that are sent at once, to all tenants together: with their bodies these are 12 MiB at most.
const LARGE_PAYLOADS: usize = 4;

/// What is limited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    /// Passes that send requests to a tenant: one that does not answer must not occupy all workers.
    Tenant(Arc<Tenant>),
    /// Passes that read the Secret with a service key for the first time. The others find what was read.
    ServiceKey(ObjectKey),
    /// Pushes that hold a large payload, of all tenants together: what they hold must fit the memory.
    LargePayload,
}

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Which resource.
    pub(super) who: &'a ObjectKey,
    /// How soon it is reconciled when it is woken.
    pub(super) priority: Priority,
    /// Time since the start of the process.
    pub(super) uptime: Duration,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// When to look again without being woken.
    pub(super) requeue_after: Duration,
}

/// A place, until it is dropped.
#[must_use]
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    limit: Limit,
    /// Whether its turn has come: from then on requests are sent.
    sends: AtomicBool,
    answered: AtomicBool,
}

impl Permit {
    /// The server of the tenant has answered, whatever it has answered. A permit that is dropped without it, after its turn has
    /// come, stands for an attempt without an answer.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// The authorization server has not answered, which is asked before the turn.
    pub(super) fn unanswered(&self) {
        self.sends.store(true, Ordering::Relaxed);
    }

    /// Although its turn has come, nothing was sent that could have been answered.
    pub(super) fn unused(&self) {
        self.sends.store(false, Ordering::Relaxed);
    }
}

/// All places, and who waits for one.
#[derive(Debug)]
pub(super) struct Admission {
    state: Mutex<State>,
    queue: Arc<Queue>,
}

impl Admission {
    /// At most `tenant_passes` passes of one tenant at a time. Who waits is woken through the queue.
    pub(super) fn new(queue: Arc<Queue>, tenant_passes: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::new(tenant_passes)), queue })
    }

    /// Asks for a place before anything is read, because what is read while others are in front would be old. Whoever has
    /// waited for long enough goes on without a place (`None`): after that the status has to say so, and a service key that
    /// nobody can use must not hold up all who need it one after the other.
    ///
    /// # Errors
    /// When the limit is reached.
    pub(super) fn try_admit(
        self: &Arc<Self>,
        limit: Limit,
        request: Request<'_>,
    ) -> Result<Option<Permit>, Wait> {
        let (result, woken) = {
            let mut state = self.state.lock();
            if matches!(limit, Limit::ServiceKey(_)) && state.has_awaited_service_key(request.who) {
                return Ok(None);
            }
            match state.take(&limit, request) {
                (Err(waited), woken) if waited >= NOTEWORTHY_WAIT => {
                    state.goes_on(request.who);
                    (Ok(None), woken)
                }
                (Err(_), woken) => (Err(Wait { requeue_after: LOOK_AGAIN }), woken),
                (Ok(()), woken) => (Ok(Some(limit)), woken),
            }
        };
        self.wake(woken);
        result.map(|limit| limit.map(|limit| self.permit(limit)))
    }

    /// Asks for a place among the passes that send requests to the tenant, unless there is a `permit` already. Nobody waits
    /// here, so that one tenant's queue does not keep workers from other tenants.
    ///
    /// # Errors
    /// When the limit is reached.
    pub(super) fn enter(
        self: &Arc<Self>,
        tenant: &Arc<Tenant>,
        permit: Option<Permit>,
        request: Request<'_>,
    ) -> Result<Permit, Wait> {
        if let Some(permit) = permit {
            return Ok(permit);
        }
        let limit = Limit::Tenant(Arc::clone(tenant));
        let (result, woken) = self.state.lock().take(&limit, request);
        self.wake(woken);
        match result {
            Ok(()) => Ok(self.permit(limit)),
            // The longer it waits, the less often it looks by itself.
            Err(waited) => Err(Wait { requeue_after: waited.max(LOOK_AGAIN) }),
        }
    }

    /// Asks for the turn of a pass in the rate of its tenant. Whoever has a turn and a place waits for nothing any more; whoever
    /// has to wait gives its place back by dropping the permit.
    ///
    /// # Errors
    /// When it is not its turn yet. The turn is kept until it is used.
    pub(super) fn turn(&self, permit: &Permit, rate: &RateLimiter, request: Request<'_>) -> Result<(), Wait> {
        let (result, woken) = self.state.lock().take_turn(rate, request);
        permit.sends.store(result.is_ok(), Ordering::Relaxed);
        self.wake(woken);
        result
    }

    /// Asks for a place among the pushes that hold a large payload.
    ///
    /// # Errors
    /// When the limit is reached.
    pub(super) fn admit_large_payload(self: &Arc<Self>, request: Request<'_>) -> Result<Permit, Wait> {
        let (result, woken) = self.state.lock().take(&Limit::LargePayload, request);
        self.wake(woken);
        match result {
            Ok(()) => Ok(self.permit(Limit::LargePayload)),
            Err(waited) => Err(Wait { requeue_after: waited.max(LOOK_AGAIN) }),
        }
    }

    /// A pass over the resource has ended. Who was not refused in it waits no longer, and what it was promised goes to the next.
    /// After a pass that was cut short (`concluded` is false) it keeps its turn: it will ask again.
    pub(super) fn pass_ended(&self, who: &ObjectKey, concluded: bool) {
        let woken = self.state.lock().pass_ended(who, concluded);
        self.wake(woken);
    }

    /// The resource is gone.
    pub(super) fn remove(&self, who: &ObjectKey) {
        let woken = self.state.lock().remove(who);
        self.wake(woken);
    }

    fn permit(self: &Arc<Self>, limit: Limit) -> Permit {
        Permit {
            admission: Arc::clone(self),
            limit,
            sends: AtomicBool::new(false),
            answered: AtomicBool::new(false),
        }
    }

    fn wake(&self, woken: Woken) {
        for ticket in woken {
            self.queue.enqueue(&ticket.who, ticket.priority);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.sends.load(Ordering::Relaxed) && !self.answered.load(Ordering::Relaxed) {
            debug!(limit = ?self.limit, "no answer");
        }
        let woken = self.admission.state.lock().give_back(&self.limit);
        self.admission.wake(woken);
    }
}

#[cfg(test)]
mod tests;
