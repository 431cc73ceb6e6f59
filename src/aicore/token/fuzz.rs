//! What authorization servers answer to a token request.

use std::time::Duration;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::answer::{self, Unreadable};
use crate::{
    aicore::{error_details::Message, exchange::Answer, redact::Sent},
    fuzz::{Outcome, Secrets, Syntax, Target, assert_hidden, fuzz},
};

const CLIENT_SECRET: &str = "kZ7qVw2Xp9Lm4Td8";

fn token_answer_attempt(input: &[u8]) -> Outcome {
    let answer = Answer { body: Zeroizing::new(input.to_vec()), cut: input.len() > 64 * 1024 };
    match answer::read(&answer) {
        Ok(granted) => {
            assert!(!answer.cut);
            assert!(granted.life >= Duration::from_secs(1) && granted.life <= Duration::from_hours(24));
            let token = granted.value.expose_secret();
            assert!(!token.is_empty() && http::HeaderValue::from_str(&format!("Bearer {token}")).is_ok());
            Outcome::of(("granted", granted.life.as_secs().ilog2()))
        }
        Err(Unreadable::Form(form)) => Outcome::of(form),
        Err(Unreadable::ErrorInstead(details)) => {
            let details = details.checked(&Sent { secrets: &[CLIENT_SECRET], ..Sent::default() });
            let shown = [details.code.as_deref(), details.request_id.as_deref()];
            let message = match &details.message {
                Message::Clean(text) => Some(text.as_str()),
                Message::None | Message::Withheld => None,
            };
            let secrets = || Secrets::default().secret(CLIENT_SECRET);
            shown.into_iter().chain([message]).flatten().for_each(|text| assert_hidden(text, secrets));
            Outcome::of((details.code.is_some(), details.request_id.is_some(), message.is_some()))
        }
    }
}

#[test]
fn token_answers() {
    let dictionary = &[
        "access_token",
        "token_type",
        "bearer",
        "Bearer",
        "DPoP",
        "expires_in",
        "scope",
        "jti",
        "error",
        "error_description",
        "invalid_client",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "kZ7qVw2Xp9Lm4Td8",
        "a1o3cVZ3MlhwOUxtNFRkOA==",
        "43199",
        "-1",
        "1e400",
        "NaN",
        "-Infinity",
        "0.99",
        "\u{feff}",
        "\r\n",
    ];
    fuzz(&Target {
        name: "token_answers",
        short: 2_000,
        syntax: Syntax::Json,
        dictionary,
        attempt: token_answer_attempt,
    });
}
