//! The forms that a Secret has its entries in, and which of them this one has.

use std::collections::BTreeSet;

use super::{
    DEFAULT_PASSWORD_KEY, DEFAULT_USERNAME_KEY, DOCKER_CFG_KEY, DOCKER_CFG_TYPE, DOCKER_CONFIG_JSON_KEY,
    DOCKER_CONFIG_JSON_TYPE, Selected, Selection,
    bare_auth::AUTH_KEY,
    mistaken,
    reader::{self, Auths, Config},
};
use crate::domain::{
    parse::{registry_host::RegistryHost, secret_data::SecretData},
    tools::invalid::{Invalid, Quoted, quoted_list},
};

impl<'a> Selected<'a> {
    pub(super) fn read(secret: &'a SecretData, selection: &Selection<'a>) -> Result<Self, Invalid> {
        if let Some(server) = selection.server {
            let server = server.trim();
            return Self::auth_for(secret, server, selection)
                .unwrap_or_else(|| Self::login(secret, server, selection));
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
            _ => Self::auth_beside_registry(secret).unwrap_or_else(|| Err(no_docker_config(secret))),
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
}

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
    if secret.value(AUTH_KEY).is_some() {
        return secret.invalid(format_args!(
            "it has an {} but nothing says for which registry; set spec.secretRef.server",
            Quoted(AUTH_KEY)
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
