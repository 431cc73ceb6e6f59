//! Whether a namespace is going away.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use tracing::warn;

use super::error::{Error, within_limit};

/// Whether the namespace is being deleted, or is gone.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(crate) async fn is_terminating(client: &Client, namespace: &str) -> Result<bool, Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    match within_limit(api.get_metadata(namespace)).await {
        Ok(namespace) => Ok(namespace.metadata.deletion_timestamp.is_some()),
        Err(Error::NotFound) => Ok(true),
        // Without the right to look, the resource waits as in a namespace that stays; its message says how to release it.
        Err(Error::Forbidden(message)) => {
            warn!(namespace, error = message, "cannot see whether the namespace is being deleted");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
