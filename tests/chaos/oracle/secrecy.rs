//! No secret value in anything that people can see, in no usual encoding. All secret values hold one canary of letters and
//! digits, which JSON, URLs and shells leave as it is; in base64 it has three forms, by its place in the text.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::{credential::CANARY, recording::Record};

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let needles = needles();
    record
        .visible
        .iter()
        .filter_map(|(place, text)| {
            let (form, at) = needles.iter().find_map(|(form, needle)| Some((form, text.find(needle)?)))?;
            let before: String =
                text[..at].chars().rev().take(160).collect::<Vec<_>>().into_iter().rev().collect();
            Some(format!("{place}: a secret value ({form}) after {before:?}"))
        })
        .collect()
}

/// The canary as it may be seen.
fn needles() -> Vec<(&'static str, String)> {
    let mut needles = vec![("as it is", CANARY.to_owned())];
    for offset in 0..3 {
        let mut shifted = vec![b' '; offset];
        shifted.extend_from_slice(CANARY.as_bytes());
        // Without the characters that depend on what stands before and after.
        let (start, end) = (if offset == 0 { 0 } else { 4 }, shifted.len() / 3 * 4);
        needles.push(("base64", STANDARD_NO_PAD.encode(&shifted)[start..end].to_owned()));
    }
    let each =
        |form: fn(u8) -> String, between: &str| CANARY.bytes().map(form).collect::<Vec<_>>().join(between);
    needles.push(("hexadecimal", each(|byte| format!("{byte:02x}"), "")));
    needles.push(("percent", each(|byte| format!("%{byte:02X}"), "")));
    needles.push(("escaped", each(|byte| format!("\\u{byte:04x}"), "")));
    needles.push(("numbers", each(|byte| byte.to_string(), ", ")));
    needles
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::super::testing::{content, world};
    use super::*;

    fn found(text: &str) -> usize {
        let mut record = world();
        record.visible.push(("log".to_owned(), text.to_owned()));
        judge(&record).len()
    }

    #[test]
    fn a_credential_is_found_in_every_encoding() {
        let credential = content("r-s", 1).data()[".dockerconfigjson"].clone();
        assert_eq!(found(&credential), 1);
        assert_eq!(found(&serde_json::to_string(&credential).unwrap()), 1);
        for length in 0..3 {
            let text = format!("{}{credential}", "x".repeat(length));
            assert_eq!(found(&STANDARD.encode(&text)), 1);
            assert_eq!(found(&URL_SAFE.encode(&text)), 1);
        }
        assert_eq!(found(&format!("{:?}", credential.as_bytes())), 1);
        let each = |form: fn(u8) -> String| credential.bytes().map(form).collect::<Vec<_>>().concat();
        assert_eq!(found(&each(|byte| format!("{byte:02x}"))), 1);
        assert_eq!(found(&each(|byte| format!("%{byte:02X}"))), 1);
        let form: String = url::form_urlencoded::byte_serialize(credential.as_bytes()).collect();
        assert_eq!(found(&form), 1);
        assert_eq!(found("sent, reqwest, 202"), 0);
    }
}
