//! What the statuses of the resources say, and since when, as a watch of this process shows them.

use std::{collections::HashMap, sync::Arc};

use aicore_registry_operator::api::AICoreRegistrySecret;
use anyhow::Context;
use futures::StreamExt;
use kube::{
    Api, Client, ResourceExt,
    runtime::{WatchStreamExt, watcher},
};
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use crate::arrivals::PATIENCE;

/// The last status of one resource.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `status.secretResourceVersion`.
    pub source_version: Option<String>,
    /// Whether `Ready` is True.
    pub ready: bool,
    /// Since when.
    pub at: Option<Instant>,
}

/// Follows the statuses of all resources.
#[derive(Clone, Debug)]
pub struct Statuses {
    state: Arc<Mutex<HashMap<String, Seen>>>,
    changed: watch::Receiver<u64>,
}

impl Statuses {
    /// Starts to watch.
    #[must_use]
    pub fn watch(client: Client, namespace: &str) -> Self {
        let api: Api<AICoreRegistrySecret> = Api::namespaced(client, namespace);
        let state: Arc<Mutex<HashMap<String, Seen>>> = Arc::default();
        let (sender, changed) = watch::channel(0);
        let collected = Arc::clone(&state);
        tokio::spawn(async move {
            let mut resources =
                watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
            while let Some(item) = resources.next().await {
                let Ok(resource) = item else { continue };
                let status = resource.status.clone().unwrap_or_default();
                let ready = status
                    .conditions
                    .iter()
                    .any(|condition| condition.type_ == "Ready" && condition.status == "True");
                let seen =
                    Seen { source_version: status.secret_resource_version, ready, at: Some(Instant::now()) };
                collected.lock().insert(resource.name_any(), seen);
                sender.send_modify(|count| *count += 1);
            }
        });
        Self { state, changed }
    }

    /// Waits until the statuses hold; returns when the last of them changed.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn wait(
        &self,
        what: &str,
        holds: impl Fn(&HashMap<String, Seen>) -> bool,
    ) -> anyhow::Result<Instant> {
        let mut changed = self.changed.clone();
        let found = async {
            loop {
                changed.borrow_and_update();
                if holds(&self.state.lock()) {
                    return anyhow::Ok(());
                }
                changed.changed().await.context("the watch has ended")?;
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .with_context(|| format!("waited in vain for {what}"))??;
        Ok(Instant::now())
    }

    /// When the status of a resource last changed.
    #[must_use]
    pub fn changed_at(&self, name: &str) -> Option<Instant> {
        self.state.lock().get(name).and_then(|seen| seen.at)
    }
}
