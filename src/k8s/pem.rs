//! PEM, checked before a TLS library sees it.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// Why a text cannot be used as certificates: a phrase that follows the name of the file or field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificates {
    /// Its form.
    #[error("is not valid PEM")]
    NotPem,
    /// There is none.
    #[error("holds no certificate in PEM form")]
    None,
    /// One of them.
    #[error("holds a certificate, number {number}, that is not valid X.509")]
    NotX509 {
        /// Which one, from 1 on.
        number: usize,
    },
}

/// The certificates of a bundle in DER form.
///
/// # Errors
/// When there are none.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, BadCertificates> {
    let found: Vec<CertificateDer<'_>> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| BadCertificates::NotPem)?;
    if found.is_empty() {
        return Err(BadCertificates::None);
    }
    Ok(found.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// Certificates that a TLS library can take as roots.
///
/// # Errors
/// When there are none, or it cannot take one of them.
pub(crate) fn roots(pem: &[u8]) -> Result<(), BadCertificates> {
    let certificates = certificates(pem)?;
    let mut store = RootCertStore::empty();
    for (number, der) in (1..).zip(certificates) {
        store.add(CertificateDer::from(der)).map_err(|_| BadCertificates::NotX509 { number })?;
    }
    Ok(())
}

/// Whether there is a private key.
pub(crate) fn has_private_key(pem: &[u8]) -> bool {
    PrivateKeyDer::from_pem_slice(pem).is_ok()
}
