//! What the authorization server answers to a token request (RFC 6749 §5.1), as strictly as it has to be read.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::aicore::error_details::UncheckedDetails;

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

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: Option<Value>,
    token_type: Option<Value>,
}

/// Reads an answer. `access_token` is needed; what the rest says in another way than RFC 6749 has it does not make a token
/// unusable.
pub(super) fn read(body: &[u8]) -> Result<Granted, Unreadable> {
    let Ok(answer) = serde_json::from_slice::<TokenAnswer>(body) else {
        return Err(unreadable(body));
    };
    let token = answer.access_token.expose_secret();
    if token.is_empty() {
        return Err(unreadable(body));
    }
    if http::HeaderValue::from_str(token).is_err() {
        return Err(Unreadable::Form("access_token has characters that no HTTP header may have"));
    }
    let type_ = answer.token_type.as_ref().and_then(Value::as_str).unwrap_or_default();
    if PROOF_TYPES.iter().any(|proof| type_.eq_ignore_ascii_case(proof)) {
        return Err(Unreadable::Form(
            "token_type names a kind of token that cannot be used as a bearer token",
        ));
    }
    Ok(Granted { life: life(answer.expires_in.as_ref()), value: answer.access_token })
}

fn unreadable(body: &[u8]) -> Unreadable {
    match serde_json::from_slice::<Value>(body) {
        Err(_) => Unreadable::Form("it is not JSON"),
        Ok(Value::Object(fields)) => {
            let token = fields.get("access_token").cloned();
            let details = UncheckedDetails::of_json(&Value::Object(fields));
            match token {
                _ if !details.is_empty() => Unreadable::ErrorInstead(details),
                None | Some(Value::Null) => Unreadable::Form("access_token is missing"),
                Some(Value::String(_)) => Unreadable::Form("access_token is empty"),
                Some(_) => Unreadable::Form("access_token is not text"),
            }
        }
        Ok(_) => Unreadable::Form("it is not a JSON object"),
    }
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
