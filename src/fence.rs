//! Whether this process may still write, by its own clock. A process that was stopped, and goes on when another one leads
//! already, finds the fence closed before it learns of that.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::time::Instant;

/// The fence. Cheap to clone; clones are the same fence.
///
/// Who waits at it when it is closed waits for ever, and is cancelled by who closed it: there is nothing left to report.
#[derive(Clone, Debug)]
pub struct Fence(Option<Arc<State>>);

#[derive(Debug)]
struct State {
    start: Instant,
    /// Nanoseconds after `start`.
    open_until: AtomicU64,
}

impl Fence {
    /// For a process without leader election.
    #[must_use]
    pub(crate) fn always_open() -> Self {
        Self(None)
    }

    /// Closed until it is opened.
    #[must_use]
    pub fn closed() -> Self {
        Self(Some(Arc::new(State { start: Instant::now(), open_until: AtomicU64::new(0) })))
    }

    /// Opens it until that time. Returns whether that is still to come.
    #[must_use]
    pub fn open(&self, until: Instant) -> bool {
        if let Some(state) = &self.0 {
            let until = until.saturating_duration_since(state.start);
            state.open_until.store(nanoseconds(until), Ordering::Release);
        }
        self.is_open()
    }

    /// Leaves it open until a later time. Returns false when it has closed meanwhile: then it stays closed, because somebody
    /// may have seen it closed.
    #[must_use]
    pub fn extend(&self, until: Instant) -> bool {
        self.is_open() && self.open(until)
    }

    /// Closes it for ever.
    pub fn close(&self) {
        if let Some(state) = &self.0 {
            state.open_until.store(0, Ordering::Release);
        }
    }

    /// Whether it is open.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|state| nanoseconds(state.start.elapsed()) < state.open_until.load(Ordering::Acquire))
    }

    /// Returns at once if it is open, and never if it is not.
    pub(crate) async fn wait_open(&self) {
        if !self.is_open() {
            std::future::pending::<()>().await;
        }
    }

    /// Does the work, in steps each of which begins only while the fence is open.
    pub async fn guard<F: Future + Unpin>(&self, mut work: F) -> F::Output {
        std::future::poll_fn(|cx| if self.is_open() { Pin::new(&mut work).poll(cx) } else { Poll::Pending })
            .await
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
