//! What reached AI Core, and when, by the clock of this process.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context;
use parking_lot::Mutex;
use testbed::simulator::{Entry, Operation, Simulator};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::fleet::Rotation;

/// How long anything may take before a scenario is given up.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// An accepted write.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Tenant and name of the secret.
    pub secret: (String, String),
    /// Its content.
    pub content: String,
    /// When the simulator had stored it and handed the answer to the connection.
    pub at: Instant,
    /// Number of the access token, which tells one client from another.
    pub token: Option<u64>,
}

/// A request, whatever its answer.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Tenant, if the request told.
    pub tenant: Option<String>,
    /// Whether it was for a token.
    pub for_token: bool,
    /// When its head was read.
    pub at: Instant,
}

/// Collects accepted writes and counts all requests.
#[derive(Clone, Debug)]
pub struct Arrivals {
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
}

#[derive(Debug, Default)]
struct State {
    writes: Vec<Arrival>,
    by_content: HashMap<(String, String), Instant>,
    sent: Vec<Sent>,
    refused: u64,
}

impl Arrivals {
    /// From now on.
    #[must_use]
    pub fn of(simulator: &Simulator) -> Self {
        let mut entries = simulator.watch();
        let state: Arc<Mutex<State>> = Arc::default();
        let (sender, changed) = watch::channel(0);
        let collected = Arc::clone(&state);
        tokio::spawn(async move {
            while let Some(entry) = entries.recv().await {
                collected.lock().add(&entry);
                sender.send_modify(|count| *count += 1);
            }
        });
        Self { state, changed }
    }

    /// Forgets everything, and counts from zero.
    pub fn forget(&self) {
        *self.state.lock() = State::default();
    }

    /// Accepted writes since [`Arrivals::forget`].
    #[must_use]
    pub fn writes(&self) -> Vec<Arrival> {
        self.state.lock().writes.clone()
    }

    /// All requests, and those that were answered 4xx or 5xx, since [`Arrivals::forget`].
    #[must_use]
    pub fn requests(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.sent.len() as u64, state.refused)
    }

    /// All requests that have ended since [`Arrivals::forget`]: answered, or given up by the client.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.state.lock().sent.clone()
    }

    /// Waits for all rotations until `deadline`; says when each arrived, and nothing for those that did not.
    pub async fn wait_all(&self, rotations: &[Rotation], deadline: Instant) -> Vec<Option<Instant>> {
        let mut found = Vec::with_capacity(rotations.len());
        for rotation in rotations {
            let key = (rotation.name.clone(), rotation.content.clone());
            let look = self.look(|state| state.by_content.get(&key).copied());
            found.push(timeout_at(deadline, look).await.ok().and_then(Result::ok));
        }
        found
    }

    /// Waits until the secret of this name holds the content, in whichever tenant, and says since when.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn wait(&self, name: &str, content: &str) -> anyhow::Result<Instant> {
        let key = (name.to_owned(), content.to_owned());
        self.wait_until(|state| state.by_content.get(&key).copied())
            .await
            .with_context(|| format!("waited in vain for a write to {name}"))
    }

    /// Waits for so many accepted writes since [`Arrivals::forget`].
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn wait_count(&self, count: usize) -> anyhow::Result<()> {
        self.wait_until(|state| (state.writes.len() >= count).then_some(()))
            .await
            .with_context(|| format!("waited in vain for {count} writes; {} came", self.writes().len()))
    }

    async fn wait_until<T>(&self, look: impl Fn(&State) -> Option<T>) -> anyhow::Result<T> {
        tokio::time::timeout(PATIENCE, self.look(look)).await.context("too long")?
    }

    async fn look<T>(&self, look: impl Fn(&State) -> Option<T>) -> anyhow::Result<T> {
        let mut changed = self.changed.clone();
        loop {
            changed.borrow_and_update();
            if let Some(found) = look(&self.state.lock()) {
                return Ok(found);
            }
            changed.changed().await.context("the simulator has ended")?;
        }
    }
}

impl State {
    fn add(&mut self, entry: &Entry) {
        let for_token = entry.operation == Operation::Token;
        self.sent.push(Sent { tenant: entry.tenant.clone(), for_token, at: entry.received });
        self.refused += u64::from(entry.status.is_some_and(|status| status.as_u16() >= 400));
        let (true, Some(tenant), Some(name), Some(payload)) =
            (entry.applied, &entry.tenant, &entry.name, &entry.payload)
        else {
            return;
        };
        let content = payload.expose().to_owned();
        self.by_content.entry((name.clone(), content.clone())).or_insert(entry.answered);
        let secret = (tenant.clone(), name.clone());
        self.writes.push(Arrival { secret, content, at: entry.answered, token: entry.token });
    }
}
