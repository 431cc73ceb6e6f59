//! Whether a namespace is going away.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};

use super::error::{Error, within_limit};

/// Whether the namespace is being deleted, or is gone.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn is_terminating(client: &Client, namespace: &str) -> Result<bool, Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    match within_limit(api.get_metadata(namespace)).await {
        Ok(namespace) => Ok(namespace.metadata.deletion_timestamp.is_some()),
        Err(Error::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}
