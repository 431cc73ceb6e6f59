//! What must not be shown of an input.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Secrets of the corpora. Nothing else has six characters in a row of them.
const CANARIES: [&str; 3] = ["kZ7qVw2Xp9Lm4Td8", "Rb5!nH3$yGt6&uJ1", "c4NaRy0fTh3K3yB1"];
/// So many characters in a row are a part of a secret.
const WIDTH: usize = 6;
/// Names of fields whose values are secrets, in lower case.
const TELLING: [&str; 10] = [
    "password",
    "auth",
    "identitytoken",
    "registrytoken",
    "clientsecret",
    "client_secret",
    "aicore_client_secret",
    "key",
    "access_token",
    "canary",
];
/// How often texts are looked into that hold JSON.
const DEPTH: usize = 4;

/// The texts of an input, by whether they may be shown.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    secret: Vec<String>,
    open: Vec<String>,
}

impl Secrets {
    /// Of JSON: what is under names that tell is secret, all other texts and all names are not. What is no JSON is secret as a whole.
    pub(crate) fn of_json(input: &[u8]) -> Self {
        let mut secrets = Self::default();
        // As whatever reads it does.
        let input = input.strip_prefix("\u{feff}".as_bytes()).unwrap_or(input);
        // A number that is too large for a value is read over where it is none of a credential.
        match serde_json::from_slice(input).or_else(|_| serde_json::from_slice(&with_small_numbers(input))) {
            Ok(value) => secrets.add(&value, false, DEPTH),
            Err(_) => secrets.secret.push(String::from_utf8_lossy(input).into_owned()),
        }
        secrets
    }

    /// The same of lines of JSON. What one of them says openly is no secret of another.
    pub(crate) fn of_json_lines(input: &[u8]) -> Self {
        input.split(|byte| *byte == b'\n').map(Self::of_json).fold(Self::default(), |mut all, line| {
            all.secret.extend(line.secret);
            all.open.extend(line.open);
            all
        })
    }

    /// One that is nothing but secret.
    pub(crate) fn secret(mut self, text: &str) -> Self {
        self.secret.push(text.to_owned());
        self
    }

    fn add(&mut self, value: &Value, secret: bool, depth: usize) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::Array(items) => items.iter().for_each(|item| self.add(item, secret, depth)),
            Value::Object(members) => {
                for (name, value) in members {
                    self.open.push(name.clone());
                    self.add(value, secret || TELLING.contains(&&*name.to_ascii_lowercase()), depth);
                }
            }
            Value::String(text) => self.text(text, secret, depth),
        }
    }

    fn text(&mut self, text: &str, secret: bool, depth: usize) {
        if let Some(depth) = depth.checked_sub(1)
            && let Ok(inner @ (Value::Object(_) | Value::Array(_) | Value::String(_))) =
                serde_json::from_str(text)
        {
            self.add(&inner, secret, depth);
        }
        if let Some(pair) = STANDARD.decode(text.trim()).ok().and_then(|pair| String::from_utf8(pair).ok()) {
            // A user name is none.
            let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
            self.open.push(user.to_owned());
            self.secret.push(password.to_owned());
        }
        if secret { &mut self.secret } else { &mut self.open }.push(text.to_owned());
    }
}

/// JSON with exponents that fit, outside of texts.
fn with_small_numbers(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    let (mut in_text, mut escaped) = (false, false);
    let mut rest = input;
    while let Some((&byte, tail)) = rest.split_first() {
        out.push(byte);
        rest = tail;
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
        } else if byte == b'"' {
            in_text = true;
        } else if byte.is_ascii_digit() {
            // What follows the first digit of a number, an exponent above all, says nothing here.
            let part = |byte: &u8| byte.is_ascii_digit() || b".eE+-".contains(byte);
            rest = rest.get(rest.iter().take_while(|byte| part(byte)).count()..).unwrap_or_default();
        }
    }
    out
}

/// Panics when the sentence shows a part of a secret. Which texts are secrets is asked only if one can be.
pub(crate) fn assert_hidden(sentence: &str, secrets: impl FnOnce() -> Secrets) {
    let parts = CANARIES
        .iter()
        .flat_map(|canary| (0..=canary.len() - WIDTH).map(|start| &canary[start..start + WIDTH]));
    let shown: Vec<&str> = parts.filter(|part| sentence.contains(part)).collect();
    if shown.is_empty() {
        return;
    }
    let Secrets { secret, open } = secrets();
    let has = |texts: &[String], part: &str| texts.iter().any(|text| text.contains(part));
    for part in shown {
        assert!(
            !has(&secret, part) || has(&open, part),
            "a part of a secret, {part:?}, is shown: {sentence}"
        );
    }
}

#[test]
fn a_part_of_a_secret_is_recognised_where_it_is_one() {
    let input = br#"{"auths": {"ghcr.io": {"password": "kZ7qVw2Xp9Lm4Td8"}}, "data": {"Vw2Xp9": 1}}"#;
    let secrets = || Secrets::of_json(input);
    assert_hidden("the registry \"ghcr.io\" has no user name", secrets);
    assert_hidden("there is no key \"Vw2Xp9\"", secrets);
    let odd = || Secrets::of_json(br#"{"w2Xp9L.s": "", "n": [-1.5e+400], "password": "1e400\"kZ7qVw2Xp9"}"#);
    assert_hidden("entry \"w2Xp9L.s\" is not the name of a registry", odd);
    assert!(std::panic::catch_unwind(|| assert_hidden("kZ7qVw", odd)).is_err());
    for shown in ["kZ7qVw", "a xp Xp9Lm4Td", "m4Td8 9Lm4Td8"] {
        assert!(std::panic::catch_unwind(|| assert_hidden(shown, secrets)).is_err(), "{shown}");
    }
}
