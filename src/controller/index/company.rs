//! Who else is about to create a first remote secret with the same service key.

use super::{Entry, Index, State, watched_secrets::SecretEntry};
use crate::{
    api::CreationPolicy,
    domain::parse::object::{Object, ObjectKey},
};

/// So many of those who use a service key are looked at: as many as a tenant holds secrets by default, and some more. Where there are
/// more of them, most are mostly alike.
const LOOKED_AT: usize = 64;

impl<K> Index<K> {
    /// Whether others with the service key of this resource are likely to create their remote secrets soon: no pass over them has ended,
    /// and nothing that is known keeps them from it. They may be anywhere between the watch and their requests. Those who have said that
    /// they wait stand in the tenant's line.
    #[must_use]
    pub(in crate::controller) fn has_company(&self, object: &Object) -> bool {
        let state = self.0.lock();
        let place = state.entry(object).and_then(|entry| entry.place.as_deref().ok());
        let Some(service_key) = place.and_then(|place| state.secrets.get(&place.secret)) else {
            return false;
        };
        service_key.users_after(&object.key).take(LOOKED_AT).any(|user| state.is_new(user))
    }
}

impl<K> State<K> {
    /// Whether this is a resource whose first push is to come.
    fn is_new(&self, user: &ObjectKey) -> bool {
        let Some(Entry { object, status, memory, .. }) = self.resources.get(user).map(|entry| &**entry)
        else {
            return false;
        };
        let lacks_source = || self.secrets.get(&object.source()).is_some_and(SecretEntry::is_gone);
        !status.tells_of_a_pass()
            && !self.accepted.contains_key(user)
            && memory.retry.backoff.is_none()
            && !object.deleting
            && !object.spec.suspended()
            && object.spec.creation_policy() != CreationPolicy::Never
            && object.remote_name.is_ok()
            && !lacks_source()
    }
}
