//! Passwords that say when they end.

use base64::{
    Engine,
    alphabet::{Alphabet, STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::domain::parse::json::from_object;

/// Longer passwords are not looked into, in bytes. Those of ECR have some 2,500, and tokens less.
const LONGEST: usize = 16 * 1024;

/// Base64 of `{"`: how both forms begin.
const BEGINNING: &str = "eyJ";

const BASE64: GeneralPurpose = with_or_without_padding(&STANDARD);
const BASE64URL: GeneralPurpose = with_or_without_padding(&URL_SAFE);

const fn with_or_without_padding(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

/// The password of ECR: base64 of a JSON object. Amazon does not document its form, which has been the same for years
/// (aws-controllers-k8s/code-generator reads it too).
#[derive(Deserialize)]
struct Ecr {
    /// Seconds since 1970.
    expiration: f64,
}

/// Claims of a JSON Web Token (RFC 7519 §4.1.4).
#[derive(Deserialize)]
struct Claims {
    /// Seconds since 1970, with a fraction perhaps.
    exp: f64,
}

/// When the password ends, if it is the password of ECR, or a JSON Web Token with that claim.
pub(super) fn end(password: &str) -> Option<Timestamp> {
    // What a file ends with is no part of it.
    let password = password.trim_ascii_end();
    if password.len() > LONGEST || !password.starts_with(BEGINNING) {
        return None;
    }
    let mut parts = password.split('.');
    let seconds = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(whole), None, ..) => {
            let json = Zeroizing::new(BASE64.decode(whole).ok()?);
            from_object::<Ecr>(&json)?.expiration
        }
        (Some(_), Some(claims), Some(_), None) => {
            let json = Zeroizing::new(BASE64URL.decode(claims).ok()?);
            from_object::<Claims>(&json)?.exp
        }
        _ => return None,
    };
    Timestamp::from_duration(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}
