//! Copies of an index, and what tells one from another, for the model of all that can happen.

use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

use parking_lot::Mutex;

use super::{Entry, Index, State};
use crate::{controller::model::fingerprint::add_shown, domain::testing::hash_unordered};

impl<K: Clone> Clone for Index<K> {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().clone()))
    }
}

impl<K: Hash> Index<K> {
    /// What decides. Of a resource its generation stands for its spec.
    pub(in crate::controller) fn hash_into(&self, hasher: &mut impl Hasher) {
        let state = self.0.lock();
        let State {
            resources, left_alone, secrets, first_lists, claims, accepted, following, took_over, ..
        } = &*state;
        for (key, entry) in resources {
            let Entry { object, status, memory, waits, told, version, shown, heard, listed: _, place: _ } =
                &**entry;
            let steering = (object.generation, object.deleting, object.finalizer);
            (
                key,
                &object.uid,
                steering,
                &object.requested_at,
                object.abandon,
                waits,
                (told, version, shown, heard),
                status,
            )
                .hash(hasher);
            add_shown(memory, hasher);
        }
        (left_alone.len(), secrets, first_lists.len(), claims, following, took_over).hash(hasher);
        hash_unordered(accepted, hasher);
    }

    /// What the clock would do.
    pub(in crate::controller) fn time_passes(&self, by: Duration) {
        self.0.lock().claims.time_passes(by);
    }
}
