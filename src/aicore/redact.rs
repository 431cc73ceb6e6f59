//! Takes secret values out of a text that came from outside, in every spelling in which a server may repeat them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};

/// What stands in place of a secret value.
const REDACTED: &str = "[redacted]";
/// The most that is shown of a server's message, in characters.
const SHOWN: usize = 300;

/// The secret values of one request.
#[derive(Default)]
pub(super) struct Redactor(Vec<SecretString>);

impl Redactor {
    /// Adds a value that must not be repeated. Empty values are ignored.
    pub(super) fn add(&mut self, value: &str) {
        if !value.is_empty() {
            self.0.push(value.into());
        }
    }

    /// The text without the values, without control characters, and at most 300 characters long.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut forms: Vec<String> =
            self.0.iter().flat_map(|value| spellings(value.expose_secret())).collect();
        // The longest first: a value that contains another must go as a whole.
        forms.sort_unstable_by_key(|form| std::cmp::Reverse(form.len()));
        for form in forms {
            if text.contains(&form) {
                text = text.replace(&form, REDACTED);
            }
        }
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        shorten(text.trim())
    }
}

/// Cut at a character, with an ellipsis.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// The value as it is, escaped as JSON (once and twice, as in a JSON text within JSON), percent-encoded, and in base64 at
/// each of the three alignments it may have inside a longer text.
fn spellings(value: &str) -> Vec<String> {
    let escaped = json_escaped(value);
    let mut all = vec![
        value.to_owned(),
        json_escaped(&escaped),
        url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        escaped,
    ];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        all.extend((0..3).filter_map(|offset| aligned_base64(value, offset, engine)));
    }
    all
}

fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value).to_owned()
}

/// The characters that `value` contributes to the base64 of a text in which it starts at `offset` modulo 3, without those
/// that depend on its neighbours.
fn aligned_base64(value: &str, offset: usize, engine: &impl Engine) -> Option<String> {
    let mut bytes = vec![0_u8; offset];
    bytes.extend_from_slice(value.as_bytes());
    let whole = bytes.len() * 8 / 6;
    let encoded = engine.encode(&bytes);
    let start = (offset * 8).div_ceil(6);
    let own = encoded.get(start..whole)?;
    // Fewer characters than this are part of many words.
    (own.len() >= 4).then(|| own.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(values: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for value in values {
            redactor.add(value);
        }
        redactor
    }

    #[test]
    fn takes_out_every_spelling() {
        let secret = "p\"ss/w0rd+!";
        let redactor = redactor(&[secret]);
        let auth = STANDARD_NO_PAD.encode(format!("user:{secret}"));
        let shifted = URL_SAFE_NO_PAD.encode(format!("u:{secret}:x"));
        let config = serde_json::json!({ "password": secret }).to_string();
        let body = serde_json::json!({ "data": config }).to_string();
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for text in [secret.to_owned(), auth, shifted, config, body, form] {
            let clean = redactor.clean(&format!("refused: {text} is wrong"));
            assert!(clean.contains(REDACTED), "{clean}");
            assert!(!clean.contains("w0rd"), "{clean}");
            let core = STANDARD_NO_PAD.encode("ss/w0rd");
            assert!(!clean.contains(&core), "{clean}");
        }
    }

    #[test]
    fn a_value_within_another_leaves_nothing() {
        assert_eq!(redactor(&["abc", "xabcx"]).clean("say xabcx"), "say [redacted]");
    }

    #[test]
    fn redacts_before_it_cuts() {
        let text = format!("{}{}", "a".repeat(295), "topsecret");
        let clean = redactor(&["topsecret"]).clean(&text);
        assert!(!clean.contains("tops"), "{clean}");
        assert_eq!(clean.chars().count(), 301);
    }

    #[test]
    fn shows_300_characters_and_no_control_characters() {
        assert_eq!(redactor(&[]).clean(&"ü".repeat(300)), "ü".repeat(300));
        assert_eq!(redactor(&[]).clean(&"ü".repeat(301)), format!("{}…", "ü".repeat(300)));
        assert_eq!(redactor(&[""]).clean("a\nb\u{7}c\n"), "a b c");
    }
}
