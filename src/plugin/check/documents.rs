//! The documents of a file, JSON or YAML. What a text can blow up to is bounded before it is built, and parsers quote what they
//! do not understand, so only the place is taken from their errors.

use std::fmt;

use serde_json::Value;
use serde_saphyr::{Error, Options, alias_limits, budget, options};

/// Most documents in a file.
pub(super) const MAX_DOCUMENTS: usize = 10_000;
/// Most values in a file: objects, lists, and what is in them. One takes some 100 bytes of memory.
const MAX_VALUES: usize = 500_000;
/// Most that aliases (`*name`) of YAML may stand for, in values.
const MAX_REPEATED: usize = 20_000;
/// Most aliases in a file, and most bytes of all texts, those of aliases included.
const MAX_ALIASES: usize = 1_000;
const MAX_TEXT: usize = 32 << 20;

/// Why a file has no documents that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("it holds more than {} values; give the part that matters", MAX_VALUES)]
    TooManyValues,
    #[error("it is not valid JSON{0}")]
    Json(Place),
    #[error("it is not valid YAML{0}")]
    Yaml(Place),
    #[error(
        "it holds more than {} values or {} documents, or its aliases stand for too much{place}",
        MAX_VALUES,
        MAX_DOCUMENTS
    )]
    Budget { place: Place },
}

/// Where in a file, if that is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place(Option<(u64, u64)>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

/// # Errors
/// What is wrong, and where, without anything of the text.
pub(super) fn read(text: &str) -> Result<Vec<Value>, Broken> {
    if is_json(text) {
        if json_values(text) > MAX_VALUES {
            return Err(Broken::TooManyValues);
        }
        return serde_json::Deserializer::from_str(text)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|error| Broken::Json(Place(Some((error.line() as u64, error.column() as u64)))));
    }
    serde_saphyr::from_multiple_with_options(text, limits()).map_err(|error| {
        let place = Place(error.location().map(|place| (place.line(), place.column())));
        match cause(&error) {
            Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. } => Broken::Budget { place },
            _ => Broken::Yaml(place),
        }
    })
}

/// What went wrong, without what the parser wraps it in.
fn cause(error: &Error) -> &Error {
    let mut cause = error;
    while let Error::WithSnippet { error, .. } | Error::AliasError { error, .. } = cause {
        cause = error;
    }
    cause
}

pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn limits() -> Options {
    options! {
        budget: budget! {
            max_documents: MAX_DOCUMENTS,
            max_nodes: MAX_VALUES,
            max_events: 4 * MAX_VALUES,
            max_aliases: MAX_ALIASES,
            max_total_scalar_bytes: MAX_TEXT,
        },
        alias_limits: alias_limits! { max_total_replayed_events: MAX_REPEATED },
        with_snippet: false,
    }
}

/// At least how many values a JSON text builds.
fn json_values(text: &str) -> usize {
    let (mut count, mut in_text, mut escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' | b',' | b':' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests;
