//! What was read of service keys, beyond what the watch says of their Secrets.

use super::Index;
use crate::domain::{decide::failure::Failure, parse::object::Object};

impl<K> Index<K> {
    /// Forgets what was read of the resource's service key at that version: it was refused, so the Secret is to be read anew, in
    /// case the watch has missed a change.
    pub(in crate::controller) fn forget_service_key(&self, object: &Object, version: &str) {
        let field = object.spec.ai_core_secret_ref.key.as_deref();
        self.0.lock().secrets.forget(&object.service_key(), field, version);
    }

    /// Keeps why the resource's service key cannot be used, until its Secret changes: all who name it need not find out by
    /// themselves. Does nothing if it changed in between.
    pub(in crate::controller) fn cache_unusable_key(
        &self,
        object: &Object,
        version: &str,
        failure: &Failure,
    ) {
        let field = object.spec.ai_core_secret_ref.key.as_deref();
        self.0.lock().secrets.cache_unusable(&object.service_key(), field, version, failure);
    }
}
