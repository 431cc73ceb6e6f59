//! What can go wrong with a request to the API server.

use std::time::Duration;

use crate::{
    domain::{parse::bounds, tools::invalid::Invalid},
    error::root_cause,
    tls_error::Untrusted,
};

/// Limit on a request that is no watch.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A request to the API server that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object (any more).
    #[error("not found")]
    NotFound,
    /// The object is no longer the one that the request was made for: somebody has changed its spec.
    #[error("the resource was changed in between")]
    Outdated,
    /// The operator's ServiceAccount may not do this.
    #[error("the operator is not allowed to do this: {0}")]
    Forbidden(String),
    /// The API server did not answer in time.
    #[error("the API server did not answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
    /// The API server refused, with its message.
    #[error("the API server answered {code}: {message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// `message` of the `Status`.
        message: String,
    },
    /// The answer is larger than what is read of one.
    #[error("the API server's answer is too large")]
    TooLarge,
    /// The answer is not what it should be; why, without anything of it.
    #[error("the API server's answer cannot be used: {0}")]
    Garbled(&'static str),
    /// A Secret is larger than a credential can be; a sentence for its owner.
    #[error("{0}")]
    Oversized(Invalid),
    /// There was no usable answer.
    #[error("the API server could not be reached: {0}")]
    Unreachable(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            // The Display of this variant has the Debug form of the whole Status in it.
            kube::Error::Api(status) => {
                let message = bounds::cut(status.message, bounds::MESSAGE);
                match status.code {
                    404 => Self::NotFound,
                    403 => Self::Forbidden(message),
                    code => Self::Refused { code, message },
                }
            }
            kube::Error::SerdeError(_) => Self::Garbled("it is not the JSON that was asked for"),
            other => Self::Unreachable(describe(&other)),
        }
    }
}

/// The innermost cause, which says most. The text of an error of serde can quote what was read, so only its place is shown.
#[must_use]
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(why) = Untrusted::of(error) {
        return format!(
            "its TLS certificate {why}; check certificate-authority and server of the cluster in the kubeconfig"
        );
    }
    let cause = root_cause(error);
    match cause.downcast_ref::<serde_json::Error>() {
        Some(json) => {
            format!(
                "an answer is not the JSON that was asked for (line {}, column {})",
                json.line(),
                json.column()
            )
        }
        None => cause.to_string(),
    }
}

/// An answer that is not what was asked for, by its place alone.
pub(crate) fn not_understood(error: &serde_json::Error) -> String {
    format!("its answer is not what was asked for (line {}, column {})", error.line(), error.column())
}

/// Runs a request with the limit on time.
///
/// # Errors
/// What the API server refused, or that it did not answer.
pub(crate) async fn within_limit<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(result) => result.map_err(Error::from),
        Err(_) => Err(Error::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_is_told_with_what_to_check() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = kube::Error::Service(std::io::Error::other(tls).into());
        assert_eq!(
            Error::from(error).to_string(),
            "the API server could not be reached: its TLS certificate is signed by an authority that is not trusted; check \
             certificate-authority and server of the cluster in the kubeconfig"
        );
    }

    #[test]
    fn an_error_of_serde_is_shown_without_what_it_quotes() {
        let json = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert!(json.to_string().contains("hunter2"));
        let error = kube::runtime::watcher::Error::WatchFailed(kube::Error::SerdeError(json));
        let shown = describe(&error);
        assert_eq!(shown, "an answer is not the JSON that was asked for (line 1, column 9)");
        let json = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        let shown = Error::from(kube::Error::SerdeError(json));
        assert!(!format!("{shown} {shown:?}").contains("hunter2"));
    }
}
