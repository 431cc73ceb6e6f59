//! The keyed digest of what was sent, which tells a change from a repetition without keeping the credential.

use std::fmt::{self, Write};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;

use crate::domain::parse::{api_url::Tenant, docker_config::Payload, service_key::ServiceKey};

const VERSION: &str = "v1:";

/// HMAC-SHA-256, cut to 128 bits, over payload, remote name and API URL, keyed with the secret of the AI Core service key:
/// who can read the resource only cannot try out passwords against it.
#[derive(Clone, PartialEq, Eq)]
pub struct PayloadDigest(String);

impl PayloadDigest {
    /// The digest of what a push would send.
    #[must_use]
    pub fn of(payload: &Payload, remote_name: &str, service_key: &ServiceKey, tenant: &Tenant) -> Self {
        let key = service_key.hmac_key().expose_secret().as_bytes();
        // HMAC takes keys of any length (RFC 2104); the error type is that of fixed-length constructions.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return Self(String::new());
        };
        for part in [payload.expose(), remote_name, &tenant.api_url] {
            // The length first, so that no two different triples give the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let bytes = mac.finalize().into_bytes();
        let mut text = String::with_capacity(VERSION.len() + 32);
        text.push_str(VERSION);
        for byte in bytes.iter().take(16) {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// As it stands in the status.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PayloadDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a digest in a status was made by a version of the operator whose digests mean the same as today's.
#[must_use]
pub(crate) fn is_known_version(digest: &str) -> bool {
    digest.starts_with(VERSION)
}

#[cfg(test)]
mod tests;
