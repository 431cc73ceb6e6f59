//! PEM texts as they arrive from service keys, brought back into the form that TLS libraries read.
//!
//! Only the markers and the alphabet are looked at; what is inside is for the TLS library to judge.

use zeroize::Zeroizing;

/// PKCS#8, PKCS#1 and SEC 1.
const PRIVATE_KEY_LABELS: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
const LINE_LENGTH: usize = 64;

/// Why a text is not used: a phrase that follows the name of the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("has no PEM block that begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    #[error("has no PEM block with a private key (PKCS#8, PKCS#1 or EC)")]
    NoPrivateKey,
    #[error("is encrypted with a passphrase, which the operator does not have; store the key unencrypted")]
    Encrypted,
    #[error("is a damaged PEM text; copy it again from the service key")]
    Damaged,
}

/// The certificates of a chain, in their order and nothing else, so that a private key that was pasted into the
/// same field does not travel as if it were public.
pub(crate) fn certificate_chain(text: &str) -> Result<String, Malformed> {
    let mut chain = String::new();
    for block in blocks(text)?.iter().filter(|block| block.label == "CERTIFICATE") {
        chain.push_str(&block.rendered()?);
    }
    if chain.is_empty() { Err(Malformed::NoCertificate) } else { Ok(chain) }
}

/// The first private key.
pub(crate) fn private_key(text: &str) -> Result<Zeroizing<String>, Malformed> {
    let blocks = blocks(text)?;
    let key = blocks.iter().find(|block| PRIVATE_KEY_LABELS.contains(&block.label.as_str()));
    match key {
        Some(key) => key.rendered(),
        None if blocks.iter().any(|block| block.label == "ENCRYPTED PRIVATE KEY") => {
            Err(Malformed::Encrypted)
        }
        None => Err(Malformed::NoPrivateKey),
    }
}

struct Block {
    label: String,
    body: Zeroizing<String>,
}

/// The blocks of a text. Line breaks may be real or written as `\n`, or may have become blanks.
fn blocks(text: &str) -> Result<Vec<Block>, Malformed> {
    let text = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or(Malformed::Damaged)?;
        let (body, after) = after.split_once(&format!("-----END {label}-----")).ok_or(Malformed::Damaged)?;
        blocks.push(Block { label: label.to_owned(), body: Zeroizing::new(body.to_owned()) });
        rest = after;
    }
    Ok(blocks)
}

impl Block {
    /// Marker, base64 in lines of 64 characters, marker.
    fn rendered(&self) -> Result<Zeroizing<String>, Malformed> {
        // RFC 1421 headers, as old OpenSSL writes them into encrypted keys.
        if self.body.contains("Proc-Type:") && self.body.contains("ENCRYPTED") {
            return Err(Malformed::Encrypted);
        }
        let base64 = Zeroizing::new(self.body.split_whitespace().collect::<String>());
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if base64.is_empty() || !base64.bytes().all(is_base64) {
            return Err(Malformed::Damaged);
        }
        // Enough at once: growing would leave copies of a key behind.
        let mut pem =
            Zeroizing::new(String::with_capacity(base64.len().saturating_mul(2).saturating_add(256)));
        pem.extend(["-----BEGIN ", &self.label, "-----\n"]);
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at_checked(LINE_LENGTH).unwrap_or((rest, ""));
            pem.extend([line, "\n"]);
            rest = after;
        }
        pem.extend(["-----END ", &self.label, "-----\n"]);
        Ok(pem)
    }
}

#[cfg(test)]
pub(crate) mod tests;
