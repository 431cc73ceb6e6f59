//! The Secrets that resources name: who names them, at which version they were seen, and what was read of them.

use std::{collections::HashMap, sync::Arc};

use tokio::time::Instant;

use super::{Scope, within};
use crate::domain::{decide::failure::Failure, parse::object::ObjectKey, tools::vec_map::VecMap};

/// Secrets that at least one resource or AICoreTenant names. Others leave no trace.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct SecretIndex<K>(HashMap<ObjectKey, SecretEntry<K>>);

impl<K> Default for SecretIndex<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// One Secret.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct SecretEntry<K> {
    users: VecMap<ObjectKey, User>,
    presence: Presence,
    /// Whether the list that is under way has had it.
    listed: bool,
    /// Of a Secret with a service key that was read. Most Secrets have a registry credential.
    contents: Option<Box<Contents<K>>>,
}

/// What is known of what is in a Secret with a service key.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Contents<K> {
    /// What was read, by `aiCoreSecretRef.key`.
    cached: Vec<Cached<K>>,
    /// Why nothing can be used, by `aiCoreSecretRef.key`, oldest first. All of one version.
    unusable: Vec<Cached<Failure>>,
}

impl<K> Default for Contents<K> {
    fn default() -> Self {
        Self { cached: Vec::new(), unusable: Vec::new() }
    }
}

/// For so many values of `aiCoreSecretRef.key`, which users choose freely, it is kept why they lead to no usable service key. For
/// others the Secret is read each time.
const UNUSABLE_KEPT: usize = 32;

/// What was read of the Secret at one version. It outlives the version until the Secret is read again, so that a change of
/// its metadata costs neither a token nor a hold.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Cached<K> {
    field: Option<String>,
    version: Arc<str>,
    value: Arc<K>,
    /// When; `None`: it is to be read again.
    read: Option<Instant>,
}

/// What the watch said last.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
enum Presence {
    /// Nothing, since it is named. It may well exist: the watch repeats nothing for a Secret that is named later.
    Unknown,
    /// It exists, at this version.
    At(Arc<str>),
    /// It does not exist. A read that was under way knows less.
    Gone,
}

/// A resource or an AICoreTenant that names the Secret.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct User {
    /// How often: once, or twice for a while or for both purposes.
    links: u8,
    /// When the Secret changed, until a push answers that.
    changed: Option<Instant>,
}

impl<K> SecretEntry<K> {
    pub(super) fn version(&self) -> Option<Arc<str>> {
        match &self.presence {
            Presence::At(version) => Some(Arc::clone(version)),
            Presence::Unknown | Presence::Gone => None,
        }
    }

    pub(super) fn changed(&self, user: &ObjectKey) -> Option<Instant> {
        self.users.get(user).and_then(|user| user.changed)
    }

    /// What was read at the version that is known, and when.
    pub(super) fn cached(&self, field: Option<&str>) -> Option<(Arc<K>, Instant)> {
        let version = self.version()?;
        let contents = self.contents.as_ref()?;
        let cached = contents
            .cached
            .iter()
            .find(|cached| cached.field.as_deref() == field && cached.version == version)?;
        cached.read.map(|read| (Arc::clone(&cached.value), read))
    }

    pub(super) fn unusable(&self, field: Option<&str>) -> Option<Arc<Failure>> {
        let version = self.version()?;
        let known = |known: &&Cached<Failure>| known.field.as_deref() == field && known.version == version;
        self.contents.as_ref()?.unusable.iter().find(known).map(|known| Arc::clone(&known.value))
    }

    /// Whether nothing was said of it, nor read.
    pub(super) fn is_unseen(&self) -> bool {
        matches!(self.presence, Presence::Unknown)
    }

    /// Whether the watch has shown that there is none.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.presence, Presence::Gone)
    }

    /// Who else names it: those that come after this one in the order of their names, and then those before it.
    pub(super) fn users_after(&self, user: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.users.others(user)
    }

    fn users(&self) -> Vec<ObjectKey> {
        self.users.keys().cloned().collect()
    }

    fn learn(&mut self, version: &str) {
        if matches!(self.presence, Presence::Unknown) {
            self.presence = Presence::At(version.into());
        }
    }

    /// It is seen at this version. Returns whom to look at, if that is news.
    fn is_at(&mut self, version: &str, now: Instant) -> Vec<ObjectKey> {
        match &self.presence {
            Presence::At(seen) if **seen == *version => return Vec::new(),
            // The first sight is no change: it says nothing about when the content came to be.
            Presence::Unknown => {}
            Presence::At(_) | Presence::Gone => self.mark_changed(now),
        }
        self.presence = Presence::At(version.into());
        self.users()
    }

    fn mark_changed(&mut self, at: Instant) {
        for user in self.users.values_mut() {
            // The first unanswered event counts: the latency is that of the oldest change.
            user.changed.get_or_insert(at);
        }
    }
}

impl<K> SecretIndex<K> {
    /// Somebody names the Secret, once more if it does so already.
    pub(super) fn link(&mut self, user: &ObjectKey, secret: &ObjectKey) {
        let entry = self.0.entry(secret.clone()).or_insert_with(|| SecretEntry {
            users: VecMap::default(),
            presence: Presence::Unknown,
            // A list that is under way may have passed it already.
            listed: true,
            contents: None,
        });
        match entry.users.get_mut(user) {
            Some(user) => user.links += 1,
            None => entry.users.insert(user.clone(), User { links: 1, changed: None }),
        }
    }

    /// Takes one [`Self::link`] back.
    pub(super) fn unlink(&mut self, user: &ObjectKey, secret: &ObjectKey) {
        let Some(entry) = self.0.get_mut(secret) else {
            return;
        };
        if let Some(found) = entry.users.get_mut(user) {
            found.links = found.links.saturating_sub(1);
            if found.links == 0 {
                entry.users.remove(user);
            }
        }
        if entry.users.is_empty() {
            self.0.remove(secret);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, secret: &ObjectKey) -> Option<&SecretEntry<K>> {
        self.0.get(secret)
    }

    pub(super) fn apply(&mut self, secret: &ObjectKey, version: &str, now: Instant) -> Vec<ObjectKey> {
        let Some(entry) = self.0.get_mut(secret) else {
            return Vec::new();
        };
        entry.listed = true;
        entry.is_at(version, now)
    }

    /// A read found the Secret at this version. It counts as an event if nothing came since the version was `known`; but it says
    /// nothing about the list that is under way, of which the first page may come later.
    pub(super) fn read(
        &mut self,
        secret: &ObjectKey,
        known: Option<&str>,
        version: &str,
        now: Instant,
    ) -> Vec<ObjectKey> {
        let still = self.0.get_mut(secret).filter(|entry| entry.version().as_deref() == known);
        still.map_or_else(Vec::new, |entry| entry.is_at(version, now))
    }

    pub(super) fn remove(&mut self, secret: &ObjectKey) -> Vec<ObjectKey> {
        let Some(entry) = self.0.get_mut(secret) else {
            return Vec::new();
        };
        entry.presence = Presence::Gone;
        entry.contents = None;
        entry.users()
    }

    pub(super) fn list_begins(&mut self, scope: &Scope) {
        self.0.iter_mut().filter(|(key, _)| within(scope, key)).for_each(|(_, entry)| entry.listed = false);
    }

    pub(super) fn list_ends(&mut self, scope: &Scope) -> Vec<ObjectKey> {
        let mut wakes = Vec::new();
        for (_, entry) in self.0.iter_mut().filter(|(key, entry)| within(scope, key) && !entry.listed) {
            entry.contents = None;
            if let Presence::At(_) = std::mem::replace(&mut entry.presence, Presence::Gone) {
                wakes.extend(entry.users());
            }
        }
        wakes
    }

    pub(super) fn cache(&mut self, secret: &ObjectKey, field: Option<&str>, version: &str, key: Arc<K>) {
        let Some(entry) = self.0.get_mut(secret) else {
            return;
        };
        entry.learn(version);
        if !matches!(&entry.presence, Presence::At(seen) if **seen == *version) {
            return;
        }
        let cached = &mut entry.contents.get_or_insert_default().cached;
        cached.retain(|cached| cached.field.as_deref() != field);
        cached.push(Cached {
            field: field.map(str::to_owned),
            version: version.into(),
            value: key,
            read: Some(Instant::now()),
        });
    }

    /// Keeps why the Secret cannot be used, if it is still at that version.
    pub(super) fn cache_unusable(
        &mut self,
        secret: &ObjectKey,
        field: Option<&str>,
        version: &str,
        failure: &Failure,
    ) {
        let Some(entry) = self.0.get_mut(secret) else {
            return;
        };
        entry.learn(version);
        if !matches!(&entry.presence, Presence::At(seen) if **seen == *version) {
            return;
        }
        let others = |known: &Cached<Failure>| *known.version == *version && known.field.as_deref() != field;
        let unusable = &mut entry.contents.get_or_insert_default().unusable;
        unusable.retain(others);
        if unusable.len() >= UNUSABLE_KEPT {
            unusable.remove(0);
        }
        unusable.push(Cached {
            field: field.map(str::to_owned),
            version: version.into(),
            value: Arc::new(failure.clone()),
            read: Some(Instant::now()),
        });
    }

    /// What was read of the Secret at this version counts no more. It is kept until the Secret is read again: if that finds the
    /// same, the refusal of the key stands for all who share it.
    pub(super) fn forget(&mut self, secret: &ObjectKey, field: Option<&str>, version: &str) {
        let refused =
            |cached: &&mut Cached<K>| cached.field.as_deref() == field && *cached.version == *version;
        let contents = self.0.get_mut(secret).and_then(|entry| entry.contents.as_mut());
        if let Some(cached) = contents.and_then(|contents| contents.cached.iter_mut().find(refused)) {
            cached.read = None;
        }
    }

    /// Takes all changes as answered.
    pub(super) fn forget_changes(&mut self) {
        self.0.values_mut().flat_map(|entry| entry.users.values_mut()).for_each(|user| user.changed = None);
    }

    /// A read found the Secret at this version. What the watch said about it counts for more.
    pub(super) fn learn(&mut self, secret: &ObjectKey, version: &str) {
        if let Some(entry) = self.0.get_mut(secret) {
            entry.learn(version);
        }
    }

    pub(super) fn answered(&mut self, secret: &ObjectKey, user: &ObjectKey, up_to: Instant) {
        if let Some(user) = self.0.get_mut(secret).and_then(|entry| entry.users.get_mut(user)) {
            user.changed = user.changed.filter(|changed| *changed > up_to);
        }
    }
}

/// Without the times: they tell how long a rotation took, and decide nothing.
#[cfg(test)]
impl<K: std::hash::Hash> std::hash::Hash for SecretIndex<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let entries = self.0.iter().map(|(key, SecretEntry { users, presence, listed: _, contents })| {
            let users: Vec<&ObjectKey> = users.keys().collect();
            let contents = contents.as_ref().map(|contents| {
                let cached = contents
                    .cached
                    .iter()
                    .map(|Cached { field, version, value, read }| (field, version, value, read.is_some()));
                (cached.collect::<Vec<_>>(), contents.unusable.len())
            });
            (key, users, presence, contents)
        });
        crate::domain::testing::hash_unordered(entries, state);
    }
}
