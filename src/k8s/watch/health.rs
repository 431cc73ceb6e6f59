//! What is known of a watch's health.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

/// How long a watch that works may be silent: somewhat longer than a minute, which is how far apart an API server's bookmarks are.
/// Beyond that it may be deaf, and what was learned by it may have changed.
const TRUST_LIMIT: Duration = Duration::from_secs(90);

/// When a watch last received something, and when it last did anything.
///
/// Received is what arrives within the answer to a watch request: events, and the bookmarks that the API server sends when there
/// are none. That a watch was opened or has ended says nothing: one that stands at a version of the future is opened, is silent,
/// and ends, again and again.
#[derive(Debug)]
pub(crate) struct WatchHealth {
    name: &'static str,
    namespace: Option<Arc<str>>,
    start: Instant,
    received: Mark,
    listed: Mark,
    opened: Mark,
    failed: Mark,
    waits: AtomicUsize,
    events: AtomicU64,
    arrival: Notify,
    /// Whether a list was complete at least once.
    complete: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

/// Why a watch does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Since when it has not.
    pub(crate) since: Instant,
    /// What the last attempt failed with.
    pub(crate) error: Arc<str>,
}

/// A point in time, as milliseconds since the start.
#[derive(Debug, Default)]
struct Mark(AtomicU64);

impl WatchHealth {
    /// A watch of the whole cluster that begins now.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn new(name: &'static str) -> Self {
        Self::of(name, None)
    }

    /// A watch that begins now, of a namespace or of the whole cluster.
    #[must_use]
    pub(crate) fn of(name: &'static str, namespace: Option<Arc<str>>) -> Self {
        Self {
            name,
            namespace,
            start: Instant::now(),
            received: Mark::default(),
            listed: Mark::default(),
            opened: Mark::default(),
            failed: Mark::default(),
            waits: AtomicUsize::new(0),
            events: AtomicU64::new(0),
            arrival: Notify::new(),
            complete: AtomicBool::new(false),
            trouble: Mutex::default(),
        }
    }

    /// What is watched.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Where it is watched; `None`: in the whole cluster.
    #[must_use]
    pub(crate) fn namespace(&self) -> Option<&Arc<str>> {
        self.namespace.as_ref()
    }

    /// Why the watch does not work; `None`: as far as is known it does, or it has not begun.
    #[must_use]
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }

    /// Whether the watch has listed, and its last request did not fail.
    #[must_use]
    pub(crate) fn works(&self) -> bool {
        self.complete.load(Ordering::Relaxed) && self.trouble.lock().is_none()
    }

    /// Whether a change would have been heard of by now: the watch works, and is not silent for longer than one that works is.
    #[must_use]
    pub(crate) fn hears(&self) -> bool {
        self.works() && self.since_received().min(self.since(&self.listed)) <= TRUST_LIMIT
    }

    /// Time since the watch last received something, or since it was made.
    #[must_use]
    pub(crate) fn since_received(&self) -> Duration {
        self.since(&self.received)
    }

    /// Time since the watch last did anything: received something, listed or failed. None while it waits for its turn.
    #[must_use]
    pub(crate) fn since_alive(&self) -> Duration {
        self.silence().min(self.since(&self.failed))
    }

    /// Notes that something has arrived within the answer to a watch request.
    pub(crate) fn received(&self) {
        self.mark(&self.received);
        self.arrival.notify_waiters();
    }

    /// Notes that a list begins, or that a page of it has come.
    pub(super) fn listed(&self) {
        self.mark(&self.listed);
    }

    /// Notes that a watch is open.
    pub(super) fn opened(&self) {
        self.mark(&self.opened);
    }

    /// Time since that.
    pub(super) fn since_opened(&self) -> Duration {
        self.since(&self.opened)
    }

    /// Notes that a list is complete.
    pub(crate) fn completed(&self) {
        self.complete.store(true, Ordering::Relaxed);
    }

    /// Notes a failure that the watch goes on from. Returns whether it is another one than the last.
    pub(crate) fn failed(&self, error: &str) -> bool {
        self.mark(&self.failed);
        let mut trouble = self.trouble.lock();
        let news = trouble.as_ref().is_none_or(|trouble| *trouble.error != *error);
        let since = trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since);
        if news {
            *trouble = Some(Trouble { since, error: error.into() });
        }
        news
    }

    /// Notes that the API server has answered a request well. Returns whether the one before had failed.
    pub(crate) fn answered(&self) -> bool {
        self.trouble.lock().take().is_some()
    }

    /// Notes that an event was handed over.
    pub(super) fn handed_over(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// How many events were handed over.
    pub(super) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// The watch waits for something that is not the API server's, for as long as the answer lives.
    #[must_use]
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waits.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Waits until something is received.
    pub(super) async fn arrival(&self) {
        self.arrival.notified().await;
    }

    /// Waits until nothing has been received for `limit`; a list that goes on is not silent.
    pub(super) async fn silent(&self, limit: Duration) {
        loop {
            let left = limit.saturating_sub(self.silence());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn silence(&self) -> Duration {
        if self.waits.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        self.since_received().min(self.since(&self.listed))
    }

    fn mark(&self, mark: &Mark) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        mark.0.store(now, Ordering::Relaxed);
    }

    fn since(&self, mark: &Mark) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(mark.0.load(Ordering::Relaxed)))
    }
}

/// While it lives, the watch counts as alive.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a WatchHealth);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waits.fetch_sub(1, Ordering::Relaxed);
        // What it waited for has come: that counts as a sign of life.
        self.0.listed();
    }
}
