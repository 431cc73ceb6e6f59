//! `suspend` and `resume`: the field `spec.suspend`.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{
    Done, Failed,
    cli::ClusterArgs,
    cluster::{Cluster, FIELD_MANAGER},
};
use crate::k8s::error::within_limit;

pub(super) async fn run(args: &ClusterArgs, name: &str, suspend: bool) -> Result<Done, Failed> {
    let cluster = Cluster::connect(args).await?;
    let resources = cluster.resources();
    let failed = |error| cluster.failed(name, error);
    let before =
        cluster.understood(within_limit(resources.get(name)).await.map_err(failed)?)?.spec.suspended();
    let place = format!("{}/{name}", cluster.namespace);
    let text = match (suspend, before) {
        (true, true) => format!("{place} is suspended already"),
        (false, false) => format!("{place} is not suspended"),
        _ => {
            let params =
                PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            let patch = Patch::Merge(json!({ "spec": { "suspend": suspend } }));
            within_limit(resources.patch(name, &params, &patch)).await.map_err(failed)?;
            if suspend {
                format!("{place} suspended: nothing is sent to AI Core until it is resumed")
            } else {
                format!("{place} resumed: what changed meanwhile is sent to AI Core now")
            }
        }
    };
    Ok(Done::line(text, true))
}
