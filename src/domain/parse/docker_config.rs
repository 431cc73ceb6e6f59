//! From a registry Secret to the docker config that AI Core gets.

use std::collections::BTreeSet;

use crate::{
    api::AICoreRegistrySecretSpec,
    domain::{
        parse::{
            registry_host::RegistryHost,
            secret_data::SecretData,
            secret_type::{self, Use},
        },
        tools::invalid::{Invalid, Quoted, listed, quoted_list},
    },
};
use entries::{Entries, MAX_ENTRIES};
use entry::{Entry, Login, Unusable};
use helpers::Helpers;
pub(crate) use payload::Payload;
use reader::{Auths, Config};
use text::Text;

mod entries;
mod entry;
mod helpers;
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

const DOCKER_CONFIG_JSON_TYPE: &str = "kubernetes.io/dockerconfigjson";
const DOCKER_CFG_TYPE: &str = "kubernetes.io/dockercfg";

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

/// The entries of a Secret that are to be sent, and where they were found.
struct Selected<'a> {
    secret: &'a SecretData,
    key: &'a str,
    entries: Entries<'a>,
    helpers: Helpers,
}

impl<'a> Selected<'a> {
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
        let wanted = wanted(selection.registries.unwrap_or_default());
        match secret.type_() {
            Some(DOCKER_CFG_TYPE) => Self::docker_cfg(secret, DOCKER_CFG_KEY, &wanted),
            Some(DOCKER_CONFIG_JSON_TYPE) => {
                Self::docker_config_json(secret, DOCKER_CONFIG_JSON_KEY, &wanted)
            }
            _ if secret.value(DOCKER_CONFIG_JSON_KEY).is_some() => {
                Self::docker_config_json(secret, DOCKER_CONFIG_JSON_KEY, &wanted)
            }
            _ if secret.value(DOCKER_CFG_KEY).is_some() => Self::docker_cfg(secret, DOCKER_CFG_KEY, &wanted),
            _ => Err(no_docker_config(secret)),
        }
    }

    fn docker_config_json(
        secret: &'a SecretData,
        key: &'a str,
        wanted: &BTreeSet<String>,
    ) -> Result<Self, Invalid> {
        let value = value(secret, key)?;
        let Config { auths, helpers } = reader::docker_config_json(value, wanted)
            .map_err(|broken| secret.invalid_key(key, mistaken::not_json(value, &broken)))?
            .ok_or_else(|| secret.invalid_key(key, mistaken::not_an_object(value)))?;
        let nothing = |what: &str| {
            secret.invalid_key(
                key,
                format_args!(
                    "it has no entry for any registry{}; store a user name and a password or access token for each \
                     registry",
                    match helpers.in_words() {
                        "" => what,
                        kept_elsewhere => kept_elsewhere,
                    }
                ),
            )
        };
        let entries = match auths {
            Auths::Entries(entries) if entries.names.count > 0 => entries,
            Auths::Entries(_) => return Err(nothing(": \"auths\" is empty")),
            Auths::Null => return Err(nothing(": \"auths\" is null")),
            Auths::Missing if !helpers.in_words().is_empty() => return Err(nothing("")),
            Auths::Missing => {
                return Err(match mistaken::without_auths(value) {
                    Some(instead) => secret.invalid_key(key, instead),
                    None => nothing(": \"auths\" is missing"),
                });
            }
            Auths::Twice => {
                return Err(secret.invalid_key(key, "\"auths\" occurs twice; merge its entries"));
            }
            Auths::Text | Auths::Other => {
                return Err(secret.invalid_key(
                    key,
                    format_args!(
                        "\"auths\" is not a JSON object but {}; {}",
                        mistaken::under_auths(value),
                        mistaken::EXPECTED
                    ),
                ));
            }
        };
        Self { secret, key, entries, helpers }.with_names()
    }

    fn docker_cfg(secret: &'a SecretData, key: &'a str, wanted: &BTreeSet<String>) -> Result<Self, Invalid> {
        let value = value(secret, key)?;
        let Config { auths, helpers } = reader::docker_cfg(value, wanted)
            .map_err(|broken| secret.invalid_key(key, mistaken::not_json(value, &broken)))?
            .ok_or_else(|| secret.invalid_key(key, mistaken::not_an_object(value)))?;
        if reader::is_docker_config(value) {
            return Err(secret.invalid_key(
                key,
                format_args!(
                    "it has the entries under \"auths\", which is the form of {}; store it under that key with the type \
                     {DOCKER_CONFIG_JSON_TYPE}, or leave out \"auths\" around the entries",
                    Quoted(DOCKER_CONFIG_JSON_KEY)
                ),
            ));
        }
        match auths {
            Auths::Entries(entries) if entries.names.count > 0 => {
                Self { secret, key, entries, helpers }.with_names()
            }
            _ => Err(secret.invalid_key(
                key,
                "it has no entry for any registry; store a user name and a password or access token for each registry",
            )),
        }
    }

    /// Refuses entries that are the fields of one.
    fn with_names(self) -> Result<Self, Invalid> {
        if self.entries.nameless {
            return Err(self.invalid(
                "a user name, password or \"auth\" stands where the name of a registry should be; put them into an \
                 object under the registry's host, {\"ghcr.io\": {\"username\": \"…\", \"password\": \"…\"}}",
            ));
        }
        Ok(self)
    }

    /// The form with a user name, a password and `spec.secretRef.server`.
    fn login(secret: &'a SecretData, server: &str, selection: &Selection<'a>) -> Result<Self, Invalid> {
        let registry = RegistryHost::new(server);
        if let Some(fault) = registry.fault() {
            return Err(secret.invalid(format_args!(
                "spec.secretRef.server {} is not the name of a registry: {fault}; give its host, for example \"ghcr.io\"",
                registry.shown()
            )));
        }
        if registry.is_token_cache() {
            return Err(secret.invalid(format_args!(
                "spec.secretRef.server {} {}; give the host of a registry, for example \"docker.io\"",
                registry.shown(),
                IS_TOKEN_CACHE
            )));
        }
        let key = selection.password_key.unwrap_or(DEFAULT_PASSWORD_KEY);
        let username_key = selection.username_key.unwrap_or(DEFAULT_USERNAME_KEY);
        if username_key == key {
            return Err(secret.invalid(format_args!(
                "spec.secretRef.usernameKey and passwordKey are both {}; give each a key of its own",
                Quoted(key)
            )));
        }
        let username = line(secret, username_key, "spec.secretRef.usernameKey")?;
        let password = line(secret, key, "spec.secretRef.passwordKey")?;
        if reader::is_docker_config(password.as_bytes()) {
            return Err(secret.invalid_key(
                key,
                "the value is a whole docker config and not a password; store it under \".dockerconfigjson\" and remove \
                 spec.secretRef.server, or store the password alone",
            ));
        }
        entry::check(&username, &password)
            .and_then(|()| entry::check_alone(&registry, &username, &password))
            .map_err(|unusable| {
                secret.invalid(format_args!(
                    "what stands under {} and {} {unusable}; {}",
                    Quoted(username_key),
                    Quoted(key),
                    unusable.cure()
                ))
            })?;
        let mut entries = Entries::default();
        entries.wants(&registry, &BTreeSet::new());
        entries.add(Entry { registry, login: Ok(Login { username, password, disputed: false }) });
        Ok(Self { secret, key, entries, helpers: Helpers::default() })
    }

    /// An item of `registries` that nothing matches is an error, not silence.
    fn refuse_unmatched(&self, registries: &[String]) -> Result<(), Invalid> {
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
    fn refuse_unusable(&self) -> Result<(), Invalid> {
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
    fn remarks(&self, all_are_sent: bool) -> Vec<String> {
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

    fn invalid(&self, what: impl std::fmt::Display) -> Invalid {
        self.secret.invalid_key(self.key, what)
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
const IS_TOKEN_CACHE: &str =
    "holds a token of the account that the docker program keeps for itself, not a registry's login";

/// The registries to send, by normalised name; empty: all.
fn wanted(registries: &[String]) -> BTreeSet<String> {
    registries.iter().map(|item| RegistryHost::new(item).normalised().to_owned()).collect()
}

fn value<'a>(secret: &'a SecretData, key: &str) -> Result<&'a [u8], Invalid> {
    secret.value(key).ok_or_else(|| {
        secret.invalid(format_args!(
            "it has no key {}; {}{}",
            Quoted(key),
            secret.keys_in_words(),
            elsewhere(secret)
        ))
    })
}

/// A text that stands alone under a key. Editors and `echo` leave a line break at its end, which no registry
/// expects in a user name or password.
fn line<'a>(secret: &'a SecretData, key: &str, field: &str) -> Result<Text<'a>, Invalid> {
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
    let text =
        std::str::from_utf8(value).map_err(|_| secret.invalid_key(key, "the value is not UTF-8 text"))?;
    let text = Text::Borrowed(text).into_line();
    if text.is_empty() {
        return Err(secret.invalid_key(key, "the value is empty"));
    }
    Ok(text)
}

/// Where a docker config is that stands under another key: empty, or a clause with a semicolon in front.
fn elsewhere(secret: &SecretData) -> String {
    secret
        .iter()
        .find(|(_, value)| reader::is_docker_config(value))
        .map(|(key, _)| {
            format!(
                "; {} holds a docker config: store it under {}",
                Quoted(key),
                Quoted(DOCKER_CONFIG_JSON_KEY)
            )
        })
        .unwrap_or_default()
}

fn no_docker_config(secret: &SecretData) -> Invalid {
    let keys = [DEFAULT_USERNAME_KEY, DEFAULT_PASSWORD_KEY];
    if keys.iter().all(|key| secret.value(key).is_some()) {
        return secret.invalid(format_args!(
            "it has a user name and a password ({}) but nothing says for which registry; set spec.secretRef.server",
            quoted_list(keys)
        ));
    }
    let as_options = ["docker-username", "docker-password"];
    if as_options.iter().all(|key| secret.value(key).is_some()) {
        return secret.invalid(format_args!(
            "it has the options of \"kubectl create secret docker-registry\" as keys; create it with that command, or \
             set spec.secretRef.server, usernameKey and passwordKey, the latter to {}",
            quoted_list(as_options)
        ));
    }
    match elsewhere(secret) {
        elsewhere if elsewhere.is_empty() => secret.invalid(format_args!(
            "it has no key {}, and no spec.secretRef.server asks for a user name and a password; {}",
            Quoted(DOCKER_CONFIG_JSON_KEY),
            secret.keys_in_words()
        )),
        elsewhere => {
            secret.invalid(format_args!("it has no key {}{elsewhere}", Quoted(DOCKER_CONFIG_JSON_KEY)))
        }
    }
}

#[cfg(test)]
mod tests;
