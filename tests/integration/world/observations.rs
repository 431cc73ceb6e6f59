//! What a platform engineer sees: resources, their history, and events.

use std::sync::atomic::{AtomicU32, Ordering};

use aicore_registry_operator::api::AICoreRegistrySecret;
use futures::StreamExt;
use k8s_openapi::{
    api::{core::v1::Namespace, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{History, World};
use crate::cluster::PATIENCE;

/// How many looks at the namespace there are between two changes to it: some five seconds.
const LOOKS_BETWEEN_CHANGES: u32 = 25;

impl World {
    /// Waits until there is no such resource.
    pub(crate) async fn wait_gone(&self, name: &str) {
        self.eventually("the resource to go", || async {
            self.resources().get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    /// Asks the API server to delete the namespace, whose controller does it.
    pub(crate) async fn delete_namespace(&self) {
        self.namespaces().delete(&self.namespace, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until the namespace is gone. Its controller looks again when the namespace changes: after errors that are none of
    /// ours, as when another test takes a CRD away, it may else do so a minute later.
    pub(crate) async fn wait_namespace_gone(&self) {
        let namespaces = self.namespaces();
        let looks = AtomicU32::new(0);
        self.eventually(&format!("namespace {} to go", self.namespace), || async {
            let look = looks.fetch_add(1, Ordering::Relaxed);
            if look.is_multiple_of(LOOKS_BETWEEN_CHANGES) {
                let change = json!({ "metadata": { "annotations": { "test/look": look.to_string() } } });
                // Refused when it is gone, which the next look tells.
                let _ =
                    namespaces.patch(&self.namespace, &PatchParams::default(), &Patch::Merge(change)).await;
            }
            namespaces.get_opt(&self.namespace).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    /// The resource as the API server has it now.
    pub(crate) async fn resource_now(&self, name: &str) -> AICoreRegistrySecret {
        self.resources().get(name).await.unwrap()
    }

    /// The resource as the API server has it.
    pub(crate) async fn stored(&self, name: &str) -> Value {
        let kind = ApiResource::erase::<AICoreRegistrySecret>(&());
        let resources: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        serde_json::to_value(resources.get(name).await.unwrap()).unwrap()
    }

    /// Waits until the status tells that what the Secret holds now was accepted.
    pub(crate) async fn wait_told(&self, name: &str, secret: &str) -> AICoreRegistrySecret {
        let version = self.secret_version(secret).await;
        self.wait_for(name, "the status to tell of the Secret's version", |resource| {
            resource.status.as_ref().unwrap().secret_resource_version == version
        })
        .await
    }

    /// Waits until the status speaks of that generation.
    pub(crate) async fn wait_observed(&self, name: &str, generation: i64) -> AICoreRegistrySecret {
        self.wait_for(name, "the status to speak of that generation", |resource| {
            resource.status.as_ref().unwrap().observed_generation == Some(generation)
        })
        .await
    }

    /// Waits until the resource is ready, with nothing left to do, for its present generation.
    pub(crate) async fn wait_ready(&self, name: &str) -> AICoreRegistrySecret {
        self.wait_for(name, "Ready", |resource| {
            let status = resource.status.as_ref().unwrap();
            status.observed_generation == resource.metadata.generation
                && status.conditions.len() == 1
                && resource.condition("Ready").status == "True"
                && resource.condition("Ready").reason == "Synced"
        })
        .await
    }

    /// Waits until a condition has that reason, whichever condition.
    pub(crate) async fn wait_reason(&self, name: &str, reason: &str) -> AICoreRegistrySecret {
        self.wait_for(name, reason, |resource| {
            resource.status.as_ref().unwrap().conditions.iter().any(|condition| condition.reason == reason)
        })
        .await
    }

    /// Waits for a state of the resource, from its present state on.
    pub(crate) async fn wait_for(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&AICoreRegistrySecret) -> bool,
    ) -> AICoreRegistrySecret {
        // What the API server has, not what the watch had seen when the test went on.
        let from = self
            .resources()
            .get_opt(name)
            .await
            .unwrap()
            .map(|resource| version(&resource))
            .unwrap_or_default();
        let mut history = self.history.clone();
        let found = history.wait_for(|history| {
            let last = history.get(name).and_then(|states| states.last());
            last.is_some_and(|state| version(state) >= from && state.status.is_some() && holds(state))
        });
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(history) => history.unwrap()[name].last().unwrap().clone(),
            Err(_elapsed) => {
                panic!("{name} did not become {what}: {:#?}", self.resource_now(name).await.status)
            }
        }
    }

    /// The last version of the resource that the test's own watch has shown.
    pub(crate) fn resource_version_seen(&self, name: &str) -> u64 {
        self.history.borrow().get(name).and_then(|states| states.last()).map_or(0, version)
    }

    /// Waits until the test's own watch shows a later version; no request is made.
    pub(crate) async fn wait_seen_after(&self, name: &str, seen: u64) {
        let mut history = self.history.clone();
        let later =
            history.wait_for(|history| history[name].last().is_some_and(|state| version(state) > seen));
        tokio::time::timeout(PATIENCE, later).await.unwrap().unwrap();
    }

    /// How many different statuses were written to the resource.
    pub(crate) async fn status_writes(&self, name: &str) -> usize {
        let last = version(&self.resource_now(name).await);
        let mut history = self.history.clone();
        let seen =
            history.wait_for(|history| history[name].last().is_some_and(|state| version(state) >= last));
        let history = tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap();
        history[name].windows(2).filter(|pair| pair[0].status != pair[1].status).count()
    }

    pub(crate) async fn wait_event(&self, name: &str, reason: &str) -> Event {
        self.wait_event_naming(name, reason, "").await
    }

    /// One of several with this reason: that whose note has the part in it.
    pub(crate) async fn wait_event_naming(&self, name: &str, reason: &str, part: &str) -> Event {
        self.eventually(&format!("{reason} {part}"), || async {
            let events = self.events().await;
            events.into_iter().find(|event| {
                event.reason.as_deref() == Some(reason)
                    && event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref()) == Some(name)
                    && event.note.as_ref().is_some_and(|note| note.contains(part))
            })
        })
        .await
    }

    /// Waits until the event was counted again instead of being written again.
    pub(crate) async fn wait_event_counted(&self, name: &str, reason: &str) {
        self.eventually("the event to be counted", || async {
            let event = self.wait_event(name, reason).await;
            event.series.filter(|series| series.count > 1).map(drop)
        })
        .await;
    }

    pub(super) async fn events(&self) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        api.list(&ListParams::default()).await.unwrap().items
    }

    pub(crate) async fn secret_version(&self, name: &str) -> Option<String> {
        self.secrets().get(name).await.unwrap().metadata.resource_version
    }
}

/// Keeps every state of every resource that a watch shows.
pub(super) async fn record(api: Api<AICoreRegistrySecret>, history: watch::Sender<History>) {
    let mut states =
        std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff().applied_objects());
    while let Some(state) = states.next().await {
        let Ok(state) = state else { continue };
        history.send_modify(|history| {
            let states = history.entry(state.name_any()).or_default();
            // A list after a broken watch may repeat the last state.
            if states.last().is_none_or(|last| version(last) < version(&state)) {
                states.push(state);
            }
        });
    }
}

fn version(resource: &AICoreRegistrySecret) -> u64 {
    resource.resource_version().map_or(0, |version| version.parse().unwrap())
}

/// Finds conditions of a resource.
pub(crate) trait Conditions {
    /// The condition of that type; panics when there is none.
    fn condition(&self, type_: &str) -> &Condition;
}

impl Conditions for AICoreRegistrySecret {
    fn condition(&self, type_: &str) -> &Condition {
        static ABSENT: Condition = Condition {
            last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
                jiff::Timestamp::UNIX_EPOCH,
            ),
            message: String::new(),
            observed_generation: None,
            reason: String::new(),
            status: String::new(),
            type_: String::new(),
        };
        let conditions = self.status.as_ref().map(|status| &status.conditions);
        conditions.into_iter().flatten().find(|condition| condition.type_ == type_).unwrap_or(&ABSENT)
    }
}
