//! Which pass may go on. Nobody waits here: a pass that is refused ends, and its resource is woken when there is a place.
//!
//! What is limited, and what follows from it:
//!
//! - **A lane** of a tenant has a quarter of the passes at most. It begins with one, and has one more with each answer, so that a server
//!   that has gone silent holds few. Its passes are let in as its tenant's rate has turns, none is reserved ahead: after an outage there
//!   is nothing that could be used up at once.
//! - **A tenant that is unavailable** (the attempts of two resources in a row had no answer, or one that says so) is only probed:
//!   by one pass at a time, at distances that grow from one second to ten. All others wait in its line, whatever their number.
//!   The first good answer opens the line, at the tenant's rate.
//! - **Passes whose server takes long** ([`PATIENCE`] without an answer) are set aside: they do not count among those that the
//!   queue hands out at a time. So a server that goes silent costs the others that long and no longer. [`Places::aside`] may be
//!   set aside; the queue lets one namespace have only a part of that.
//! - **Lanes that are not known to answer in time** share few places with those like them ([`Places::crowd`]), whatever their number:
//!   those that nobody has heard of (anybody can write down URLs), those that do not answer any more, and those that answer late.
//!   So whoever is slow waits for nobody who is invented or gone. A lane leaves such a crowd with its first answer in time.
//! - **What one resource meets says little about others of its tenant.** Resources whose service key was never given a token have
//!   a lane for each key, those of which nothing was accepted yet share one, so do those whose last attempt had no answer, and all others
//!   have one ([`lane`]). A pass that is kept waiting for long leaves its turn in the lane to others.
//! - Each line is fair over namespaces, with changes first ([`line`](super::queue::line)). So are the turns of a tenant's rate, over its
//!   lanes: whoever has had fewest is next ([`Lanes::standing`](lanes::Lanes::standing)).
//!
//! Why rotations of tenants that answer are never held up for long: they need a place in the queue's limit, and one in their
//! lane. Of the first, any other pass gives up its place within [`PATIENCE`], to the namespace whose turn it is, as long as there
//! is room aside: what comes through the entrances never fills that, a lane that has just gone silent has at most its places in it, and
//! few once a quarter of the room is taken. So it takes a third of as many tenants as there are places aside, all of them with proof,
//! in two namespaces or more, that go silent within one request timeout.
//!
//! A place that becomes free is promised to the next waiter, which is woken and asks for it. When its pass ends without asking
//! (the resource was suspended or deleted, backs off, or the API server failed), the promise goes to the one after it.

mod entrance;
pub(super) mod lane;
mod lane_state;
mod lanes;
mod passes;
mod permit;
mod shared;
mod state;
mod waiting;

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

pub(super) use self::permit::Permit;
use self::{lane::Lane, permit::Place, shared::SharedLimit, state::State};
use super::queue::{Priority, Queue};
use crate::{
    aicore::rate_limit::RateLimiter,
    domain::{decide::report::NOTEWORTHY_WAIT, parse::object::ObjectKey},
};

/// A pass that has waited for an answer for so long does not count among those that are handed out at a time, nor among those that its
/// lane lets in.
const PATIENCE: Duration = Duration::from_millis(500);

/// A pass that has read what it sends waits for so long for its turn in the rate, before it gives up what it has read.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// After this long, a resource that waits for another pass to read its service key looks by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// After this long, a resource that waits for a place looks by itself for the first time.
const FIRST_LOOK: Duration = Duration::from_secs(4);
/// Longest time between two looks.
const LONGEST_LOOK: Duration = Duration::from_mins(1);

/// What a pass asks for before it reads anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Limit {
    /// To send requests to a tenant.
    Lane(Arc<Lane>),
    /// To read the Secret with a service key for the first time. The others find what was read.
    ServiceKey(ObjectKey),
}

/// How many passes there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// Of one lane of a tenant.
    pub(super) lane: usize,
    /// Of all lanes together that are alike in not being known to answer in time.
    pub(super) crowd: usize,
    /// That do not count among those that the queue hands out at a time. With those, this bounds the passes of the process.
    pub(super) aside: usize,
}

impl Places {
    /// When the queue hands out `concurrency` at a time, `lane` of which may be of one lane.
    #[must_use]
    pub(super) fn new(concurrency: usize, lane: usize) -> Self {
        Self { lane, crowd: concurrency, aside: concurrency.saturating_mul(16) }
    }
}

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Which resource.
    pub(super) who: &'a ObjectKey,
    /// How soon it is served, and reconciled when it is woken.
    pub(super) priority: Priority,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// When to look again without being woken.
    pub(super) requeue_after: Duration,
    /// Whether the wait has become so long that the status has to say so, and has not yet ([`Admission::told`]).
    pub(super) is_noteworthy: bool,
}

impl Wait {
    /// For so long.
    pub(super) fn until(requeue_after: Duration) -> Self {
        Self { requeue_after, is_noteworthy: false }
    }

    /// After having waited for so long: the longer, the less often; in time for the status to say so.
    fn after(waited: Duration) -> Self {
        let next = waited.clamp(FIRST_LOOK, LONGEST_LOOK);
        let in_time = NOTEWORTHY_WAIT.checked_sub(waited).filter(|left| !left.is_zero());
        Self::until(in_time.map_or(next, |left| left.min(next)))
    }
}

/// All places, and who waits for one.
#[derive(Debug)]
pub(super) struct Admission {
    inner: Mutex<Inner>,
    changed: Notify,
    queue: Arc<Queue>,
    start: Instant,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// When [`Admission::run`] looks again by itself.
    looks_at: Option<Duration>,
}

impl Admission {
    /// So many places. Who waits is woken through the queue.
    pub(super) fn new(queue: Arc<Queue>, places: Places) -> Arc<Self> {
        let inner = Mutex::new(Inner { state: State::new(places), looks_at: None });
        Arc::new(Self { inner, changed: Notify::new(), queue, start: Instant::now() })
    }

    /// Asks for a place before anything is read, because what is read while others are in front would be old. Whoever has
    /// waited for a service key to be read goes on without a place (`None`), once: one that nobody can use must not hold up all who need
    /// it one after the other.
    ///
    /// # Errors
    /// When the limit is reached.
    pub(super) fn try_admit(
        self: &Arc<Self>,
        limit: Limit,
        request: Request<'_>,
    ) -> Result<Option<Permit>, Wait> {
        match limit {
            Limit::Lane(lane) => match self.ask_lane(&lane, request) {
                Ok(permit) => Ok(Some(permit)),
                Err(waited) => {
                    let is_noteworthy = waited >= NOTEWORTHY_WAIT
                        && !self.change(|state, _| state.waiting.is_told(request.who));
                    Err(Wait { is_noteworthy, ..Wait::after(waited) })
                }
            },
            Limit::ServiceKey(key) => {
                let limit = SharedLimit::ServiceKey(key);
                if self.change(|state, now| state.waiting.has_awaited(&limit, request.who, LOOK_AGAIN, now)) {
                    return Ok(None);
                }
                self.ask_shared(limit, request).map(Some).map_err(|_| Wait::until(LOOK_AGAIN))
            }
        }
    }

    /// What there was to say of the wait was said. As long as there was nothing, it stays noteworthy: what is waited for may change.
    pub(super) fn told(&self, who: &ObjectKey) {
        self.change(|state, now| state.waiting.tell(who, now));
    }

    /// The Secret of somebody who may wait has changed, so long ago: what was said of the wait before that may be wrong.
    pub(super) fn changed(&self, who: &ObjectKey, ago: Duration) {
        self.change(|state, now| state.waiting.changed(who, now.saturating_sub(ago)));
    }

    /// Whoever was refused goes on nevertheless, without a place: what is to be said of its wait depends on its Secrets.
    pub(super) fn goes_on(&self, who: &ObjectKey) {
        self.change(|state, _| state.waiting.goes_on(who));
    }

    /// A person asks for the pass that asks for a place in the lane next. It does not wait for the probes of an outage; however many
    /// are asked for, one in a second does not.
    pub(super) fn is_asked_for(&self, lane: &Arc<Lane>, request: Request<'_>) {
        self.change(|state, now| state.is_asked_for(lane, request, now));
    }

    /// Asks for a place among the passes that send requests to the tenant, unless there is a `permit` for it already. From now
    /// on the pass waits for an answer.
    ///
    /// # Errors
    /// When there is none now.
    pub(super) fn enter(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        permit: Option<Permit>,
        request: Request<'_>,
    ) -> Result<Permit, Wait> {
        let held = permit.filter(|permit| matches!(&permit.place, Place::Lane(of, _) if of == lane));
        let permit = match held {
            Some(permit) => permit,
            None => self.ask_lane(lane, request).map_err(Wait::after)?,
        };
        if let Place::Lane(_, id) = permit.place {
            self.change(|state, now| state.asks(id, now));
        }
        Ok(permit)
    }

    /// The rate of the tenant of a lane, which may have had no turn in it yet.
    pub(super) fn keep_to(&self, lane: &Arc<Lane>, rate: &Arc<RateLimiter>) {
        self.change(|state, _| state.lanes.of(lane).keep_to(rate));
    }

    /// Waits for the turn of a pass in the rate of its tenant, which a further request of another pass has come for first: for
    /// [`SHORT_WAIT`] at most, what the pass has read is held so long.
    ///
    /// # Errors
    /// When it takes longer. Whoever is refused drops the permit, and is the next of its namespace. Nothing is reserved then.
    pub(super) async fn await_turn(&self, permit: &Permit, rate: &Arc<RateLimiter>) -> Result<(), Wait> {
        let is_short = rate.until_free(1).is_some_and(|left| !left.is_zero() && left <= SHORT_WAIT);
        let Place::Lane(_, id) = permit.place else { return Ok(()) };
        if !is_short {
            return self.turn(permit, rate);
        }
        let namespace = self.change(|state, _| state.namespace_of(id));
        rate.wait_first(&namespace).await;
        self.change(|state, now| state.has_turn(id, rate, now));
        Ok(())
    }

    /// Takes the turn of a pass in the rate of its tenant. Whoever is refused drops the permit, and is the next of its namespace.
    ///
    /// # Errors
    /// When there is none now. None is reserved.
    pub(super) fn turn(&self, permit: &Permit, rate: &Arc<RateLimiter>) -> Result<(), Wait> {
        match permit.place {
            Place::Lane(_, id) => {
                let result = self.change(|state, now| state.turn(id, rate, now));
                result.map_err(|left| Wait::until(left.min(LONGEST_LOOK)))
            }
            Place::Shared(_) => Ok(()),
        }
    }

    /// Asks for a place among the passes that hold a large payload, which the pass has until it ends, as it has its permit.
    ///
    /// # Errors
    /// When there is none now. Who waits for one does so without the payload.
    pub(super) fn hold_large_payload(&self, permit: &Permit, request: Request<'_>) -> Result<(), Wait> {
        match permit.place {
            Place::Lane(_, id) => {
                self.change(|state, now| state.ask_large(id, request, now)).map_err(Wait::after)
            }
            Place::Shared(_) => Ok(()),
        }
    }

    /// Whether others are on their way to the tenant of the pass, or stand in line for it, of whom it has accepted nothing yet.
    pub(super) fn has_company(&self, permit: &Permit) -> bool {
        match permit.place {
            Place::Lane(_, id) => self.change(|state, _| state.has_company(id)),
            Place::Shared(_) => false,
        }
    }

    /// Whether the resource waits for such a place: then it needs it before it reads anything.
    pub(super) fn awaits_large_payload(&self, who: &ObjectKey) -> bool {
        self.change(|state, _| state.waiting.awaits_large_payload(who))
    }

    /// A pass over the resource has ended. Who was not refused in it waits no longer, and what it was promised goes to the next.
    /// After a pass that was cut short (`concluded` is false) it will ask again.
    pub(super) fn pass_ended(&self, who: &ObjectKey, concluded: bool) {
        self.change(|state, now| state.pass_ended(who, concluded, now));
    }

    /// The resource is gone.
    pub(super) fn remove(&self, who: &ObjectKey) {
        self.change(|state, now| {
            state.remove(who, now);
            state.passes.forget(who);
        });
    }

    /// Does what is due by time: sets passes aside that wait for long, and wakes those whose turn has come. Never ends.
    pub(super) async fn run(&self) {
        loop {
            // Created before the look, so that what changes in between is not lost.
            let changed = self.changed.notified();
            let next = self.change(|state, now| {
                state.time_is(now);
                state.next_event()
            });
            self.inner.lock().looks_at = next;
            match next {
                None => changed.await,
                Some(at) => {
                    let _ = tokio::time::timeout_at(self.start + at, changed).await;
                }
            }
        }
    }

    fn ask_lane(self: &Arc<Self>, lane: &Arc<Lane>, request: Request<'_>) -> Result<Permit, Duration> {
        let (id, lost) = self.change(|state, now| {
            let id = state.ask_lane(lane, request, now)?;
            Ok::<_, Duration>((id, state.lost(id)))
        })?;
        Ok(Permit { admission: Arc::clone(self), place: Place::Lane(Arc::clone(lane), id), lost })
    }

    fn ask_shared(self: &Arc<Self>, limit: SharedLimit, request: Request<'_>) -> Result<Permit, Duration> {
        self.change(|state, now| state.ask_shared(&limit, request, now))?;
        let (place, lost) = (Place::Shared(limit), CancellationToken::new());
        Ok(Permit { admission: Arc::clone(self), place, lost })
    }

    /// Changes the state, and wakes whom that concerns.
    fn change<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut inner = self.inner.lock();
        let result = change(&mut inner.state, self.start.elapsed());
        self.queue.set_aside(inner.state.passes.aside());
        for (who, priority) in inner.state.take_woken() {
            self.queue.enqueue_ahead(&who, priority);
        }
        let sooner = match (inner.state.next_event(), inner.looks_at) {
            (Some(next), Some(looks_at)) => next < looks_at,
            (next, looks_at) => next.is_some() && looks_at.is_none(),
        };
        if sooner {
            inner.looks_at = inner.state.next_event();
            self.changed.notify_one();
        }
        result
    }
}

#[cfg(test)]
mod tests;
