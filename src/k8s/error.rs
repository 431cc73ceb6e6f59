//! What can go wrong with a request to the API server.

use std::time::Duration;

/// Limit on a request that is no watch.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A request to the API server that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object (any more).
    #[error("not found")]
    NotFound,
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
    /// There was no usable answer.
    #[error("the API server could not be reached: {0}")]
    Unreachable(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            // The Display of this variant has the Debug form of the whole Status in it.
            kube::Error::Api(status) => match status.code {
                404 => Self::NotFound,
                403 => Self::Forbidden(status.message),
                code => Self::Refused { code, message: status.message },
            },
            other => {
                let mut cause: &dyn std::error::Error = &other;
                while let Some(source) = cause.source() {
                    cause = source;
                }
                Self::Unreachable(cause.to_string())
            }
        }
    }
}

/// Runs a request with the limit on time.
///
/// # Errors
/// What the API server refused, or that it did not answer.
pub async fn within_limit<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(result) => result.map_err(Error::from),
        Err(_) => Err(Error::Timeout),
    }
}
