//! The first lists of Secrets, and who waits for them. Until the list of its scope is over, a Secret that was not seen may yet be.

use std::{collections::HashSet, sync::Arc};

use super::{Index, Scope, watched_secrets::SecretEntry, within};
use crate::domain::{
    decide::warm_up::opening::Unseen,
    parse::{object::ObjectKey, tenant},
};

/// The scopes whose Secrets are listed for the first time, or are to be.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct FirstLists(HashSet<Scope>);

impl FirstLists {
    /// Which Secrets of a resource the first list may yet show; `None`: it is over.
    pub(super) fn unseen<K>(
        &self,
        namespace: &Arc<str>,
        source: Option<&SecretEntry<K>>,
        service_key: Option<&SecretEntry<K>>,
    ) -> Option<Unseen> {
        let is_unseen = |secret: Option<&SecretEntry<K>>| secret.is_some_and(SecretEntry::is_unseen);
        self.covers(namespace)
            .then(|| Unseen { source: is_unseen(source), service_key: is_unseen(service_key) })
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn covers(&self, namespace: &Arc<str>) -> bool {
        // Mostly there is none.
        !self.0.is_empty() && (self.0.contains(&None) || self.0.contains(&Some(Arc::clone(namespace))))
    }
}

impl<K> Index<K> {
    /// The Secrets in `scope` will be listed for the first time.
    pub(in crate::controller) fn secrets_are_awaited(&self, scope: &Scope) {
        self.0.lock().first_lists.0.insert(scope.clone());
    }

    /// They are listed, or nobody waits for them any longer. Returns whom to look at: who has waited.
    pub(in crate::controller) fn secrets_are_awaited_no_more(&self, scope: &Scope) -> Vec<ObjectKey> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        state.first_lists.0.remove(scope);
        let resources = state.resources.iter_mut().filter(|(key, _)| within(scope, key));
        let mut waited: Vec<ObjectKey> = resources
            .filter_map(|(key, entry)| std::mem::take(&mut entry.waits).then(|| key.clone()))
            .collect();
        // These are served where there is one scope.
        let tenants = state.tenants.iter_mut();
        waited
            .extend(tenants.filter_map(|entry| std::mem::take(&mut entry.waits).then(|| entry.tenant.key())));
        waited
    }

    /// Has a resource or an AICoreTenant looked at when the first list of Secrets is over, if it `waits`. Returns whether there is
    /// something to wait for.
    pub(in crate::controller) fn wait_for_secrets(&self, who: &ObjectKey, waits: bool) -> bool {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let waits = waits && state.first_lists.covers(&who.namespace);
        let noted = match tenant::name_of(who) {
            Some(name) => state.tenants.get_mut(name).map(|entry| &mut entry.waits),
            None => state.resources.get_mut(who).map(|entry| &mut entry.waits),
        };
        noted.map(|noted| *noted = waits).is_some() && waits
    }
}
