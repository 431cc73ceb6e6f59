//! The requests that have ended.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::bail;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{entry::Entry, route::Operation};

/// The requests of one tenant, or of all, in the order in which they ended. A handle: clones see the same requests.
#[derive(Clone)]
pub struct Journal {
    log: Arc<Log>,
    /// Position, counted from the first request ever, from which on this handle sees requests.
    start: usize,
}

struct Log {
    requests: Mutex<Requests>,
    /// Changes with every request.
    ended: watch::Sender<()>,
}

#[derive(Default)]
struct Requests {
    /// How many were removed from the front.
    cleared: usize,
    entries: Vec<Arc<Entry>>,
}

impl Requests {
    fn from(&self, position: usize) -> &[Arc<Entry>] {
        let skipped = position.saturating_sub(self.cleared).min(self.entries.len());
        self.entries.split_at(skipped).1
    }

    fn end(&self) -> usize {
        self.cleared + self.entries.len()
    }
}

impl Journal {
    pub(super) fn new() -> Self {
        let log = Log { requests: Mutex::default(), ended: watch::Sender::new(()) };
        Self { log: Arc::new(log), start: 0 }
    }

    pub(super) fn add(&self, entry: Arc<Entry>) {
        self.lock().entries.push(entry);
        self.log.ended.send_replace(());
    }

    /// The requests so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.after(self.start).0
    }

    /// POST, PATCH and DELETE so far, whatever their answer.
    #[must_use]
    pub fn writes(&self) -> Vec<Arc<Entry>> {
        self.matching(Entry::is_write)
    }

    /// Requests for a token so far, whatever their answer.
    #[must_use]
    pub fn token_requests(&self) -> Vec<Arc<Entry>> {
        self.matching(|entry| entry.operation == Operation::Token)
    }

    fn matching(&self, predicate: impl Fn(&Entry) -> bool) -> Vec<Arc<Entry>> {
        let requests = self.lock();
        let entries = requests.from(self.start).iter();
        entries.filter(|entry| predicate(entry)).cloned().collect()
    }

    /// A handle that sees only what ends from now on.
    #[must_use]
    pub fn from_now(&self) -> Self {
        Self { log: Arc::clone(&self.log), start: self.lock().end() }
    }

    /// Forgets the requests so far, for all handles.
    pub fn clear(&self) {
        let mut requests = self.lock();
        requests.cleared += requests.entries.len();
        requests.entries.clear();
    }

    /// The first request for which `predicate` holds; waits for it at most for `deadline`. The predicate sees each
    /// request once, so it can count.
    ///
    /// # Errors
    ///
    /// When there was no such request in time; the text lists what there was instead.
    pub async fn wait_for(
        &self,
        mut predicate: impl FnMut(&Entry) -> bool,
        deadline: Duration,
    ) -> anyhow::Result<Arc<Entry>> {
        let until = Instant::now() + deadline;
        let mut ended = self.log.ended.subscribe();
        let mut position = self.start;
        loop {
            // The predicate is the test's, and may panic: not under the lock.
            let (entries, end) = self.after(position);
            if let Some(entry) = entries.into_iter().find(|entry| predicate(entry)) {
                return Ok(entry);
            }
            position = end;
            if timeout_at(until, ended.changed()).await.is_err() {
                bail!("no such request within {deadline:?}; there were {:#?}", self.entries());
            }
        }
    }

    /// The requests from `position` on, and the position after them.
    fn after(&self, position: usize) -> (Vec<Arc<Entry>>, usize) {
        let requests = self.lock();
        (requests.from(position).to_vec(), requests.end().max(position))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Requests> {
        self.log.requests.lock().expect("no holder panics")
    }
}
