//! PEM texts as they arrive from service keys, brought back into the form that TLS libraries read.
//!
//! Only the markers, the alphabet and, of certificates, who issued whom are looked at; the rest is for the TLS library to judge:
//! whether a key belongs to its certificate too.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::domain::parse::certificate::{self, Certificate};

const CERTIFICATE: &str = "CERTIFICATE";
/// PKCS#8, PKCS#1 and SEC 1.
const PRIVATE_KEY_LABELS: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
const LINE_LENGTH: usize = 64;
/// The longest text that is read, in bytes. A certificate has some 2 KiB, a large private key 13.
const MAX_BYTES: usize = 64 * 1024;
/// The most blocks of a text, and so the longest chain.
const MAX_BLOCKS: usize = 16;

/// Why a text is not used: a phrase that follows the name of the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("has no PEM block that begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate,
    #[error("has a private key where a certificate belongs")]
    KeyForCertificate,
    #[error(
        "has a certificate request where a certificate belongs; store what the authority has issued for it"
    )]
    RequestForCertificate,
    #[error("has no PEM block with a private key (PKCS#8, PKCS#1 or EC)")]
    NoPrivateKey,
    #[error("has a certificate where the private key belongs")]
    CertificateForKey,
    #[error("has a public key where the private key belongs")]
    PublicKey,
    #[error("has a key in the form of OpenSSH; convert it to PKCS#8 (ssh-keygen -p -m PKCS8)")]
    OpenSsh,
    #[error("has more than one private key; keep the one that belongs to the certificate")]
    SeveralPrivateKeys,
    #[error("is encrypted with a passphrase, which the operator does not have; store the key unencrypted")]
    Encrypted,
    #[error("is base64-encoded once more; store the PEM text itself")]
    EncodedTwice,
    #[error(
        "is the name of a file; store what is in the file (kubectl create secret generic has --from-file for that)"
    )]
    FileName,
    #[error(
        "is DER in base64, without the lines -----BEGIN … and -----END … of PEM; store it as PEM (openssl x509 or openssl \
         pkey, -inform der)"
    )]
    Der,
    #[error(
        "is a PKCS#12 file (.p12, .pfx) in base64; store its certificate and its key as PEM (openssl pkcs12 -nodes)"
    )]
    Pkcs12,
    #[error(
        "is larger than 64 KiB or has more than {MAX_BLOCKS} PEM blocks, which those of a service key never are"
    )]
    TooLarge,
    #[error("is a damaged PEM text; copy it again from the service key")]
    Damaged,
}

/// The certificates of a chain and nothing else, so that a private key that was pasted into the same field does not travel as if
/// it were public. The client's own is the first: they are put in order where that follows from who issued whom.
pub(crate) fn certificate_chain(text: &str) -> Result<String, Malformed> {
    let blocks = blocks(text)?;
    let chain = blocks.iter().filter(|block| block.label == CERTIFICATE);
    let chain = chain.map(Block::rendered).collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() {
        let has = |is_label: fn(&str) -> bool| blocks.iter().any(|block| is_label(&block.label));
        return Err(if has(|label| label.ends_with("PRIVATE KEY")) {
            Malformed::KeyForCertificate
        } else if has(|label| label.ends_with("CERTIFICATE REQUEST")) {
            Malformed::RequestForCertificate
        } else {
            Malformed::NoCertificate.or_other_form(text)
        });
    }
    let decoded: Option<Vec<_>> = chain.iter().map(|pem| der(pem)).collect();
    let read: Option<Vec<_>> = decoded.iter().flatten().map(|der| Certificate::read(der)).collect();
    let order = read.filter(|read| read.len() == chain.len()).and_then(|read| certificate::order(&read));
    Ok(match order {
        Some(order) => {
            order.into_iter().filter_map(|place| chain.get(place)).map(|pem| pem.as_str()).collect()
        }
        None => chain.iter().map(|pem| pem.as_str()).collect(),
    })
}

/// The private key.
pub(crate) fn private_key(text: &str) -> Result<Zeroizing<String>, Malformed> {
    let blocks = blocks(text)?;
    let mut keys = blocks.iter().filter(|block| PRIVATE_KEY_LABELS.contains(&block.label.as_str()));
    let Some(first) = keys.next() else {
        let has = |is_label: fn(&str) -> bool| blocks.iter().any(|block| is_label(&block.label));
        return Err(if has(|label| label == "ENCRYPTED PRIVATE KEY") {
            Malformed::Encrypted
        } else if has(|label| label == "OPENSSH PRIVATE KEY") {
            Malformed::OpenSsh
        } else if has(|label| label == CERTIFICATE) {
            Malformed::CertificateForKey
        } else if has(|label| label.ends_with("PUBLIC KEY")) {
            Malformed::PublicKey
        } else {
            Malformed::NoPrivateKey.or_other_form(text)
        });
    };
    let key = first.rendered()?;
    for other in keys {
        if other.rendered()? != key {
            return Err(Malformed::SeveralPrivateKeys);
        }
    }
    Ok(key)
}

/// The content of the first block of a text that this module has rendered.
pub(crate) fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----\n")?;
    let (body, _) = rest.split_once("-----END ")?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

impl Malformed {
    /// What the text is, if it is neither PEM nor anything else.
    fn or_other_form(self, text: &str) -> Self {
        let text = text.trim();
        // `-----BEGIN ` in base64.
        if text.starts_with("LS0tLS1CRUdJTi") {
            Self::EncodedTwice
        } else if is_file_name(text) {
            Self::FileName
        } else {
            let spaceless = Zeroizing::new(text.split_whitespace().collect::<String>());
            let decoded = STANDARD.decode(&*spaceless).map(Zeroizing::new);
            decoded.ok().and_then(|bytes| binary_form(&bytes)).unwrap_or(self)
        }
    }
}

fn is_file_name(text: &str) -> bool {
    const ENDINGS: [&str; 7] = [".pem", ".crt", ".cer", ".key", ".der", ".p12", ".pfx"];
    let lower = text.to_ascii_lowercase();
    !text.contains(char::is_whitespace) && ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// What a SEQUENCE of ASN.1 is: PKCS#12 begins with its version, 3 (RFC 7292 §4).
fn binary_form(bytes: &[u8]) -> Option<Malformed> {
    let content = match bytes {
        // OpenSSL and Windows write PKCS#12 with and without a length.
        [0x30, 0x80, rest @ ..] | [0x30, 0x81, _, rest @ ..] | [0x30, 0x82, _, _, rest @ ..] => rest,
        [0x30, length, rest @ ..] if usize::from(*length) == rest.len() => rest,
        _ => return None,
    };
    Some(if content.starts_with(&[2, 1, 3]) { Malformed::Pkcs12 } else { Malformed::Der })
}

struct Block {
    label: String,
    body: Zeroizing<String>,
}

/// The blocks of a text. Line breaks may be real or written as `\n`, or may have become blanks.
fn blocks(text: &str) -> Result<Vec<Block>, Malformed> {
    if text.len() > MAX_BYTES {
        return Err(Malformed::TooLarge);
    }
    let text = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or(Malformed::Damaged)?;
        let (body, after) = after.split_once(&format!("-----END {label}-----")).ok_or(Malformed::Damaged)?;
        if blocks.len() == MAX_BLOCKS {
            return Err(Malformed::TooLarge);
        }
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
