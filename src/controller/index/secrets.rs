//! The Secrets that resources name: who names them, at which version they were seen, and what was read of them.

use std::{collections::HashMap, sync::Arc};

use tokio::time::Instant;

use super::{Scope, within};
use crate::domain::{
    object::{Object, ObjectKey},
    sorted_map::SortedMap,
};

/// Secrets that at least one resource names. Others leave no trace.
#[derive(Debug)]
pub(super) struct SecretBook<K>(HashMap<ObjectKey, Sight<K>>);

impl<K> Default for SecretBook<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// One Secret.
#[derive(Debug)]
pub(super) struct Sight<K> {
    users: SortedMap<ObjectKey, User>,
    seen: Seen,
    /// Whether the list that is under way has had it.
    listed: bool,
    /// What was read, by `aiCoreSecretRef.key`.
    kept: Vec<Kept<K>>,
}

/// What was read of the Secret at one version. It outlives the version until the Secret is read again, so that a change of
/// its metadata costs neither a token nor a hold.
#[derive(Debug)]
struct Kept<K> {
    field: Option<String>,
    version: Arc<str>,
    value: Arc<K>,
}

/// What the watch said last.
#[derive(Debug)]
enum Seen {
    /// Nothing, since it is named. It may well exist: the watch repeats nothing for a Secret that is named later.
    Never,
    /// It exists, at this version.
    At(Arc<str>),
    /// It does not exist. A read that was under way knows less.
    Gone,
}

/// A resource that names the Secret.
#[derive(Debug)]
struct User {
    /// How often: once or twice.
    links: u8,
    /// When the Secret changed, until a push answers that.
    changed: Option<Instant>,
}

impl<K> Sight<K> {
    pub(super) fn version(&self) -> Option<Arc<str>> {
        match &self.seen {
            Seen::At(version) => Some(Arc::clone(version)),
            Seen::Never | Seen::Gone => None,
        }
    }

    pub(super) fn changed(&self, user: &ObjectKey) -> Option<Instant> {
        self.users.get(user).and_then(|user| user.changed)
    }

    pub(super) fn kept(&self, field: Option<&str>) -> Option<Arc<K>> {
        let version = self.version()?;
        let kept = self.kept.iter().find(|kept| kept.field.as_deref() == field && kept.version == version)?;
        Some(Arc::clone(&kept.value))
    }

    fn users(&self) -> Vec<ObjectKey> {
        self.users.keys().cloned().collect()
    }

    fn learn(&mut self, version: &str) {
        if matches!(self.seen, Seen::Never) {
            self.seen = Seen::At(version.into());
        }
    }

    fn mark_changed(&mut self, at: Instant) {
        for user in self.users.values_mut() {
            // The first unanswered event counts: the latency is that of the oldest change.
            user.changed.get_or_insert(at);
        }
    }
}

impl<K> SecretBook<K> {
    pub(super) fn link(&mut self, object: &Object) {
        for secret in [object.source(), object.service_key()] {
            let sight = self.0.entry(secret).or_insert_with(|| Sight {
                users: SortedMap::default(),
                seen: Seen::Never,
                // A list that is under way may have passed it already.
                listed: true,
                kept: Vec::new(),
            });
            match sight.users.get_mut(&object.key) {
                Some(user) => user.links += 1,
                None => sight.users.insert(object.key.clone(), User { links: 1, changed: None }),
            }
        }
    }

    pub(super) fn unlink(&mut self, object: &Object) {
        for secret in [object.source(), object.service_key()] {
            let Some(sight) = self.0.get_mut(&secret) else {
                continue;
            };
            if let Some(user) = sight.users.get_mut(&object.key) {
                user.links -= 1;
                if user.links == 0 {
                    sight.users.remove(&object.key);
                }
            }
            if sight.users.is_empty() {
                self.0.remove(&secret);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn sight(&self, secret: &ObjectKey) -> Option<&Sight<K>> {
        self.0.get(secret)
    }

    pub(super) fn apply(&mut self, secret: &ObjectKey, version: &str, now: Instant) -> Vec<ObjectKey> {
        let Some(sight) = self.0.get_mut(secret) else {
            return Vec::new();
        };
        sight.listed = true;
        match &sight.seen {
            Seen::At(seen) if **seen == *version => return Vec::new(),
            // The first sight is no change: it says nothing about when the content came to be.
            Seen::Never => {}
            Seen::At(_) | Seen::Gone => sight.mark_changed(now),
        }
        sight.seen = Seen::At(version.into());
        sight.users()
    }

    pub(super) fn remove(&mut self, secret: &ObjectKey) -> Vec<ObjectKey> {
        let Some(sight) = self.0.get_mut(secret) else {
            return Vec::new();
        };
        sight.seen = Seen::Gone;
        sight.kept.clear();
        sight.users()
    }

    pub(super) fn list_begins(&mut self, scope: &Scope) {
        self.0.iter_mut().filter(|(key, _)| within(scope, key)).for_each(|(_, sight)| sight.listed = false);
    }

    pub(super) fn list_ends(&mut self, scope: &Scope) -> Vec<ObjectKey> {
        let mut wakes = Vec::new();
        for (_, sight) in self.0.iter_mut().filter(|(key, sight)| within(scope, key) && !sight.listed) {
            sight.kept.clear();
            if let Seen::At(_) = std::mem::replace(&mut sight.seen, Seen::Gone) {
                wakes.extend(sight.users());
            }
        }
        wakes
    }

    pub(super) fn keep(&mut self, secret: &ObjectKey, field: Option<&str>, version: &str, key: Arc<K>) {
        let Some(sight) = self.0.get_mut(secret) else {
            return;
        };
        sight.learn(version);
        if !matches!(&sight.seen, Seen::At(seen) if **seen == *version) {
            return;
        }
        sight.kept.retain(|kept| kept.field.as_deref() != field);
        sight.kept.push(Kept { field: field.map(str::to_owned), version: version.into(), value: key });
    }

    /// Takes all changes as answered.
    pub(super) fn forget_changes(&mut self) {
        self.0.values_mut().flat_map(|sight| sight.users.values_mut()).for_each(|user| user.changed = None);
    }

    /// A read found the Secret at this version. What the watch said about it counts for more.
    pub(super) fn learn(&mut self, secret: &ObjectKey, version: &str) {
        if let Some(sight) = self.0.get_mut(secret) {
            sight.learn(version);
        }
    }

    pub(super) fn answered(&mut self, secret: &ObjectKey, user: &ObjectKey, up_to: Instant) {
        if let Some(user) = self.0.get_mut(secret).and_then(|sight| sight.users.get_mut(user)) {
            user.changed = user.changed.filter(|changed| *changed > up_to);
        }
    }
}
