//! Reads the one Secret that a resource names. The content of other Secrets never enters the process.

use kube::{Api, Client, ResourceExt};
use zeroize::Zeroizing;

use super::{
    error::{Error, within_limit},
    lean::Content,
};
use crate::domain::{
    object::ObjectKey,
    secret_data::{STALE_LABEL, SecretData},
};

/// A Secret's content and its version.
pub struct Read {
    /// What it holds.
    pub data: SecretData,
    /// `metadata.resourceVersion`.
    pub version: String,
}

/// Reads a Secret. `None` when there is none of the name.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn read(client: &Client, key: &ObjectKey) -> Result<Option<Read>, Error> {
    let api: Api<Content> = Api::namespaced(client.clone(), &key.namespace);
    let secret = match within_limit(api.get(&key.name)).await {
        Ok(secret) => secret,
        Err(Error::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stale = secret.labels().contains_key(STALE_LABEL);
    let version = secret.resource_version().unwrap_or_default();
    let values =
        secret.data.unwrap_or_default().into_iter().map(|(name, value)| (name, Zeroizing::new(value.0)));
    Ok(Some(Read { data: SecretData::new(&*key.name, secret.type_, stale, values.collect()), version }))
}
