//! What was read of service keys, beyond what the watch says of their Secrets.

use std::sync::Arc;

use super::Index;
use crate::domain::decide::{failure::Failure, key_place::KeyPlace};

impl<K> Index<K> {
    /// Keeps what was read of a service key until its Secret changes. Does nothing if it changed in between.
    pub(in crate::controller) fn cache_service_key(&self, place: &KeyPlace, version: &str, key: Arc<K>) {
        self.0.lock().secrets.cache(&place.secret, place.field.as_deref(), version, key);
    }

    /// Forgets what was read of the service key at that version: it was refused, so the Secret is to be read anew, in case the
    /// watch has missed a change.
    pub(in crate::controller) fn forget_service_key(&self, place: &KeyPlace, version: &str) {
        self.0.lock().secrets.forget(&place.secret, place.field.as_deref(), version);
    }

    /// Keeps why the service key cannot be used, until its Secret changes: all who name it need not find out by themselves. Does
    /// nothing if it changed in between.
    pub(in crate::controller) fn cache_unusable_key(
        &self,
        place: &KeyPlace,
        version: &str,
        failure: &Failure,
    ) {
        self.0.lock().secrets.cache_unusable(&place.secret, place.field.as_deref(), version, failure);
    }
}
