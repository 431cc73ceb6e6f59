//! Who wants which remote secret, including resources of which it is not known yet which tenant they mean.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{
    claimant,
    credentials::{CredentialId, Credentials, Verdict},
};
use crate::domain::{
    decide::{
        conflict::{Claim, Claimant, Claims, LONGEST_WAIT_FOR_PROOF, Standing},
        observed::Ownership,
    },
    parse::{
        name::RemoteName,
        object::{Object, ObjectKey},
    },
    tools::vec_map::VecMap,
};

/// Claims, and the resources that have not said theirs. While an older resource with the same remote name has not, or has no proof
/// yet, a younger one without proof does not push: it could be the other's. It waits for all of them together no longer than
/// [`LONGEST_WAIT_FOR_PROOF`], and never for one whose attempt has ended.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct ClaimIndex {
    claims: Claims,
    credentials: Credentials,
    /// By remote name.
    undecided: HashMap<RemoteName, VecMap<Claimant>>,
    undecided_name: HashMap<ObjectKey, (RemoteName, Claimant)>,
    /// Who was told to wait for older ones that are undecided, by remote name.
    waiting: HashMap<RemoteName, VecMap<Claimant>>,
    /// Until when who was told to wait does so.
    patience: HashMap<ObjectKey, Instant>,
    /// Whose credential AI Core holds although its claim is not proven any more: it is told when somebody else pushes that.
    holders: HashMap<Claim, ObjectKey>,
}

impl ClaimIndex {
    /// A resource was seen for the first time. A claim that its status proves counts at once.
    pub(super) fn appear(&mut self, object: &Object, proven: Option<Claim>) -> Vec<ObjectKey> {
        let mut wakes = self.leave(&object.key);
        let claimant = claimant(object);
        match (proven, &object.remote_name) {
            (Some(claim), _) => wakes.extend(self.claims.set(&claimant, Some((claim, Standing::Proven)))),
            (None, Ok(name)) => {
                self.undecided.entry(name.clone()).or_default().insert(claimant.clone(), ());
                self.undecided_name.insert(object.key.clone(), (name.clone(), claimant));
            }
            // AI Core has no secret of such a name, so nobody has to wait.
            (None, Err(_)) => {}
        }
        wakes
    }

    /// What a resource claims is known now, and which service key that comes from. `proven`: whether its status proves it.
    pub(super) fn settle(
        &mut self,
        claimant: &Claimant,
        claim: Option<Claim>,
        credential: Option<CredentialId>,
        proven: bool,
    ) -> Vec<ObjectKey> {
        let key = &claimant.key;
        let verdict = self.credentials.assign(key, credential).map(Verdict::standing);
        let another = !claim.as_ref().is_some_and(|claim| self.claims.is_held(key, claim));
        if another {
            self.patience.remove(key);
            self.holds_no_more(key);
        }
        let first = if proven { Standing::Proven } else { Standing::Open };
        let mut wakes = self.claims.set(claimant, claim.map(|claim| (claim, verdict.unwrap_or(first))));
        if let Some(standing) = verdict {
            wakes.extend(self.stand(key, standing));
        }
        wakes.extend(self.decide(key));
        wakes
    }

    /// The service key that a resource uses was given a token for what it claims.
    pub(super) fn prove(&mut self, claimant: &Claimant, claim: &Claim) -> Vec<ObjectKey> {
        self.holds_no_more(&claimant.key);
        let mut wakes = self.claims.set(claimant, Some((claim.clone(), Standing::Proven)));
        wakes.extend(self.decide(&claimant.key));
        wakes.extend(self.judge(&claimant.key, Verdict::Granted));
        wakes
    }

    /// The service key that a resource uses was given a token, or was refused for good.
    pub(super) fn judge(&mut self, key: &ObjectKey, verdict: Verdict) -> Vec<ObjectKey> {
        let users = self.credentials.judge(key, verdict);
        users.iter().flat_map(|user| self.stand(user, verdict.standing())).collect()
    }

    /// A pass over a resource has ended in which it could have come to prove what it claims.
    pub(super) fn attempt_ended(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        let mut wakes = self.claims.attempt_ended(key);
        wakes.extend(self.decide(key));
        wakes
    }

    /// A resource wants nothing any more. Which service key it uses is still known.
    pub(super) fn withdraw(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        self.holds_no_more(key);
        let mut wakes = self.claims.release(key);
        wakes.extend(self.decide(key));
        self.patience.remove(key);
        wakes
    }

    /// A resource that is being deleted wants nothing any more; its service key may yet be given a token.
    pub(super) fn uses(&mut self, key: &ObjectKey, credential: Option<CredentialId>) {
        self.credentials.assign(key, credential);
    }

    /// A resource is gone.
    pub(super) fn leave(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        self.credentials.forget(key);
        self.withdraw(key)
    }

    /// A resource stays, and is not looked at any more: what it has proven is all that it claims.
    pub(super) fn freeze(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        if !self.is_proven(key) {
            return self.leave(key);
        }
        self.credentials.forget(key);
        Vec::new()
    }

    /// A resource that is not looked at was seen for the first time: it claims what its status proves, and nothing else.
    pub(super) fn appear_frozen(&mut self, claimant: &Claimant, proven: Option<Claim>) -> Vec<ObjectKey> {
        let mut wakes = self.leave(&claimant.key);
        wakes.extend(self.claims.set(claimant, proven.map(|claim| (claim, Standing::Proven))));
        wakes
    }

    /// Whether a resource has a claim that counts against others.
    pub(super) fn is_proven(&self, key: &ObjectKey) -> bool {
        self.claims.standing(key) == Some(Standing::Proven)
    }

    fn stand(&mut self, key: &ObjectKey, standing: Standing) -> Vec<ObjectKey> {
        if standing == Standing::Proven {
            self.patience.remove(key);
        }
        self.claims.stand(key, standing)
    }

    /// Takes a resource out of the undecided ones, and returns those that waited for it and now wait for none of them.
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
        if self.undecided_name.is_empty() {
            // At a start each resource is among them once, and hardly any later: the room for all would stay for ever.
            (self.undecided, self.undecided_name) = Default::default();
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

    /// What the resource claims.
    pub(super) fn held(&self, key: &ObjectKey) -> Option<&Claim> {
        self.claims.held(key)
    }

    /// Whether this is what the resource claims.
    pub(super) fn is_held(&self, key: &ObjectKey, claim: &Claim) -> bool {
        self.claims.is_held(key, claim)
    }

    /// Whether a resource owns the remote secret that it wants; `claim` tells who would be next.
    pub(super) fn ownership(&self, object: &Object, claim: Option<&Claim>, now: Instant) -> Ownership {
        if let Some(owner) = self.claims.owned_by(&object.key) {
            return Ownership::OwnedBy(owner.clone());
        }
        let patient = self.patience.get(&object.key).is_none_or(|until| now < *until);
        if patient
            && !self.is_proven(&object.key)
            && !object.deleting
            && (self.has_older_undecided(object) || self.claims.has_older_open(&object.key))
        {
            return Ownership::Pending;
        }
        Ownership::Owner {
            successor: claim.and_then(|claim| self.claims.successor(claim, &object.key)).cloned(),
        }
    }

    fn has_older_undecided(&self, object: &Object) -> bool {
        let first = object.remote_name.as_ref().ok().and_then(|name| self.undecided.get(name)?.first());
        first.is_some_and(|first| *first < claimant(object))
    }

    /// As [`Self::ownership`]; a resource that does not own what it wants is remembered, so that it is woken.
    pub(super) fn ask(&mut self, object: &Object, claim: Option<&Claim>, now: Instant) -> Ownership {
        let ownership = self.ownership(object, claim, now);
        match &ownership {
            Ownership::Owner { .. } => {}
            Ownership::OwnedBy(_) => {
                // It waits for nobody now. Should it have to wait again, for the next one, that is another wait.
                self.patience.remove(&object.key);
                self.claims.told_lost(&object.key);
            }
            Ownership::Pending => {
                self.patience.entry(object.key.clone()).or_insert(now + LONGEST_WAIT_FOR_PROOF);
                match &object.remote_name {
                    Ok(name) if self.has_older_undecided(object) => {
                        self.waiting.entry(name.clone()).or_default().insert(claimant(object), ());
                    }
                    _ => self.claims.told_to_wait(&object.key),
                }
            }
        }
        ownership
    }

    /// As [`Claims::writes`].
    pub(super) fn writes(&mut self, key: &ObjectKey, claim: &Claim) {
        self.claims.writes(key, claim);
    }

    /// As [`Claims::may_have_written`].
    pub(super) fn may_have_written(&mut self, key: &ObjectKey, claim: &Claim) {
        self.claims.may_have_written(key, claim);
    }

    /// As [`Claims::written_by_another`].
    pub(super) fn written_by_another(&self, key: &ObjectKey, claim: &Claim) -> Option<bool> {
        self.claims.written_by_another(key, claim)
    }

    /// As [`Claims::is_written_by_another`].
    pub(super) fn is_written_by_another(&self, key: &ObjectKey, claim: &Claim) -> bool {
        self.claims.is_written_by_another(key, claim)
    }

    /// AI Core holds the credential of a resource whose claim is not proven any more.
    pub(super) fn holds(&mut self, key: &ObjectKey, claim: Claim) {
        if self.claims.is_held(key, &claim) && !self.is_proven(key) {
            self.holders.insert(claim, key.clone());
        }
    }

    fn holds_no_more(&mut self, key: &ObjectKey) {
        if let Some(claim) = self.claims.held(key)
            && self.holders.get(claim) == Some(key)
        {
            self.holders.remove(claim);
        }
    }

    /// AI Core accepted a push of a resource. Returns whose credential it does not hold any more by that, if nothing else tells it.
    pub(super) fn accepted(&mut self, key: &ObjectKey, claim: &Claim) -> Option<ObjectKey> {
        self.claims.accepted(key, claim);
        self.holders.remove(claim).filter(|holder| holder != key)
    }

    /// Whether what the resource claims is proven, or the service key that it uses was given a token.
    pub(super) fn has_proof(&self, key: &ObjectKey) -> bool {
        self.claims.standing(key) == Some(Standing::Proven) || self.credentials.is_granted(key)
    }

    /// Whether the service key that it uses was given a token last; `None`: nobody has tried it, or it uses none.
    pub(super) fn granted(&self, key: &ObjectKey) -> Option<bool> {
        self.credentials.verdict(key).map(|verdict| verdict == Verdict::Granted)
    }

    /// Whether nothing is kept, also not of those that are gone.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
            && self.credentials.is_empty()
            && self.undecided.is_empty()
            && self.undecided_name.is_empty()
            && self.waiting.is_empty()
            && self.patience.is_empty()
            && self.holders.is_empty()
    }
}

#[cfg(test)]
impl ClaimIndex {
    /// What the clock would do.
    pub(super) fn time_passes(&mut self, by: std::time::Duration) {
        self.patience.values_mut().for_each(|until| *until -= by);
    }
}

#[cfg(test)]
impl std::hash::Hash for ClaimIndex {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        use crate::domain::testing::hash_unordered;

        let Self { claims, credentials, undecided, undecided_name, waiting, patience, holders } = self;
        (claims, credentials).hash(state);
        hash_unordered(undecided, state);
        hash_unordered(undecided_name, state);
        hash_unordered(waiting, state);
        hash_unordered(patience, state);
        hash_unordered(holders, state);
    }
}
