//! The watches, and how their events reach the index and the queue. Resources are listed before Secrets, so that the index
//! knows which Secrets matter when they come.

use std::{fmt::Debug, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, Resource, core::NamespaceResourceScope, runtime::watcher::Event};
use tokio::{sync::watch, task::JoinSet};
use tracing::warn;

use super::{
    ServiceKeyHeld, Settings,
    admission::Admission,
    index::{Index, LeftAlone, News, Scope},
    queue::{Priority, Queue},
};
use crate::{
    domain::parse::object::{Object, ObjectKey},
    k8s::{
        partial::{MetadataOnly, UnvalidatedResource},
        watch::{self as k8s_watch, WatchHealth, Watcher},
    },
};

/// A Secret without its content.
type SecretMeta = MetadataOnly<Secret>;

/// How many watches have listed at least once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Of those on resources.
    pub(super) resources: usize,
    /// Of those on Secrets.
    pub(super) secrets: usize,
    /// How many there are of each kind.
    pub(super) scopes: usize,
}

impl Listed {
    fn all_resources(&self) -> bool {
        self.resources == self.scopes
    }

    /// Whether every watch has listed.
    #[must_use]
    pub(super) fn complete(&self) -> bool {
        self.all_resources() && self.secrets == self.scopes
    }
}

/// All watches, not started yet.
pub(super) struct Watches {
    watcher: Watcher,
    scopes: Vec<Scope>,
    label_selector: Option<String>,
    index: Arc<Index<ServiceKeyHeld>>,
    queue: Arc<Queue>,
    admission: Arc<Admission>,
    listed: watch::Sender<Listed>,
    health: Vec<(Arc<WatchHealth>, Arc<WatchHealth>)>,
}

impl Watches {
    pub(super) fn new(
        client: &Client,
        settings: &Settings,
        index: &Arc<Index<ServiceKeyHeld>>,
        queue: &Arc<Queue>,
        admission: &Arc<Admission>,
    ) -> Self {
        let scopes: Vec<Scope> = if settings.namespaces.is_empty() {
            vec![None]
        } else {
            settings.namespaces.iter().map(|namespace| Some(namespace.as_str().into())).collect()
        };
        let health = |name| Arc::new(WatchHealth::new(name));
        let health = scopes.iter().map(|_| (health("resources"), health("secrets"))).collect();
        Self {
            watcher: Watcher::new(client.clone(), settings.watch_silence_limit),
            label_selector: settings.label_selector.clone(),
            index: Arc::clone(index),
            queue: Arc::clone(queue),
            admission: Arc::clone(admission),
            listed: watch::Sender::new(Listed { scopes: scopes.len(), ..Listed::default() }),
            scopes,
            health,
        }
    }

    /// Tells when the watches have listed.
    pub(super) fn listed(&self) -> watch::Receiver<Listed> {
        self.listed.subscribe()
    }

    /// How each of the watches is.
    pub(super) fn health(&self) -> Vec<Arc<WatchHealth>> {
        self.health
            .iter()
            .flat_map(|(resources, secrets)| [Arc::clone(resources), Arc::clone(secrets)])
            .collect()
    }

    /// Starts the watches.
    pub(super) fn spawn(self, tasks: &mut JoinSet<&'static str>) {
        for (scope, (resources, secrets)) in self.scopes.iter().zip(&self.health) {
            tasks.spawn(self.resources(scope.clone(), Arc::clone(resources)));
            tasks.spawn(self.secrets(scope.clone(), Arc::clone(secrets)));
        }
    }

    fn resources(
        &self,
        scope: Scope,
        health: Arc<WatchHealth>,
    ) -> impl Future<Output = &'static str> + use<> {
        let (watcher, namespace) = (self.watcher.clone(), scope.clone());
        let mut config = k8s_watch::config();
        if let Some(selector) = &self.label_selector {
            config = config.labels(selector);
        }
        let (index, queue, listed) = (Arc::clone(&self.index), Arc::clone(&self.queue), self.listed.clone());
        let admission = Arc::clone(&self.admission);
        let mut first = true;
        let on = move |event: Event<UnvalidatedResource>| match event {
            Event::Init => index.resources_list_begins(&scope),
            // What a restart finds is routine; what a later list finds has changed since.
            Event::InitApply(resource) => {
                let priority = if first { Priority::Routine } else { Priority::Urgent };
                apply(&index, &queue, &admission, resource, priority);
            }
            Event::Apply(resource) => apply(&index, &queue, &admission, resource, Priority::Urgent),
            Event::Delete(resource) => {
                if let Some(key) = key_of(&resource) {
                    wake(&queue, &index.remove_resource(&key), Priority::Urgent);
                    queue.remove(&key);
                    admission.remove(&key);
                }
            }
            Event::InitDone => {
                let (woken, gone) = index.resources_list_ends(&scope);
                wake(&queue, &woken, Priority::Urgent);
                gone.iter().for_each(|key| queue.remove(key));
                gone.iter().for_each(|key| admission.remove(key));
                if std::mem::take(&mut first) {
                    listed.send_modify(|listed| listed.resources += 1);
                }
            }
        };
        async move {
            watcher.run(health, |client| api(client, &namespace), config, on).await;
            "watch on resources"
        }
    }

    fn secrets(&self, scope: Scope, health: Arc<WatchHealth>) -> impl Future<Output = &'static str> + use<> {
        let (watcher, namespace) = (self.watcher.clone(), scope.clone());
        let (index, queue, listed) = (Arc::clone(&self.index), Arc::clone(&self.queue), self.listed.clone());
        let mut resources = self.listed();
        let mut first = true;
        let on = move |event: Event<SecretMeta>| {
            let seen = |secret: &SecretMeta| {
                let key = key_of(secret)?;
                Some(index.apply_secret(&key, secret.meta().resource_version.as_deref()?))
            };
            let priority = if first { Priority::Routine } else { Priority::Urgent };
            let woken = match event {
                Event::Init => {
                    index.secrets_list_begins(&scope);
                    return;
                }
                Event::InitApply(secret) | Event::Apply(secret) => seen(&secret).unwrap_or_default(),
                Event::Delete(secret) => {
                    key_of(&secret).map(|key| index.remove_secret(&key)).unwrap_or_default()
                }
                Event::InitDone => {
                    if std::mem::take(&mut first) {
                        listed.send_modify(|listed| listed.secrets += 1);
                    }
                    index.secrets_list_ends(&scope)
                }
            };
            wake(&queue, &woken, priority);
        };
        async move {
            {
                let _waiting = health.wait();
                // The sender lives in this future's own closure, so waiting cannot fail.
                let _ = resources.wait_for(Listed::all_resources).await;
            }
            watcher.run(health, |client| api(client, &namespace), k8s_watch::config(), on).await;
            "watch on Secrets"
        }
    }
}

/// Waits until all watches have listed; for the Secrets no longer than `limit` after the resources. Returns whether all have.
pub(super) async fn wait_until_listed(mut listed: watch::Receiver<Listed>, limit: Duration) -> bool {
    let _ = listed.wait_for(Listed::all_resources).await;
    let complete = tokio::time::timeout(limit, listed.wait_for(Listed::complete)).await;
    matches!(complete, Ok(Ok(_)))
}

fn api<K>(client: Client, scope: &Scope) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Debug,
{
    match scope {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

fn key_of<K: Resource>(object: &K) -> Option<ObjectKey> {
    let meta = object.meta();
    Some(ObjectKey::new(meta.namespace.as_deref()?, meta.name.as_deref()?))
}

fn apply(
    index: &Index<ServiceKeyHeld>,
    queue: &Queue,
    admission: &Admission,
    resource: UnvalidatedResource,
    priority: Priority,
) {
    let resource = match resource.check() {
        Ok(resource) => resource,
        Err(misunderstood) => {
            if let Some(resource) = LeftAlone::from_resource(&misunderstood) {
                leave_alone(index, queue, admission, &resource);
            }
            return;
        }
    };
    if let Some(object) = Object::from_resource(&resource) {
        wake(queue, &index.apply_resource(object, resource.status.unwrap_or_default()), priority);
    }
}

/// From now on nothing is done for the resource; what it claims stays its own.
fn leave_alone(index: &Index<ServiceKeyHeld>, queue: &Queue, admission: &Admission, resource: &LeftAlone) {
    let (key, part) = (resource.key(), resource.part());
    let News { woken, changed } = index.leave_alone(resource);
    queue.remove(key);
    admission.remove(key);
    wake(queue, &woken, Priority::Urgent);
    if changed {
        warn!(
            name = ?key.name,
            namespace = ?key.namespace,
            part,
            "a resource is left alone, because this version of the operator does not understand it; its remote secret stays \
             its own"
        );
    }
}

fn wake(queue: &Queue, keys: &[ObjectKey], priority: Priority) {
    keys.iter().for_each(|key| queue.enqueue(key, priority));
}
