//! `sync`: asks for a push now, and waits for what came of it.

use kube::{
    api::{Patch, PatchParams},
    runtime::wait::{self, await_condition},
};
use serde_json::json;

use super::{
    Done, Failed, age,
    cli::{ClusterArgs, SyncArgs},
    cluster::{Cluster, FIELD_MANAGER},
    status::unfinished,
};
use crate::{
    api::{
        AICoreRegistrySecret, REQUESTED_AT,
        condition::{self, READY},
    },
    clock,
    domain::decide::reason::Reason,
    error::{chain, root_cause},
    k8s::{
        error::{not_understood, within_limit},
        partial::UnvalidatedResource,
    },
};

pub(super) async fn run(args: &ClusterArgs, what: &SyncArgs) -> Result<Done, Failed> {
    let cluster = Cluster::connect(args).await?;
    let (name, resources) = (&*what.name, cluster.resources());
    let place = format!("{}/{name}", cluster.namespace);
    let value = clock::now().to_string();
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({ "metadata": { "annotations": { REQUESTED_AT: value } } }));
    let patched = within_limit(resources.patch(name, &params, &patch)).await;
    cluster.understood(patched.map_err(|error| cluster.failed(name, error))?)?;

    // What somebody has made incomprehensible meanwhile is not waited for.
    let answered = |resource: Option<&UnvalidatedResource>| {
        let resource = resource.cloned().map(UnvalidatedResource::check);
        resource.and_then(Result::ok).is_none_or(|resource| is_answered(&resource, &value))
    };
    match tokio::time::timeout(what.timeout, await_condition(resources, name, answered)).await {
        Ok(Ok(Some(resource))) => Ok(outcome(&place, &cluster.understood(resource)?)),
        Ok(Ok(None)) => Err(Failed::cluster(format_args!("{place} was deleted"))),
        Ok(Err(error)) => {
            Err(Failed::cluster(format_args!("{place} cannot be watched: {}", why_not_watched(&error))))
        }
        Err(_elapsed) => Err(Failed::cluster(format_args!(
            "the operator has not answered for {place} within {}; see whether it runs and watches this namespace, or wait \
             longer with --timeout",
            age::short(i64::try_from(what.timeout.as_secs()).unwrap_or(i64::MAX))
        ))),
    }
}

/// In the words of the request that failed, or of the innermost cause.
fn why_not_watched(error: &wait::Error) -> String {
    let of_request = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref() {
        Some(kube::Error::Api(status)) => Some(status.message.clone()),
        Some(kube::Error::SerdeError(error)) => Some(not_understood(error)),
        _ => None,
    };
    chain(error).find_map(of_request).unwrap_or_else(|| root_cause(error).to_string())
}

/// Whether this request has been answered, or a later one that took its place.
fn is_answered(resource: &AICoreRegistrySecret, value: &str) -> bool {
    let annotations = resource.metadata.annotations.as_ref();
    let requested = annotations.and_then(|annotations| annotations.get(REQUESTED_AT)).map(String::as_str);
    let handled = resource.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref());
    handled.is_some() && (handled == Some(value) || handled == requested)
}

/// The outcome is good when AI Core accepted the credential just now: a resource that is suspended, or whose repetition
/// failed, can be ready all the same.
fn outcome(place: &str, resource: &AICoreRegistrySecret) -> Done {
    let conditions = resource.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let ready = condition::find(conditions, READY);
    let (fine, last) = match (ready, unfinished(conditions)) {
        (Some(ready), None) => {
            (ready.status == "True" && ready.reason == Reason::Synced.as_str(), Some(ready))
        }
        (ready, next) => (false, next.or(ready)),
    };
    let text = match last {
        Some(condition) if fine => format!("{place} synced: {}", condition.message),
        Some(condition) => format!("{place} not synced: {}: {}", condition.reason, condition.message),
        None => format!("{place} not synced: the operator gave no outcome"),
    };
    Done::line(text, fine)
}

#[cfg(test)]
mod tests;
