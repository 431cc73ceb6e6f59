//! The same knowledge without any index.

use std::collections::{BTreeMap, HashSet};

use super::*;

/// One that is not understood.
pub(super) struct Left {
    pub(super) resource: LeftAlone,
    /// As it was when it was understood.
    object: Object,
    /// What it has proven.
    wish: Wish,
}

pub(super) struct Model {
    pub(super) now: Instant,
    pub(super) resources: BTreeMap<ObjectKey, (Object, Wish)>,
    pub(super) left_alone: BTreeMap<ObjectKey, Left>,
    /// What the status of a resource proved when it came.
    shown: BTreeMap<ObjectKey, Option<Claim>>,
    /// Which service key a resource uses.
    uses: BTreeMap<ObjectKey, CredentialId>,
    verdicts: BTreeMap<CredentialId, Verdict>,
    /// Until when who was told to wait does so.
    patience: BTreeMap<ObjectKey, Instant>,
    /// What is known of a Secret that is named: a version, or that there is none.
    secrets: BTreeMap<ObjectKey, Option<String>>,
    /// What was read last of a Secret, and at which version.
    cached: BTreeMap<ObjectKey, (String, u32)>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            now: Instant::now(),
            resources: BTreeMap::new(),
            left_alone: BTreeMap::new(),
            shown: BTreeMap::new(),
            uses: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            patience: BTreeMap::new(),
            secrets: BTreeMap::new(),
            cached: BTreeMap::new(),
        }
    }
}

impl Model {
    pub(super) fn version(&self, secret: &ObjectKey) -> Option<String> {
        self.secrets.get(secret).cloned().flatten()
    }

    /// What was read of a Secret, if it is still at that version.
    pub(super) fn cached(&self, secret: &ObjectKey) -> Option<u32> {
        let (version, value) = self.cached.get(secret)?;
        (self.version(secret).as_ref() == Some(version)).then_some(*value)
    }

    pub(super) fn ownerships(&self) -> BTreeMap<ObjectKey, Ownership> {
        self.resources.iter().map(|(key, (me, wish))| (key.clone(), self.ownership(me, wish))).collect()
    }

    /// Those whose claims count against others.
    pub(super) fn proven_ones(&self) -> BTreeSet<ObjectKey> {
        let proven = self.wishes().filter(|(_, wish)| wish.is_proven());
        proven.map(|(object, _)| object.key.clone()).collect()
    }

    /// Everybody who wants something, understood or not.
    fn wishes(&self) -> impl Iterator<Item = (&Object, &Wish)> {
        let left = self.left_alone.values().map(|left| (&left.object, &left.wish));
        self.resources.values().map(|(object, wish)| (object, wish)).chain(left)
    }

    /// The first other one whose claim on this stands like that.
    fn first_other(&self, key: &ObjectKey, claim: &Claim, standing: Standing) -> Option<Claimant> {
        let wanted = Wish::Claim(claim.clone(), standing);
        self.wishes()
            .filter(|(other, wish)| other.key != *key && **wish == wanted)
            .map(|(other, _)| claimant(other))
            .min()
    }

    /// Whether there is no successor, or one that is suspended and has never pushed there.
    pub(super) fn nobody_takes_over(&self, key: &ObjectKey, claim: &Claim) -> bool {
        let Some(first) = self.first_other(key, claim, Standing::Proven) else { return true };
        let has_pushed = self.shown.get(&first.key).is_some_and(|shown| shown.as_ref() == Some(claim));
        let successor = self.resources.get(&first.key);
        successor.is_some_and(|(successor, _)| successor.spec.suspended() && !has_pushed)
    }

    pub(super) fn has_older_undecided(&self, me: &Object) -> bool {
        self.resources
            .values()
            .any(|(other, wish)| *wish == Wish::Undecided && claimant(other) < claimant(me))
    }

    pub(super) fn is_impatient(&self, key: &ObjectKey) -> bool {
        self.patience.get(key).is_some_and(|until| *until <= self.now)
    }

    fn ownership(&self, me: &Object, wish: &Wish) -> Ownership {
        let of = |standing| wish.claim().and_then(|claim| self.first_other(&me.key, claim, standing));
        let proven = of(Standing::Proven);
        if let Some(first) = proven.as_ref().filter(|first| **first < claimant(me)) {
            return Ownership::OwnedBy(first.key.clone());
        }
        let older_open = of(Standing::Open).is_some_and(|first| first < claimant(me));
        let waits = self.has_older_undecided(me) || older_open;
        if waits && !wish.is_proven() && !me.deleting && !self.is_impatient(&me.key) {
            return Ownership::Pending;
        }
        Ownership::Owner { successor: proven.map(|successor| successor.key) }
    }

    /// What a resource claims, or something that it could.
    pub(super) fn claim_or_else(&self, key: &ObjectKey) -> Claim {
        let claim = self.resources.get(key).and_then(|(_, wish)| wish.claim());
        claim.cloned().unwrap_or_else(|| claim_on(0))
    }

    /// What follows from what was answered.
    pub(super) fn told(&mut self, answers: &BTreeMap<ObjectKey, Ownership>) {
        for (key, answer) in answers {
            match answer {
                Ownership::Owner { .. } => {}
                Ownership::OwnedBy(_) => {
                    self.patience.remove(key);
                    if let Some((_, wish @ Wish::Claim(_, Standing::Failed))) = self.resources.get_mut(key) {
                        wish.stand(Standing::Open);
                    }
                }
                Ownership::Pending => {
                    let until = self.now + LONGEST_WAIT_FOR_PROOF;
                    self.patience.entry(key.clone()).or_insert(until);
                }
            }
        }
    }

    /// Nothing is remembered of those that are gone, and no patience of those that have proof or want nothing.
    fn forget_gone(&mut self) {
        let Self { resources, left_alone, shown, uses, verdicts, patience, .. } = self;
        shown.retain(|key, _| resources.contains_key(key));
        uses.retain(|key, _| resources.contains_key(key));
        patience.retain(|key, _| resources.get(key).is_some_and(|(_, wish)| !wish.is_proven()));
        let used: HashSet<CredentialId> = uses.values().copied().collect();
        verdicts.retain(|id, _| used.contains(id));
        left_alone.retain(|key, _| !resources.contains_key(key));
        self.forget_unnamed();
    }

    fn users(&self, secret: &ObjectKey) -> BTreeSet<ObjectKey> {
        self.resources
            .values()
            .filter(|(object, _)| object.source() == *secret || object.service_key() == *secret)
            .map(|(object, _)| object.key.clone())
            .collect()
    }

    fn forget_unnamed(&mut self) {
        let named: HashSet<ObjectKey> =
            self.resources.values().flat_map(|(object, _)| [object.source(), object.service_key()]).collect();
        self.secrets.retain(|key, _| named.contains(key));
        self.cached.retain(|key, _| named.contains(key));
    }

    /// Takes the event in, and returns who must be woken by it, apart from changes in who owns what.
    pub(super) fn happens(&mut self, event: &Event) -> BTreeSet<ObjectKey> {
        let must = self.takes_in(event);
        self.forget_gone();
        must
    }

    fn takes_in(&mut self, event: &Event) -> BTreeSet<ObjectKey> {
        match event {
            Event::Resource { who, uid, source, suspend, status } => {
                self.resource(resource(*who, *uid, *source, *suspend), status.proves())
            }
            Event::NotUnderstood { who, uid, deleting, status } => {
                let resource = not_understood(*who, *uid, *deleting, *status);
                self.not_understood(*who, *uid, resource, status.proves().filter(|_| !deleting), *deleting);
                BTreeSet::new()
            }
            Event::Deleting(who) => self.deleting(&key_of(*who)),
            Event::Removed(who) => {
                self.remove(&key_of(*who));
                BTreeSet::new()
            }
            Event::Claims { who, key } => {
                self.claims(&key_of(*who), *key);
                BTreeSet::new()
            }
            Event::Proven(who) => {
                self.proven(&key_of(*who));
                BTreeSet::new()
            }
            Event::Refused(who) => {
                let key = key_of(*who);
                if let Some((_, wish)) = self.resources.get_mut(&key) {
                    wish.stand(Standing::Failed);
                }
                if let Some(id) = self.uses.get(&key) {
                    self.verdicts.insert(*id, Verdict::Refused);
                }
                BTreeSet::new()
            }
            Event::PassEnded { who, outcome } => {
                let waits =
                    matches!(outcome, PassOutcome::Postponed | PassOutcome::Reason(Reason::RemoteConflict));
                if let Some((_, wish)) = self.resources.get_mut(&key_of(*who)).filter(|_| !waits) {
                    match wish {
                        Wish::Undecided => *wish = Wish::Nothing,
                        Wish::Claim(_, Standing::Open) => wish.stand(Standing::Failed),
                        Wish::Claim(..) | Wish::Nothing => {}
                    }
                }
                BTreeSet::new()
            }
            Event::Later => {
                self.now += LONGEST_WAIT_FOR_PROOF * 2 / 3;
                BTreeSet::new()
            }
            Event::Secret { name, version } => self.secret(&secret(*name), Some(&version.to_string())),
            Event::SecretRemoved(name) => {
                self.secret(&secret(*name), None);
                self.users(&secret(*name))
            }
            Event::Cached { who, version } => {
                if let Some((object, _)) = self.resources.get(&key_of(*who)) {
                    let read = Some(version.to_string());
                    let secret = object.service_key();
                    // A read tells the version of what nothing else was said about.
                    let seen = self.secrets.entry(secret.clone()).or_insert_with(|| read.clone());
                    if *seen == read {
                        self.cached.insert(secret, (version.to_string(), (*version).into()));
                    }
                }
                BTreeSet::new()
            }
            Event::Relist { namespace: number, missing } => {
                for key in missing.iter().map(|who| key_of(*who)) {
                    if within(&scope(*number), &key) {
                        self.remove(&key);
                    }
                }
                BTreeSet::new()
            }
            Event::RelistSecrets { namespace: number, missing } => {
                let scope = scope(*number);
                (0..6)
                    .filter(|name| within(&scope, &secret(*name)))
                    .filter(|name| missing.contains(name) || self.version(&secret(*name)).is_none())
                    .collect::<Vec<u8>>()
                    .into_iter()
                    .flat_map(|name| self.secret(&secret(name), None))
                    .collect()
            }
        }
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.resources.remove(key);
        self.left_alone.remove(key);
    }

    fn resource(&mut self, object: Object, proves: Option<Claim>) -> BTreeSet<ObjectKey> {
        let key = object.key.clone();
        let same = self.resources.get(&key).filter(|(known, _)| known.uid == object.uid).cloned();
        let mut must = BTreeSet::new();
        if same.as_ref().is_none_or(|(known, _)| *known != object) {
            must.insert(key.clone());
        }
        let wish = match same {
            Some((_, wish)) => wish,
            None => {
                // One that comes anew does not know what the former one knew.
                let left = self.left_alone.remove(&key).filter(|left| left.object.uid == object.uid);
                self.resources.remove(&key);
                self.forget_gone();
                self.shown.insert(key.clone(), proves.clone());
                match left.map(|left| left.wish).filter(Wish::is_proven) {
                    Some(wish) => wish,
                    None => proves.map_or(Wish::Undecided, |claim| Wish::Claim(claim, Standing::Proven)),
                }
            }
        };
        self.resources.insert(key, (object, wish));
        must
    }

    fn not_understood(
        &mut self,
        who: usize,
        uid: u8,
        left: LeftAlone,
        proves: Option<Claim>,
        deleting: bool,
    ) {
        let object = resource(who, uid, 0, false);
        let key = object.key.clone();
        let known = self.resources.remove(&key).map(|(object, wish)| (object.uid, wish));
        let before = self.left_alone.remove(&key).map(|left| (left.object.uid, left.wish));
        let wish = match known.or(before).filter(|(known, _)| *known == object.uid) {
            _ if deleting => Wish::Nothing,
            Some((_, wish)) if wish.is_proven() => wish,
            Some(_) => Wish::Nothing,
            None => Wish::proven(proves),
        };
        self.left_alone.insert(key, Left { resource: left, object, wish });
    }

    fn claims(&mut self, key: &ObjectKey, service_key: Option<(u8, u8)>) {
        let Some((object, wish)) = self.resources.get_mut(key) else {
            return;
        };
        let verdict =
            service_key.and_then(|service_key| self.verdicts.get(&credential(service_key))).copied();
        match service_key {
            Some(service_key) => self.uses.insert(key.clone(), credential(service_key)),
            None => self.uses.remove(key),
        };
        if object.deleting {
            return;
        }
        let claim = service_key.map(|(tenant, _)| claim_on(tenant));
        let shown = claim.is_some() && self.shown.get(key) == Some(&claim);
        if wish.claim() != claim.as_ref() || claim.is_none() {
            self.patience.remove(key);
            let standing = if shown { Standing::Proven } else { Standing::Open };
            *wish = claim.map_or(Wish::Nothing, |claim| Wish::Claim(claim, standing));
        }
        match verdict {
            Some(Verdict::Granted) => wish.stand(Standing::Proven),
            Some(Verdict::Refused) => wish.stand(Standing::Failed),
            None => {}
        }
    }

    fn proven(&mut self, key: &ObjectKey) {
        let claim = self.claim_or_else(key);
        let Some((object, wish)) = self.resources.get_mut(key) else {
            return;
        };
        if !object.deleting {
            *wish = Wish::Claim(claim, Standing::Proven);
        }
        // The first token of a service key proves what all claim who use it.
        if let Some(id) = self.uses.get(key)
            && self.verdicts.insert(*id, Verdict::Granted).is_none()
        {
            for (_, (_, wish)) in
                self.resources.iter_mut().filter(|(user, _)| self.uses.get(user) == Some(id))
            {
                wish.stand(Standing::Proven);
            }
        }
    }

    fn deleting(&mut self, key: &ObjectKey) -> BTreeSet<ObjectKey> {
        let Some((object, wish)) = self.resources.get_mut(key) else {
            return BTreeSet::new();
        };
        let before = std::mem::replace(&mut object.deleting, true);
        *wish = Wish::Nothing;
        (!before).then(|| key.clone()).into_iter().collect()
    }

    /// What the watch says about a Secret; returns its users, if that is new and it was or is there.
    fn secret(&mut self, secret: &ObjectKey, version: Option<&str>) -> BTreeSet<ObjectKey> {
        let users = self.users(secret);
        if users.is_empty() || (version.is_some() && self.version(secret).as_deref() == version) {
            return BTreeSet::new();
        }
        if version.is_none() {
            self.cached.remove(secret);
        }
        let before = self.secrets.insert(secret.clone(), version.map(str::to_owned)).flatten();
        if version.is_some() || before.is_some() { users } else { BTreeSet::new() }
    }
}
