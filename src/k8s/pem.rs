//! PEM, checked before a TLS library sees it.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The certificates of a bundle in DER form.
///
/// # Errors
/// A phrase that follows the name of the file or field.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let found: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| "is not valid PEM".to_owned())?;
    if found.is_empty() {
        return Err("holds no certificate in PEM form".to_owned());
    }
    Ok(found.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// Certificates that a TLS library can take as roots.
///
/// # Errors
/// A phrase that follows the name of the file or field.
pub(crate) fn roots(pem: &[u8]) -> Result<(), String> {
    let certificates = certificates(pem)?;
    let mut store = RootCertStore::empty();
    for (number, der) in (1..).zip(certificates) {
        store
            .add(CertificateDer::from(der))
            .map_err(|_| format!("holds a certificate, number {number}, that is not valid X.509"))?;
    }
    Ok(())
}

/// Whether there is a private key.
pub(crate) fn has_private_key(pem: &[u8]) -> bool {
    PrivateKeyDer::from_pem_slice(pem).is_ok()
}
