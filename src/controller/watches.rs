//! The watches, and how their events reach the index and the queue. In each scope resources are listed before Secrets, so that
//! the index knows which Secrets matter when they come; no scope waits for another.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Resource,
    core::NamespaceResourceScope,
    runtime::watcher::{self, Event},
};
use tokio::{sync::oneshot, task::JoinSet};
use tracing::warn;

use super::{
    ServiceKeyHeld, Settings,
    admission::Admission,
    index::{Index, LeftAlone, News, Scope},
    queue::{Priority, Queue},
    scopes::{Place, Scopes, Watched},
};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::warm_up::LIST_LIMIT,
        parse::{
            object::{Object, ObjectKey},
            resource_version::ResourceVersion,
            tenant,
        },
    },
    k8s::{
        partial::{MetadataOnly, UnvalidatedResource, UnvalidatedTenant},
        watch::{self as k8s_watch, WatchHealth, Watcher},
    },
};

/// A Secret without its content.
type SecretMeta = MetadataOnly<Secret>;

/// All watches, not started yet.
pub(super) struct Watches {
    watcher: Watcher,
    scopes: Arc<Scopes>,
    label_selector: Option<String>,
    index: Arc<Index<ServiceKeyHeld>>,
    queue: Arc<Queue>,
    admission: Arc<Admission>,
}

impl Watches {
    pub(super) fn new(
        client: &Client,
        settings: &Settings,
        scopes: &Arc<Scopes>,
        index: &Arc<Index<ServiceKeyHeld>>,
        queue: &Arc<Queue>,
        admission: &Arc<Admission>,
    ) -> Self {
        Self {
            watcher: Watcher::new(client.clone(), settings.watch_silence_limit),
            scopes: Arc::clone(scopes),
            label_selector: settings.label_selector.clone(),
            index: Arc::clone(index),
            queue: Arc::clone(queue),
            admission: Arc::clone(admission),
        }
    }

    /// Starts the watches.
    pub(super) fn spawn(self, tasks: &mut JoinSet<&'static str>) {
        // Where tenants are served, there is one scope.
        let mut tenants = self.scopes.tenants().map(|health| {
            let (listed, tenants) = oneshot::channel();
            tasks.spawn(self.tenants(health, listed));
            (tenants, Arc::clone(health))
        });
        for (place, part) in self.scopes.iter() {
            // The index has to know which Secrets matter when they come.
            let (listed, resources) = oneshot::channel();
            tasks.spawn(self.resources(place, part, listed));
            tasks.spawn(self.secrets(place, part, resources, tenants.take()));
        }
        let scopes = Arc::clone(&self.scopes);
        tasks.spawn(async move {
            scopes.announce().await;
            "announcement of the scopes"
        });
    }

    fn resources(
        &self,
        place: Place,
        part: &Watched,
        listed: oneshot::Sender<()>,
    ) -> impl Future<Output = &'static str> + use<> {
        let (scope, health) = (part.scope.clone(), Arc::clone(&part.resources));
        let (watcher, namespace) = (self.watcher.clone(), scope.clone());
        let config = self.config();
        let (index, queue, scopes) =
            (Arc::clone(&self.index), Arc::clone(&self.queue), Arc::clone(&self.scopes));
        let admission = Arc::clone(&self.admission);
        let mut first = Some(listed);
        // With a selector, what comes here may have been another operator's before.
        let show = if self.label_selector.is_some() { Index::list_resource } else { Index::apply_resource };
        let on = move |event: Event<UnvalidatedResource>| match event {
            Event::Init => index.resources_list_begins(&scope),
            // What a restart finds is routine; what a later list finds has changed since.
            Event::InitApply(resource) => {
                let priority = if first.is_some() { Priority::Routine } else { Priority::Urgent };
                apply(&index, &queue, &admission, resource, Index::list_resource, priority);
            }
            Event::Apply(resource) => {
                apply(&index, &queue, &admission, resource, show, Priority::Urgent);
            }
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
                if let Some(listed) = first.take() {
                    scopes.resources_listed(place);
                    // The watch on Secrets lives as long as this one.
                    let _ = listed.send(());
                }
            }
        };
        async move {
            watcher.run(health, |client| api(client, &namespace), config, on).await;
            "watch on resources"
        }
    }

    fn tenants(
        &self,
        health: &Arc<WatchHealth>,
        listed: oneshot::Sender<()>,
    ) -> impl Future<Output = &'static str> + use<> {
        let (watcher, health) = (self.watcher.clone(), Arc::clone(health));
        // Those of another shard are another operator's.
        let config = self.config();
        let (index, queue, admission) =
            (Arc::clone(&self.index), Arc::clone(&self.queue), Arc::clone(&self.admission));
        let mut first = Some(listed);
        let forget = move |queue: &Queue, key: &ObjectKey| {
            queue.remove(key);
            admission.remove(key);
        };
        let on = move |event: Event<UnvalidatedTenant>| match event {
            Event::Init => index.tenants_list_begins(),
            Event::InitApply(tenant) | Event::Apply(tenant) => {
                let priority = if first.is_some() { Priority::Routine } else { Priority::Urgent };
                if let Some((tenant, status)) = tenant.check() {
                    wake(&queue, &index.apply_tenant(tenant, status), priority);
                }
            }
            Event::Delete(tenant) => {
                if let Some(name) = tenant.name() {
                    wake(&queue, &index.remove_tenant(name), Priority::Urgent);
                    forget(&queue, &tenant::key(name));
                }
            }
            Event::InitDone => {
                let (woken, gone) = index.tenants_list_ends();
                wake(&queue, &woken, Priority::Urgent);
                gone.iter().for_each(|key| forget(&queue, key));
                if let Some(listed) = first.take() {
                    // The watch on Secrets lives as long as this one.
                    let _ = listed.send(());
                }
            }
        };
        async move {
            watcher.run(health, Api::all, config, on).await;
            "watch on tenants"
        }
    }

    /// What is watched of the operator's own kinds.
    fn config(&self) -> watcher::Config {
        match &self.label_selector {
            Some(selector) => k8s_watch::config().labels(selector),
            None => k8s_watch::config(),
        }
    }

    fn secrets(
        &self,
        place: Place,
        part: &Watched,
        resources: oneshot::Receiver<()>,
        tenants: Option<(oneshot::Receiver<()>, Arc<WatchHealth>)>,
    ) -> impl Future<Output = &'static str> + use<> {
        let (scope, health) = (part.scope.clone(), Arc::clone(&part.secrets));
        let (watcher, namespace) = (self.watcher.clone(), scope.clone());
        let (index, queue, scopes) =
            (Arc::clone(&self.index), Arc::clone(&self.queue), Arc::clone(&self.scopes));
        let mut first = true;
        let lists = Arc::clone(&scopes);
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
                        lists.secrets_listed(place);
                    }
                    index.secrets_list_ends(&scope)
                }
            };
            wake(&queue, &woken, priority);
        };
        async move {
            {
                let _waiting = health.wait();
                // The senders live as long as the watches, which never end.
                let _ = resources.await;
                if let Some((listed, watch)) = tenants {
                    // Where there are none, as after an update of the program alone, nobody waits for them.
                    let known = async {
                        tokio::select! {
                            _ = listed => {}
                            () = watch.refusal() => {}
                        }
                    };
                    let _ = tokio::time::timeout(LIST_LIMIT, known).await;
                    scopes.tenants_known();
                }
            }
            watcher.run(health, |client| api(client, &namespace), k8s_watch::config(), on).await;
            "watch on Secrets"
        }
    }
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
    show: fn(&Index<ServiceKeyHeld>, Object, AICoreRegistrySecretStatus) -> Vec<ObjectKey>,
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
        let key = object.key.clone();
        let version = resource.metadata.resource_version.as_deref().and_then(ResourceVersion::parse);
        let mut woken = show(index, object, resource.status.unwrap_or_default());
        if index.is_shown_at(&key, version) {
            woken.push(key);
        }
        wake(queue, &woken, priority);
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
            "a resource is ignored, because this version of the operator does not understand it; its remote secret stays \
             its own"
        );
    }
}

fn wake(queue: &Queue, keys: &[ObjectKey], priority: Priority) {
    keys.iter().for_each(|key| queue.enqueue(key, priority));
}
