//! Namespaces write with a key that they do not see.

use serde_json::json;
use testbed::simulator::Operation;

use super::{Platform, payload, ready, rotate};
use crate::world::{Conditions, operation::TOKEN};

#[tokio::test]
async fn a_namespace_writes_with_a_key_that_it_does_not_see() {
    let platform = Platform::new("platform").await;
    let (one, two) = (platform.team("team-one").await, platform.team("team-two").await);
    platform.share(json!({ "remoteNames": ["{namespace}.*"] })).await;
    let operator = platform.operator().await;
    for team in [&one, &two] {
        let remote_name = format!("{}.pull", team.namespace);
        platform.resource(team, "pull", json!({ "remoteName": remote_name })).await;
        team.wait_ready("pull").await;
        assert_eq!(platform.world.remote(&remote_name), Some(payload("robot", 1)));
    }
    rotate(&one, 2).await;
    platform.world.wait_remote(&format!("{}.pull", one.namespace), &payload("robot", 2)).await;
    assert_eq!(platform.world.token_requests(), 1, "one token for all who use the key");

    let tenant = platform
        .wait_tenant("both resources and both secrets to be counted", |tenant| {
            let status = tenant.status.as_ref().unwrap();
            status.resources == Some(2) && status.quota.as_ref().is_some_and(|quota| quota.used == 2)
        })
        .await;
    let status = tenant.status.as_ref().unwrap();
    assert_eq!((&*ready(&tenant).status, &*ready(&tenant).reason), ("True", "Valid"));
    assert_eq!(status.api_url, Some(platform.world.api_url()));
    assert_eq!(status.authorization_server, Some(platform.world.authorization_server()));
    assert_eq!(status.conditions.len(), 1);
    // Who may see the resource learns neither the Secret nor where it is.
    for team in [&one, &two] {
        let stored = team.stored("pull").await["status"].to_string();
        assert!(!stored.contains(platform.name()) && !stored.contains("shared-key"), "{stored}");
        team.check(&operator).await;
    }
    platform.world.check(&operator).await;
}

#[tokio::test]
async fn a_restart_in_sync_asks_for_nothing_and_writes_nothing() {
    let platform = Platform::new("restarted").await;
    let team = platform.team("restarted-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.resource(&team, "pull", json!({})).await;
    team.wait_ready("pull").await;
    let before = platform
        .wait_tenant("the quota", |tenant| {
            let status = tenant.status.as_ref().unwrap();
            status.quota.as_ref().is_some_and(|quota| quota.used == 1) && status.resources == Some(1)
        })
        .await;
    let resource = team.resource_now("pull").await;
    operator.terminate().await;
    platform.world.forget_requests();
    let operator = platform.operator().await;
    // By its own pass, and by what follows when it has rested.
    operator.wait_for_metric("aicore_registry_reconcile_total{outcome=\"Unchanged\"}", 1.0).await;
    assert_eq!(platform.world.requests(), 0);
    let after = platform.world.tenants().get(platform.name()).await.unwrap();
    assert_eq!(after.metadata.resource_version, before.metadata.resource_version);
    assert_eq!(team.resource_now("pull").await.metadata.resource_version, resource.metadata.resource_version);
    rotate(&team, 2).await;
    platform.world.wait_remote("pull", &payload("robot", 2)).await;
    assert_eq!(platform.world.requests_of(Operation::Quota), 0, "not before the hour is over");
    operator.terminate().await;
}

#[tokio::test]
async fn another_key_is_used_by_all_at_once() {
    let platform = Platform::new("rotated").await;
    let teams = [platform.team("rotated-one").await, platform.team("rotated-two").await];
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    for team in &teams {
        platform.resource(team, "pull", json!({ "remoteName": team.namespace })).await;
        team.wait_ready("pull").await;
    }
    platform.wait_valid().await;
    platform.world.rotate_service_key();
    for team in &teams {
        rotate(team, 2).await;
        let refused = team.wait_reason("pull", "AuthenticationFailed").await;
        let message = &refused.condition("Stalled").message;
        assert!(message.contains("AICoreTenant") && !message.contains("shared-key"), "{message}");
        assert!(
            !message.contains("Bad credentials"),
            "what is said of the key is for the administrator: {message}"
        );
    }
    let refused =
        platform.wait_tenant("the refusal", |tenant| ready(tenant).reason == "AuthenticationFailed").await;
    for part in ["Secret \"shared-key\"", "Bad credentials"] {
        assert!(ready(&refused).message.contains(part), "{}", ready(&refused).message);
    }
    platform.world.forget_requests();
    platform.world.service_key("shared-key").await;
    for team in &teams {
        platform.world.wait_remote(&team.namespace, &payload("robot", 2)).await;
        team.wait_ready("pull").await;
    }
    platform.wait_valid().await;
    assert_eq!(platform.world.requests_of(TOKEN), 1);
    platform.world.check(&operator).await;
}

/// The older one that can prove its claim owns the name, by whichever key.
#[tokio::test]
async fn who_brings_a_key_of_the_same_tenant_meets_those_who_share_one() {
    let platform = Platform::new("rivals").await;
    let team = platform.team("rivals-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.resource(&team, "pull", json!({ "remoteName": "contended" })).await;
    team.wait_ready("pull").await;
    team.next_second().await;
    platform.world.docker_secret("source", &[("ghcr.io", crate::world::Login::new("heir", 1))]).await;
    let own = json!({ "remoteName": "contended", "aiCoreSecretRef": { "name": "shared-key" } });
    platform.resource(&platform.world, "own", own).await;
    let lost = platform.world.wait_reason("own", "RemoteConflict").await;
    let message = &lost.condition("Stalled").message;
    assert!(message.contains("an older resource in another namespace"), "{message}");
    // Who may not have the name any more claims it no longer.
    platform.share(json!({ "allowedNamespaces": ["nobody"] })).await;
    platform.world.wait_ready("own").await;
    assert_eq!(platform.world.remote("contended"), Some(payload("heir", 1)));
    let refused = team.wait_reason("pull", "NamespaceNotAllowed").await;
    assert_eq!(refused.condition("Ready").status, "False");
    // Nor after a restart.
    operator.kill().await;
    let operator = platform.operator().await;
    platform.world.docker_secret("source", &[("ghcr.io", crate::world::Login::new("heir", 2))]).await;
    platform.world.wait_remote("contended", &payload("heir", 2)).await;
    // With its right it owns the name again, and says what it holds.
    platform.share(json!({})).await;
    platform.world.wait_reason("own", "RemoteConflict").await;
    team.wait_ready("pull").await;
    assert_eq!(platform.world.remote("contended"), Some(payload("robot", 1)));
    operator.terminate().await;
}
