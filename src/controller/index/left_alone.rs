//! Resources that this version of the operator does not understand, as after a return to an older version. What they claim is still
//! theirs; apart from that they are left alone until they are understood again.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Index, claimant};
use crate::{
    domain::{
        decide::conflict::{Claim, Claimant, proven_tenant},
        parse::{name::RemoteName, object::ObjectKey},
    },
    k8s::partial::Misunderstood,
};

/// A resource that is not understood.
#[derive(Clone, Debug)]
pub(in crate::controller) struct LeftAlone {
    claimant: Claimant,
    generation: Option<i64>,
    deleting: bool,
    /// What its status proves.
    claim: Option<Claim>,
    /// The part of it that is not understood.
    part: String,
    /// Whether the list that is under way has had it.
    pub(super) listed: bool,
}

/// What is new about a resource that is left alone.
#[derive(Debug)]
pub(in crate::controller) struct News {
    /// The resources to look at.
    pub(in crate::controller) woken: Vec<ObjectKey>,
    /// Whether it was understood before, or was another one.
    pub(in crate::controller) changed: bool,
}

impl LeftAlone {
    /// From the API's form. `None` for what no API server sends: a resource without name, namespace or uid.
    #[must_use]
    pub(in crate::controller) fn from_resource(resource: &Misunderstood) -> Option<Self> {
        let meta = &resource.metadata;
        let name = meta.name.as_deref()?;
        let status = resource.status.as_ref();
        // AI Core holds what was pushed last under the name that the status has.
        let remote_name =
            resource.remote_name.as_deref().or_else(|| status?.remote_name.as_deref()).unwrap_or(name);
        let tenant = status.and_then(proven_tenant);
        let claim = tenant.zip(RemoteName::parse(remote_name).ok());
        Some(Self {
            claimant: Claimant {
                created: meta.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
                uid: meta.uid.as_deref()?.into(),
                key: ObjectKey::new(meta.namespace.as_deref()?, name),
            },
            generation: meta.generation,
            deleting: meta.deletion_timestamp.is_some(),
            claim: claim.map(|(tenant, remote_name)| Claim { tenant: Arc::new(tenant), remote_name }),
            part: resource.part.clone(),
            listed: true,
        })
    }

    /// Where it is.
    #[must_use]
    pub(in crate::controller) fn key(&self) -> &ObjectKey {
        &self.claimant.key
    }

    /// The part of it that is not understood.
    #[must_use]
    pub(in crate::controller) fn part(&self) -> &str {
        &self.part
    }

    pub(super) fn claimant(&self) -> &Claimant {
        &self.claimant
    }

    /// What it claims by its status; nothing when it is being deleted.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.claim.clone().filter(|_| !self.deleting)
    }

    /// Whether a person who knows of `other` knows of this.
    fn says_the_same(&self, other: &Self) -> bool {
        self.claimant == other.claimant && self.generation == other.generation && self.part == other.part
    }
}

impl<K> Index<K> {
    /// A resource was seen that is not understood. If it was before, what it has proven stands, and nothing else of it; if it
    /// comes anew, what its status proves.
    pub(in crate::controller) fn leave_alone(&self, resource: &LeftAlone) -> News {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let key = resource.key().clone();
        let understood = state.resources.remove(&key);
        let mut woken = match &understood {
            Some(entry) => state.relink(Some((&*entry.object, &entry.place)), None),
            None => Vec::new(),
        };
        let before = state.left_alone.insert(key.clone(), resource.clone());
        let known = understood.as_ref().map(|entry| claimant(&entry.object));
        let known = known.as_ref().or(before.as_ref().map(LeftAlone::claimant));
        woken.extend(if resource.deleting {
            state.claims.leave(&key)
        } else if known == Some(resource.claimant()) {
            state.claims.freeze(&key)
        } else {
            state.claims.appear_frozen(resource.claimant(), resource.claim())
        });
        let changed = before.is_none_or(|before| !before.says_the_same(resource));
        News { woken, changed }
    }

    /// How many resources are not understood.
    #[must_use]
    pub(in crate::controller) fn left_alone(&self) -> usize {
        self.0.lock().left_alone.len()
    }
}
