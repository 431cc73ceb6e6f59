//! Values that are not what somebody meant to store. They are named and never mended: what is sent as a secret is what is
//! stored, or nothing. Service keys of SAP have none of these; a secret that had would be refused by nobody but us, and is
//! made anew in a minute, while a wrong one sends its owner after a mistake that is not there.

use crate::domain::parse::{placeholder::placeholder, quotes};

/// The longest client id, in bytes. SAP's have some 80.
const MAX_CLIENT_ID: usize = 512;
/// The longest client secret, in bytes. SAP's have some 80.
const MAX_CLIENT_SECRET: usize = 4096;

/// What is odd: a phrase that follows the name of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Oddity {
    #[error(
        "begins and ends with a quote, which is no part of it (kubectl keeps the quotes of --from-env-file); store it without"
    )]
    Quotes,
    #[error("is a placeholder that nothing has filled in")]
    Placeholder,
    #[error("has a backslash in front of $, as in a shell script; store it without")]
    EscapedDollar,
    #[error("has $$, as files have that replace variables; store it with one $")]
    DoubledDollar,
    #[error(
        "has lost what begins with its $, which a shell takes for the name of a variable; store it again, in single quotes"
    )]
    EatenByShell,
    #[error("has a line break or a control character inside; store it again")]
    ControlCharacter,
    #[error("ends with a backslash and a letter, which stood for a line break; store it without")]
    LiteralLineBreak,
    #[error("has * where a name belongs; copy the URL from the service key")]
    Star,
    #[error("ends with {0:?}, which is no part of a URL; store it without")]
    Punctuation(char),
    #[error("begins with a quote, which is no part of a URL; store it without")]
    OpeningQuote,
    #[error("has :// twice; store one URL, with one https:// in front")]
    TwoUrls,
    #[error("is longer than {0} bytes, which that of a service key never is")]
    TooLong(usize),
}

/// What is odd about a client secret.
pub(super) fn of_secret(text: &str) -> Option<Oddity> {
    if text.len() > MAX_CLIENT_SECRET {
        Some(Oddity::TooLong(MAX_CLIENT_SECRET))
    } else if quotes::inside(text).is_some() {
        Some(Oddity::Quotes)
    } else if is_placeholder(text) {
        Some(Oddity::Placeholder)
    } else if text.contains(['\r', '\n', '\0']) {
        Some(Oddity::ControlCharacter)
    } else if text.contains("\\$") {
        Some(Oddity::EscapedDollar)
    } else if has_doubled_dollar(text) {
        Some(Oddity::DoubledDollar)
    } else {
        is_eaten_by_shell(text).then_some(Oddity::EatenByShell)
    }
}

/// What is odd about a client id.
pub(super) fn of_client_id(text: &str) -> Option<Oddity> {
    if text.len() > MAX_CLIENT_ID {
        Some(Oddity::TooLong(MAX_CLIENT_ID))
    } else if quotes::inside(text).is_some() {
        Some(Oddity::Quotes)
    } else if is_placeholder(text) {
        Some(Oddity::Placeholder)
    } else {
        text.contains(char::is_control).then_some(Oddity::ControlCharacter)
    }
}

/// What is odd about a URL, beside what the reader of URLs finds.
pub(super) fn of_url(text: &str) -> Option<Oddity> {
    let has = |open, close| text.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
    let pairs = [('<', '>'), ('{', '}')].into_iter().any(|(open, close)| has(open, close));
    if pairs || placeholder(text).is_some() {
        return Some(Oddity::Placeholder);
    }
    if ["\\n", "\\r", "\\t"].iter().any(|end| text.ends_with(end)) {
        return Some(Oddity::LiteralLineBreak);
    }
    if text.starts_with(['"', '\'', '`']) {
        return Some(Oddity::OpeningQuote);
    }
    if let Some(last) = text.chars().next_back().filter(|last| ",;:\"'`)>|".contains(*last)) {
        return Some(Oddity::Punctuation(last));
    }
    let (_, rest) = text.split_once("://")?;
    if rest.contains("://") {
        return Some(Oddity::TwoUrls);
    }
    rest.split('/').next()?.contains('*').then_some(Oddity::Star)
}

/// The form of SAP's client secrets is `<uuid>$<base64>`: a second `$` was put there for a file that replaces variables.
fn has_doubled_dollar(text: &str) -> bool {
    behind_uuid(text).is_some_and(|rest| rest.starts_with("$$"))
}

/// In double quotes, or none, a shell puts the value of a variable, which is empty, for `$` and the letters and digits behind it:
/// the UUID is left, and what comes from the first other character of the base64 on.
fn is_eaten_by_shell(text: &str) -> bool {
    behind_uuid(text).is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', '+', '/', '-']))
}

/// What follows the UUID at the start of a text.
fn behind_uuid(text: &str) -> Option<&str> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let (uuid, rest) = text.split_at_checked(36)?;
    let fits = |(place, byte): (usize, u8)| {
        if DASHES.contains(&place) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    uuid.bytes().enumerate().all(fits).then_some(rest)
}

/// Whether the whole text stands for a value. The words are such that a person can choose as a password; a service key's
/// secret is made by SAP.
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 5] = ["none", "changeme", "change-me", "change_me", "redacted"];
    placeholder(text).is_some() || WORDS.iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
