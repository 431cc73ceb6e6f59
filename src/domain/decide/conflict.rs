//! Who owns a remote name in a tenant when several resources claim it.

mod writer;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use self::writer::Writer;
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{pass_outcome::PassOutcome, reason::Reason},
        parse::{
            api_url::Tenant,
            name::RemoteName,
            object::{Object, ObjectKey, pushed_tenant},
        },
        tools::vec_map::VecMap,
    },
};

/// How long a resource without proof waits, in all, for older ones that may come to have it: as long as one token request may take.
pub(crate) const LONGEST_WAIT_FOR_PROOF: Duration = Duration::from_secs(15);

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
#[cfg_attr(test, derive(Hash))]
pub(crate) struct Claimant {
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// Which resource.
    pub key: ObjectKey,
}

/// The tenant in which a status proves a claim: it shows an accepted push there, and not that the claim was given up since.
#[must_use]
pub(crate) fn proven_tenant(status: &AICoreRegistrySecretStatus) -> Option<Tenant> {
    let shows_push = status.last_sync_time.is_some() && status.credentials_digest.is_some();
    pushed_tenant(status).filter(|_| shows_push && !gives_up(status))
}

/// Whether a status says that the service key was refused, or that the resource may not have the name any more.
fn gives_up(status: &AICoreRegistrySecretStatus) -> bool {
    let disproves = |condition: &Condition| Reason::parse(&condition.reason).is_some_and(Reason::disproves);
    status.conditions.iter().any(disproves)
}

/// Keeps a claim given up in the status that comes after `before` without a push, and of which `service_key` is why the key cannot be
/// used. Something else may be wrong by then, or be said first, while others have the name: where no condition says any more that the
/// claim was given up, the digest of what was accepted goes. A push brings it back; where a deletion has to look stays.
pub(crate) fn stay_given_up(
    before: &AICoreRegistrySecretStatus,
    service_key: Option<Reason>,
    status: &mut AICoreRegistrySecretStatus,
) {
    let given_up = gives_up(before) || service_key.is_some_and(Reason::is_not_allowed);
    if given_up && !gives_up(status) {
        status.credentials_digest = None;
    }
}

/// What a resource has pushed last, as its status shows it.
#[must_use]
pub(crate) fn pushed_claim(object: &Object, status: &AICoreRegistrySecretStatus) -> Option<Claim> {
    let remote_name = object.remote_name.as_ref().ok()?.clone();
    Some(Claim { tenant: Arc::new(pushed_tenant(status)?), remote_name })
}

/// Whether a resource whose pass ended like this has had its chance to prove its claim. One that waits for its turn, or was
/// stopped because something changed, has not, and
/// one that an older, proven one keeps from trying has not.
#[must_use]
pub(crate) fn had_its_chance(outcome: PassOutcome) -> bool {
    match outcome {
        PassOutcome::Postponed
        | PassOutcome::Queued
        | PassOutcome::Withdrawn
        | PassOutcome::Reason(Reason::RemoteConflict | Reason::Progressing) => false,
        PassOutcome::Created
        | PassOutcome::Updated
        | PassOutcome::Deleted
        | PassOutcome::Released
        | PassOutcome::Unchanged
        | PassOutcome::BackingOff
        | PassOutcome::Gone
        | PassOutcome::ApiServerError
        | PassOutcome::Timeout
        | PassOutcome::Reason(_) => true,
    }
}

/// How far a claim has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
pub(crate) enum Standing {
    /// Its credential was given a token for the tenant, or a push there was accepted: it counts against everybody.
    Proven,
    /// An attempt is still to come. Younger ones without proof wait for it; it counts against nobody else.
    Open,
    /// An attempt brought no proof. It counts against nobody.
    Failed,
}

/// All claims, kept so that each change costs the same however many resources there are.
///
/// A proven claimant is told of each change by which it wins or loses. Of those without proof that were turned away because a
/// proven one is older, the oldest is told when that one goes; when its attempt has ended too, the next.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Claims {
    // Boxed: a table that has just grown is empty by half.
    by_claim: HashMap<Claim, Box<Claimants>>,
    by_object: HashMap<ObjectKey, Box<Held>>,
}

/// What one resource claims.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
struct Held {
    claim: Claim,
    claimant: Claimant,
    standing: Standing,
}

/// Who claims one thing.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, Hash))]
struct Claimants {
    proven: VecMap<Claimant>,
    open: VecMap<Claimant, Told>,
    /// Without proof, and told to wait for an older one that is open.
    waiting: VecMap<Claimant>,
    /// How many there are, with those whose attempt failed.
    count: usize,
    /// Whose what AI Core holds is.
    writer: Option<Writer>,
}

/// What a claimant without proof was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum Told {
    Nothing,
    /// An older, proven one owns what it wants: it does nothing until it hears of a change.
    Lost,
}

impl Claims {
    /// Sets what a resource claims (`None`: nothing), and returns the other resources whose ownership may have changed by
    /// that. A claim that it has already stands as it stood.
    pub(crate) fn set(&mut self, claimant: &Claimant, claim: Option<(Claim, Standing)>) -> Vec<ObjectKey> {
        if let (Some(held), Some((claim, _))) = (self.by_object.get(&claimant.key), &claim)
            && held.claim == *claim
            && held.claimant == *claimant
        {
            return Vec::new();
        }
        let mut affected = self.release(&claimant.key);
        if let Some((claim, standing)) = claim {
            let claimants = self.by_claim.entry(claim.clone()).or_default();
            claimants.count += 1;
            affected.extend(claimants.change(claimant, |claimants| claimants.put(claimant, standing)));
            let held = Held { claim, claimant: claimant.clone(), standing };
            self.by_object.insert(claimant.key.clone(), Box::new(held));
        }
        affected
    }

    /// Takes back what a resource claims, and returns the other resources whose ownership may have changed by that.
    pub(crate) fn release(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        let Some(held) = self.by_object.remove(key) else { return Vec::new() };
        let Held { claim, claimant, .. } = *held;
        let Some(claimants) = self.by_claim.get_mut(&claim) else {
            return Vec::new();
        };
        claimants.count -= 1;
        let affected = claimants.change(&claimant, |claimants| claimants.take(&claimant));
        if claimants.count == 0 {
            self.by_claim.remove(&claim);
        }
        affected
    }

    /// Changes how the claim of a resource stands, and returns the resources whose ownership may have changed by that; itself,
    /// if it was told that it does not own what it owns now.
    pub(crate) fn stand(&mut self, key: &ObjectKey, standing: Standing) -> Vec<ObjectKey> {
        let Some(held) = self.by_object.get_mut(key).filter(|held| held.standing != standing) else {
            return Vec::new();
        };
        held.standing = standing;
        let claimant = &held.claimant;
        let Some(claimants) = self.by_claim.get_mut(&held.claim) else {
            return Vec::new();
        };
        claimants.change(claimant, |claimants| {
            claimants.take(claimant);
            claimants.put(claimant, standing);
        })
    }

    /// An attempt of a resource has ended: if it has no proof by now, nobody waits for it any longer. Returns the resources whose
    /// ownership may have changed by that.
    pub(crate) fn attempt_ended(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        if self.standing(key) == Some(Standing::Open) {
            self.stand(key, Standing::Failed)
        } else {
            Vec::new()
        }
    }

    /// How the claim of a resource stands, if it has one.
    #[must_use]
    pub(crate) fn standing(&self, key: &ObjectKey) -> Option<Standing> {
        self.by_object.get(key).map(|held| held.standing)
    }

    /// Whether this is what the resource claims.
    #[must_use]
    pub(crate) fn is_held(&self, key: &ObjectKey, claim: &Claim) -> bool {
        self.by_object.get(key).is_some_and(|held| held.claim == *claim)
    }

    /// The resource that owns what `key` claims, when it is another one: the oldest with proof, if that is older.
    #[must_use]
    pub(crate) fn owned_by(&self, key: &ObjectKey) -> Option<&ObjectKey> {
        let held = self.by_object.get(key)?;
        let owner = self.by_claim.get(&held.claim)?.proven.first()?;
        (*owner < held.claimant).then_some(&owner.key)
    }

    /// Whether `key` has no proof yet, and an older one may come to have it.
    #[must_use]
    pub(crate) fn has_older_open(&self, key: &ObjectKey) -> bool {
        self.by_object.get(key).is_some_and(|held| {
            let first = self.by_claim.get(&held.claim).and_then(|claimants| claimants.open.first());
            held.standing != Standing::Proven && first.is_some_and(|first| *first < held.claimant)
        })
    }

    /// The first resource other than `key` that claims this with proof.
    #[must_use]
    pub(crate) fn successor(&self, claim: &Claim, key: &ObjectKey) -> Option<&ObjectKey> {
        let proven = &self.by_claim.get(claim)?.proven;
        proven.keys().map(|claimant| &claimant.key).find(|other| *other != key)
    }

    /// A request that writes this is sent for `key`.
    pub(crate) fn writes(&mut self, key: &ObjectKey, claim: &Claim) {
        if let Some(claimants) = self.by_claim.get_mut(claim) {
            claimants.writer = Some(Writer::after_request(claimants.writer.as_ref(), key));
        }
    }

    /// AI Core accepted a push of this by `key`.
    pub(crate) fn accepted(&mut self, key: &ObjectKey, claim: &Claim) {
        if let Some(claimants) = self.by_claim.get_mut(claim) {
            claimants.writer = Some(Writer::after_accepted(key));
        }
    }

    /// Another process may have sent the last request that writes this, for `key`; unless this one knows of a later one.
    pub(crate) fn may_have_written(&mut self, key: &ObjectKey, claim: &Claim) {
        if let Some(claimants) = self.by_claim.get_mut(claim) {
            claimants.writer.get_or_insert_with(|| Writer::Presumed(key.clone()));
        }
    }

    /// Whether something was sent, or may have been, that writes this for another one than `key`, since a push of that one was
    /// accepted last. `None`: what this process has sent does not tell.
    #[must_use]
    pub(crate) fn written_by_another(&self, key: &ObjectKey, claim: &Claim) -> Option<bool> {
        self.by_claim.get(claim)?.writer.as_ref()?.is_another(key)
    }

    /// Whether this process has sent something for another one than `key` since a push of that one was accepted last.
    #[must_use]
    pub(crate) fn is_written_by_another(&self, key: &ObjectKey, claim: &Claim) -> bool {
        let writer = self.by_claim.get(claim).and_then(|claimants| claimants.writer.as_ref());
        writer.is_some_and(|writer| writer.is_known() && writer.is_another(key) == Some(true))
    }

    /// What the resource claims.
    #[must_use]
    pub(crate) fn held(&self, key: &ObjectKey) -> Option<&Claim> {
        self.by_object.get(key).map(|held| &held.claim)
    }

    /// `key` was told that another one owns what it wants. If it has no proof, it is still to have its attempt.
    pub(crate) fn told_lost(&mut self, key: &ObjectKey) {
        let Some(held) = self.by_object.get_mut(key).filter(|held| held.standing != Standing::Proven) else {
            return;
        };
        held.standing = Standing::Open;
        if let Some(claimants) = self.by_claim.get_mut(&held.claim) {
            claimants.waiting.remove(&held.claimant);
            claimants.open.insert(held.claimant.clone(), Told::Lost);
        }
    }

    /// `key` was told to wait for an older one without proof.
    pub(crate) fn told_to_wait(&mut self, key: &ObjectKey) {
        if let Some(held) = self.by_object.get(key)
            && let Some(claimants) = self.by_claim.get_mut(&held.claim)
        {
            claimants.waiting.insert(held.claimant.clone(), ());
        }
    }

    /// Whether nothing is kept, also not of those that are gone.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_claim.is_empty() && self.by_object.is_empty()
    }
}

impl Claimants {
    fn put(&mut self, claimant: &Claimant, standing: Standing) {
        match standing {
            Standing::Proven => self.proven.insert(claimant.clone(), ()),
            Standing::Open => self.open.insert(claimant.clone(), Told::Nothing),
            Standing::Failed => {}
        }
    }

    fn take(&mut self, claimant: &Claimant) {
        self.proven.remove(claimant);
        self.open.remove(claimant);
        self.waiting.remove(claimant);
    }

    /// Makes a change that concerns `actor`, and returns who has to hear of it.
    fn change(&mut self, actor: &Claimant, change: impl FnOnce(&mut Self)) -> Vec<ObjectKey> {
        let before = self.proven.first().cloned();
        let actor_was_told = self.waiting.get(actor).is_some() || self.open.get(actor) == Some(&Told::Lost);
        change(self);
        let owner = self.proven.first().cloned();
        let mut hear = Vec::new();
        if before != owner {
            let displaced = before.filter(|before| self.proven.get(before).is_some());
            hear.extend(displaced.into_iter().chain(owner.clone()).filter(|other| other != actor));
        }
        if actor_was_told && owner.as_ref() == Some(actor) {
            hear.push(actor.clone());
        }
        if let Some(owner) = &owner {
            hear.extend(self.waiting.take_above(owner));
        }
        let front = self.open.first().cloned();
        match &front {
            Some(front) => {
                hear.extend(self.waiting.take_below(front));
                hear.extend(self.waiting.remove(front).map(|()| front.clone()));
            }
            None => hear.extend(std::mem::take(&mut self.waiting).into_iter().map(|(claimant, ())| claimant)),
        }
        // The first one that may try now, if it sleeps.
        if let Some(front) = front.filter(|front| owner.as_ref().is_none_or(|owner| front < owner))
            && let Some(told @ Told::Lost) = self.open.get_mut(&front)
        {
            *told = Told::Nothing;
            hear.push(front);
        }
        hear.into_iter().map(|claimant| claimant.key).collect()
    }
}

#[cfg(test)]
impl std::hash::Hash for Claims {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self { by_claim, by_object } = self;
        crate::domain::testing::hash_unordered(by_claim, state);
        crate::domain::testing::hash_unordered(by_object, state);
    }
}

#[cfg(test)]
mod tests;
