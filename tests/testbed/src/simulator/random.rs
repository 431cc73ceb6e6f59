//! Identifiers and credentials that nobody can guess, also not a test that forgot to ask for them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator works");
    bytes
}

/// A random UUID (version 4).
pub(super) fn uuid() -> String {
    let value = u128::from_be_bytes(bytes());
    let value = (value & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{value:032x}");
    let part = |range| hex.get(range).expect("there are 32 digits");
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// An access token: 64 characters of the base64url alphabet.
pub(super) fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<48>())
}

/// A client secret in the form of XSUAA: it holds a `$` and ends in `=`.
pub(super) fn client_secret() -> String {
    format!("{}${}", uuid(), STANDARD.encode(bytes::<32>()))
}

/// A number of up to six digits.
pub(super) fn number() -> u32 {
    u32::from_be_bytes(bytes()) % 1_000_000
}
