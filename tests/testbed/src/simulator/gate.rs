//! Requests that wait until a test lets them go on.

use std::time::Duration;

use anyhow::Context;
use tokio::{sync::watch, time::timeout};

/// How long [`Gate::arrived`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Holds requests until it is released. A handle: clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests that ever came.
    arrived: usize,
    /// How many of them may go on.
    admitted: usize,
    open: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(State::default()))
    }
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until a request is held, or was.
    ///
    /// # Errors
    ///
    /// When none came for 30 seconds.
    pub async fn arrived(&self) -> anyhow::Result<()> {
        self.arrived_times(1).await
    }

    /// Waits until `count` requests have come in all.
    ///
    /// # Errors
    ///
    /// When fewer came for 30 seconds.
    pub async fn arrived_times(&self, count: usize) -> anyhow::Result<()> {
        let mut state = self.0.subscribe();
        let arrived = timeout(PATIENCE, state.wait_for(|state| state.arrived >= count)).await;
        arrived.with_context(|| {
            let seen = self.0.borrow().arrived;
            format!("{seen} of {count} requests came to the gate in {PATIENCE:?}")
        })??;
        Ok(())
    }

    /// Lets all requests go on: those that are held, and those that come later.
    pub fn release(&self) {
        self.0.send_modify(|state| state.open = true);
    }

    /// Lets one request go on: the one that came first of those that are held, or else the next to come.
    pub fn release_one(&self) {
        self.0.send_modify(|state| state.admitted += 1);
    }

    pub(crate) async fn pass(&self) {
        let mut state = self.0.subscribe();
        let mut place = 0;
        self.0.send_modify(|state| {
            state.arrived += 1;
            place = state.arrived;
        });
        // The sender lives in `self`.
        let _ = state.wait_for(|state| state.open || place <= state.admitted).await;
    }
}
