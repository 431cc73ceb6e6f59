//! Names that become part of a request's path: that of a docker registry secret in AI Core, and that of a Kubernetes Secret.
//! No request is made with a name that was not parsed here, whatever schema the API server has.

use std::{
    fmt::{self, Display},
    sync::Arc,
};

use crate::domain::tools::invalid::{Invalid, Quoted};

/// The rule for names in the path and body of AI Core's API (`dockerRegistryName` in its API definition).
pub(crate) const PATTERN: &str = r"^[a-z0-9](?:_?[a-z0-9\.\-]+)*[a-z0-9]$";
/// The shortest name that [`PATTERN`] allows.
pub(crate) const MIN_LENGTH: usize = 2;
/// The longest name that AI Core allows.
pub(crate) const MAX_LENGTH: usize = 63;

/// A name that AI Core accepts: [`PATTERN`], 2 to 63 characters. It needs no escaping in a URL's path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteName(Arc<str>);

impl RemoteName {
    /// Checks `name` against the rule.
    ///
    /// # Errors
    /// A sentence that quotes the name and states the rule.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        if is_valid(name.as_bytes()) {
            return Ok(Self(name.into()));
        }
        Err(Invalid::new(format!(
            "AI Core does not accept the name {} for a docker registry secret; set spec.remoteName to a name of \
             {MIN_LENGTH} to {MAX_LENGTH} characters that matches {PATTERN}.",
            Quoted(name)
        )))
    }

    /// The same of a name that something else has too: both have it in one place.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn sharing(name: &Arc<str>) -> Result<Self, Invalid> {
        Self::parse(name).map(|_| Self(Arc::clone(name)))
    }

    /// The name as AI Core knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// [`PATTERN`] by hand: letters and digits at both ends; between them also `.`, `-`, and `_` when the next
/// character is one of the others and still lies between the ends.
fn is_valid(name: &[u8]) -> bool {
    let [first, inner @ .., last] = name else {
        return false;
    };
    let pairs = inner.iter().zip(inner.iter().skip(1).map(Some).chain([None]));
    name.len() <= MAX_LENGTH
        && is_alphanumeric(*first)
        && is_alphanumeric(*last)
        && pairs.into_iter().all(|(byte, next)| match byte {
            b'_' => next.is_some_and(|next| *next != b'_'),
            b'.' | b'-' => true,
            other => is_alphanumeric(*other),
        })
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

impl Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The longest name of a Secret, in characters.
pub(crate) const MAX_SECRET_NAME_LENGTH: usize = 253;

/// A name that the API server accepts for a Secret: an RFC 1123 subdomain (`IsDNS1123Subdomain` of `k8s.io/apimachinery`), at
/// most 253 characters. It is one segment of a path, and needs no escaping there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretName(Arc<str>);

impl SecretName {
    /// Checks the name that `field` of the spec has.
    ///
    /// # Errors
    /// A sentence that names the field, quotes the name and states the rule.
    pub fn parse(field: &str, name: &str) -> Result<Self, Invalid> {
        if name.len() <= MAX_SECRET_NAME_LENGTH && name.split('.').all(is_label) {
            return Ok(Self(name.into()));
        }
        Err(Invalid::new(format!(
            "{field} {} cannot be the name of a Secret, which has at most {MAX_SECRET_NAME_LENGTH} lower-case letters, digits, \
             '-' and '.', with a letter or a digit at both ends and beside each '.'; write the name of the Secret into {field}.",
            Quoted(name)
        )))
    }

    /// The name as the API server knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part between dots: letters, digits and `-`, with a letter or a digit at both ends. Kubernetes sets no limit on its length.
pub(crate) fn is_label(label: &str) -> bool {
    let inner = |byte: &u8| is_alphanumeric(*byte) || *byte == b'-';
    match label.as_bytes() {
        [only] => is_alphanumeric(*only),
        [first, middle @ .., last] => {
            is_alphanumeric(*first) && is_alphanumeric(*last) && middle.iter().all(inner)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests;
