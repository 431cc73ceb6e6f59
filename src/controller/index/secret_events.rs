//! What the watches on Secrets say, and what reads find.

use tokio::time::Instant;

use super::{Index, Scope};
use crate::domain::parse::object::ObjectKey;

impl<K> Index<K> {
    /// A list of the Secrets in `scope` begins.
    pub(in crate::controller) fn secrets_list_begins(&self, scope: &Scope) {
        self.0.lock().secrets.list_begins(scope);
    }

    /// A list of the Secrets in `scope` is complete. Returns whom to look at because a Secret is gone.
    pub(in crate::controller) fn secrets_list_ends(&self, scope: &Scope) -> Vec<ObjectKey> {
        self.0.lock().secrets.list_ends(scope)
    }

    /// A Secret was seen. Returns whom to look at: those that name it, if its version is a new one.
    pub(in crate::controller) fn apply_secret(&self, key: &ObjectKey, version: &str) -> Vec<ObjectKey> {
        self.0.lock().secrets.apply(key, version, Instant::now())
    }

    /// A Secret was read, at a version that may be newer than the one that was `known` before. Returns whom to look at, unless an
    /// event came meanwhile, which counts for more.
    pub(in crate::controller) fn read_secret(
        &self,
        key: &ObjectKey,
        known: Option<&str>,
        version: &str,
    ) -> Vec<ObjectKey> {
        self.0.lock().secrets.read(key, known, version, Instant::now())
    }

    /// A Secret is gone. Returns whom to look at.
    pub(in crate::controller) fn remove_secret(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        self.0.lock().secrets.remove(key)
    }
}
