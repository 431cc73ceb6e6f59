//! What the TLS library says about certificates, in words that quote nothing of them.

use std::{error::Error, io};

use rustls::CertificateError;

/// The TLS library's error among the causes. An [`io::Error`] does not count what it wraps among its sources.
pub(crate) fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    None
}

/// Why the server's certificate is not accepted: a phrase that follows it. `None` when the error is about something else.
pub(crate) fn why_not_trusted(error: &(dyn Error + 'static)) -> Option<&'static str> {
    match find(error)? {
        rustls::Error::InvalidCertificate(error) => Some(in_words(error)),
        _ => None,
    }
}

fn in_words(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer => "is signed by an authority that is not trusted",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another host name"
        }
        CertificateError::Revoked => "was revoked",
        _ => "is not accepted",
    }
}
