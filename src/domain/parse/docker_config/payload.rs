//! The docker config as AI Core gets it.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::entry::Login;
use crate::domain::tools::json_length::json_length;

/// AI Core keeps the config in a Kubernetes Secret, which holds at most 1 MiB.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// The text for AI Core's `data[".dockerconfigjson"]`: compact JSON with sorted keys and, per registry, exactly
/// `password` and `username`.
#[derive(Clone, Debug)]
pub struct Payload {
    json: SecretString,
    registries: Vec<String>,
    remarks: Vec<String>,
}

/// A payload over [`MAX_PAYLOAD_BYTES`].
#[derive(Debug, thiserror::Error)]
#[error(
    "the docker config would have {0} bytes, more than the {MAX_PAYLOAD_BYTES} that a Kubernetes Secret holds; send \
     fewer entries with spec.registries"
)]
pub(super) struct TooLarge(usize);

#[derive(Serialize)]
struct Config<'a> {
    auths: BTreeMap<&'a str, Auth<'a>>,
}

/// The fields in the order of their names.
#[derive(Serialize)]
struct Auth<'a> {
    password: &'a str,
    username: &'a str,
}

impl Payload {
    /// `remarks` are for [`Payload::remarks`].
    pub(super) fn render(
        logins: &BTreeMap<&str, &Login<'_>>,
        remarks: Vec<String>,
    ) -> Result<Self, TooLarge> {
        let auths = logins
            .iter()
            .map(|(&registry, login)| {
                (registry, Auth { password: &login.password, username: &login.username })
            })
            .collect();
        let config = Config { auths };
        let length = json_length(&config);
        if length > MAX_PAYLOAD_BYTES {
            return Err(TooLarge(length));
        }
        let json = to_json(&config);
        let registries = logins.keys().map(|&registry| registry.to_owned()).collect();
        Ok(Self { json, registries, remarks })
    }

    /// The JSON text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.json.expose_secret()
    }

    /// The keys of `auths` as they are sent, sorted.
    #[must_use]
    pub fn registries(&self) -> &[String] {
        &self.registries
    }

    /// What a user should know about what is sent, for example that an entry was left out. Free of secret values;
    /// clauses without a full stop.
    #[must_use]
    pub(crate) fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Calls `visit` with the user name and the password of each entry.
    pub(crate) fn for_each_login(&self, mut visit: impl FnMut(&str, &str)) {
        self.for_each_entry(|_, username, password| visit(username, password));
    }

    /// Calls `visit` with the registry, the user name and the password of each entry. They are read from the JSON text, which is
    /// the only copy that is kept, and erased after that.
    pub(crate) fn for_each_entry(&self, mut visit: impl FnMut(&str, &str, &str)) {
        // What was rendered here can be read here.
        let Ok(Rendered { auths }) = serde_json::from_str(self.expose()) else { return };
        for (registry, RenderedAuth { username, password }) in auths {
            visit(&registry, username.expose_secret(), password.expose_secret());
        }
    }
}

#[derive(Deserialize)]
struct Rendered {
    auths: BTreeMap<String, RenderedAuth>,
}

#[derive(Deserialize)]
struct RenderedAuth {
    password: SecretString,
    username: SecretString,
}

/// Text and maps with text keys, which is all there is here, always serialise. The text is written into a place of its
/// length, so that no copy is left behind while it grows.
fn to_json(value: &impl Serialize) -> SecretString {
    let mut text = Vec::with_capacity(json_length(value));
    let written = serde_json::to_writer(&mut text, value);
    SecretString::from(written.ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
