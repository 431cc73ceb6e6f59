//! What is to be reconciled, and in which order. One object is never reconciled twice at the same time; however often it is
//! enqueued meanwhile, it is reconciled once more. Changes come before routine, so that a rotation does not wait behind a
//! restart's thousands of objects.
//!
//! A scheduler on tokio's timer wheel, as kube-runtime has one, rounds "now" up to the next millisecond or two, which is
//! longer than the whole rest of a rotation; that is why the ready lists here are plain queues.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

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
    urgent: VecDeque<ObjectKey>,
    routine: VecDeque<ObjectKey>,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Only a timer is set.
    Idle,
    Queued(Priority),
    Running {
        requeue: Option<Priority>,
    },
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
    /// A queue that takes nothing in until [`Queue::start`], for a time when nobody would take it out.
    #[must_use]
    pub(crate) fn idle() -> Self {
        let queue = Self::default();
        queue.state.lock().open = Open::Some(HashSet::new());
        queue
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

    /// Has the object reconciled as soon as a worker is free.
    pub(crate) fn enqueue(&self, key: &ObjectKey, priority: Priority) {
        if self.state.lock().enqueue(key, priority) {
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
}

impl State {
    fn enqueue(&mut self, key: &ObjectKey, priority: Priority) -> bool {
        if let Open::Some(open) = &self.open
            && !open.contains(&key.namespace)
        {
            return false;
        }
        let slot = self.slots.entry(key.clone()).or_insert(Slot { phase: Phase::Idle, timer: None });
        match &mut slot.phase {
            Phase::Running { requeue } => {
                *requeue = (*requeue).max(Some(priority));
                return false;
            }
            Phase::Queued(queued) if *queued >= priority => return false,
            // The entry in the routine list stays behind and is passed over.
            Phase::Queued(_) => {}
            Phase::Idle => self.waiting += 1,
        }
        slot.phase = Phase::Queued(priority);
        if let Some(timer) = slot.timer.take() {
            self.timers.remove(&timer);
        }
        match priority {
            Priority::Urgent => self.urgent.push_back(key.clone()),
            Priority::Routine => self.routine.push_back(key.clone()),
        }
        true
    }

    fn take(&mut self) -> Option<ObjectKey> {
        loop {
            let (key, priority) = match self.urgent.pop_front() {
                Some(key) => (key, Priority::Urgent),
                None => (self.routine.pop_front()?, Priority::Routine),
            };
            if let Some(slot) = self.slots.get_mut(&key)
                && slot.phase == Phase::Queued(priority)
            {
                slot.phase = Phase::Running { requeue: None };
                self.waiting -= 1;
                self.running += 1;
                self.taken += 1;
                return Some(key);
            }
        }
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
        if let Some(priority) = requeue {
            entry.get_mut().phase = Phase::Idle;
            return (self.enqueue(key, priority), false);
        }
        let Some(at) = at else {
            entry.remove();
            return (false, false);
        };
        let timer = (at, self.next_timer);
        self.next_timer += 1;
        *entry.get_mut() = Slot { phase: Phase::Idle, timer: Some(timer) };
        let earliest = self.timers.keys().next().is_none_or(|first| timer < *first);
        self.timers.insert(timer, key.clone());
        (false, earliest)
    }

    fn remove(&mut self, key: &ObjectKey) {
        let Entry::Occupied(entry) = self.slots.entry(key.clone()) else {
            return;
        };
        match entry.get().phase {
            Phase::Running { .. } => {}
            phase @ (Phase::Idle | Phase::Queued(_)) => {
                self.waiting -= usize::from(phase != Phase::Idle);
                if let Some(timer) = entry.remove().timer {
                    self.timers.remove(&timer);
                }
            }
        }
    }

    fn fire(&mut self, now: Instant) -> bool {
        let mut woken = false;
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let key = entry.remove();
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.timer = None;
            }
            woken |= self.enqueue(&key, Priority::Routine);
        }
        woken
    }
}

#[cfg(test)]
mod tests;
