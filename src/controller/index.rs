//! What the operator knows of the cluster, kept by the watches, so that an event finds the resources it concerns without
//! looking at the others. Synchronous: events go in, the resources to look at come out.

mod claims;
mod company;
mod credentials;
mod first_lists;
mod kept_status;
mod left_alone;
#[cfg(test)]
mod likeness;
mod orders;
mod overwritten;
mod rights;
mod secret_events;
mod service_keys;
mod snapshot;
mod tenant_passes;
pub(super) mod tenants;
mod told;
mod watched_resources;
mod watched_secrets;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use self::{
    claims::ClaimIndex,
    first_lists::FirstLists,
    kept_status::KeptStatus,
    rights::entry_mut,
    tenants::TenantIndex,
    told::Told,
    watched_secrets::{SecretEntry, SecretIndex},
};
pub(super) use self::{
    kept_status::Shown,
    left_alone::{LeftAlone, News},
    snapshot::{Snapshot, stands_in},
    tenant_passes::TenantSnapshot,
};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{
            arrival::Sent,
            conflict::{Claim, Claimant},
            key_place::{KeyPlace, Placed},
            memory::Memory,
        },
        parse::{
            api_url::Tenant,
            object::{Object, ObjectKey},
            resource_version::ResourceVersion,
        },
        tools::shared::Shared,
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
    first_lists: FirstLists,
    tenants: TenantIndex,
    claims: ClaimIndex,
    /// Pushes that were accepted, and that the status does not say yet.
    accepted: HashMap<ObjectKey, Claim>,
    shared: SharedValues,
    /// Whether somebody else works, and this process only looks on.
    following: bool,
    /// Whether this process works after another one, of whose last words the watch may show some late.
    took_over: bool,
}

/// What resources have in common.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
struct SharedValues {
    namespaces: Shared<str>,
    tenants: Shared<Tenant>,
    places: Shared<KeyPlace>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Entry {
    object: Arc<Object>,
    /// Where its service key is.
    place: Placed,
    status: KeptStatus,
    memory: Memory,
    /// Whether the list that is under way has had it.
    listed: bool,
    /// Whether it waits for the first list of its scope's Secrets.
    waits: bool,
    /// From its first word on this process's own statuses count, which the watch shows late.
    told: Told,
    /// The likeness of the status that a watch or a list has shown last.
    shown: u64,
    /// How many words of other processes were heard since this one works.
    heard: u32,
    /// At which version a watch or a list has shown it last.
    version: Option<ResourceVersion>,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(Mutex::new(State {
            resources: BTreeMap::new(),
            left_alone: HashMap::new(),
            secrets: SecretIndex::default(),
            first_lists: FirstLists::default(),
            tenants: TenantIndex::default(),
            claims: ClaimIndex::default(),
            accepted: HashMap::new(),
            shared: SharedValues::default(),
            following: false,
            took_over: false,
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
        state.took_over = std::mem::take(&mut state.following);
        // Another process has answered most changes, and which ones is not known.
        state.secrets.forget_changes();
        state.claims = ClaimIndex::default();
        for entry in state.resources.values_mut() {
            if state.took_over {
                entry.memory.sent = Sent::of_found(&entry.object, entry.status.tells_of_a_pass());
            }
            state.claims.appear(&entry.object, entry.status.proven_claim(&entry.object));
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

    /// What is known of a resource.
    #[must_use]
    pub(super) fn snapshot(&self, key: &ObjectKey) -> Option<Snapshot<K>> {
        let state = self.0.lock();
        let entry = state.resources.get(key)?;
        let source = state.secrets.get(&entry.object.source());
        let place = entry.place.as_deref().ok();
        let service_key = place.and_then(|place| state.secrets.get(&place.secret));
        let key_field = place.and_then(|place| place.field.as_deref());
        let cached = service_key.and_then(|secret| secret.cached(key_field));
        Some(Snapshot {
            object: Arc::clone(&entry.object),
            place: entry.place.clone(),
            status: Arc::new(entry.status.status()),
            memory: entry.memory.clone(),
            heard: entry.heard,
            source_version: source.and_then(SecretEntry::version),
            lacks_source: source.is_some_and(SecretEntry::is_gone),
            source_changed: source.and_then(|secret| secret.changed(key)),
            service_key_version: service_key.and_then(SecretEntry::version),
            service_key_read: cached.as_ref().map(|(_, read)| *read),
            service_key: cached.map(|(key, _)| key),
            unwatched: false,
            unseen: state.first_lists.unseen(&key.namespace, source, service_key),
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
        Some((Arc::clone(&entry.object), Arc::new(entry.status.status())))
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
        let Some(entry) = entry_mut(&mut state.resources, object) else { return };
        if let Some(status) = status {
            entry.status.set(Arc::unwrap_or_clone(status), &mut state.shared.tenants);
        }
        state.accepted.remove(&object.key);
        if let Some(checked) = &memory.checked {
            state.secrets.learn(&object.source(), &checked.source);
            if let Ok(place) = &entry.place {
                state.secrets.learn(&place.secret, &checked.service_key);
            }
        }
        entry.memory = memory;
        if let Some(answered) = answered {
            state.secrets.answered(&object.source(), &object.key, answered);
        }
    }

    /// Records a status that is written in the middle of a pass.
    pub(super) fn record_status(&self, object: &Object, status: Arc<AICoreRegistrySecretStatus>) {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        if let Some(entry) = entry_mut(&mut state.resources, object) {
            entry.status.set(Arc::unwrap_or_clone(status), &mut state.shared.tenants);
        }
    }

    /// Changes what is remembered of a resource, and returns what `change` says besides; `None`: it is gone.
    pub(super) fn update_memory<T>(
        &self,
        object: &Object,
        change: impl FnOnce(&Memory) -> (Memory, T),
    ) -> Option<T> {
        let mut state = self.0.lock();
        let entry = entry_mut(&mut state.resources, object)?;
        let (memory, result) = change(&entry.memory);
        entry.memory = memory;
        Some(result)
    }

    /// Calls `visit` for the resources after this one, or from the beginning, for as long as it returns true. Returns the one for
    /// which it did not; `None`: there are no more. `visit` must not use the index.
    pub(super) fn page(
        &self,
        after: Option<&ObjectKey>,
        mut visit: impl FnMut(&ObjectKey, &Shown) -> bool,
    ) -> Option<ObjectKey> {
        let state = self.0.lock();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = state.resources.range((after, Bound::Unbounded));
        rest.find(|(key, entry)| !visit(key, entry.status.shown())).map(|(key, _)| key.clone())
    }
}

fn within(scope: &Scope, key: &ObjectKey) -> bool {
    scope.as_ref().is_none_or(|namespace| *namespace == key.namespace)
}

fn claimant(object: &Object) -> Claimant {
    Claimant { created: object.created, uid: Arc::clone(&object.uid), key: object.key.clone() }
}

#[cfg(test)]
mod tests;
