//! Whether what is selected can be sent, and what its owner should know when it is.

use super::{Selected, entries::MAX_ENTRIES, entry::Unusable};
use crate::domain::{
    parse::registry_host::RegistryHost,
    tools::invalid::{Invalid, listed},
};

impl Selected<'_> {
    /// An item of `registries` that nothing matches is an error, not silence.
    pub(super) fn refuse_unmatched(&self, registries: &[String]) -> Result<(), Invalid> {
        let entries = &self.entries;
        let unmatched: Vec<_> = registries
            .iter()
            .map(|item| RegistryHost::new(item))
            .filter(|item| !entries.selected.contains_key(item.normalised()))
            .collect();
        if entries.too_many || unmatched.is_empty() {
            return Ok(());
        }
        if let Some(cache) =
            unmatched.iter().find(|item| entries.token_caches.contains_key(item.normalised()))
        {
            return Err(self.invalid(format_args!(
                "{} of spec.registries {IS_TOKEN_CACHE}; remove it from spec.registries",
                cache.shown()
            )));
        }
        let in_helper = unmatched.iter().any(|item| self.helpers.serve(item));
        Err(self.invalid(format_args!(
            "no entry matches {} of spec.registries{}; the entries are {}",
            listed(unmatched.iter().map(RegistryHost::shown).collect()),
            if in_helper {
                ", whose credential is in a credential helper that AI Core cannot ask"
            } else {
                ""
            },
            entries.names.in_words(),
        )))
    }

    /// One unusable entry makes the whole Secret invalid: what is sent replaces all that AI Core has.
    pub(super) fn refuse_unusable(&self) -> Result<(), Invalid> {
        let entries = &self.entries;
        if entries.too_many {
            return Err(self.invalid(format_args!(
                "it has more than {MAX_ENTRIES} entries; name the ones that AI Core needs with spec.registries"
            )));
        }
        let mut unusable = entries.unusable();
        if let Some((registry, reason)) = unusable.next() {
            let others: Vec<_> = unusable.map(|(registry, _)| registry.shown()).collect();
            return Err(self.invalid(format_args!(
                "{} {reason}{}{}; {}{}",
                in_words(registry, entries.names.count),
                if *reason == Unusable::Empty { self.helpers.in_words_for(registry) } else { "" },
                if others.is_empty() {
                    String::new()
                } else {
                    format!(" (unusable too: {})", listed(others))
                },
                reason.cure(),
                if entries.names.count > 1 { ", or leave the entry out with spec.registries" } else { "" },
            )));
        }
        if let Some((one, other)) = &entries.conflict {
            return Err(self.invalid(format_args!(
                "entries {} and {} mean the same registry but have different credentials; keep one of them",
                one.shown(),
                other.shown()
            )));
        }
        if entries.selected.is_empty() {
            return Err(self.invalid(format_args!(
                "it has no entry for any registry: what the docker program keeps under {} are tokens of the account; \
                 store a user name and an access token for \"docker.io\"",
                listed(entries.token_caches.values().map(RegistryHost::shown).collect())
            )));
        }
        Ok(())
    }

    /// What a user should know about what is sent although nothing is wrong. Who chose the entries knows what is not sent.
    pub(super) fn remarks(&self, all_are_sent: bool) -> Vec<String> {
        let entries = &self.entries;
        let caches: Vec<_> = entries.token_caches.values().map(RegistryHost::shown).collect();
        let disputed: Vec<_> = entries
            .in_order()
            .into_iter()
            .filter(|entry| entry.login.as_ref().is_ok_and(|login| login.disputed))
            .map(|entry| entry.registry.shown())
            .collect();
        let mut remarks = Vec::new();
        if all_are_sent && !caches.is_empty() {
            remarks.push(format!(
                "not sent: {}, where the docker program keeps tokens of the account",
                listed(caches)
            ));
        }
        if !disputed.is_empty() {
            remarks.push(format!(
                "\"auth\" of {} differs from \"username\" or \"password\", and is what is sent, as nodes use it",
                listed(disputed)
            ));
        }
        remarks
    }
}

/// An entry by its name, or, when a login or token stands in the name's place, without it.
fn in_words(registry: &RegistryHost, count: usize) -> String {
    if registry.is_hidden() {
        format!(
            "an entry of \"auths\" (of {count}), whose name looks like a login or token and is not shown,"
        )
    } else {
        format!("entry {}", registry.shown())
    }
}

/// What an entry is that holds a token of an account: a phrase that follows its name.
pub(super) const IS_TOKEN_CACHE: &str =
    "holds a token of the account that the docker program keeps for itself, not a registry's login";
