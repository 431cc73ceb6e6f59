//! Who owns a remote name in a tenant when several resources claim it.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use crate::domain::{
    parse::{api_url::Tenant, name::RemoteName, object::ObjectKey},
    tools::vec_map::VecMap,
};

/// What can be owned: a docker registry secret of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Where.
    pub tenant: Arc<Tenant>,
    /// Name of the secret in AI Core.
    pub remote_name: RemoteName,
}

/// A resource that wants to own something. The order is that of precedence: oldest first, uid between equally old ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claimant {
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// Which resource.
    pub key: ObjectKey,
}

/// All claims, kept so that each change costs the same however many resources there are.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    by_claim: HashMap<Claim, VecMap<Claimant>>,
    by_object: HashMap<ObjectKey, (Claim, Claimant)>,
}

impl Claims {
    /// Sets what a resource claims (`None`: nothing), and returns the other resources whose ownership may have changed by
    /// that: a new owner, and an owner that lost to an older resource.
    pub(crate) fn set(&mut self, claimant: &Claimant, claim: Option<Claim>) -> Vec<ObjectKey> {
        if let (Some((old, by)), Some(new)) = (self.by_object.get(&claimant.key), &claim)
            && old == new
            && by == claimant
        {
            return Vec::new();
        }
        let mut affected = self.release(&claimant.key);
        if let Some(claim) = claim {
            let claimants = self.by_claim.entry(claim.clone()).or_default();
            affected
                .extend(claimants.first().filter(|owner| *owner > claimant).map(|owner| owner.key.clone()));
            claimants.insert(claimant.clone(), ());
            self.by_object.insert(claimant.key.clone(), (claim, claimant.clone()));
        }
        affected
    }

    /// Takes back what a resource claims, and returns the resource that owns it from now on, if that is a new one.
    pub(crate) fn release(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        let Some((claim, claimant)) = self.by_object.remove(key) else {
            return Vec::new();
        };
        let Some(claimants) = self.by_claim.get_mut(&claim) else {
            return Vec::new();
        };
        let owned = claimants.first() == Some(&claimant);
        claimants.remove(&claimant);
        let successor = claimants.first().map(|next| next.key.clone());
        if claimants.is_empty() {
            self.by_claim.remove(&claim);
        }
        successor.filter(|_| owned).into_iter().collect()
    }

    /// The resource that owns what `key` claims, when it is another one.
    #[must_use]
    pub(crate) fn owned_by(&self, key: &ObjectKey) -> Option<&ObjectKey> {
        let (claim, _) = self.by_object.get(key)?;
        self.by_claim.get(claim)?.first().map(|owner| &owner.key).filter(|owner| *owner != key)
    }

    /// The first resource other than `key` that claims this.
    #[must_use]
    pub(crate) fn successor(&self, claim: &Claim, key: &ObjectKey) -> Option<&ObjectKey> {
        self.by_claim.get(claim)?.keys().map(|claimant| &claimant.key).find(|other| *other != key)
    }
}

#[cfg(test)]
mod tests;
