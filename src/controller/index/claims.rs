//! Who wants which remote secret, including resources of which it is not known yet which tenant they mean.

use std::collections::HashMap;

use super::claimant;
use crate::domain::{
    decide::{
        conflict::{Claim, Claimant, Claims},
        observed::Ownership,
    },
    parse::{
        name::RemoteName,
        object::{Object, ObjectKey},
    },
    tools::vec_map::VecMap,
};

/// Claims, and the resources that have not said theirs. While an older resource with the same remote name has not, a younger
/// one may not push: it could be the other's.
#[derive(Debug, Default)]
pub(super) struct ClaimIndex {
    claims: Claims,
    /// By remote name.
    undecided: HashMap<RemoteName, VecMap<Claimant>>,
    undecided_name: HashMap<ObjectKey, (RemoteName, Claimant)>,
    /// Who was told to wait for older ones, by remote name.
    waiting: HashMap<RemoteName, VecMap<Claimant>>,
}

impl ClaimIndex {
    /// A resource was seen for the first time. With a claim from its status it counts at once.
    pub(super) fn appear(&mut self, object: &Object, claim: Option<Claim>) -> Vec<ObjectKey> {
        let mut wakes = self.withdraw(&object.key);
        let claimant = claimant(object);
        match (claim, &object.remote_name) {
            (Some(claim), _) => wakes.extend(self.claims.set(&claimant, Some(claim))),
            (None, Ok(name)) => {
                self.undecided.entry(name.clone()).or_default().insert(claimant.clone(), ());
                self.undecided_name.insert(object.key.clone(), (name.clone(), claimant));
            }
            // AI Core has no secret of such a name, so nobody has to wait.
            (None, Err(_)) => {}
        }
        wakes
    }

    /// What a resource claims is known now.
    pub(super) fn settle(&mut self, claimant: &Claimant, claim: Option<Claim>) -> Vec<ObjectKey> {
        let mut wakes = self.claims.set(claimant, claim);
        wakes.extend(self.decide(&claimant.key));
        wakes
    }

    /// A resource wants nothing any more.
    pub(super) fn withdraw(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        let mut wakes = self.claims.release(key);
        wakes.extend(self.decide(key));
        wakes
    }

    /// Takes a resource out of the undecided ones, and returns those that waited for it and now wait for nobody.
    fn decide(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        let Some((name, claimant)) = self.undecided_name.remove(key) else {
            return Vec::new();
        };
        let first = self.undecided.get_mut(&name).and_then(|undecided| {
            undecided.remove(&claimant);
            undecided.first().cloned()
        });
        if first.is_none() {
            self.undecided.remove(&name);
        }
        let Some(waiting) = self.waiting.get_mut(&name) else {
            return Vec::new();
        };
        let free = match first {
            Some(first) => waiting.take_below(&first),
            None => std::mem::take(waiting).into_iter().map(|(claimant, ())| claimant).collect(),
        };
        if waiting.is_empty() {
            self.waiting.remove(&name);
        }
        free.into_iter().map(|claimant| claimant.key).collect()
    }

    /// Whether a resource owns the remote secret that it wants; `claim` tells who would be next.
    pub(super) fn ownership(&self, object: &Object, claim: Option<&Claim>) -> Ownership {
        if let Some(owner) = self.claims.owned_by(&object.key) {
            return Ownership::OwnedBy(owner.clone());
        }
        let first = object.remote_name.as_ref().ok().and_then(|name| self.undecided.get(name)?.first());
        if !object.deleting && first.is_some_and(|first| *first < claimant(object)) {
            return Ownership::Pending;
        }
        Ownership::Owner {
            successor: claim.and_then(|claim| self.claims.successor(claim, &object.key)).cloned(),
        }
    }

    /// As [`Self::ownership`]; a resource that has to wait for older ones is remembered, so that it is woken.
    pub(super) fn ask(&mut self, object: &Object, claim: Option<&Claim>) -> Ownership {
        let ownership = self.ownership(object, claim);
        if ownership == Ownership::Pending
            && let Ok(name) = &object.remote_name
        {
            self.waiting.entry(name.clone()).or_default().insert(claimant(object), ());
        }
        ownership
    }

    /// Whether nothing is kept, also not of those that are gone.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.undecided.is_empty() && self.undecided_name.is_empty() && self.waiting.is_empty()
    }
}
