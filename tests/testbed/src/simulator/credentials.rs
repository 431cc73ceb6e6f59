//! How a tenant's clients prove who they are.

use rustls::pki_types::CertificateDer;

use super::random;

/// One OAuth client and the secrets and certificates that it may use.
pub(super) struct Credentials {
    client_id: String,
    /// Of the subaccount.
    pub(super) zone_id: String,
    /// What service keys name.
    pub(super) secret: String,
    /// Earlier secrets that still work.
    kept: Vec<String>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Credentials {
    pub(super) fn random() -> Self {
        let client_id = format!("sb-{}!b{}|aicore!b{}", random::uuid(), random::number(), random::number());
        Self {
            client_id,
            zone_id: random::uuid(),
            secret: random::client_secret(),
            kept: Vec::new(),
            certificates: Vec::new(),
        }
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn accepts_secret(&self, client_id: &str, secret: &str) -> bool {
        client_id == self.client_id && (secret == self.secret || self.kept.iter().any(|kept| kept == secret))
    }

    pub(super) fn accepts_certificate(&self, client_id: &str, certificate: &CertificateDer<'_>) -> bool {
        client_id == self.client_id && self.certificates.iter().any(|known| known == certificate)
    }

    pub(super) fn rotate_secret(&mut self, new: String, keep_old: bool) {
        let old = std::mem::replace(&mut self.secret, new);
        if keep_old {
            self.kept.push(old);
        } else {
            self.kept.clear();
        }
    }

    pub(super) fn add_certificate(&mut self, certificate: CertificateDer<'static>) {
        self.certificates.push(certificate);
    }

    pub(super) fn revoke_certificates(&mut self) {
        self.certificates.clear();
    }
}
