//! The ways in which servers write a text that they quote.
#![expect(clippy::format_collect, reason = "short texts, and the format says what is written for each byte")]

use std::fmt::Write;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

/// A name, and what it makes of a text.
pub(super) type Encoder = (&'static str, fn(&str) -> String);

pub(super) const ENCODERS: [Encoder; 24] = [
    ("as it is", str::to_owned),
    ("Go json.Marshal", |text| go_json(text)),
    ("Python json.dumps", |text| python_json(text)),
    ("PHP json_encode", |text| python_json(text).replace('/', "\\/")),
    ("upper-case \\u", |text| text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()),
    ("Rust escape_unicode", |text| text.escape_unicode().to_string()),
    ("Python bytes repr", |text| {
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("\\x{byte:02x}")
                }
            })
            .collect()
    }),
    ("C octal", |text| text.bytes().map(|byte| format!("\\{byte:03o}")).collect()),
    ("encodeURIComponent", |text| percent(text, b"-_.!~*'()", false)),
    ("RFC 3986, lower case", |text| percent(text, b"-_.~", true)),
    ("JavaScript escape", |text| text.encode_utf16().map(|unit| format!("%u{unit:04x}")).collect()),
    ("form", |text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect()),
    ("HTML, named", |text| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('ä', "&auml;")
    }),
    ("HTML, decimal", |text| text.chars().map(|c| format!("&#{};", u32::from(c))).collect()),
    ("HTML, hex", |text| text.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect()),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 of user:password", |text| STANDARD_NO_PAD.encode(format!("u:{text}"))),
    ("base64url, third alignment", |text| URL_SAFE.encode(format!("u1:{text}:x"))),
    ("base64url without padding, in a word", |text| format!("auth{}", URL_SAFE_NO_PAD.encode(text))),
    ("base64, wrapped", |text| wrapped(&STANDARD.encode(format!("{{\"password\":\"{text}\"}}")), 16)),
    ("base64 of UTF-16", |text| {
        STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
    }),
    ("hex", |text| text.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ("hex, separated", |text| text.bytes().map(|byte| format!("0x{byte:02X}, ")).collect()),
    ("numbers", |text| format!("{:?}", text.as_bytes())),
];

fn go_json(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

fn python_json(text: &str) -> String {
    serde_json::to_string(text).unwrap().encode_utf16().fold(String::new(), |mut out, unit| {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => out.push(char::from(byte)),
            _ => write!(out, "\\u{unit:04x}").unwrap(),
        }
        out
    })
}

fn percent(text: &str, plain: &[u8], lower: bool) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || plain.contains(&byte) => char::from(byte).to_string(),
            byte if lower => format!("%{byte:02x}"),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn wrapped(text: &str, width: usize) -> String {
    let lines = text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line));
    lines.collect::<Vec<_>>().join("\r\n")
}
