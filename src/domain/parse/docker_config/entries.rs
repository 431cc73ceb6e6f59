//! The entries of an `auths` object, taken one by one and kept only as far as they are needed.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, Login, Unusable};
use crate::domain::{
    parse::registry_host::RegistryHost,
    tools::invalid::{SHOWN_NAMES, listed_with},
};

/// The most registries that are sent. Somebody who has the pull secrets of a whole company in one Secret chooses with
/// `spec.registries`, which has as many items at most; AI Core's users need a handful.
pub(super) const MAX_ENTRIES: usize = 64;

/// The entries by normalised name.
#[derive(Default, PartialEq)]
pub(super) struct Entries<'a> {
    /// At most [`MAX_ENTRIES`].
    pub(super) selected: BTreeMap<String, Entry<'a>>,
    /// Whether there were more to send.
    pub(super) too_many: bool,
    /// Two spellings of a registry with different logins.
    pub(super) conflict: Option<(RegistryHost, RegistryHost)>,
    /// Places where the docker program keeps tokens of an account, by normalised name.
    pub(super) token_caches: BTreeMap<String, RegistryHost>,
    /// Whether fields of a login stand where the names of registries should be.
    pub(super) nameless: bool,
    /// What there is, for messages.
    pub(super) names: Names,
}

/// The first names in their order, and how many there are.
#[derive(Default, PartialEq)]
pub(super) struct Names {
    first: Vec<String>,
    pub(super) count: usize,
}

impl<'a> Entries<'a> {
    /// Notes that there is an entry of that name, and says whether its value is needed. Empty `wanted`: each is.
    pub(super) fn wants(&mut self, registry: &RegistryHost, wanted: &BTreeSet<String>) -> bool {
        self.names.add(registry);
        let name = registry.normalised();
        if registry.is_token_cache() {
            if self.token_caches.len() < MAX_ENTRIES {
                self.token_caches.insert(name.to_owned(), registry.clone());
            }
            return false;
        }
        let is_wanted = wanted.is_empty() || wanted.contains(name);
        let has_room = self.selected.len() < MAX_ENTRIES || self.selected.contains_key(name);
        self.too_many |= is_wanted && !has_room;
        is_wanted && has_room
    }

    /// Takes an entry that was wanted. Of two with one login the spelling stays that sorts first; an unusable one
    /// takes the place of a usable one, as the kubelet would not overlook it.
    pub(super) fn add(&mut self, entry: Entry<'a>) {
        let name = entry.registry.normalised().to_owned();
        let Some(kept) = self.selected.remove(&name) else {
            self.selected.insert(name, entry);
            return;
        };
        let (first, second) =
            if kept.registry.written() <= entry.registry.written() { (kept, entry) } else { (entry, kept) };
        if let (Ok(one), Ok(other)) = (&first.login, &second.login)
            && one != other
        {
            let pair = (first.registry.clone(), second.registry.clone());
            let written = |(one, other): &(RegistryHost, RegistryHost)| {
                (one.written().to_owned(), other.written().to_owned())
            };
            if self.conflict.as_ref().is_none_or(|before| written(&pair) < written(before)) {
                self.conflict = Some(pair);
            }
        }
        let stays = if first.login.is_ok() && second.login.is_err() { second } else { first };
        self.selected.insert(name, stays);
    }

    /// In the order of their names as they are written.
    pub(super) fn in_order(&self) -> Vec<&Entry<'a>> {
        let mut entries: Vec<_> = self.selected.values().collect();
        entries.sort_by_key(|entry| entry.registry.written());
        entries
    }

    /// The unusable ones in that order.
    pub(super) fn unusable(&self) -> impl Iterator<Item = (&RegistryHost, &Unusable)> {
        self.in_order().into_iter().filter_map(|entry| Some((&entry.registry, entry.login.as_ref().err()?)))
    }

    /// The logins under the keys that AI Core gets.
    pub(super) fn logins(&self) -> BTreeMap<&str, &Login<'a>> {
        self.selected
            .values()
            .filter_map(|entry| Some((entry.registry.sent(), entry.login.as_ref().ok()?)))
            .collect()
    }
}

impl Names {
    fn add(&mut self, registry: &RegistryHost) {
        self.count += 1;
        self.first.push(registry.shown());
        if self.first.len() > 4 * SHOWN_NAMES {
            self.first.sort_unstable();
            self.first.truncate(SHOWN_NAMES);
        }
    }

    /// `"a", "b" and 3 more`.
    pub(super) fn in_words(&self) -> String {
        let mut names = self.first.clone();
        names.sort_unstable();
        names.truncate(SHOWN_NAMES);
        let hidden = self.count.saturating_sub(names.len());
        listed_with(names, hidden)
    }
}
