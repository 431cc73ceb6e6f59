//! What a resource may do with the remote secret that it wants, by what is known at this moment.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::{
    Entry, Index, State, claimant,
    credentials::{CredentialId, Verdict},
};
use crate::domain::{
    decide::{
        arrival::{self, Sent},
        conflict::{self, Claim},
        credit::Credit,
        observed::{Ownership, Takeover},
        pass_outcome::PassOutcome,
    },
    parse::{
        api_url::Tenant,
        object::{Object, ObjectKey},
    },
};

impl<K> Index<K> {
    /// A resource's claim is known now (`None`: it has none, as long as its key cannot be read), and the service key that it comes
    /// from. Returns the resources to look at because of that.
    pub(in crate::controller) fn claim(
        &self,
        object: &Object,
        claim: Option<Claim>,
        credential: Option<CredentialId>,
    ) -> Vec<ObjectKey> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        // A resource that went, or came anew, while its key was read claims nothing.
        let Some(entry) = state.entry(object) else { return Vec::new() };
        if entry.object.deleting {
            state.claims.uses(&object.key, credential);
            return Vec::new();
        }
        let proven = claim
            .as_ref()
            .is_some_and(|claim| entry.status.proven_tenant().is_some_and(|tenant| *tenant == claim.tenant));
        let woken = state.claims.settle(&claimant(object), claim, credential, proven);
        state.note_holder(object);
        woken
    }

    /// The resource's credential was given a token for the tenant of `claim` just now: the claim stands against others. Returns
    /// the resources to look at because of that. One that is being deleted claims nothing, but what others claim with the same
    /// service key is proven too.
    #[must_use]
    pub(in crate::controller) fn proven(&self, object: &Object, claim: &Claim) -> Vec<ObjectKey> {
        let mut state = self.0.lock();
        let live = match state.current(object) {
            None => return Vec::new(),
            Some(current) => !current.deleting,
        };
        let mut woken = state.judging(object, |claims| {
            if live {
                claims.prove(&claimant(object), claim)
            } else {
                claims.judge(&object.key, Verdict::Granted)
            }
        });
        woken.retain(|key| *key != object.key);
        woken
    }

    /// The resource's service key was refused for good: what it claims stands against nobody. Returns the resources to look at
    /// because of that.
    #[must_use]
    pub(in crate::controller) fn refused(&self, object: &Object) -> Vec<ObjectKey> {
        let mut state = self.0.lock();
        if state.current(object).is_none() {
            return Vec::new();
        }
        let woken = state.judging(object, |claims| claims.judge(&object.key, Verdict::Refused));
        state.note_holder(object);
        woken
    }

    /// A pass over the resource has ended like this. If it could have come to prove what it claims, nobody waits for it any longer.
    /// Returns the resources to look at because of that.
    #[must_use]
    pub(in crate::controller) fn pass_ended(&self, object: &Object, outcome: PassOutcome) -> Vec<ObjectKey> {
        let mut state = self.0.lock();
        if state.current(object).is_some() && conflict::had_its_chance(outcome) {
            state.claims.attempt_ended(&object.key)
        } else {
            Vec::new()
        }
    }

    /// Whether a resource owns the remote secret that it wants. One that does not is woken when it may. `claim` is what it wants;
    /// one that is being deleted has no claim of its own any more. What is not known owns nothing.
    #[must_use]
    pub(in crate::controller) fn ownership(&self, object: &Object, claim: Option<&Claim>) -> Ownership {
        self.ownership_at(object, claim, Instant::now())
    }

    /// As [`Self::ownership`], at that time.
    pub(super) fn ownership_at(&self, object: &Object, claim: Option<&Claim>, now: Instant) -> Ownership {
        let mut state = self.0.lock();
        if state.current(object).is_none() {
            return Ownership::Pending;
        }
        state.claims.ask(object, claim, now)
    }

    /// Whether the resource owns what it claims, and nobody else would.
    #[must_use]
    pub(in crate::controller) fn has_no_rival(&self, object: &Object) -> bool {
        let state = self.0.lock();
        let claim = state.claims.held(&object.key);
        state.claims.ownership(object, claim, Instant::now()) == Ownership::Owner { successor: None }
    }

    /// What is known of the resource as one that sends requests to the tenant.
    #[must_use]
    pub(in crate::controller) fn credit(&self, object: &Object, tenant: &Tenant) -> Credit {
        let state = self.0.lock();
        let entry = state.resources.get(&object.key);
        let accepted = entry
            .and_then(|entry| entry.status.proven_tenant())
            .is_some_and(|accepted_by| **accepted_by == *tenant);
        let last = entry.and_then(|entry| entry.memory.retry.backoff.as_deref());
        Credit::of(state.claims.has_proof(&object.key), accepted, last)
    }

    /// A request that writes is sent for the resource: what others have pushed, AI Core does not hold any more. To be told before the
    /// request, because others look meanwhile, and because the pass may be cut before it can tell what arrived.
    pub(in crate::controller) fn writes(&self, object: &Object, claim: &Claim) {
        let mut state = self.0.lock();
        state.claims.writes(&object.key, claim);
        if let Some(entry) = entry_mut(&mut state.resources, object) {
            entry.memory.sent = Sent::Unknown;
        }
    }

    /// Whether AI Core may hold something of the resource.
    #[must_use]
    pub(in crate::controller) fn may_hold(&self, key: &ObjectKey) -> bool {
        let state = self.0.lock();
        let Some(entry) = state.resources.get(key) else { return false };
        arrival::may_hold(&entry.status.status(), entry.memory.sent)
    }

    /// The resource goes and leaves the remote secret to another one. Another process may have sent something for it that nobody
    /// knows of.
    pub(in crate::controller) fn may_have_written(&self, object: &Object, claim: &Claim) {
        self.0.lock().claims.may_have_written(&object.key, claim);
    }

    /// The finalizer was taken off this very resource.
    pub(in crate::controller) fn released(&self, object: &Object) {
        let mut state = self.0.lock();
        let entry = entry_mut(&mut state.resources, object);
        if let Some(entry) = entry.filter(|entry| entry.object.generation == object.generation) {
            Arc::make_mut(&mut entry.object).finalizer = false;
        }
    }

    /// Whether this very resource is there.
    #[must_use]
    pub(in crate::controller) fn holds(&self, object: &Object) -> bool {
        self.0.lock().current(object).is_some()
    }

    /// Whether a pass over `object` may send its credential now: this very resource is there and is neither being deleted nor
    /// suspended, and it owns the claim. What is not known owns nothing. To be asked right before each request that writes.
    #[must_use]
    pub(in crate::controller) fn may_write(&self, object: &Object, claim: &Claim) -> bool {
        let state = self.0.lock();
        state.current(object).is_some_and(|current| {
            !current.deleting
                && !current.spec.suspended()
                && state.claims.is_held(&current.key, claim)
                && state.claims.ownership(current, Some(claim), Instant::now()).may_push()
        })
    }

    /// Whether a pass over `object` may delete the remote secret now: this very resource is being deleted and is neither
    /// suspended nor let go by its user, and nobody else owns or inherits the claim. `passed_over`: a successor that was waited for
    /// and did not push. To be asked right before the request, while no other is under way for the remote secret.
    #[must_use]
    pub(in crate::controller) fn may_delete(
        &self,
        object: &Object,
        claim: &Claim,
        passed_over: Option<&ObjectKey>,
    ) -> bool {
        let state = self.0.lock();
        state.current(object).is_some_and(|current| {
            let is_free = match state.claims.ownership(current, Some(claim), Instant::now()) {
                Ownership::Owner { successor: None } => true,
                Ownership::Owner { successor: Some(successor) } => match state.takeover(&successor, claim) {
                    Takeover::Done => false,
                    Takeover::Expected => passed_over == Some(&successor),
                    Takeover::Unlikely => true,
                },
                Ownership::OwnedBy(_) | Ownership::Pending => false,
            };
            current.deleting && !current.abandon && !current.spec.suspended() && is_free
        })
    }

    /// How far a resource is that is to take over the claim of another one.
    #[must_use]
    pub(in crate::controller) fn takeover(&self, successor: &ObjectKey, claim: &Claim) -> Takeover {
        self.0.lock().takeover(successor, claim)
    }

    /// AI Core accepted a push of the resource just now. To be said before another request for the remote secret can begin; the
    /// status says it later. Returns the resource to look at because of that: one whose credential this was, and which says so still.
    #[must_use]
    pub(in crate::controller) fn accepted(&self, object: &Object, claim: &Claim) -> Option<ObjectKey> {
        let mut state = self.0.lock();
        if state.current(object).is_some() {
            state.accepted.insert(object.key.clone(), claim.clone());
        }
        state.claims.accepted(&object.key, claim)
    }
}

impl<K> State<K> {
    fn takeover(&self, successor: &ObjectKey, claim: &Claim) -> Takeover {
        // What is not understood keeps what it has proven.
        let Some(entry) = self.resources.get(successor) else { return Takeover::Done };
        let has_pushed = self.accepted.get(successor) == Some(claim)
            || entry.status.proven_claim(&entry.object).as_ref() == Some(claim);
        if has_pushed && !self.claims.is_written_by_another(successor, claim) {
            Takeover::Done
        } else if entry.object.spec.suspended() {
            Takeover::Unlikely
        } else {
            Takeover::Expected
        }
    }

    /// Notes whether AI Core holds the credential of a resource that cannot prove what it claims: another one may push over it, and
    /// nothing else would tell it.
    fn note_holder(&mut self, object: &Object) {
        let Some(Entry { object, status, .. }) = self.entry(object) else { return };
        if self.claims.is_proven(&object.key) {
            return;
        }
        let (key, held) = (object.key.clone(), status.pushed_claim(object));
        let says_so = status.shown().ready;
        if let Some(claim) = held.filter(|_| says_so) {
            self.claims.holds(&key, claim);
        }
    }

    /// The resource as it is now, if it is still this one: one that was created anew under its name is another.
    pub(super) fn current(&self, object: &Object) -> Option<&Object> {
        self.entry(object).map(|entry| &*entry.object)
    }

    /// All that is known of it, on the same terms.
    pub(super) fn entry(&self, object: &Object) -> Option<&Entry> {
        self.resources.get(&object.key).map(|entry| &**entry).filter(|entry| entry.object.uid == object.uid)
    }
}

/// All that is known of this very resource, to be changed.
pub(super) fn entry_mut<'a>(
    resources: &'a mut BTreeMap<ObjectKey, Box<Entry>>,
    object: &Object,
) -> Option<&'a mut Entry> {
    resources.get_mut(&object.key).map(|entry| &mut **entry).filter(|entry| entry.object.uid == object.uid)
}
