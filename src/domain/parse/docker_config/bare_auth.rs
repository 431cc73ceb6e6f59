//! The form with the `auth` of an entry under a key of its own, as the generators of External Secrets for Quay and Cloudsmith write
//! it. Which registry it is for says `spec.secretRef.server`, or a key beside it.

use std::collections::BTreeSet;

use super::{
    DEFAULT_PASSWORD_KEY, DEFAULT_USERNAME_KEY, Selected, Selection,
    entries::Entries,
    entry::{self, Entry},
    helpers::Helpers,
    login,
};
use crate::domain::{
    parse::{registry_host::RegistryHost, secret_data::SecretData},
    tools::invalid::Invalid,
};

/// Base64 of `user:password`.
pub(super) const AUTH_KEY: &str = "auth";
/// The host of the registry.
const REGISTRY_KEY: &str = "registry";

impl<'a> Selected<'a> {
    /// The `auth`, for the registry of `spec.secretRef.server`. `None`: the Secret has none, or a user name and a password beside it,
    /// which are what a server asks for.
    pub(super) fn auth_for(
        secret: &'a SecretData,
        server: &str,
        selection: &Selection<'_>,
    ) -> Option<Result<Self, Invalid>> {
        let login =
            [DEFAULT_USERNAME_KEY, DEFAULT_PASSWORD_KEY].iter().any(|key| secret.value(key).is_some());
        let asks_for_login = login || selection.username_key.is_some() || selection.password_key.is_some();
        let auth = secret.value(AUTH_KEY).filter(|_| !asks_for_login)?;
        let registry = login::registry(secret, server, "spec.secretRef.server");
        Some(registry.and_then(|registry| Self::bare_auth(secret, registry, auth)))
    }

    /// The `auth`, for the registry that stands beside it. `None`: the Secret has not both.
    pub(super) fn auth_beside_registry(secret: &'a SecretData) -> Option<Result<Self, Invalid>> {
        let (auth, registry) = (secret.value(AUTH_KEY)?, secret.value(REGISTRY_KEY)?);
        let registry = text(secret, REGISTRY_KEY, registry)
            .and_then(|registry| login::registry(secret, registry.trim(), "what stands under \"registry\","));
        Some(registry.and_then(|registry| Self::bare_auth(secret, registry, auth)))
    }

    fn bare_auth(secret: &'a SecretData, registry: RegistryHost, auth: &'a [u8]) -> Result<Self, Invalid> {
        let login = entry::of_auth(text(secret, AUTH_KEY, auth)?).and_then(|login| login.fits(&registry));
        let mut entries = Entries::default();
        entries.wants(&registry, &BTreeSet::new());
        entries.add(Entry { registry, login });
        Ok(Self { secret, key: AUTH_KEY, entries, helpers: Helpers::default() })
    }
}

fn text<'a>(secret: &SecretData, key: &str, value: &'a [u8]) -> Result<&'a str, Invalid> {
    std::str::from_utf8(value).map_err(|_| secret.invalid_key(key, "the value is not UTF-8 text"))
}
