//! The credential helpers of a docker config: programs on the machine of the user who logged in.

use std::collections::BTreeSet;

use crate::domain::parse::registry_host::RegistryHost;

/// How many registries of `credHelpers` are remembered. They only serve to say why a login is missing.
const MAX_REGISTRIES: usize = 64;

const IN_HELPERS: &str =
    ", because a credential helper (\"credHelpers\") keeps them, which AI Core cannot ask";
const IN_STORE: &str = ", because a credential store (\"credsStore\") keeps them, which AI Core cannot ask";

/// What a docker config says about them.
#[derive(Default)]
pub(super) struct Helpers {
    has_store: bool,
    /// Normalised names.
    registries: BTreeSet<String>,
}

impl Helpers {
    /// Notes that `credsStore` names a program.
    pub(super) fn add_store(&mut self) {
        self.has_store = true;
    }

    /// Notes a member of `credHelpers`.
    pub(super) fn add_registry(&mut self, name: &str) {
        if self.registries.len() < MAX_REGISTRIES {
            self.registries.insert(RegistryHost::new(name).normalised().to_owned());
        }
    }

    /// Whether `credHelpers` names this registry.
    pub(super) fn serve(&self, registry: &RegistryHost) -> bool {
        self.registries.contains(registry.normalised())
    }

    /// Where the credentials are that `auths` lacks: empty, or a clause with a comma in front.
    pub(super) fn in_words(&self) -> &'static str {
        if self.registries.is_empty() { self.store_in_words() } else { IN_HELPERS }
    }

    /// The same for one registry.
    pub(super) fn in_words_for(&self, registry: &RegistryHost) -> &'static str {
        if self.serve(registry) { IN_HELPERS } else { self.store_in_words() }
    }

    fn store_in_words(&self) -> &'static str {
        if self.has_store { IN_STORE } else { "" }
    }
}
