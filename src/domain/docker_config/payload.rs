//! The docker config as AI Core gets it.

use std::collections::BTreeMap;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::entry::Login;

/// AI Core keeps the config in a Kubernetes Secret, which holds at most 1 MiB.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// The text for AI Core's `data[".dockerconfigjson"]`: compact JSON with sorted keys and, per registry, exactly
/// `password` and `username`.
#[derive(Clone, Debug)]
pub struct Payload {
    json: SecretString,
    registries: Vec<String>,
    remarks: Vec<String>,
    sensitive: Vec<SecretString>,
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
        let sensitive = sensitive(logins.values().copied());
        Ok(Self { json, registries, remarks, sensitive })
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
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// What has to be replaced in a text that AI Core sends back, longest first.
    ///
    /// Per entry: the password, its base64 form and that of `user:password`, each as it is and as it stands in the
    /// config and in the request's body, where quotes and line breaks are escaped once and twice (a Google service
    /// account key is such a password). User names are not in it: they are no secrets, and common ones (`token`,
    /// `user`, `AWS`) would garble the sentences in which they are plain words.
    pub fn sensitive(&self) -> impl Iterator<Item = &str> {
        self.sensitive.iter().map(ExposeSecret::expose_secret)
    }
}

fn sensitive<'a>(logins: impl Iterator<Item = &'a Login<'a>>) -> Vec<SecretString> {
    let mut values: Vec<SecretString> = logins.flat_map(forms).collect();
    values.sort_by(|a, b| {
        let (a, b) = (a.expose_secret(), b.expose_secret());
        b.len().cmp(&a.len()).then_with(|| a.cmp(b))
    });
    values.dedup_by(|a, b| a.expose_secret() == b.expose_secret());
    values
}

fn forms(login: &Login<'_>) -> Vec<SecretString> {
    let password = &*login.password;
    let auth = SecretString::from(format!("{}:{password}", &*login.username));
    let escaped = escaped(password);
    let escaped_twice = self::escaped(escaped.expose_secret());
    let plain = SecretString::from(password);
    let encoded = [plain.expose_secret(), auth.expose_secret()].into_iter().flat_map(|text| {
        [SecretString::from(STANDARD.encode(text)), SecretString::from(STANDARD_NO_PAD.encode(text))]
    });
    let mut forms: Vec<SecretString> = encoded.collect();
    forms.extend([plain, escaped, escaped_twice]);
    forms
}

/// The text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> SecretString {
    let quoted = to_json(&text);
    let inner = quoted.expose_secret().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    SecretString::from(inner.unwrap_or(text))
}

/// Text and maps with text keys, which is all there is here, always serialise. The text is written into a place of its
/// length, so that no copy is left behind while it grows.
fn to_json(value: &impl Serialize) -> SecretString {
    let mut text = Vec::with_capacity(json_length(value));
    let written = serde_json::to_writer(&mut text, value);
    SecretString::from(written.ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_default())
}

/// How many bytes the JSON of `value` has.
fn json_length(value: &impl Serialize) -> usize {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_or(0, |()| length.0)
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
