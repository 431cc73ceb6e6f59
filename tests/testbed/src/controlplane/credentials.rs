//! Generated credentials of one control plane: the administrator's token and the keys of service account
//! tokens.

use std::{fmt::Write as _, fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context;
use aws_lc_rs::{
    encoding::AsDer,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// `bytes` random bytes in hexadecimal.
pub(super) fn random(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut random).expect("the system gives random bytes");
    hex(&random)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes the key pair that service account tokens are signed and checked with: P-256, as PKCS#8 and
/// `SubjectPublicKeyInfo` in PEM.
pub(super) fn write_service_account_keys(private: &Path, public: &Path) -> anyhow::Result<()> {
    let unspecified = |_| anyhow::anyhow!("cannot generate the ServiceAccount key");
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(unspecified)?;
    let key = pair.to_pkcs8v1().map_err(unspecified)?;
    write_private(private, &pem("PRIVATE KEY", key.as_ref()))?;
    write_private(public, &pem("PUBLIC KEY", pair.public_key().as_der().map_err(unspecified)?.as_ref()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Writes a file that only this user can read.
pub(super) fn write_private(path: &Path, content: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
