//! TLS: whom all clients trust, what one client proves, and what a failed handshake was about.

use std::sync::Arc;

use rustls::{
    AlertDescription, ClientConfig, ConfigBuilder,
    client::{Resumption, WantsClientCert, danger::ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_platform_verifier::Verifier;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

use crate::tls_error;

/// Why the certificate authorities to trust cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The additional certificates.
    #[error("the additional certificates are not valid PEM")]
    Pem(#[from] pem::Error),
    /// The TLS library takes none of them, or there are none.
    #[error("the TLS library cannot use the certificates to trust")]
    Tls(#[from] rustls::Error),
}

/// Why a certificate and its private key cannot be used for TLS: a clause that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate's form.
    #[error("the certificate is not readable PEM; copy it again from the service key")]
    CertificateNotPem,
    /// What the certificate holds.
    #[error("the certificate is damaged; copy it again from the service key")]
    CertificateDamaged,
    /// The key's form.
    #[error("the private key is not readable PEM; copy it again from the service key")]
    KeyNotPem,
    /// What the key holds.
    #[error(
        "the private key is damaged, or neither an RSA nor an EC key; copy it again from the service key"
    )]
    KeyDamaged,
    /// Each is sound by itself.
    #[error("the private key does not belong to the certificate; store both from the same service key")]
    KeyOfAnother,
    /// A library refuses its settings, whatever the certificate.
    #[error("the HTTP client cannot be set up: {cause}")]
    Setup {
        /// What the library says.
        cause: String,
    },
}

/// The certificate authorities that all clients trust: one store for the whole process, whatever the number of clients.
pub(crate) struct Trust {
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
}

impl Trust {
    /// The system's authorities, and those in the PEM text.
    ///
    /// # Errors
    /// When there are none at all, or the PEM text cannot be read.
    pub(crate) fn new(extra_roots_pem: Option<&[u8]>) -> Result<Self, TrustError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let extra: Vec<CertificateDer<'static>> = match extra_roots_pem {
            None => Vec::new(),
            Some(pem) => CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?,
        };
        let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?;
        Ok(Self { provider, verifier: Arc::new(verifier) })
    }

    /// For a client that shows no certificate.
    pub(crate) fn anonymous(&self) -> Result<ClientConfig, rustls::Error> {
        Ok(http(self.builder()?.with_no_client_auth()))
    }

    /// For a client that shows the certificate in the PEM text, whose issuers may follow it, and proves it by the private key.
    ///
    /// # Errors
    /// What is wrong with the two, instead of what the TLS library says.
    pub(super) fn identified(
        &self,
        certificate_chain: &str,
        private_key: &SecretString,
    ) -> Result<ClientConfig, IdentityError> {
        let chain = CertificateDer::pem_slice_iter(certificate_chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| IdentityError::CertificateNotPem)?;
        let mut der = PrivateKeyDer::from_pem_slice(private_key.expose_secret().as_bytes())
            .map_err(|_| IdentityError::KeyNotPem)?;
        let key = aws_lc_rs::sign::any_supported_type(&der);
        der.zeroize();
        let key = key.map_err(|_| IdentityError::KeyDamaged)?;
        let identity = CertifiedKey::new(chain, key);
        identity.keys_match().map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => IdentityError::KeyOfAnother,
            _ => IdentityError::CertificateDamaged,
        })?;
        let resolver = Arc::new(SingleCertAndKey::from(identity));
        let builder = self.builder().map_err(|error| IdentityError::Setup { cause: error.to_string() })?;
        let mut config = http(builder.with_client_cert_resolver(resolver));
        // A token is asked for every few hours, when a session to resume would be gone; the store is the larger part of a client.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn builder(&self) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::clone(&self.verifier)))
    }
}

/// With the protocols that the HTTP client speaks.
fn http(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Which certificate a handshake failed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    /// The server refused ours, for this reason. With TLS 1.3 it says so after the handshake, in answer to the first request.
    OursRefused(&'static str),
    /// The server asks for one, and got none.
    OursMissing,
    /// The server's is not accepted here.
    TheirsRefused,
}

impl Handshake {
    /// By the types of the error's causes.
    pub(super) fn of(error: &reqwest::Error) -> Option<Self> {
        match tls_error::find(error)? {
            rustls::Error::AlertReceived(
                AlertDescription::NoCertificate | AlertDescription::CertificateRequired,
            ) => Some(Self::OursMissing),
            rustls::Error::AlertReceived(alert) => about_ours(*alert).map(Self::OursRefused),
            rustls::Error::InvalidCertificate(_) => Some(Self::TheirsRefused),
            _ => None,
        }
    }
}

/// The alerts that are about the certificate of the one who receives them (RFC 8446 §6.2, RFC 5246 §7.2.2).
fn about_ours(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateExpired => "it has expired",
        AlertDescription::CertificateRevoked => "it was revoked",
        AlertDescription::UnknownCA => "its issuer is not known there",
        AlertDescription::AccessDenied => "it gives no access",
        AlertDescription::BadCertificate => "it is corrupt or its signature is wrong",
        AlertDescription::UnsupportedCertificate => "certificates of its kind are not accepted",
        AlertDescription::CertificateUnknown => "it is not accepted",
        AlertDescription::DecryptError => "the proof by its private key is wrong",
        _ => return None,
    })
}
