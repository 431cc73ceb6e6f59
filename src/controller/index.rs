//! What the operator knows of the cluster, kept by the watches, so that an event finds the resources it concerns without
//! looking at the others. Synchronous: events go in, the resources to look at come out.

mod claims;
mod credentials;
mod left_alone;
#[cfg(test)]
mod likeness;
mod orders;
mod rights;
mod service_keys;
mod snapshot;
mod watched_secrets;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

use self::{
    claims::ClaimIndex,
    watched_secrets::{SecretEntry, SecretIndex},
};
pub(super) use self::{
    left_alone::{LeftAlone, News},
    snapshot::Snapshot,
};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{
            conflict::{Claim, Claimant, proven_tenant},
            memory::Memory,
            observed::Ownership,
        },
        parse::object::{Object, ObjectKey},
    },
};

/// A part of the cluster that one watch covers: a namespace, or everything.
pub(super) type Scope = Option<Arc<str>>;

/// All knowledge. `K` is what is cached of a service key that was read, for as long as its Secret stays the same.
#[derive(Debug)]
pub(super) struct Index<K>(Mutex<State<K>>);

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct State<K> {
    // In order, so that a reader can go on where it stopped. Boxed: a node has room for eleven, and mostly holds fewer.
    resources: BTreeMap<ObjectKey, Box<Entry>>,
    /// Those that this version does not understand. None of them is among the others.
    left_alone: HashMap<ObjectKey, LeftAlone>,
    secrets: SecretIndex<K>,
    claims: ClaimIndex,
    /// Pushes that were accepted, and that the status does not say yet.
    accepted: HashMap<ObjectKey, Claim>,
    /// Whether somebody else works, and this process only looks on.
    following: bool,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Entry {
    object: Arc<Object>,
    status: Arc<AICoreRegistrySecretStatus>,
    memory: Memory,
    /// Whether the list that is under way has had it.
    listed: bool,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(Mutex::new(State {
            resources: BTreeMap::new(),
            left_alone: HashMap::new(),
            secrets: SecretIndex::default(),
            claims: ClaimIndex::default(),
            accepted: HashMap::new(),
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
        for resource in state.left_alone.values() {
            state.claims.appear_frozen(resource.claimant(), resource.claim());
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
        state
            .left_alone
            .iter_mut()
            .filter(|(key, _)| within(scope, key))
            .for_each(|(_, resource)| resource.listed = false);
    }

    /// A list of the resources in `scope` is complete: what it did not have is gone. Returns what to look at, and what is
    /// gone.
    pub(super) fn resources_list_ends(&self, scope: &Scope) -> (Vec<ObjectKey>, Vec<ObjectKey>) {
        let state = self.0.lock();
        let known = state.resources.iter().map(|(key, entry)| (key, entry.listed));
        let known = known.chain(state.left_alone.iter().map(|(key, resource)| (key, resource.listed)));
        let gone: Vec<ObjectKey> =
            known.filter(|(key, listed)| within(scope, key) && !listed).map(|(key, _)| key.clone()).collect();
        drop(state);
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
        // What it had proven when it was understood last stands.
        let returns = state.left_alone.remove(&key).is_some_and(|left| *left.claimant() == claimant(&object))
            && state.claims.is_proven(&key);
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
                if !returns {
                    wakes.extend(state.claims.appear(&object, claim_of_status(&object, &status)));
                }
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
        state.left_alone.remove(key);
        state.accepted.remove(key);
        state.claims.leave(key)
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

    /// A Secret was read, at a version that may be newer than the one that was `known` before. Returns the resources to look at,
    /// unless an event came meanwhile, which counts for more.
    pub(super) fn read_secret(&self, key: &ObjectKey, known: Option<&str>, version: &str) -> Vec<ObjectKey> {
        self.0.lock().secrets.read(key, known, version, Instant::now())
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
        let cached = service_key.and_then(|secret| secret.cached(key_field));
        Some(Snapshot {
            object: Arc::clone(&entry.object),
            status: Arc::clone(&entry.status),
            memory: entry.memory.clone(),
            source_version: source.and_then(SecretEntry::version),
            source_changed: source.and_then(|secret| secret.changed(key)),
            service_key_version: service_key.and_then(SecretEntry::version),
            service_key_read: cached.as_ref().map(|(_, read)| *read),
            service_key: cached.map(|(key, _)| key),
            unwatched: false,
            overwritten: state.overwritten(entry),
            confirmation_due: false,
            unusable_key: service_key.and_then(|secret| secret.unusable(key_field)),
            ownership: state.claims.ownership(&entry.object, None, Instant::now()),
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
        state.accepted.remove(&object.key);
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

impl<K> State<K> {
    /// Whether AI Core may hold another one's of what this resource has pushed: for another one a request was sent since, which may
    /// be gone again; or a younger one has pushed, when they were known to different processes, or at different times.
    fn overwritten(&self, entry: &Entry) -> bool {
        let Some(claim) = claim_of_status(&entry.object, &entry.status) else { return false };
        if self.claims.is_written_by_another(&entry.object.key, &claim) {
            return true;
        }
        let Ownership::Owner { successor: Some(successor) } =
            self.claims.ownership(&entry.object, Some(&claim), Instant::now())
        else {
            return false;
        };
        self.resources.get(&successor).is_some_and(|other| {
            claim_of_status(&other.object, &other.status) == Some(claim)
                && synced_at(&other.status) > synced_at(&entry.status)
        })
    }
}

fn synced_at(status: &AICoreRegistrySecretStatus) -> Option<Timestamp> {
    status.last_sync_time.as_ref().map(|time| time.0)
}

fn within(scope: &Scope, key: &ObjectKey) -> bool {
    scope.as_ref().is_none_or(|namespace| *namespace == key.namespace)
}

fn claimant(object: &Object) -> Claimant {
    Claimant { created: object.created, uid: Arc::clone(&object.uid), key: object.key.clone() }
}

/// Until its key was read, a resource claims the tenant of its last push, if its status proves that.
fn claim_of_status(object: &Object, status: &AICoreRegistrySecretStatus) -> Option<Claim> {
    let remote_name = object.remote_name.as_ref().ok()?.clone();
    Some(Claim { tenant: Arc::new(proven_tenant(status)?), remote_name })
}

#[cfg(test)]
mod tests;
