//! Signs tokens as distribution reads them (distribution, `docs/content/spec/auth/jwt.md`).

use anyhow::Context;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::SERVICE;
use crate::simulator::clock;

/// Names its key.
const KEY_ID: &str = "key of the test bed";
/// How long a token is good, and for how long it has been, in seconds.
const LIFE: i64 = 300;

/// A key that registries of a test trust.
#[derive(Debug)]
pub struct Signer(EcdsaKeyPair);

impl Signer {
    /// With a new key.
    pub fn new() -> anyhow::Result<Self> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map(Self)
            .ok()
            .context("a key cannot be made")
    }

    #[expect(clippy::unused_self, reason = "it is the signer's name")]
    pub(super) fn issuer(&self) -> &'static str {
        "test bed"
    }

    /// RFC 7517, with the public key alone.
    pub(super) fn key_set(&self) -> Value {
        // Uncompressed: a byte that says so, then the two coordinates.
        let point = self.0.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }] })
    }

    /// A token that allows the actions on the repositories, and none without any.
    pub fn token(&self, subject: &str, allowed: &[(&str, &[&str])]) -> anyhow::Result<String> {
        let now = clock::now().as_second();
        let access: Vec<Value> = allowed
            .iter()
            .map(|(name, actions)| json!({ "type": "repository", "name": name, "actions": actions }))
            .collect();
        let claims = json!({
            "iss": self.issuer(), "sub": subject, "aud": SERVICE, "jti": format!("{subject}-{now}"),
            "iat": now, "nbf": now - LIFE, "exp": now + LIFE, "access": access,
        });
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": KEY_ID });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.ok().context("a token cannot be signed")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
