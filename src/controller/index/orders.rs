//! Whether a resource still asks for what a pass was decided on.

use super::{Index, watched_secrets::SecretEntry};
use crate::{controller::errand::KeyFound, domain::parse::object::Object};

impl<K> Index<K> {
    /// Whether the index holds the resource with the spec that `object` has, and the Secret with its service key as it was found:
    /// another spec can mean another name, other registries or another key, and another key another tenant.
    #[must_use]
    pub(in crate::controller) fn asks_for_the_same(&self, object: &Object, key: &KeyFound) -> bool {
        let state = self.0.lock();
        state.current(object).is_some_and(|current| {
            let version = state.secrets.get(&current.service_key()).and_then(SecretEntry::version);
            current.generation == object.generation && key.holds(version.as_deref())
        })
    }
}
