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
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("7199", 7199.0)]
    #[case(r#""7199""#, 7199.0)]
    #[case(r#"" 3600.0 ""#, 3600.0)]
    #[case("3599.5", 3599.5)]
    #[case(r#""3.6e3""#, 3600.0)]
    #[case("1e300", 86_400.0)]
    #[case("99999999999999999999999999", 86_400.0)]
    #[case(r#""inf""#, 86_400.0)]
    #[case("0", 300.0)]
    #[case("-1", 300.0)]
    #[case("-0.5", 300.0)]
    #[case("0.3", 300.0)]
    #[case(r#""NaN""#, 300.0)]
    #[case(r#""soon""#, 300.0)]
    #[case("null", 300.0)]
    #[case("true", 300.0)]
    #[case("[3600]", 300.0)]
    fn a_life_is_read_in_whatever_way_it_is_written(#[case] expires_in: &str, #[case] seconds: f64) {
        let body = format!(r#"{{"access_token":"abc","token_type":"bearer","expires_in":{expires_in}}}"#);
        let granted = read(body.as_bytes()).ok().unwrap();
        assert_eq!(granted.life, Duration::from_secs_f64(seconds));
        assert_eq!(granted.value.expose_secret(), "abc");
    }

    #[test]
    fn a_life_and_a_type_may_be_missing() {
        let granted = read(br#"{"access_token":"abc"}"#).ok().unwrap();
        assert_eq!(granted.life, DEFAULT_LIFE);
        for token_type in [r#""Bearer""#, r#""BearerToken""#, r#""jwt""#, "null", "7", r#""""#] {
            let body = format!(r#"{{"access_token":"abc","token_type":{token_type}}}"#);
            assert!(read(body.as_bytes()).is_ok(), "{token_type}");
        }
    }

    #[rstest]
    #[case("", "it is not JSON")]
    #[case("<html>", "it is not JSON")]
    #[case("[]", "it is not a JSON object")]
    #[case("{}", "access_token is missing")]
    #[case(r#"{"access_token":null}"#, "access_token is missing")]
    #[case(r#"{"access_token":""}"#, "access_token is empty")]
    #[case(r#"{"access_token":7}"#, "access_token is not text")]
    #[case(r#"{"access_token":["abc"]}"#, "access_token is not text")]
    #[case(r#"{"access_token":"a\nb"}"#, "access_token has characters that no HTTP header may have")]
    #[case(
        r#"{"access_token":"abc","token_type":"DPoP"}"#,
        "token_type names a kind of token that cannot be used as a bearer token"
    )]
    fn what_is_no_token_says_why(#[case] body: &str, #[case] why: &str) {
        let Err(Unreadable::Form(form)) = read(body.as_bytes()) else { panic!("{body}") };
        assert_eq!(form, why, "{body}");
    }

    #[rstest]
    #[case(r#"{"error":"invalid_client","error_description":"no such client"}"#)]
    #[case(r#"{"error":"invalid_client","error_description":"no such client","access_token":""}"#)]
    #[case(r#"{"error":"invalid_client","error_description":"no such client","access_token":null}"#)]
    fn an_error_with_a_good_status_is_heard(#[case] body: &str) {
        let Err(Unreadable::ErrorInstead(details)) = read(body.as_bytes()) else { panic!("{body}") };
        assert_eq!(details.code.as_ref().unwrap().as_str(), "invalid_client");
        assert_eq!(details.message.as_ref().unwrap().as_str(), "no such client");
    }
}
