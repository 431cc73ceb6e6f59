//! The same knowledge without any index.

use std::collections::{BTreeMap, HashSet};

use super::*;

/// What a resource wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    Undecided,
    Nothing,
    Claim(Claim),
}

impl Wish {
    pub(super) fn claim(&self) -> Option<&Claim> {
        match self {
            Self::Claim(claim) => Some(claim),
            Self::Undecided | Self::Nothing => None,
        }
    }
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) resources: BTreeMap<ObjectKey, (Object, Wish)>,
    /// What is known of a Secret that is named: a version, or that there is none.
    secrets: BTreeMap<ObjectKey, Option<String>>,
    /// What was read last of a Secret, and at which version.
    cached: BTreeMap<ObjectKey, (String, u32)>,
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

    fn ownership(&self, me: &Object, wish: &Wish) -> Ownership {
        let first_other = wish.claim().and_then(|wanted| {
            self.resources
                .values()
                .filter(|(other, wish)| other.key != me.key && wish.claim() == Some(wanted))
                .map(|(other, _)| claimant(other))
                .min()
        });
        if let Some(first) = &first_other
            && *first < claimant(me)
        {
            return Ownership::OwnedBy(first.key.clone());
        }
        let waits = self
            .resources
            .values()
            .any(|(other, wish)| *wish == Wish::Undecided && claimant(other) < claimant(me));
        if waits && !me.deleting {
            return Ownership::Pending;
        }
        Ownership::Owner { successor: first_other.map(|successor| successor.key) }
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
        match event {
            Event::Resource { who, uid, source, suspend, pushed_to } => {
                self.resource(resource(*who, *uid, *source, *suspend), pushed_to.map(claim_on))
            }
            Event::Deleting(who) => self.deleting(&key_of(*who)),
            Event::Removed(who) => {
                self.resources.remove(&key_of(*who));
                self.forget_unnamed();
                BTreeSet::new()
            }
            Event::Secret { name, version } => self.secret(&secret(*name), Some(&version.to_string())),
            Event::SecretRemoved(name) => {
                self.secret(&secret(*name), None);
                self.users(&secret(*name))
            }
            Event::Claims { who, tenant } => {
                if let Some((object, wish)) = self.resources.get_mut(&key_of(*who))
                    && !object.deleting
                {
                    *wish = tenant.map(claim_on).map_or(Wish::Nothing, Wish::Claim);
                }
                BTreeSet::new()
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
                        self.resources.remove(&key);
                    }
                }
                self.forget_unnamed();
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

    fn resource(&mut self, object: Object, pushed: Option<Claim>) -> BTreeSet<ObjectKey> {
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
                self.resources.remove(&key);
                self.forget_unnamed();
                pushed.map_or(Wish::Undecided, Wish::Claim)
            }
        };
        self.resources.insert(key, (object, wish));
        self.forget_unnamed();
        must
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
