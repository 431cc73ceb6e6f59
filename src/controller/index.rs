//! What the operator knows of the cluster, kept by the watches, so that an event finds the resources it concerns without
//! looking at the others. Synchronous: events go in, the resources to look at come out.

mod claims;
mod orders;
mod rights;
mod service_keys;
mod watched_secrets;

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use self::{
    claims::ClaimIndex,
    watched_secrets::{SecretEntry, SecretIndex},
};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{
            conflict::{Claim, Claimant},
            failure::Failure,
            known::{Known, Versions},
            memory::Memory,
            observed::Ownership,
        },
        parse::{
            duration::ResyncInterval,
            object::{Now, Object, ObjectKey, pushed_tenant},
        },
    },
};

/// A part of the cluster that one watch covers: a namespace, or everything.
pub(super) type Scope = Option<Arc<str>>;

/// All knowledge. `K` is what is cached of a service key that was read, for as long as its Secret stays the same.
#[derive(Debug)]
pub(super) struct Index<K>(Mutex<State<K>>);

#[derive(Debug)]
struct State<K> {
    // In order, so that a reader can go on where it stopped. Boxed: a node has room for eleven, and mostly holds fewer.
    resources: BTreeMap<ObjectKey, Box<Entry>>,
    secrets: SecretIndex<K>,
    claims: ClaimIndex,
    /// Whether somebody else works, and this process only looks on.
    following: bool,
}

#[derive(Debug)]
struct Entry {
    object: Arc<Object>,
    status: Arc<AICoreRegistrySecretStatus>,
    memory: Memory,
    /// Whether the list that is under way has had it.
    listed: bool,
}

/// What is known of a resource at one moment.
#[derive(Debug)]
pub(super) struct Snapshot<K> {
    /// The resource.
    pub object: Arc<Object>,
    /// Its status, as last written by this process or seen.
    pub status: Arc<AICoreRegistrySecretStatus>,
    /// What the process remembers.
    pub memory: Memory,
    /// resourceVersion of the Secret with the registry credential, if it was seen.
    pub source_version: Option<Arc<str>>,
    /// When an event said that this Secret changed, if that was not answered by a push yet.
    pub(crate) source_changed: Option<Instant>,
    /// resourceVersion of the Secret with the service key, if it was seen.
    pub(crate) service_key_version: Option<Arc<str>>,
    /// The service key, if it was read at this version.
    pub service_key: Option<Arc<K>>,
    /// Why the service key cannot be used, if that is known at this version.
    pub(super) unusable_key: Option<Arc<Failure>>,
    /// Whether it is time to push once more because an earlier write had no answer. Not the index's to know.
    pub(super) confirmation_due: bool,
    /// Whether it owns what it claims, without a look for a successor.
    pub ownership: Ownership,
}

impl<K> Snapshot<K> {
    /// What of it decides without a request.
    #[must_use]
    pub(super) fn known(&self, default_resync_interval: ResyncInterval, now: Now) -> Known<'_> {
        Known {
            object: &self.object,
            status: &self.status,
            memory: &self.memory,
            versions: Versions {
                source: self.source_version.as_deref(),
                service_key: self.service_key_version.as_deref(),
            },
            ownership: &self.ownership,
            confirmation_due: self.confirmation_due,
            default_resync_interval,
            now,
        }
    }
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(Mutex::new(State {
            resources: BTreeMap::new(),
            secrets: SecretIndex::default(),
            claims: ClaimIndex::default(),
            following: false,
        }))
    }
}

impl<K> Index<K> {
    /// For a process that looks on until [`Index::lead`].
    #[must_use]
    pub(super) fn following() -> Self {
        let index = Self::default();
        index.0.lock().following = true;
        index
    }

    /// From now on this process works. What it knows stands as after a restart; returns all resources, to be reconciled.
    pub(super) fn lead(&self) -> Vec<ObjectKey> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        state.following = false;
        // Another process has answered most changes, and which ones is not known.
        state.secrets.forget_changes();
        state.claims = ClaimIndex::default();
        for entry in state.resources.values() {
            state.claims.appear(&entry.object, claim_of_status(&entry.object, &entry.status));
            if entry.object.deleting {
                state.claims.withdraw(&entry.object.key);
            }
        }
        // In no order: neighbours are mostly of one tenant, where they would wait for one another.
        state.resources.keys().cloned().collect::<HashSet<_>>().into_iter().collect()
    }

    /// All resources in `scope`.
    pub(super) fn resources_in(&self, scope: &Scope) -> Vec<ObjectKey> {
        let state = self.0.lock();
        let from = scope.as_deref().map(|namespace| ObjectKey::new(namespace, ""));
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let resources = state.resources.range((from, Bound::Unbounded)).map(|(key, _)| key);
        resources.take_while(|key| within(scope, key)).cloned().collect()
    }

    /// A list of the resources in `scope` begins.
    pub(super) fn resources_list_begins(&self, scope: &Scope) {
        let mut state = self.0.lock();
        state
            .resources
            .iter_mut()
            .filter(|(key, _)| within(scope, key))
            .for_each(|(_, entry)| entry.listed = false);
    }

    /// A list of the resources in `scope` is complete: what it did not have is gone. Returns what to look at, and what is
    /// gone.
    pub(super) fn resources_list_ends(&self, scope: &Scope) -> (Vec<ObjectKey>, Vec<ObjectKey>) {
        let gone: Vec<ObjectKey> = self
            .0
            .lock()
            .resources
            .iter()
            .filter(|(key, entry)| within(scope, key) && !entry.listed)
            .map(|(key, _)| key.clone())
            .collect();
        (gone.iter().flat_map(|key| self.remove_resource(key)).collect(), gone)
    }

    /// A resource was seen. Returns what to look at: itself, if anything but its status changed, and others that it yields
    /// to or displaces.
    pub(super) fn apply_resource(
        &self,
        object: Object,
        status: AICoreRegistrySecretStatus,
    ) -> Vec<ObjectKey> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let key = object.key.clone();
        let previous = state.resources.get_mut(&key);
        let same = match previous {
            Some(entry) if entry.object.uid == object.uid => {
                entry.listed = true;
                if state.following {
                    // Later this process's own writes count, which the watch shows late.
                    entry.status = Arc::new(status.clone());
                }
                if *entry.object == object {
                    return Vec::new();
                }
                true
            }
            _ => false,
        };
        let object = Arc::new(object);
        if !same && let Some(gone) = state.resources.remove(&key) {
            state.secrets.unlink(&gone.object);
        }
        let mut wakes = Vec::new();
        match state.resources.get_mut(&key) {
            Some(entry) => {
                // The new links first: what is known of a Secret that both name stays.
                state.secrets.link(&object);
                state.secrets.unlink(&entry.object);
                entry.object = Arc::clone(&object);
            }
            None => {
                let status = Arc::new(status);
                wakes.extend(state.claims.appear(&object, claim_of_status(&object, &status)));
                let entry =
                    Entry { object: Arc::clone(&object), status, memory: Memory::default(), listed: true };
                state.resources.insert(key.clone(), Box::new(entry));
                state.secrets.link(&object);
            }
        }
        if object.deleting {
            wakes.extend(state.claims.withdraw(&key));
        }
        wakes.push(key);
        wakes
    }

    /// A resource is gone. Returns what to look at.
    pub(super) fn remove_resource(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let mut state = self.0.lock();
        if let Some(entry) = state.resources.remove(key) {
            state.secrets.unlink(&entry.object);
        }
        state.claims.withdraw(key)
    }

    /// A list of the Secrets in `scope` begins.
    pub(super) fn secrets_list_begins(&self, scope: &Scope) {
        self.0.lock().secrets.list_begins(scope);
    }

    /// A list of the Secrets in `scope` is complete. Returns the resources to look at because a Secret is gone.
    pub(super) fn secrets_list_ends(&self, scope: &Scope) -> Vec<ObjectKey> {
        self.0.lock().secrets.list_ends(scope)
    }

    /// A Secret was seen. Returns the resources to look at: those that name it, if its version is a new one.
    pub(super) fn apply_secret(&self, key: &ObjectKey, version: &str) -> Vec<ObjectKey> {
        self.0.lock().secrets.apply(key, version, Instant::now())
    }

    /// A Secret is gone. Returns the resources to look at.
    pub(super) fn remove_secret(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        self.0.lock().secrets.remove(key)
    }

    /// What is known of a resource.
    #[must_use]
    pub(super) fn snapshot(&self, key: &ObjectKey) -> Option<Snapshot<K>> {
        let state = self.0.lock();
        let entry = state.resources.get(key)?;
        let source = state.secrets.get(&entry.object.source());
        let service_key = state.secrets.get(&entry.object.service_key());
        let key_field = entry.object.spec.ai_core_secret_ref.key.as_deref();
        Some(Snapshot {
            object: Arc::clone(&entry.object),
            status: Arc::clone(&entry.status),
            memory: entry.memory.clone(),
            source_version: source.and_then(SecretEntry::version),
            source_changed: source.and_then(|secret| secret.changed(key)),
            service_key_version: service_key.and_then(SecretEntry::version),
            service_key: service_key.and_then(|secret| secret.cached(key_field)),
            confirmation_due: false,
            unusable_key: service_key.and_then(|secret| secret.unusable(key_field)),
            ownership: state.claims.ownership(&entry.object, None),
        })
    }

    /// A resource and its status, as it should stand.
    #[must_use]
    pub(super) fn status(&self, key: &ObjectKey) -> Option<(Arc<Object>, Arc<AICoreRegistrySecretStatus>)> {
        let state = self.0.lock();
        let entry = state.resources.get(key)?;
        Some((Arc::clone(&entry.object), Arc::clone(&entry.status)))
    }

    /// Keeps what was read of a service key until its Secret changes. Does nothing if it changed in between.
    pub(super) fn cache_service_key(&self, object: &Object, version: &str, key: Arc<K>) {
        let field = object.spec.ai_core_secret_ref.key.as_deref();
        self.0.lock().secrets.cache(&object.service_key(), field, version, key);
    }

    /// Records what came of a pass: the status as it should stand, and what to remember. The events about the source Secret up
    /// to `answered` are dealt with.
    pub(super) fn record(
        &self,
        object: &Object,
        status: Option<Arc<AICoreRegistrySecretStatus>>,
        memory: Memory,
        answered: Option<Instant>,
    ) {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let Some(entry) = state.resources.get_mut(&object.key).filter(|entry| entry.object.uid == object.uid)
        else {
            return;
        };
        if let Some(status) = status {
            entry.status = status;
        }
        if let Some(checked) = &memory.checked {
            state.secrets.learn(&object.source(), &checked.source);
            state.secrets.learn(&object.service_key(), &checked.service_key);
        }
        entry.memory = memory;
        if let Some(answered) = answered {
            state.secrets.answered(&object.source(), &object.key, answered);
        }
    }

    /// Records a status that is written in the middle of a pass.
    pub(super) fn record_status(&self, object: &Object, status: &Arc<AICoreRegistrySecretStatus>) {
        let mut state = self.0.lock();
        if let Some(entry) =
            state.resources.get_mut(&object.key).filter(|entry| entry.object.uid == object.uid)
        {
            entry.status = Arc::clone(status);
        }
    }

    /// Changes what is remembered of a resource, and returns what `change` says besides; `None`: it is gone.
    pub(super) fn update_memory<T>(
        &self,
        object: &Object,
        change: impl FnOnce(&Memory) -> (Memory, T),
    ) -> Option<T> {
        let mut state = self.0.lock();
        let entry = state.resources.get_mut(&object.key).filter(|entry| entry.object.uid == object.uid)?;
        let (memory, result) = change(&entry.memory);
        entry.memory = memory;
        Some(result)
    }

    /// Calls `visit` for the next `limit` resources after this one, or from the beginning. Returns the last of them when
    /// there may be more. `visit` must not use the index.
    pub(super) fn page(
        &self,
        after: Option<&ObjectKey>,
        limit: usize,
        mut visit: impl FnMut(&ObjectKey, &AICoreRegistrySecretStatus),
    ) -> Option<ObjectKey> {
        let state = self.0.lock();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut seen = 0;
        let mut last = None;
        for (key, entry) in state.resources.range((after, Bound::Unbounded)).take(limit) {
            visit(key, &entry.status);
            seen += 1;
            last = Some(key);
        }
        last.filter(|_| seen == limit).cloned()
    }
}

fn within(scope: &Scope, key: &ObjectKey) -> bool {
    scope.as_ref().is_none_or(|namespace| *namespace == key.namespace)
}

fn claimant(object: &Object) -> Claimant {
    Claimant { created: object.created, uid: Arc::clone(&object.uid), key: object.key.clone() }
}

/// Until its key was read, a resource claims the tenant of its last push.
fn claim_of_status(object: &Object, status: &AICoreRegistrySecretStatus) -> Option<Claim> {
    let remote_name = object.remote_name.as_ref().ok()?.clone();
    Some(Claim { tenant: Arc::new(pushed_tenant(status)?), remote_name })
}

#[cfg(test)]
mod tests;
