//! Operators that serve no AICoreTenants, for good or for a while.

use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    proxy::{Action, Proxy, Request},
};

use super::{Platform, payload};
use crate::{
    cluster::install,
    world::{Conditions, Login},
};

#[tokio::test]
async fn an_operator_of_some_namespaces_says_so_and_does_everything_else() {
    let platform = Platform::new("unserved").await;
    platform.share(json!({})).await;
    let team = &platform.world;
    team.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let operator = team.operator().await;
    platform.resource(team, "shared", json!({})).await;
    platform.resource(team, "own", json!({ "aiCoreSecretRef": { "name": "shared-key" } })).await;
    team.wait_ready("own").await;
    let refused = team.wait_reason("shared", "TenantNotServed").await;
    let stalled = refused.condition("Stalled");
    assert!(stalled.message.contains("--watch-namespaces"), "{}", stalled.message);
    // Its way out.
    platform.stop_sharing().await;
    team.patch_spec("shared", json!({ "tenantRef": null, "aiCoreSecretRef": { "name": "shared-key" } }))
        .await;
    team.wait_ready("shared").await;
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(operator.count_lines("aicoretenants"), 0, "it does not ask for them");
    team.check(&operator).await;
}

/// The right is missing for a while: those who need none do not wait, and the others go on when it is there.
#[tokio::test]
async fn without_the_right_on_tenants_the_others_go_on() {
    let platform = Platform::new("rightless").await;
    let team = platform.team("rightless-team").await;
    team.service_key("own-key").await;
    platform.share(json!({})).await;
    let proxy = Proxy::start(&platform.launch().kubeconfig).await.unwrap();
    let of_tenants = |request: &Request| request.resource == "aicoretenants";
    proxy.always(of_tenants, Action::refuse(403));
    platform.resource(&team, "shared", json!({})).await;
    platform
        .resource(&team, "own", json!({ "aiCoreSecretRef": { "name": "own-key" }, "remoteName": "own" }))
        .await;
    let operator = platform.launch_with(proxy.kubeconfig()).start().await;
    team.wait_ready("own").await;
    let denied = team.wait_reason("shared", "AccessDenied").await;
    let message = &denied.condition("Reconciling").message;
    assert!(message.contains("list and watch on aicoretenants"), "{message}");
    let (status, ready) = operator.get("/readyz").await;
    assert!(status == 200 && ready.starts_with("ok, but AICoreTenants are not watched: "), "{ready}");
    assert_eq!(operator.metric("aicore_registry_watch_up{watch=\"tenants\",namespace=\"\"}").await, 0.0);
    proxy.clear();
    team.wait_ready("shared").await;
    assert_eq!(platform.world.remote("shared"), Some(payload("robot", 1)));
    operator.wait_for_metric("aicore_registry_watch_up{watch=\"tenants\",namespace=\"\"}", 1.0).await;
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
    team.check(&operator).await;
}

/// As after an update of the program alone.
#[tokio::test]
async fn without_the_crd_of_tenants_the_others_go_on() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = control_plane.client().await.unwrap();
    install(client.clone(), &aicore_registry_operator::api::crd()).await;
    let platform = Platform::new_on(&control_plane, "older").await;
    let team = platform.team_on(&control_plane, "older-team").await;
    team.service_key("own-key").await;
    platform.resource(&team, "own", json!({ "aiCoreSecretRef": { "name": "own-key" } })).await;
    let operator = platform.operator().await;
    team.wait_ready("own").await;
    operator.wait_for_line("does not know AICoreTenants; is the CRD installed?").await;
    install(client, &aicore_registry_operator::api::tenant_crd()).await;
    platform.share(json!({})).await;
    platform.resource(&team, "shared", json!({})).await;
    team.wait_ready("shared").await;
    operator.terminate().await;
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn a_tenant_of_another_shard_is_none() {
    let platform = Platform::new("sharded").await;
    let team = platform.team("sharded-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.resource(&team, "pull", json!({})).await;
    team.wait_ready("pull").await;
    platform.wait_valid().await;
    let other = json!({ "metadata": { "labels": { super::SHARD: "another" } } });
    let params = kube::api::PatchParams::default();
    let tenants = platform.world.tenants();
    tenants.patch(platform.name(), &params, &kube::api::Patch::Merge(&other)).await.unwrap();
    let missing = team.wait_reason("pull", "TenantNotFound").await;
    assert!(missing.condition("Reconciling").message.contains("--watch-label-selector"));
    operator.terminate().await;
}

/// The status waits for an API server that does not take it; the quota is not asked for again.
#[tokio::test]
async fn a_status_of_a_tenant_that_is_refused_costs_ai_core_nothing() {
    let platform = Platform::new("unwritten").await;
    let proxy = Proxy::start(&platform.launch().kubeconfig).await.unwrap();
    proxy.always(
        |request| request.is("patch", "aicoretenants") && request.subresource.is_some(),
        Action::refuse(500),
    );
    platform.share(json!({})).await;
    let operator = platform.launch_with(proxy.kubeconfig()).start().await;
    proxy.wait_for(3, |request| request.is("patch", "aicoretenants")).await.unwrap();
    proxy.clear();
    platform.wait_valid().await;
    assert_eq!(platform.world.requests_of(testbed::simulator::Operation::Quota), 1);
    assert_eq!(platform.world.token_requests(), 1);
    operator.terminate().await;
}
