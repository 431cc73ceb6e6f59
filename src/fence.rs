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
    pub fn always_open() -> Self {
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
    pub fn is_open(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|state| nanoseconds(state.start.elapsed()) < state.open_until.load(Ordering::Acquire))
    }

    /// Returns at once if it is open, and never if it is not.
    pub async fn wait_open(&self) {
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
mod tests {
    use std::{cell::Cell, pin::pin};

    use futures::FutureExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_is_open_until_its_time_and_can_be_extended_before() {
        let fence = Fence::closed();
        assert!(!fence.is_open());
        assert!(fence.open(Instant::now() + SECOND));
        tokio::time::advance(SECOND / 2).await;
        assert!(fence.clone().extend(Instant::now() + SECOND));
        tokio::time::advance(Duration::from_nanos(999_999_999)).await;
        assert!(fence.is_open());
        tokio::time::advance(Duration::from_nanos(1)).await;
        assert!(!fence.is_open());
        assert!(!fence.extend(Instant::now() + SECOND), "it was closed for a moment");
        assert!(!fence.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_not_opened_for_a_time_that_is_over() {
        let fence = Fence::closed();
        tokio::time::advance(SECOND).await;
        assert!(!fence.open(Instant::now()));
        assert!(fence.open(Instant::now() + SECOND));
        fence.close();
        assert!(!fence.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn without_leader_election_it_never_closes() {
        let fence = Fence::always_open();
        fence.close();
        assert!(fence.is_open() && fence.extend(Instant::now()));
        assert_eq!(fence.wait_open().now_or_never(), Some(()));
    }

    /// As when the process is stopped while a request is under way, and goes on later.
    #[tokio::test(start_paused = true)]
    async fn no_step_begins_once_it_is_closed() {
        let fence = Fence::closed();
        assert!(fence.open(Instant::now() + SECOND));
        let steps = Cell::new(0);
        let endless = pin!(async {
            loop {
                steps.set(steps.get() + 1);
                tokio::task::yield_now().await;
            }
        });
        let mut work = pin!(fence.guard(endless));
        assert_eq!((&mut work).now_or_never(), None::<()>);
        assert_eq!((&mut work).now_or_never(), None);
        assert_eq!(steps.get(), 2);
        tokio::time::advance(SECOND).await;
        assert_eq!((&mut work).now_or_never(), None);
        assert_eq!(steps.get(), 2);
        assert_eq!(fence.wait_open().now_or_never(), None);
    }
}
