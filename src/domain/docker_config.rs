//! From a registry Secret to the docker config that AI Core gets.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use crate::api::AICoreRegistrySecretSpec;
use crate::domain::invalid::{Invalid, Quoted, listed, quoted_list};
use crate::domain::json::{Ambiguous, Json, Object};
use crate::domain::registry_host::RegistryHost;
use crate::domain::secret_data::SecretData;
use crate::domain::secret_type::{self, Use};
use entry::{Entry, Helpers, Login};
pub use payload::{MAX_PAYLOAD_BYTES, Payload};

mod entry;
mod payload;

/// The key of `kubernetes.io/dockerconfigjson` Secrets.
pub const DOCKER_CONFIG_JSON_KEY: &str = ".dockerconfigjson";
/// The key of `kubernetes.io/dockercfg` Secrets: the `auths` map without a wrapper.
pub const DOCKER_CFG_KEY: &str = ".dockercfg";
/// The key of the user name when `spec.secretRef.usernameKey` is absent.
pub const DEFAULT_USERNAME_KEY: &str = "username";
/// The key of the password when `spec.secretRef.passwordKey` is absent.
pub const DEFAULT_PASSWORD_KEY: &str = "password";

const DOCKER_CONFIG_JSON_TYPE: &str = "kubernetes.io/dockerconfigjson";
const DOCKER_CFG_TYPE: &str = "kubernetes.io/dockercfg";

/// What the resource's spec says about the Secret.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// `spec.secretRef.server`: the registry that a user name and password are for. Given, it asks for that form.
    pub server: Option<&'a str>,
    /// `spec.secretRef.usernameKey`, default [`DEFAULT_USERNAME_KEY`].
    pub username_key: Option<&'a str>,
    /// `spec.secretRef.passwordKey`, default [`DEFAULT_PASSWORD_KEY`].
    pub password_key: Option<&'a str>,
    /// `spec.registries`: the entries to send; absent or empty: all.
    pub registries: Option<&'a [String]>,
}

impl<'a> Selection<'a> {
    /// What `spec` says.
    #[must_use]
    pub fn of(spec: &'a AICoreRegistrySecretSpec) -> Self {
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
pub fn payload(secret: &SecretData, selection: &Selection<'_>) -> Result<Payload, Invalid> {
    secret_type::refuse_foreign(secret, Use::RegistryCredential)?;
    let source = Source::read(secret, selection)?;
    let selected = source.selected(selection.registries.unwrap_or_default())?;
    source.refuse_unusable(&selected)?;
    Payload::render(source.merged(&selected)?).map_err(|too_large| source.invalid(too_large))
}

/// The entries of a Secret, and where they were found.
struct Source<'a> {
    secret: &'a SecretData,
    key: &'a str,
    entries: Vec<Entry>,
    helpers: Helpers,
}

impl<'a> Source<'a> {
    fn read(secret: &'a SecretData, selection: &Selection<'a>) -> Result<Self, Invalid> {
        if let Some(server) = selection.server {
            return Self::login(secret, server.trim(), selection);
        }
        if selection.username_key.is_some() || selection.password_key.is_some() {
            return Err(secret.invalid(
                "spec.secretRef.usernameKey and passwordKey need spec.secretRef.server, the registry that the user \
                 name and password are for",
            ));
        }
        let source = match secret.type_() {
            Some(DOCKER_CFG_TYPE) => Self::docker_cfg(secret, DOCKER_CFG_KEY),
            Some(DOCKER_CONFIG_JSON_TYPE) => Self::docker_config_json(secret, DOCKER_CONFIG_JSON_KEY),
            _ if secret.value(DOCKER_CONFIG_JSON_KEY).is_some() => {
                Self::docker_config_json(secret, DOCKER_CONFIG_JSON_KEY)
            }
            _ if secret.value(DOCKER_CFG_KEY).is_some() => Self::docker_cfg(secret, DOCKER_CFG_KEY),
            _ => Err(no_docker_config(secret)),
        }?;
        if source.entries.is_empty() {
            return Err(source.invalid(format_args!(
                "it has no entry for any registry{}; store a user name and a password or access token for each registry",
                source.helpers.in_words()
            )));
        }
        Ok(source)
    }

    fn docker_config_json(secret: &'a SecretData, key: &'a str) -> Result<Self, Invalid> {
        let config = json_object(secret, key)?;
        let helpers = Helpers::of(&config);
        let entries = match config.get("auths") {
            Err(Ambiguous) => Err(secret.invalid_key(key, "\"auths\" occurs twice; merge its entries")),
            Ok(None) => Ok(Vec::new()),
            Ok(Some(Json::Object(auths))) => Ok(Entry::all(auths, &helpers)),
            Ok(Some(_)) => Err(secret.invalid_key(key, "\"auths\" is not a JSON object")),
        }?;
        Ok(Self { secret, key, entries, helpers })
    }

    fn docker_cfg(secret: &'a SecretData, key: &'a str) -> Result<Self, Invalid> {
        let helpers = Helpers::default();
        let entries = Entry::all(&json_object(secret, key)?, &helpers);
        Ok(Self { secret, key, entries, helpers })
    }

    /// The form with a user name, a password and `spec.secretRef.server`.
    fn login(secret: &'a SecretData, server: &str, selection: &Selection<'a>) -> Result<Self, Invalid> {
        let registry = RegistryHost::new(server);
        if !registry.is_usable() {
            return Err(secret.invalid(format_args!(
                "spec.secretRef.server {} is not the name of a registry; give its host, for example \"ghcr.io\"",
                registry.shown()
            )));
        }
        let key = selection.password_key.unwrap_or(DEFAULT_PASSWORD_KEY);
        let username_key = selection.username_key.unwrap_or(DEFAULT_USERNAME_KEY);
        let username = line(secret, username_key, "spec.secretRef.usernameKey")?;
        let password = line(secret, key, "spec.secretRef.passwordKey")?;
        let entries = vec![Entry { registry, login: Ok(Login { username, password }) }];
        Ok(Self { secret, key, entries, helpers: Helpers::default() })
    }

    /// The entries that `registries` asks for.
    fn selected(&self, registries: &[String]) -> Result<Vec<&Entry>, Invalid> {
        if registries.is_empty() {
            return Ok(self.entries.iter().collect());
        }
        let wanted: Vec<_> = registries.iter().map(|item| RegistryHost::new(item)).collect();
        let present: BTreeSet<_> = self.entries.iter().map(|entry| entry.registry.normalised()).collect();
        let unmatched: Vec<_> = wanted.iter().filter(|item| !present.contains(item.normalised())).collect();
        if !unmatched.is_empty() {
            let in_helper = unmatched.iter().any(|item| self.helpers.serve(item));
            return Err(self.invalid(format_args!(
                "no entry matches {} of spec.registries{}; the entries are {}",
                listed(unmatched.iter().map(|item| item.shown()).collect()),
                if in_helper {
                    ", whose credential is in a credential helper that AI Core cannot ask"
                } else {
                    ""
                },
                listed(self.entries.iter().map(|entry| entry.registry.shown()).collect()),
            )));
        }
        let wanted: BTreeSet<_> = wanted.iter().map(RegistryHost::normalised).collect();
        Ok(self.entries.iter().filter(|entry| wanted.contains(entry.registry.normalised())).collect())
    }

    /// One unusable entry makes the whole Secret invalid: what is sent replaces all that AI Core has.
    fn refuse_unusable(&self, selected: &[&Entry]) -> Result<(), Invalid> {
        let mut unusable =
            selected.iter().filter_map(|entry| Some((&entry.registry, entry.login.as_ref().err()?)));
        let Some((registry, reason)) = unusable.next() else {
            return Ok(());
        };
        let others: Vec<_> = unusable.map(|(registry, _)| registry.shown()).collect();
        Err(self.invalid(format_args!(
            "entry {} {reason}{}; store a user name and a password or access token for it{}",
            registry.shown(),
            if others.is_empty() { String::new() } else { format!(" (unusable too: {})", listed(others)) },
            if self.entries.len() > 1 { ", or leave the entry out with spec.registries" } else { "" },
        )))
    }

    /// The logins under the keys that AI Core gets, one per registry. Of two spellings the one that sorts first is
    /// sent, as the entries are in the order of their names.
    fn merged<'b>(&self, selected: &[&'b Entry]) -> Result<BTreeMap<&'b str, &'b Login>, Invalid> {
        let mut by_registry: BTreeMap<&str, (&RegistryHost, &Login)> = BTreeMap::new();
        for entry in selected {
            let Ok(login) = &entry.login else { continue };
            let (kept, kept_login) =
                *by_registry.entry(entry.registry.normalised()).or_insert((&entry.registry, login));
            if kept_login != login {
                return Err(self.invalid(format_args!(
                    "entries {} and {} mean the same registry but have different credentials; keep one of them",
                    kept.shown(),
                    entry.registry.shown()
                )));
            }
        }
        Ok(by_registry.into_values().map(|(registry, login)| (registry.sent(), login)).collect())
    }

    fn invalid(&self, what: impl std::fmt::Display) -> Invalid {
        self.secret.invalid_key(self.key, what)
    }
}

fn json_object(secret: &SecretData, key: &str) -> Result<Object, Invalid> {
    let value = secret.value(key).ok_or_else(|| {
        secret.invalid(format_args!("it has no key {}; {}", Quoted(key), secret.keys_in_words()))
    })?;
    match Json::parse(value) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(secret.invalid_key(key, "the value is not a JSON object")),
        Err(broken) => Err(secret.invalid_key(key, broken)),
    }
}

/// A text that stands alone under a key. Editors and `echo` leave a line break at its end, which no registry
/// expects in a user name or password.
fn line(secret: &SecretData, key: &str, field: &str) -> Result<Zeroizing<String>, Invalid> {
    let Some(value) = secret.value(key) else {
        let hint = [DOCKER_CONFIG_JSON_KEY, DOCKER_CFG_KEY]
            .iter()
            .find(|config| secret.value(config).is_some())
            .map(|config| format!("; to send its {}, remove spec.secretRef.server", Quoted(config)))
            .unwrap_or_default();
        return Err(secret.invalid(format_args!(
            "it has no key {} ({field}), which spec.secretRef.server asks for; {}{hint}",
            Quoted(key),
            secret.keys_in_words()
        )));
    };
    let text = std::str::from_utf8(value)
        .map_err(|_| secret.invalid_key(key, "the value is not UTF-8 text"))?
        .trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(secret.invalid_key(key, "the value is empty"));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

fn no_docker_config(secret: &SecretData) -> Invalid {
    let keys = [DEFAULT_USERNAME_KEY, DEFAULT_PASSWORD_KEY];
    if keys.iter().all(|key| secret.value(key).is_some()) {
        return secret.invalid(format_args!(
            "it has a user name and a password ({}) but nothing says for which registry; set spec.secretRef.server",
            quoted_list(keys)
        ));
    }
    secret.invalid(format_args!(
        "it has no key {}, and no spec.secretRef.server asks for a user name and a password; {}",
        Quoted(DOCKER_CONFIG_JSON_KEY),
        secret.keys_in_words()
    ))
}

#[cfg(test)]
mod tests;
