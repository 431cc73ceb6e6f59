//! From a registry Secret to the docker config that AI Core gets.

use crate::{
    api::AICoreRegistrySecretSpec,
    domain::{
        parse::{
            secret_data::SecretData,
            secret_type::{self, Use},
        },
        tools::invalid::Invalid,
    },
};
use entries::Entries;
use helpers::Helpers;
pub(crate) use payload::Payload;

mod bare_auth;
mod entries;
mod entry;
mod forms;
mod helpers;
mod judge;
mod login;
mod mistaken;
mod payload;
mod reader;
mod text;
mod value;

/// The key of `kubernetes.io/dockerconfigjson` Secrets.
pub(crate) const DOCKER_CONFIG_JSON_KEY: &str = ".dockerconfigjson";
/// The key of `kubernetes.io/dockercfg` Secrets: the `auths` map without a wrapper.
pub(crate) const DOCKER_CFG_KEY: &str = ".dockercfg";
/// The key of the user name when `spec.secretRef.usernameKey` is absent.
pub(crate) const DEFAULT_USERNAME_KEY: &str = "username";
/// The key of the password when `spec.secretRef.passwordKey` is absent.
pub(crate) const DEFAULT_PASSWORD_KEY: &str = "password";

/// The type of Secrets with a docker config under [`DOCKER_CONFIG_JSON_KEY`].
pub(crate) const DOCKER_CONFIG_JSON_TYPE: &str = "kubernetes.io/dockerconfigjson";
/// The type of Secrets with the old form under [`DOCKER_CFG_KEY`].
pub(crate) const DOCKER_CFG_TYPE: &str = "kubernetes.io/dockercfg";

/// What the resource's spec says about the Secret.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    /// `spec.secretRef.server`: the registry that a user name and password are for. Given, it asks for that form.
    pub server: Option<&'a str>,
    /// `spec.secretRef.usernameKey`, default [`DEFAULT_USERNAME_KEY`].
    pub(crate) username_key: Option<&'a str>,
    /// `spec.secretRef.passwordKey`, default [`DEFAULT_PASSWORD_KEY`].
    pub(crate) password_key: Option<&'a str>,
    /// `spec.registries`: the entries to send; absent or empty: all.
    pub registries: Option<&'a [String]>,
}

impl<'a> Selection<'a> {
    /// What `spec` says.
    #[must_use]
    pub(crate) fn of(spec: &'a AICoreRegistrySecretSpec) -> Self {
        Self {
            server: spec.secret_ref.server.as_deref(),
            username_key: spec.secret_ref.username_key.as_deref(),
            password_key: spec.secret_ref.password_key.as_deref(),
            registries: spec.registries.as_deref(),
        }
    }
}

/// The docker config to send for `secret`.
///
/// The same credential always gives the same bytes, whatever the form, order and spelling it comes in.
///
/// # Errors
/// A sentence for the user when the Secret, or what the spec says about it, cannot give a config in which every
/// selected entry has a user name and a password.
pub(crate) fn payload(secret: &SecretData, selection: &Selection<'_>) -> Result<Payload, Invalid> {
    secret_type::refuse_foreign(secret, Use::RegistryCredential)?;
    let selected = Selected::read(secret, selection)?;
    selected.refuse_unmatched(selection.registries.unwrap_or_default())?;
    selected.refuse_unusable()?;
    let remarks = selected.remarks(selection.registries.unwrap_or_default().is_empty());
    Payload::render(&selected.entries.logins(), remarks).map_err(|too_large| selected.invalid(too_large))
}

/// Whether `secret` says by its type or a key that it holds a docker config.
#[must_use]
pub(crate) fn declares(secret: &SecretData) -> bool {
    matches!(secret.type_(), Some(DOCKER_CONFIG_JSON_TYPE | DOCKER_CFG_TYPE))
        || [DOCKER_CONFIG_JSON_KEY, DOCKER_CFG_KEY].iter().any(|key| secret.value(key).is_some())
}

/// Whether `value` by itself is a docker config, or was meant to be one and has another form: what [`payload()`] says about it
/// then is what its owner needs to hear.
#[must_use]
pub(crate) fn recognises(value: &[u8]) -> bool {
    mistaken::is_meant(value)
}

/// The entries of a Secret that are to be sent, and where they were found.
struct Selected<'a> {
    secret: &'a SecretData,
    key: &'a str,
    entries: Entries<'a>,
    helpers: Helpers,
}

impl Selected<'_> {
    fn invalid(&self, what: impl std::fmt::Display) -> Invalid {
        self.secret.invalid_key(self.key, what)
    }
}

#[cfg(test)]
mod tests;
