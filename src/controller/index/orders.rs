//! Whether a resource still asks for what a pass was decided on.

use super::{Index, watched_secrets::SecretEntry};
use crate::{controller::errand::KeyFound, domain::parse::object::Object};

impl<K> Index<K> {
    /// Whether the index holds the resource with the spec that `object` has, and its service key where and as it was found: another
    /// spec can mean another name, other registries or another key, another key another tenant, and an AICoreTenant may no longer
    /// allow what it did.
    #[must_use]
    pub(in crate::controller) fn asks_for_the_same(&self, object: &Object, key: &KeyFound) -> bool {
        let state = self.0.lock();
        state.entry(object).is_some_and(|entry| {
            let Ok(place) = &entry.place else { return false };
            let version = state.secrets.get(&place.secret).and_then(SecretEntry::version);
            entry.object.generation == object.generation && key.holds(place, version.as_deref())
        })
    }
}
