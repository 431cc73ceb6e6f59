//! What the authorization server answers to a token request (RFC 6749 §5.1), as strictly as it has to be read.

use std::{borrow::Cow, time::Duration};

use secrecy::SecretString;
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::aicore::{
    error_details::{UncheckedDetails, erase},
    exchange::Answer,
};

/// Life of a token whose answer names none that can be used. XSUAA always does (`expires_in`); this is shorter than any it
/// gives.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);
/// Longest life that is believed.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
/// Types of tokens that need a proof with each request, which no bearer of them has: such a token is of no use here.
const PROOF_TYPES: [&str; 4] = ["mac", "pop", "dpop", "hok"];

/// A token, and how long it may be used.
pub(super) struct Granted {
    pub(super) value: SecretString,
    pub(super) life: Duration,
}

/// Why an answer with 2xx is no token.
pub(super) enum Unreadable {
    /// It says what is wrong (RFC 6749 §5.2, with a status that does not belong to it).
    ErrorInstead(UncheckedDetails),
    /// It has another form.
    Form(&'static str),
}

/// Reads an answer. `access_token` is needed; what the rest says in another way than RFC 6749 has it does not make a token
/// unusable.
pub(super) fn read(answer: &Answer) -> Result<Granted, Unreadable> {
    if answer.cut {
        return Err(Unreadable::Form("it is larger than 64 KiB"));
    }
    let body = answer.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&answer.body);
    let mut value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(_) => serde_json::from_slice(&lenient(body)).map_err(|_| Unreadable::Form("it is not JSON"))?,
    };
    let granted = match &value {
        Value::Object(fields) => of_fields(fields).map_err(|form| {
            let details = UncheckedDetails::of_json(&value);
            if details.is_empty() { Unreadable::Form(form) } else { Unreadable::ErrorInstead(details) }
        }),
        _ => Err(Unreadable::Form("it is not a JSON object")),
    };
    erase(&mut value);
    granted
}

fn of_fields(fields: &Map<String, Value>) -> Result<Granted, &'static str> {
    let token = match fields.get("access_token") {
        None | Some(Value::Null) => return Err("access_token is missing"),
        Some(Value::String(token)) => token.trim(),
        Some(_) => return Err("access_token is not text"),
    };
    if token.is_empty() {
        return Err("access_token is empty");
    }
    if http::HeaderValue::from_str(token).is_err() {
        return Err("access_token has characters that no HTTP header may have");
    }
    let type_ = fields.get("token_type").and_then(Value::as_str).unwrap_or_default();
    if PROOF_TYPES.iter().any(|proof| type_.eq_ignore_ascii_case(proof)) {
        return Err("token_type names a kind of token that cannot be used as a bearer token");
    }
    Ok(Granted { life: life(fields.get("expires_in")), value: token.into() })
}

/// The text with `null` for numbers that some write and JSON, or a number of 64 bits, does not have: `NaN`, `Infinity`, `1e400`. What is
/// not UTF-8 is replaced.
fn lenient(body: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = String::from_utf8_lossy(body);
    // Room for all of it at once, as a buffer that grows leaves copies behind.
    let mut kept = Zeroizing::new(Vec::with_capacity(text.len() * 4));
    let (mut in_text, mut escaped, mut bare) = (false, false, 0..0);
    for (at, byte) in text.bytes().enumerate() {
        if !in_text && (byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            bare = if bare.end == at { bare.start..at + 1 } else { at..at + 1 };
            continue;
        }
        if bare.end == at && !bare.is_empty() {
            push_bare(&mut kept, text.get(bare.clone()).unwrap_or_default());
        }
        in_text = if byte == b'"' && !escaped { !in_text } else { in_text };
        escaped = in_text && byte == b'\\' && !escaped;
        kept.push(byte);
    }
    if let Cow::Owned(mut copy) = text {
        copy.zeroize();
    }
    kept
}

fn push_bare(kept: &mut Vec<u8>, word: &str) {
    let unknown = matches!(word.trim_start_matches('-'), "NaN" | "Infinity")
        || word.parse().is_ok_and(|number: f64| !number.is_finite());
    kept.extend_from_slice(if unknown { b"null" } else { word.as_bytes() });
}

/// From seconds as a number or as text, with a fraction or without. Below one second, which some write for "unknown" or "never",
/// it says nothing.
fn life(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    match seconds {
        Some(seconds) if seconds >= 1.0 => {
            Duration::try_from_secs_f64(seconds).map_or(LONGEST_LIFE, |life| life.min(LONGEST_LIFE))
        }
        _ => DEFAULT_LIFE,
    }
}

#[cfg(test)]
mod tests;
