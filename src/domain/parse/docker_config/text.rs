//! Texts of a docker config, borrowed from the Secret's value wherever they stand there as they are.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A secret text. An owned one is zeroed when it goes, as the Secret's value is.
#[derive(Clone)]
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Owned(Zeroizing<String>),
}

impl Text<'_> {
    pub(super) fn owned(text: &str) -> Self {
        Self::Owned(Zeroizing::new(text.to_owned()))
    }

    /// Without the line breaks that editors and `echo` leave at the end, and without a byte order mark in front.
    /// Neither is ever a part of a user name or password.
    pub(super) fn into_line(self) -> Self {
        match self {
            Self::Borrowed(text) => Self::Borrowed(line(text)),
            Self::Owned(text) if line(&text).len() == text.len() => Self::Owned(text),
            Self::Owned(text) => Self::owned(line(&text)),
        }
    }
}

fn line(text: &str) -> &str {
    const BYTE_ORDER_MARK: char = '\u{feff}';
    text.trim_end_matches(['\r', '\n']).trim_start_matches(BYTE_ORDER_MARK)
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}

/// Whether `name` is the field `field` (in lower case) for Go's `encoding/json`, with which the kubelet and the docker
/// program read: in any case, and the two letters that Unicode folds to `s` and `k` are those.
pub(super) fn is_field(name: &str, field: &str) -> bool {
    let folded = |character: char| match character {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(folded).eq(field.chars())
}
