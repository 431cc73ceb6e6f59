//! What a resource may do with the remote secret that it wants, by what is known at this moment.

use super::{Index, State, claimant};
use crate::domain::{
    decide::{conflict::Claim, observed::Ownership},
    parse::object::{Object, ObjectKey},
};

impl<K> Index<K> {
    /// A resource's claim is known now (`None`: it has none, as long as its key cannot be read). Returns the resources to
    /// look at because of that.
    pub(in crate::controller) fn claim(&self, object: &Object, claim: Option<Claim>) -> Vec<ObjectKey> {
        let mut state = self.0.lock();
        // A resource that went, or came anew, while its key was read claims nothing.
        let current = state.current(object).is_some_and(|current| !current.deleting);
        if current { state.claims.settle(&claimant(object), claim) } else { Vec::new() }
    }

    /// The resource's credential was given a token for the tenant of `claim` just now: the claim stands against others. Returns
    /// the resources to look at because of that.
    #[must_use]
    pub(in crate::controller) fn proven(&self, object: &Object, claim: &Claim) -> Vec<ObjectKey> {
        self.claim(object, Some(claim.clone()))
    }

    /// The resource's service key was refused for good: what it claims stands against nobody. Returns the resources to look at
    /// because of that.
    #[must_use]
    pub(in crate::controller) fn refused(&self, object: &Object) -> Vec<ObjectKey> {
        self.claim(object, None)
    }

    /// Whether a resource owns the remote secret that it wants. One that has to wait for others to say what they claim is woken
    /// when they have. `claim` is what it wants; one that is being deleted has no
    /// claim of its own any more.
    #[must_use]
    pub(in crate::controller) fn ownership(&self, object: &Object, claim: Option<&Claim>) -> Ownership {
        self.0.lock().claims.ask(object, claim)
    }

    /// Whether a pass over `object` may send its credential now: this very resource is there and is neither being deleted nor
    /// suspended, and it owns the claim. What is not known owns nothing. To be asked right before each request that writes.
    #[must_use]
    pub(in crate::controller) fn may_write(&self, object: &Object, claim: &Claim) -> bool {
        let state = self.0.lock();
        state.current(object).is_some_and(|current| {
            !current.deleting
                && !current.spec.suspended()
                && state.claims.ownership(current, Some(claim)).may_push()
        })
    }

    /// Whether a pass over `object` may delete the remote secret now: this very resource is being deleted and is neither
    /// suspended nor let go by its user, and nobody else owns or inherits the claim. To be asked right before the request.
    #[must_use]
    pub(in crate::controller) fn may_delete(&self, object: &Object, claim: &Claim) -> bool {
        let state = self.0.lock();
        state.current(object).is_some_and(|current| {
            current.deleting
                && !current.abandon
                && !current.spec.suspended()
                && state.claims.ownership(current, Some(claim)).may_delete()
        })
    }
}

impl<K> State<K> {
    /// The resource as it is now, if it is still this one: one that was created anew under its name is another.
    pub(super) fn current(&self, object: &Object) -> Option<&Object> {
        let entry = self.resources.get(&object.key)?;
        (entry.object.uid == object.uid).then_some(&*entry.object)
    }
}
