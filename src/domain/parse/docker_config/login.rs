//! The form with a user name and a password, each under a key of its own, for the registry of `spec.secretRef.server`.

use std::collections::BTreeSet;

use super::{
    DEFAULT_PASSWORD_KEY, DEFAULT_USERNAME_KEY, DOCKER_CFG_KEY, DOCKER_CONFIG_JSON_KEY, Selected, Selection,
    entries::Entries,
    entry::{self, Entry, Login},
    helpers::Helpers,
    judge::IS_TOKEN_CACHE,
    reader,
    text::Text,
};
use crate::domain::{
    parse::{registry_host::RegistryHost, secret_data::SecretData},
    tools::invalid::{Invalid, Quoted},
};

impl<'a> Selected<'a> {
    /// The form with a user name, a password and `spec.secretRef.server`.
    pub(super) fn login(
        secret: &'a SecretData,
        server: &str,
        selection: &Selection<'a>,
    ) -> Result<Self, Invalid> {
        let registry = registry(secret, server, "spec.secretRef.server")?;
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
}

/// The registry that `text` names. Where it stands, `place` says in words.
pub(super) fn registry(secret: &SecretData, text: &str, place: &str) -> Result<RegistryHost, Invalid> {
    let registry = RegistryHost::new(text);
    if let Some(fault) = registry.fault() {
        return Err(secret.invalid(format_args!(
            "{place} {} is not the name of a registry: {fault}; give its host, for example \"ghcr.io\"",
            registry.shown()
        )));
    }
    if registry.is_token_cache() {
        return Err(secret.invalid(format_args!(
            "{place} {} {}; give the host of a registry, for example \"docker.io\"",
            registry.shown(),
            IS_TOKEN_CACHE
        )));
    }
    Ok(registry)
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
