//! What the TLS library says about certificates, in words that quote nothing of them.

use std::{error::Error, fmt};

use rustls::CertificateError;

use crate::error::deep_chain;

/// The TLS library's error among the causes.
pub(crate) fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    deep_chain(error).find_map(<dyn Error>::downcast_ref)
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
            // The signature does not fit where an authority of the same name is trusted, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
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
