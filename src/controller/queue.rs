//! What is to be reconciled, and in which order. One object is never reconciled twice at the same time; however often it is
//! enqueued meanwhile, it is reconciled once more. Changes come before routine, so that a rotation does not wait behind a
//! restart's thousands of objects, and namespaces have turns, so that it does not wait behind those of another.
//!
//! So many are handed out at a time. Passes that wait for a server that does not answer are set aside: they do not count, so
//! that others go on. With those, one namespace has eight times as many at most, so that it cannot use up what may be set aside.
//!
//! A scheduler on tokio's timer wheel, as kube-runtime has one, rounds "now" up to the next millisecond or two, which is
//! longer than the whole rest of a rotation; that is why the ready lists here are plain queues.

pub(in crate::controller) mod line;
mod listener;

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use self::line::{Line, Since, Ticket};
use crate::domain::parse::object::ObjectKey;

/// How soon something wants to be reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Timers, and objects of the first list.
    Routine,
    /// Something changed.
    Urgent,
}

/// The queue. Shared by those who enqueue, and by the workers.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Notify,
    timers_changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<ObjectKey, Slot>,
    line: Line,
    /// How many are handed out at a time; `None`: as many as there are.
    limit: Option<usize>,
    /// How many of those that run do not count.
    aside: usize,
    running_in: HashMap<Arc<str>, usize>,
    /// Who is told when an object that runs is enqueued again, or goes.
    listeners: HashMap<ObjectKey, Arc<Notify>>,
    timers: BTreeMap<TimerId, ObjectKey>,
    next_timer: u64,
    waiting: usize,
    running: usize,
    taken: u64,
    open: Open,
    closed: bool,
}

/// Of which namespaces objects are taken in.
#[derive(Debug, Default)]
enum Open {
    /// Of all.
    #[default]
    All,
    /// Of these.
    Some(HashSet<Arc<str>>),
}

type TimerId = (Instant, u64);

#[derive(Debug)]
struct Slot {
    phase: Phase,
    timer: Option<TimerId>,
    /// When it was last enqueued for what is to be done with it. That a place is kept for it, or that its time has come, does not count.
    since: Option<Since>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Only a timer is set.
    Idle,
    Queued(Ticket),
    Running {
        requeue: Option<Wake>,
    },
}

/// How an object is enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wake {
    priority: Priority,
    cause: Cause,
}

/// Why an object is enqueued. Of two, the later one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// It looks again by itself, at what it was enqueued for.
    Timer,
    /// There is something to do with it.
    Event,
    /// A place is kept for it: it comes before the others of its namespace.
    PlaceKept,
}

impl Wake {
    fn and(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| Self {
            priority: self.priority.max(other.priority),
            cause: self.cause.max(other.cause),
        })
    }
}

/// How busy the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Objects that wait for a worker.
    pub waiting: usize,
    /// Objects that a worker is looking at.
    pub running: usize,
    /// Objects taken by workers since the start.
    pub taken: u64,
}

impl Queue {
    /// A queue that hands out so many objects at a time, and takes nothing in until [`Queue::start`], for a time when nobody
    /// would take it out.
    #[must_use]
    pub(crate) fn idle(limit: usize) -> Self {
        let state = State { limit: Some(limit), open: Open::Some(HashSet::new()), ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// Takes in what is in this namespace from now on, too; `None`: in any.
    pub(crate) fn start(&self, namespace: Option<&Arc<str>>) {
        let mut state = self.state.lock();
        match (namespace, &mut state.open) {
            (None, open) => *open = Open::All,
            (Some(namespace), Open::Some(open)) => drop(open.insert(Arc::clone(namespace))),
            (Some(_), Open::All) => {}
        }
    }

    /// Has the object reconciled when its turn comes.
    pub(crate) fn enqueue(&self, key: &ObjectKey, priority: Priority) {
        if self.state.lock().enqueue(key, Wake { priority, cause: Cause::Event }) {
            self.ready.notify_one();
        }
    }

    /// The same, before the others of its namespace: a place is kept for it until it comes. Of those for whom one is kept, whoever was
    /// enqueued first is first, however long it has waited for the place: places become free in many lines at a time.
    pub(crate) fn enqueue_ahead(&self, key: &ObjectKey, priority: Priority) {
        if self.state.lock().enqueue(key, Wake { priority, cause: Cause::PlaceKept }) {
            self.ready.notify_one();
        }
    }

    /// So many of those that run do not count.
    pub(crate) fn set_aside(&self, passes: usize) {
        let mut state = self.state.lock();
        let more = passes > state.aside;
        state.aside = passes;
        if more && state.waiting > 0 {
            self.ready.notify_one();
        }
    }

    /// Waits for the next object. `None`: the queue was closed. Each object that was taken must be given back by
    /// [`Queue::done`].
    pub(crate) async fn next(&self) -> Option<ObjectKey> {
        loop {
            // Created before the look, so that what is enqueued in between is not lost.
            let ready = self.ready.notified();
            {
                let mut state = self.state.lock();
                if state.closed {
                    return None;
                }
                if let Some(key) = state.take() {
                    // Whoever waits for the rest may have been told of this one only.
                    if state.waiting > 0 {
                        self.ready.notify_one();
                    }
                    return Some(key);
                }
            }
            ready.await;
        }
    }

    /// Gives an object back, and has it reconciled again after `requeue_after` unless it is enqueued before.
    pub(crate) fn done(&self, key: &ObjectKey, requeue_after: Option<Duration>) {
        let (woken, earliest) =
            self.state.lock().done(key, requeue_after.map(|after| Instant::now() + after));
        if woken {
            self.ready.notify_one();
        }
        if earliest {
            self.timers_changed.notify_one();
        }
    }

    /// Takes out an object that no longer exists. One that is being reconciled is reconciled to the end.
    pub(crate) fn remove(&self, key: &ObjectKey) {
        self.state.lock().remove(key);
    }

    /// Moves objects whose time has come to the ready list, until the queue is closed.
    pub(crate) async fn run_timers(&self) {
        loop {
            let changed = self.timers_changed.notified();
            let (due, next) = {
                let mut state = self.state.lock();
                if state.closed {
                    return;
                }
                (state.fire(Instant::now()), state.timers.keys().next().map(|(at, _)| *at))
            };
            if due {
                self.ready.notify_one();
            }
            match next {
                None => changed.await,
                Some(at) => {
                    let _ = tokio::time::timeout_at(at, changed).await;
                }
            }
        }
    }

    /// Ends [`Queue::next`] and [`Queue::run_timers`].
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_waiters();
        self.timers_changed.notify_waiters();
        self.timers_changed.notify_one();
    }

    /// How busy it is.
    #[must_use]
    pub(crate) fn load(&self) -> Load {
        let state = self.state.lock();
        Load { waiting: state.waiting, running: state.running, taken: state.taken }
    }

    /// Whether any wait for a worker that will come. After the end of the process begins there is none.
    #[must_use]
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.state.lock();
        state.waiting > 0 && !state.closed
    }
}

impl State {
    fn enqueue(&mut self, key: &ObjectKey, mut wake: Wake) -> bool {
        if let Open::Some(open) = &self.open
            && !open.contains(&key.namespace)
        {
            return false;
        }
        let slot =
            self.slots.entry(key.clone()).or_insert(Slot { phase: Phase::Idle, timer: None, since: None });
        match &mut slot.phase {
            Phase::Running { requeue } => {
                *requeue = Some(wake.and(*requeue));
                self.tell(key);
                return false;
            }
            Phase::Queued(ticket) if ticket.priority >= wake.priority && wake.cause != Cause::PlaceKept => {
                return false;
            }
            Phase::Queued(ticket) => {
                wake.priority = wake.priority.max(ticket.priority);
                self.line.remove(key, *ticket);
            }
            Phase::Idle => self.waiting += 1,
        }
        let ticket = match wake.cause {
            Cause::PlaceKept => self.line.push_ahead(key, wake.priority, slot.since),
            Cause::Event | Cause::Timer => self.line.push(key, wake.priority),
        };
        if slot.since.is_none() || wake.cause == Cause::Event {
            slot.since = Some(ticket.since());
        }
        slot.phase = Phase::Queued(ticket);
        if let Some(timer) = slot.timer.take() {
            self.timers.remove(&timer);
        }
        true
    }

    fn take(&mut self) -> Option<ObjectKey> {
        let limit = self.limit.unwrap_or(usize::MAX);
        if self.running.saturating_sub(self.aside) >= limit {
            return None;
        }
        let in_one_namespace = limit.saturating_mul(8);
        let running_in = &self.running_in;
        let may =
            |namespace: &str| running_in.get(namespace).is_none_or(|running| *running < in_one_namespace);
        let (key, _) = self.line.pop(may)?;
        self.slots.get_mut(&key)?.phase = Phase::Running { requeue: None };
        self.waiting -= 1;
        self.running += 1;
        *self.running_in.entry(Arc::clone(&key.namespace)).or_default() += 1;
        self.taken += 1;
        Some(key)
    }

    /// Whether a worker should be told, and whether the earliest timer is a new one.
    fn done(&mut self, key: &ObjectKey, at: Option<Instant>) -> (bool, bool) {
        let Entry::Occupied(mut entry) = self.slots.entry(key.clone()) else {
            return (false, false);
        };
        let Phase::Running { requeue } = entry.get().phase else {
            return (false, false);
        };
        self.running -= 1;
        if let Entry::Occupied(mut running) = self.running_in.entry(Arc::clone(&key.namespace)) {
            *running.get_mut() -= 1;
            if *running.get() == 0 {
                running.remove();
            }
        }
        if let Some(wake) = requeue {
            entry.get_mut().phase = Phase::Idle;
            return (self.enqueue(key, wake), false);
        }
        // One may go that had to wait until this one was done.
        let woken = self.waiting > 0;
        let Some(at) = at else {
            entry.remove();
            return (woken, false);
        };
        let timer = (at, self.next_timer);
        self.next_timer += 1;
        let slot = entry.get_mut();
        (slot.phase, slot.timer) = (Phase::Idle, Some(timer));
        let earliest = self.timers.keys().next().is_none_or(|first| timer < *first);
        self.timers.insert(timer, key.clone());
        (woken, earliest)
    }

    fn remove(&mut self, key: &ObjectKey) {
        let Entry::Occupied(entry) = self.slots.entry(key.clone()) else {
            return;
        };
        match entry.get().phase {
            Phase::Running { .. } => self.tell(key),
            phase @ (Phase::Idle | Phase::Queued(_)) => {
                if let Phase::Queued(ticket) = phase {
                    self.waiting -= 1;
                    self.line.remove(key, ticket);
                }
                if let Some(timer) = entry.remove().timer {
                    self.timers.remove(&timer);
                }
            }
        }
    }

    fn tell(&self, key: &ObjectKey) {
        if let Some(listener) = self.listeners.get(key) {
            listener.notify_one();
        }
    }

    fn fire(&mut self, now: Instant) -> bool {
        let mut woken = false;
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let key = entry.remove();
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.timer = None;
            }
            woken |= self.enqueue(&key, Wake { priority: Priority::Routine, cause: Cause::Timer });
        }
        woken
    }
}

#[cfg(test)]
mod tests;
