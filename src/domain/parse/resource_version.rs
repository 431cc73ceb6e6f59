//! The version of an object in the cluster.

use std::{fmt, num::NonZeroU64};

/// `metadata.resourceVersion`. API servers give decimal numbers, larger ones for later changes, and promise it since 1.35
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>); here they are only compared for being the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResourceVersion(NonZeroU64);

impl ResourceVersion {
    /// `None`: it is of another form, and cannot be asked for.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self).filter(|version| version.to_string() == text)
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a status of a resource was made from. The API server takes it for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Basis {
    /// `metadata.generation`.
    pub generation: i64,
    /// If it may be no other version of the resource either.
    pub version: Option<ResourceVersion>,
}

impl Basis {
    /// Whatever version of the resource has this generation.
    #[must_use]
    pub const fn any_of(generation: i64) -> Self {
        Self { generation, version: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_what_it_was_parsed_from() {
        for text in ["1", "12345", "18446744073709551615"] {
            assert_eq!(ResourceVersion::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "0", "007", "+7", "-1", "18446744073709551616", "7a", " 7", "a-b"] {
            assert_eq!(ResourceVersion::parse(text), None, "{text:?}");
        }
    }
}
