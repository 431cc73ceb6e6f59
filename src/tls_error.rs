//! What the TLS library says about certificates, in words that quote nothing of them.

use std::{error::Error, fmt, io};

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

/// Why a server's certificate is not accepted. Shown it is a phrase that follows the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// Nobody who is trusted has signed it.
    UnknownIssuer,
    /// Its time is over.
    Expired,
    /// Its time is still to come.
    NotValidYet,
    /// It does not name the host that was asked for.
    OtherName,
    /// It was revoked.
    Revoked,
    /// Something else is wrong with it.
    Other,
}

impl Untrusted {
    /// `None` when the error is about something else.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        match find(error)? {
            rustls::Error::InvalidCertificate(error) => Some(error.into()),
            _ => None,
        }
    }
}

impl From<&CertificateError> for Untrusted {
    fn from(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotValidYet,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName
            }
            CertificateError::Revoked => Self::Revoked,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "is signed by an authority that is not trusted",
            Self::Expired => "has expired",
            Self::NotValidYet => "is not valid yet",
            Self::OtherName => "is for another host name",
            Self::Revoked => "was revoked",
            Self::Other => "is not accepted",
        })
    }
}
