//! Bodies of requests, which hold a credential: made once, in a buffer of their own size, and erased when they were sent.

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::domain::tools::json_length::json_length;

/// The value as JSON.
pub(super) fn json(value: &impl Serialize) -> reqwest::Body {
    // A buffer that grows leaves copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(json_length(value)));
    // What is sent are structures of texts, which always serialise, into memory, which takes everything.
    let _ = serde_json::to_writer(&mut *body, value);
    erased(body)
}

/// The pairs as a form.
pub(super) fn form(pairs: &[(&str, &str)]) -> reqwest::Body {
    // Each byte is at most three, between `=` and `&`.
    let room = pairs.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut form = url::form_urlencoded::Serializer::new(String::with_capacity(room));
    let body = form.extend_pairs(pairs).finish();
    erased(Zeroizing::new(body.into_bytes()))
}

fn erased(body: Zeroizing<Vec<u8>>) -> reqwest::Body {
    Bytes::from_owner(Owner(body)).into()
}

struct Owner(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_what_was_given_without_room_to_spare() {
        let body = json(&serde_json::json!({ "data": "a\"b\u{1}ä" }));
        assert_eq!(body.as_bytes(), Some(r#"{"data":"a\"b\u0001ä"}"#.as_bytes()));
        let body = form(&[("client_id", "sb-1!b2|aicore!b3"), ("client_secret", "a b+c=")]);
        let expected = b"client_id=sb-1%21b2%7Caicore%21b3&client_secret=a+b%2Bc%3D";
        assert_eq!(body.as_bytes(), Some(&expected[..]));
    }
}
