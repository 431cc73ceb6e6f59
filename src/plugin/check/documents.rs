//! The documents of a file, JSON or YAML. What a text can blow up to is bounded before it is built, and parsers quote what they
//! do not understand, so only the place is taken from their errors.

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

/// # Errors
/// A sentence that says where the trouble is.
pub(super) fn read(text: &str) -> Result<Vec<Value>, String> {
    if is_json(text) {
        if json_values(text) > MAX_VALUES {
            return Err(format!("it holds more than {MAX_VALUES} values; give the part that matters"));
        }
        return serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().map_err(
            |error| format!("it is not valid JSON (line {}, column {})", error.line(), error.column()),
        );
    }
    serde_saphyr::from_multiple_with_options(text, limits()).map_err(|error| {
        let place = error
            .location()
            .map_or(String::new(), |place| format!(" (line {}, column {})", place.line(), place.column()));
        match cause(&error) {
            Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. } => format!(
                "it holds more than {MAX_VALUES} values or {MAX_DOCUMENTS} documents, or its aliases stand for too much{place}"
            ),
            _ => format!("it is not valid YAML{place}"),
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
