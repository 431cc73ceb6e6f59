//! Whether a namespace is going away.

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        core::v1::{Namespace, ObjectReference},
        events::v1::Event,
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tracing::warn;

use super::{
    error::{Error, REQUEST_TIMEOUT, within_limit},
    resources::FIELD_MANAGER,
};
use crate::domain::decide::observed::NamespaceState;

/// Whether the namespace is being deleted, or is gone. `now`: the time, for the event that is tried where it may not be looked at.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(crate) async fn state(client: &Client, namespace: &str, now: Timestamp) -> Result<NamespaceState, Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    match within_limit(api.get_metadata(namespace)).await {
        Ok(namespace) if namespace.metadata.deletion_timestamp.is_some() => Ok(NamespaceState::Terminating),
        Ok(_) => Ok(NamespaceState::Active),
        Err(Error::NotFound) => Ok(NamespaceState::Terminating),
        Err(Error::Forbidden(why)) => {
            warn!(
                namespace,
                error = why,
                "cannot see whether the namespace is being deleted: get on namespaces is missing"
            );
            Ok(by_trial(client, namespace, now).await.unwrap_or(NamespaceState::Hidden { why }))
        }
        Err(error) => Err(error),
    }
}

/// The API server takes nothing new in a namespace that is being deleted, and says so to whoever may create events there. This one is
/// not stored. `None`: that did not tell either.
async fn by_trial(client: &Client, namespace: &str, now: Timestamp) -> Option<NamespaceState> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let request = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let trial = trial(namespace, now);
    match tokio::time::timeout(REQUEST_TIMEOUT, api.create(&request, &trial)).await {
        Ok(Ok(_)) => Some(NamespaceState::Active),
        Ok(Err(error)) if is_of_terminating_namespace(&error) => Some(NamespaceState::Terminating),
        Ok(Err(_)) | Err(_) => None,
    }
}

fn trial(namespace: &str, now: Timestamp) -> Event {
    Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{FIELD_MANAGER}-")),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        type_: Some("Normal".to_owned()),
        reason: Some("Deleting".to_owned()),
        action: Some("Reconcile".to_owned()),
        reporting_controller: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(FIELD_MANAGER.to_owned()),
        regarding: Some(ObjectReference {
            namespace: Some(namespace.to_owned()),
            ..ObjectReference::default()
        }),
        ..Event::default()
    }
}

/// Whether the API server refuses because it takes nothing new in a namespace that is being deleted. Rights are not the cause.
pub(super) fn is_of_terminating_namespace(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.any(|cause| cause.reason == "NamespaceTerminating")
}
