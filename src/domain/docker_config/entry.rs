//! One entry of `auths`, judged as the kubelet judges it.

use std::collections::BTreeSet;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::domain::invalid::Quoted;
use crate::domain::json::{Ambiguous, Json, Object};
use crate::domain::registry_host::RegistryHost;

/// Accepts what the kubelet's decoder accepts: padded or not, any trailing bits.
const AUTH_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A registry and its login, or why there is none.
pub(super) struct Entry {
    pub(super) registry: RegistryHost,
    pub(super) login: Result<Login, Unusable>,
}

/// What AI Core needs; neither part is empty.
#[derive(PartialEq, Eq)]
pub(super) struct Login {
    pub(super) username: Zeroizing<String>,
    pub(super) password: Zeroizing<String>,
}

/// Why an entry is of no use to AI Core: a phrase that follows the entry's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("is not the name of a registry")]
    Name,
    #[error("is not a JSON object")]
    NotAnObject,
    #[error("has a value of {} that is not text", Quoted(.0))]
    NotText(&'static str),
    #[error("has two different values of {}", Quoted(.0))]
    Ambiguous(&'static str),
    #[error("has no user name and no password{0}")]
    Empty(&'static str),
    #[error("has only an identity token, which AI Core cannot use")]
    IdentityToken,
    #[error("has only a registry token, which AI Core cannot use")]
    RegistryToken,
    #[error("has a password but no user name")]
    NoUsername,
    #[error("has a user name but no password")]
    NoPassword,
    #[error("has an \"auth\" that is not base64")]
    AuthNotBase64,
    #[error("has an \"auth\" that is not UTF-8 text when decoded")]
    AuthNotUtf8,
    #[error("has an \"auth\" that is not user:password when decoded")]
    AuthWithoutColon,
}

/// The credential helpers of a docker config: programs on the machine of the user who logged in.
#[derive(Default)]
pub(super) struct Helpers {
    has_store: bool,
    /// Normalised names.
    registries: BTreeSet<String>,
}

const IN_HELPERS: &str =
    ", because a credential helper (\"credHelpers\") keeps them, which AI Core cannot ask";
const IN_STORE: &str = ", because a credential store (\"credsStore\") keeps them, which AI Core cannot ask";

impl Helpers {
    pub(super) fn of(config: &Object) -> Self {
        let store = config.get("credsStore").ok().flatten().and_then(Json::text);
        let registries = match config.get("credHelpers") {
            Ok(Some(Json::Object(helpers))) => {
                helpers.members().map(|(name, _)| RegistryHost::new(name).normalised().to_owned()).collect()
            }
            _ => BTreeSet::new(),
        };
        Self { has_store: store.is_some_and(|store| !store.is_empty()), registries }
    }

    /// Whether `credHelpers` names this registry.
    pub(super) fn serve(&self, registry: &RegistryHost) -> bool {
        self.registries.contains(registry.normalised())
    }

    /// Where the credentials are that `auths` lacks: empty, or a clause with a comma in front.
    pub(super) fn in_words(&self) -> &'static str {
        if self.registries.is_empty() { self.store_in_words() } else { IN_HELPERS }
    }

    fn in_words_for(&self, registry: &RegistryHost) -> &'static str {
        if self.serve(registry) { IN_HELPERS } else { self.store_in_words() }
    }

    fn store_in_words(&self) -> &'static str {
        if self.has_store { IN_STORE } else { "" }
    }
}

impl Entry {
    /// The entries of an `auths` object, in the order of their names.
    pub(super) fn all(auths: &Object, helpers: &Helpers) -> Vec<Self> {
        let mut members: Vec<_> = auths.members().collect();
        members.sort_by_key(|(name, _)| *name);
        members
            .into_iter()
            .map(|(name, value)| {
                let registry = RegistryHost::new(name);
                let login = match value {
                    _ if !registry.is_usable() => Err(Unusable::Name),
                    Json::Object(entry) => login(entry, helpers.in_words_for(&registry)),
                    _ => Err(Unusable::NotAnObject),
                };
                Self { registry, login }
            })
            .collect()
    }
}

/// `auth` wins over `username` and `password`; tokens are only looked at to say why there is no login.
fn login(entry: &Object, kept_elsewhere: &'static str) -> Result<Login, Unusable> {
    let (username, password) = match field(entry, "auth")? {
        "" => {
            let copy = |name| Ok(Zeroizing::new(field(entry, name)?.to_owned()));
            (copy("username")?, copy("password")?)
        }
        auth => decoded(auth)?,
    };
    if !username.is_empty() && !password.is_empty() {
        return Ok(Login { username, password });
    }
    let has_token = |name| field(entry, name).is_ok_and(|token| !token.is_empty());
    Err(match () {
        () if has_token("identitytoken") => Unusable::IdentityToken,
        () if has_token("registrytoken") => Unusable::RegistryToken,
        () if !username.is_empty() => Unusable::NoPassword,
        () if !password.is_empty() => Unusable::NoUsername,
        () => Unusable::Empty(kept_elsewhere),
    })
}

/// The text under `name`; empty when it is absent.
fn field<'a>(entry: &'a Object, name: &'static str) -> Result<&'a str, Unusable> {
    match entry.get(name) {
        Err(Ambiguous) => Err(Unusable::Ambiguous(name)),
        Ok(None) => Ok(""),
        Ok(Some(value)) => value.text().ok_or(Unusable::NotText(name)),
    }
}

/// User name and password of an `auth`. The kubelet's decoder skips line breaks, as `base64` writes them; the
/// password is what follows the first colon.
fn decoded(auth: &str) -> Result<(Zeroizing<String>, Zeroizing<String>), Unusable> {
    let auth = Zeroizing::new(auth.trim().replace(['\r', '\n'], ""));
    let bytes = Zeroizing::new(AUTH_BASE64.decode(auth.as_bytes()).map_err(|_| Unusable::AuthNotBase64)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| Unusable::AuthNotUtf8)?;
    let (username, password) = text.split_once(':').ok_or(Unusable::AuthWithoutColon)?;
    Ok((Zeroizing::new(username.to_owned()), Zeroizing::new(password.to_owned())))
}
