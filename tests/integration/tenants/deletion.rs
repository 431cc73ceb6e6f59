//! What becomes of resources, and of what they hold in AI Core, when what they depend on goes.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::DeleteParams};
use serde_json::json;
use testbed::controlplane::{ControlPlane, Options};

use super::{Platform, payload, rotate};
use crate::{
    cluster::install_crd,
    world::{Conditions, operation::DELETE},
};

/// As when a key goes: AI Core still holds what it held, and nobody says otherwise until something is to be sent.
#[tokio::test]
async fn a_tenant_that_goes_is_as_a_key_that_goes() {
    let platform = Platform::new("going").await;
    let team = platform.team("going-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.resource(&team, "pull", json!({})).await;
    team.wait_ready("pull").await;
    platform.wait_valid().await;
    platform.stop_sharing().await;
    let waiting = team.wait_reason("pull", "TenantNotFound").await;
    assert_eq!(
        (&*waiting.condition("Ready").status, &*waiting.condition("Ready").reason),
        ("True", "Synced")
    );
    rotate(&team, 2).await;
    team.wait_for("pull", "not ready", |resource| resource.condition("Ready").status == "False").await;
    platform.world.forget_requests();
    platform.share(json!({})).await;
    platform.world.wait_remote("pull", &payload("robot", 2)).await;
    team.wait_ready("pull").await;
    team.check(&operator).await;
}

/// Nothing is deleted with a key that is not given to the namespace, and nobody is left in the dark.
#[tokio::test]
async fn a_deletion_waits_for_the_key_and_can_be_let_go() {
    let platform = Platform::new("waiting").await;
    let team = platform.team("waiting-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    for name in ["deleted", "abandoned"] {
        platform.resource(&team, name, json!({ "deletionPolicy": "Delete" })).await;
        team.wait_ready(name).await;
    }
    platform.share(json!({ "allowedNamespaces": ["nobody"] })).await;
    platform.world.forget_requests();
    for name in ["deleted", "abandoned"] {
        team.wait_reason(name, "NamespaceNotAllowed").await;
        team.ask_to_delete(name).await;
        let blocked = team.wait_reason(name, "Deleting").await;
        let message = &blocked.condition("Reconciling").message;
        assert!(
            message.contains("does not allow namespace") && message.contains("abandon-remote"),
            "{message}"
        );
    }
    team.annotate("abandoned", "aicore-registry.dev/abandon-remote", "true").await;
    team.wait_gone("abandoned").await;
    assert_eq!(platform.world.writes(), []);
    platform.share(json!({})).await;
    team.wait_gone("deleted").await;
    assert_eq!(platform.world.writes_of("deleted"), [(DELETE, 202)]);
    assert!(platform.world.remote("deleted").is_none() && platform.world.remote("abandoned").is_some());
    team.check(&operator).await;
}

/// A namespace must not hang: what cannot be deleted stays, is counted, and its resource goes.
#[tokio::test]
async fn a_namespace_goes_with_its_resources_whatever_the_tenant_says() {
    let control_plane =
        ControlPlane::start(Options { controller_manager: true, ..Options::default() }).await.unwrap();
    let client = control_plane.client().await.unwrap();
    install_crd(client.clone()).await;
    let platform = Platform::new_on(&control_plane, "lasting").await;
    let teams = [
        platform.team_on(&control_plane, "allowed").await,
        platform.team_on(&control_plane, "refused").await,
    ];
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    for team in &teams {
        let spec = json!({ "deletionPolicy": "Delete", "remoteName": team.namespace });
        platform.resource(team, "pull", spec).await;
        team.wait_ready("pull").await;
    }
    let [allowed, refused] = &teams;
    platform.share(json!({ "allowedNamespaces": [allowed.namespace] })).await;
    refused.wait_reason("pull", "NamespaceNotAllowed").await;
    let namespaces: Api<Namespace> = Api::all(client);
    for team in &teams {
        namespaces.delete(&team.namespace, &DeleteParams::default()).await.unwrap();
    }
    for team in &teams {
        team.wait_gone("pull").await;
    }
    // The key is not in the namespace that goes, so it is there to the end.
    assert_eq!(platform.world.remote(&allowed.namespace), None);
    assert!(platform.world.remote(&refused.namespace).is_some());
    operator.wait_for_metric("aicore_registry_remote_orphaned_total", 1.0).await;
    assert_eq!(operator.metric("aicore_registry_remote_orphaned_total").await, 1.0);
    platform.world.check(&operator).await;
    control_plane.stop().await.unwrap();
}
