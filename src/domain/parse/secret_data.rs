//! The content of a Kubernetes Secret as the domain sees it.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use zeroize::Zeroizing;

use crate::domain::{
    parse::{expiry, token},
    tools::invalid::{Invalid, Quoted, Shown, quoted_list},
};

/// The label that the SAP BTP service operator puts on the Secret of a credential that it has replaced and will
/// revoke (SAP/sap-btp-service-operator, "Credentials Rotation").
pub(crate) const STALE_LABEL: &str = "services.cloud.sap.com/stale";

/// Name, type and content of a Secret. Its values are zeroed when it goes; `Debug` shows the keys only.
#[derive(Clone)]
pub(crate) struct SecretData {
    name: String,
    holder: Holder,
    type_: Option<String>,
    stale: bool,
    expiry: expiry::Annotations,
    data: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

/// What the content is in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    Secret,
    /// A Secret of this namespace, in sentences for those who look at another one.
    SecretElsewhere(String),
    /// A file with one value, which has no key.
    File,
}

impl SecretData {
    /// The content of a file, as a Secret that had it under `key` would be read.
    #[must_use]
    pub(crate) fn of_file(
        file: impl Into<String>,
        type_: &str,
        key: &str,
        content: Zeroizing<Vec<u8>>,
    ) -> Self {
        let data = BTreeMap::from([(key.to_owned(), content)]);
        Self { holder: Holder::File, ..Self::new(file, Some(type_.to_owned()), false, data) }
    }

    /// `stale` says whether the Secret carries [`STALE_LABEL`]; `data` is the decoded content.
    pub(crate) fn new(
        name: impl Into<String>,
        type_: Option<String>,
        stale: bool,
        data: BTreeMap<String, Zeroizing<Vec<u8>>>,
    ) -> Self {
        Self {
            name: name.into(),
            holder: Holder::Secret,
            type_,
            stale,
            expiry: expiry::Annotations::default(),
            data,
        }
    }

    /// The same Secret with annotations that say when its content ends.
    #[must_use]
    pub(crate) fn with_expiry(self, expiry: expiry::Annotations) -> Self {
        Self { expiry, ..self }
    }

    /// The same Secret, whose sentences name its namespace: for those who look at another one, and may read this.
    #[must_use]
    pub(crate) fn elsewhere(self, namespace: impl Into<String>) -> Self {
        Self { holder: Holder::SecretElsewhere(namespace.into()), ..self }
    }

    /// The annotations that say when its content ends.
    #[must_use]
    pub(crate) fn expiry_annotations(&self) -> &expiry::Annotations {
        &self.expiry
    }

    /// How sentences call it: `Secret "name"`, or the name of the file.
    #[must_use]
    pub(crate) fn title(&self) -> String {
        match &self.holder {
            Holder::Secret => format!("Secret {}", Quoted(&self.name)),
            Holder::SecretElsewhere(namespace) => {
                format!("Secret {} of namespace {}", Quoted(&self.name), Quoted(namespace))
            }
            Holder::File => Shown(&self.name).to_string(),
        }
    }

    /// `metadata.name`, or the name of the file.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `type`, for example `kubernetes.io/dockerconfigjson`.
    #[must_use]
    pub(crate) fn type_(&self) -> Option<&str> {
        self.type_.as_deref()
    }

    /// Whether it carries [`STALE_LABEL`].
    #[must_use]
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// The keys, sorted.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.data.keys().map(String::as_str)
    }

    /// The keys and their values, sorted by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.data.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// The value under `key`.
    #[must_use]
    pub(crate) fn value(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(|value| value.as_slice())
    }

    /// `Secret "name": what.`
    pub(crate) fn invalid(&self, what: impl Display) -> Invalid {
        Invalid::new(format!("{}: {what}.", self.title()))
    }

    /// `Secret "name", key "key": what.`
    pub(crate) fn invalid_key(&self, key: &str, what: impl Display) -> Invalid {
        match self.holder {
            Holder::Secret | Holder::SecretElsewhere(_) => {
                Invalid::new(format!("{}, key {}: {what}.", self.title(), Quoted(key)))
            }
            Holder::File => self.invalid(what),
        }
    }

    /// The keys, but for those that can be a token which somebody put there.
    fn public_keys(&self) -> String {
        quoted_list(self.keys().map(|key| token::plain_name(key).unwrap_or("…")))
    }

    /// What a user needs to see who expected another key: `it has the keys "a" and "b"`.
    pub(crate) fn keys_in_words(&self) -> String {
        match self.data.len() {
            0 => "it is empty".to_owned(),
            1 => format!("it has the key {}", self.public_keys()),
            _ => format!("it has the keys {}", self.public_keys()),
        }
    }
}

#[expect(
    clippy::missing_fields_in_debug,
    reason = "an annotation is the user's, who may have put anything there"
)]
impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretData")
            .field("name", &self.name)
            .field("holder", &self.holder)
            .field("type_", &self.type_)
            .field("stale", &self.stale)
            .field("keys", &self.data.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
