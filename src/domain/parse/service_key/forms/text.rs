//! The JSON object in a value, out of what people and programs leave around it.
//!
//! What is around it is taken off where nothing else can be meant: one object stays, whole and alone. Everything else is named
//! by what the person did who stored it. No sentence shows any of the text.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::domain::parse::{
    json::{Broken, Json, JsonObject},
    quotes,
};

/// The longest value that is looked into, in bytes. A service key with a chain of certificates has some 10 KiB, all bindings
/// of an application some tens.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// How often JSON may stand as text in JSON; the SAP BTP service operator does it twice.
const MAX_WRAPPING: usize = 4;

/// Why a value gives no object: a phrase that follows the name of the key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the value is larger than 256 KiB, and a service key has a few")]
    TooLarge,
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the value is not a JSON object")]
    NotAnObject,
    #[error("there is text in front of the JSON; store what begins with {{ and ends with }} alone")]
    TextInFront,
    #[error("there is text behind the JSON; store what begins with {{ and ends with }} alone")]
    TextBehind,
    #[error(
        "there is text in front of the JSON and behind it; store what begins with {{ and ends with }} alone"
    )]
    TextAround,
    #[error("it holds more than one JSON object; keep one")]
    SeveralObjects,
    #[error(
        "names and values stand in single quotes, as Python prints a dictionary; JSON has double quotes (json.dumps writes it)"
    )]
    SingleQuotes,
    #[error("names and values stand in typographic quotes; JSON has straight double quotes (\")")]
    TypographicQuotes,
    #[error(
        "a backslash stands in front of the quotes, as in a shell script; store the JSON without the backslashes"
    )]
    EscapedQuotes,
    #[error("the names stand without quotes; JSON has them in double quotes")]
    NamesWithoutQuotes,
    #[error("the value is YAML; store the service key as JSON, as SAP hands it out")]
    Yaml,
    #[error(
        "the value is a file of environment variables; store each under a key of its own, without quotes around the value"
    )]
    EnvFile,
    #[error("the value is a PEM text, which is only one of a service key's fields")]
    Pem,
    #[error("the value is a placeholder that nothing has filled in")]
    Placeholder,
}

/// The object in the value of a Secret.
pub(crate) fn object(bytes: &[u8]) -> Result<JsonObject, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let decoded = utf16(bytes);
    let text = match &decoded {
        Some(text) => text.as_str(),
        // The reader of JSON knows what else it could be.
        None => std::str::from_utf8(bytes)
            .or_else(|_| Json::parse(bytes).map(|_| "").map_err(Unreadable::from))?,
    };
    read(text, MAX_WRAPPING)
}

/// The object that a value in JSON is, or holds as text, whatever is around it there.
pub(crate) fn object_in(json: &Json) -> Option<Cow<'_, JsonObject>> {
    json.object().or_else(|| match json {
        Json::Text(text) if text.contains('{') && text.len() <= MAX_BYTES => {
            read(text, MAX_WRAPPING).ok().map(Cow::Owned)
        }
        _ => None,
    })
}

fn read(text: &str, depth: usize) -> Result<JsonObject, Unreadable> {
    let text = text.trim_start_matches('\u{feff}').trim();
    match parse(text, depth) {
        Err(Unreadable::Broken(broken)) if !matches!(broken, Broken::Empty | Broken::EncodedTwice) => {
            let core = without_lines_in_front(without_quotes(without_assignment(text)));
            if core.len() < text.len()
                && let Ok(object) = parse(core, depth)
            {
                return Ok(object);
            }
            Err(explained(core).or_else(|| explained(text)).unwrap_or(Unreadable::Broken(broken)))
        }
        other => other,
    }
}

fn parse(text: &str, depth: usize) -> Result<JsonObject, Unreadable> {
    match Json::parse(text.as_bytes())? {
        Json::Object(object) => Ok(object),
        Json::Text(text) => match depth.checked_sub(1) {
            // A text that is no JSON at all is a value of another kind, and not a broken object.
            Some(depth) if text.contains('{') => read(&text, depth),
            Some(_) => Err(explained(text.trim()).unwrap_or(Unreadable::NotAnObject)),
            None => Err(Unreadable::NotAnObject),
        },
        _ => Err(Unreadable::NotAnObject),
    }
}

/// UTF-16 with its byte order mark, as Windows PowerShell writes it.
fn utf16(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let (unit, rest): (fn([u8; 2]) -> u16, _) = match bytes {
        [0xff, 0xfe, rest @ ..] => (u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => (u16::from_be_bytes, rest),
        _ => return None,
    };
    let (units, []) = rest.as_chunks() else {
        return None;
    };
    // Three bytes of UTF-8 at most for two: growing would leave copies of a secret behind.
    let mut text = Zeroizing::new(String::with_capacity(rest.len().saturating_mul(2)));
    for character in char::decode_utf16(units.iter().copied().map(unit)) {
        text.push(character.ok()?);
    }
    Some(text)
}

/// `AICORE_SERVICE_KEY={…}`, also with `export`, and with quotes around the value.
fn without_assignment(text: &str) -> &str {
    assigned(text).filter(|value| value.starts_with('{') || quotes::inside(value).is_some()).unwrap_or(text)
}

/// The value of a line as in an `.env` file.
fn assigned(text: &str) -> Option<&str> {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    is_name.then(|| value.trim())
}

fn without_quotes(text: &str) -> &str {
    quotes::inside(text).filter(|inner| inner.contains('{')).unwrap_or(text)
}

/// What programs print for people before the JSON, as the Cloud Foundry CLI does.
fn without_lines_in_front(text: &str) -> &str {
    let Some(rest) = text.find('{').and_then(|start| text.get(start..)) else {
        return text;
    };
    let front = text.strip_suffix(rest).unwrap_or_default();
    if front.trim_end_matches([' ', '\t']).ends_with('\n') && !names_fields(front) { rest } else { text }
}

/// Whether a text speaks of a client's name or secret, as half of a service key would.
pub(super) fn names_fields(text: &str) -> bool {
    let text = Zeroizing::new(text.to_ascii_lowercase());
    ["clientid", "client_id", "clientsecret", "client_secret"].iter().any(|name| text.contains(name))
}

fn explained(text: &str) -> Option<Unreadable> {
    if text.starts_with("-----BEGIN ") {
        return Some(Unreadable::Pem);
    }
    let is_template = text.starts_with("{{") && text.ends_with("}}");
    let is_variable = ["${", "$("].iter().any(|start| text.starts_with(start));
    if is_template || is_variable || (text.starts_with('<') && text.ends_with('>')) {
        return Some(Unreadable::Placeholder);
    }
    let Some(inner) = text.strip_prefix('{') else {
        return explained_without_brace(text);
    };
    let mut first = inner.trim_start().chars();
    match first.next()? {
        '\'' => return Some(Unreadable::SingleQuotes),
        '\\' if first.next() == Some('"') => return Some(Unreadable::EscapedQuotes),
        character if quotes::is_typographic(character) => return Some(Unreadable::TypographicQuotes),
        character if character.is_alphabetic() => return Some(Unreadable::NamesWithoutQuotes),
        _ => {}
    }
    Some(if behind_first(text)?.contains('{') { Unreadable::SeveralObjects } else { Unreadable::TextBehind })
}

/// What follows the first object; none if there is no whole one.
fn behind_first(text: &str) -> Option<&str> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let _first = objects.next()?.ok()?;
    text.get(objects.byte_offset()..)
}

fn explained_without_brace(text: &str) -> Option<Unreadable> {
    let text = quotes::inside(text).unwrap_or(text);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    if names_fields(text) && lines().all(|line| assigned(line).is_some()) {
        return Some(Unreadable::EnvFile);
    }
    let is_field =
        |line: &str| line.split_once(':').is_some_and(|(name, _)| names_fields(name) && !name.contains('{'));
    if lines().any(is_field) {
        return Some(Unreadable::Yaml);
    }
    let behind = text.find('{').and_then(|start| text.get(start..)).map(behind_first)?;
    Some(match behind {
        Some(behind) if !behind.trim().is_empty() => Unreadable::TextAround,
        _ => Unreadable::TextInFront,
    })
}

#[cfg(test)]
mod tests;
