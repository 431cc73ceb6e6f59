//! What watches and lists show of resources.

use std::{ops::Bound, sync::Arc};

use super::{Entry, Index, KeptStatus, Scope, claimant, told::Told, within};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{
            arrival::{self, Sent},
            memory::Memory,
        },
        parse::object::{Object, ObjectKey},
    },
};

impl<K> Index<K> {
    /// All resources in `scope`.
    pub(in crate::controller) fn resources_in(&self, scope: &Scope) -> Vec<ObjectKey> {
        let state = self.0.lock();
        let from = scope.as_deref().map(|namespace| ObjectKey::new(namespace, ""));
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let resources = state.resources.range((from, Bound::Unbounded)).map(|(key, _)| key);
        resources.take_while(|key| within(scope, key)).cloned().collect()
    }

    /// A list of the resources in `scope` begins.
    pub(in crate::controller) fn resources_list_begins(&self, scope: &Scope) {
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
    pub(in crate::controller) fn resources_list_ends(
        &self,
        scope: &Scope,
    ) -> (Vec<ObjectKey>, Vec<ObjectKey>) {
        let state = self.0.lock();
        let known = state.resources.iter().map(|(key, entry)| (key, entry.listed));
        let known = known.chain(state.left_alone.iter().map(|(key, resource)| (key, resource.listed)));
        let gone: Vec<ObjectKey> =
            known.filter(|(key, listed)| within(scope, key) && !listed).map(|(key, _)| key.clone()).collect();
        drop(state);
        (gone.iter().flat_map(|key| self.remove_resource(key)).collect(), gone)
    }

    /// A watch has shown a resource. Returns what to look at: itself, if anything but its status changed, and others that it yields
    /// to or displaces.
    pub(in crate::controller) fn apply_resource(
        &self,
        object: Object,
        status: AICoreRegistrySecretStatus,
    ) -> Vec<ObjectKey> {
        self.see(object, status, false)
    }

    /// The same by a list: the resource may be there for long.
    pub(in crate::controller) fn list_resource(
        &self,
        object: Object,
        status: AICoreRegistrySecretStatus,
    ) -> Vec<ObjectKey> {
        self.see(object, status, true)
    }

    fn see(&self, mut object: Object, status: AICoreRegistrySecretStatus, is_list: bool) -> Vec<ObjectKey> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        object.key.namespace = state.shared.namespaces.one(object.key.namespace);
        let key = object.key.clone();
        let previous = state.resources.get_mut(&key);
        let mut is_late_word = false;
        let same = match previous {
            Some(entry) if entry.object.uid == object.uid => {
                entry.listed = true;
                // Nobody can give one that is being deleted its finalizer back: what says so is from before it was released.
                let is_released = entry.object.deleting && !entry.object.finalizer;
                object.finalizer &= !is_released;
                if state.following || state.took_over && entry.may_hear(&status) {
                    let shown = KeptStatus::new(status.clone(), &mut state.shared.tenants);
                    let observed = status.observed_generation;
                    is_late_word = entry.is_told_anew(shown, observed, state.following, state.took_over);
                }
                if *entry.object == object && !is_late_word {
                    return Vec::new();
                }
                true
            }
            _ => false,
        };
        let object = Arc::new(object);
        let mut wakes = Vec::new();
        if !same && let Some(gone) = state.resources.remove(&key) {
            wakes.extend(state.relink(Some((&*gone.object, &gone.place)), None));
        }
        // What it had proven when it was understood last stands.
        let left_alone = state.left_alone.remove(&key);
        let was_known = left_alone.is_some();
        let returns = left_alone.is_some_and(|left| *left.claimant() == claimant(&object))
            && state.claims.is_proven(&key);
        let place = state.place(&object);
        match state.resources.get_mut(&key) {
            Some(entry) => {
                let before = std::mem::replace(&mut entry.object, Arc::clone(&object));
                let place_before = std::mem::replace(&mut entry.place, place.clone());
                let proven = entry.status.proven_claim(&object).filter(|_| is_late_word);
                wakes.extend(state.relink(Some((&*before, &place_before)), Some((&*object, &place))));
                if proven.is_some() {
                    wakes.extend(state.claims.appear(&object, proven));
                }
            }
            None => {
                // Created just now; of what a list shows, or another process works on, something may have been sent.
                let is_new = !is_list && !was_known && !state.following && !object.finalizer;
                let is_untouched = is_new && !arrival::may_hold(&status, Sent::Nothing);
                let status = KeptStatus::new(status, &mut state.shared.tenants);
                let sent = if is_untouched {
                    Sent::Nothing
                } else {
                    Sent::of_found(&object, status.tells_of_a_pass())
                };
                if !returns {
                    wakes.extend(state.claims.appear(&object, status.proven_claim(&object)));
                }
                wakes.extend(state.relink(None, Some((&*object, &place))));
                let object = Arc::clone(&object);
                let memory = Memory { sent, ..Memory::default() };
                let entry = Entry {
                    shown: status.likeness(),
                    object,
                    place,
                    status,
                    memory,
                    listed: true,
                    waits: false,
                    told: Told::Nothing,
                    heard: 0,
                    version: None,
                };
                state.resources.insert(key.clone(), Box::new(entry));
            }
        }
        if object.deleting {
            wakes.extend(state.claims.withdraw(&key));
        }
        wakes.push(key);
        wakes
    }

    /// A resource is gone. Returns what to look at.
    pub(in crate::controller) fn remove_resource(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let mut state = self.0.lock();
        let mut wakes = Vec::new();
        if let Some(entry) = state.resources.remove(key) {
            wakes.extend(state.relink(Some((&*entry.object, &entry.place)), None));
        }
        state.left_alone.remove(key);
        state.accepted.remove(key);
        wakes.extend(state.claims.leave(key));
        wakes
    }
}
