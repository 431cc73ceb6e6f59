//! Tenants, keys and names change while resources use them.

use futures::future::join_all;
use serde_json::json;

use super::{Platform, payload, rotate};
use crate::world::{
    Conditions, Login, World,
    operation::{DELETE, PATCH, POST},
};

/// A resource goes from a key of its own to a shared one of the same tenant and back: AI Core holds what it held, and the name has
/// one owner all the time.
#[tokio::test]
async fn a_resource_changes_between_a_shared_key_and_its_own() {
    let platform = Platform::new("between").await;
    let team = &platform.world;
    team.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.resource(team, "pull", json!({})).await;
    team.wait_ready("pull").await;
    let own = json!({ "tenantRef": null, "aiCoreSecretRef": { "name": "shared-key" } });
    let shared = json!({ "tenantRef": { "name": platform.name() }, "aiCoreSecretRef": null });
    for (rotation, spec) in [(2, &own), (3, &shared), (4, &own)] {
        team.patch_spec("pull", spec.clone()).await;
        rotate(team, rotation).await;
        team.wait_remote("pull", &payload("robot", rotation)).await;
        team.wait_ready("pull").await;
    }
    assert_eq!(team.requests_of(DELETE), 0);
    assert_eq!(team.requests_of(POST), 1, "it is the same secret all the time");
    platform.wait_tenant("no user", |tenant| tenant.status.as_ref().unwrap().resources == Some(0)).await;
    team.check(&operator).await;
    operator.terminate().await;
}

/// An AICoreTenant is pointed at another tenant of AI Core, under many resources: each is sent there once, and nothing is deleted
/// where they were.
#[tokio::test]
async fn a_tenant_that_leads_elsewhere_takes_all_its_resources_there() {
    const RESOURCES: usize = 40;
    let platform = Platform::new("swapped").await;
    let elsewhere = World::new_on(crate::cluster::cluster().await, "swapped-to").await;
    elsewhere.service_key("other-key").await;
    let team = platform.team("swapped-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    let names: Vec<String> = (0..RESOURCES).map(|number| format!("pull-{number}")).collect();
    join_all(names.iter().map(|name| platform.resource(&team, name, json!({ "deletionPolicy": "Delete" }))))
        .await;
    join_all(names.iter().map(|name| team.wait_ready(name))).await;
    platform.world.forget_requests();
    let secret = json!({ "secretRef": { "namespace": elsewhere.namespace, "name": "other-key" } });
    platform.share(secret).await;
    let sent = payload("robot", 1);
    join_all(names.iter().map(|name| elsewhere.wait_remote(name, &sent))).await;
    for name in &names {
        let there = team
            .wait_for(name, "the other tenant", |resource| {
                resource.status.as_ref().unwrap().api_url == Some(elsewhere.api_url())
            })
            .await;
        assert_eq!(there.condition("Ready").reason, "Synced");
        assert!(platform.world.remote(name).is_some(), "what was there stays");
    }
    assert_eq!(platform.world.writes(), []);
    assert_eq!(elsewhere.requests_of(POST), RESOURCES);
    assert!(elsewhere.requests_of(PATCH) <= 1, "its names are known when there is a second one");
    assert_eq!(elsewhere.token_requests(), 1);
    let tenant = platform.wait_tenant("the other tenant", |tenant| {
        tenant.status.as_ref().unwrap().api_url == Some(elsewhere.api_url())
    });
    tenant.await;
    team.check(&operator).await;
    operator.terminate().await;
}

/// Twenty resources use it, some of which are to delete what they have sent: as when a key goes, and all go on when it is back.
#[tokio::test]
async fn a_tenant_that_goes_and_comes_back_under_many_resources() {
    const RESOURCES: usize = 20;
    let platform = Platform::new("gone").await;
    let team = platform.team("gone-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    let names: Vec<String> = (0..RESOURCES).map(|number| format!("pull-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let policy = if number % 2 == 0 { "Delete" } else { "Retain" };
        platform.resource(&team, name, json!({ "deletionPolicy": policy })).await;
    }
    join_all(names.iter().map(|name| team.wait_ready(name))).await;
    platform.wait_valid().await;
    platform.stop_sharing().await;
    join_all(names.iter().map(|name| team.wait_reason(name, "TenantNotFound"))).await;
    platform.world.forget_requests();
    for name in &names {
        team.ask_to_delete(name).await;
    }
    for (number, name) in names.iter().enumerate() {
        if number % 2 == 0 {
            let waits = team.wait_reason(name, "Deleting").await;
            assert!(waits.condition("Reconciling").message.contains("AICoreTenant"), "{waits:?}");
        } else {
            team.wait_gone(name).await;
        }
    }
    assert_eq!(platform.world.requests(), 0);
    platform.share(json!({})).await;
    join_all(names.iter().map(|name| team.wait_gone(name))).await;
    for (number, name) in names.iter().enumerate() {
        assert_eq!(platform.world.remote(name).is_some(), number % 2 == 1, "{name}");
    }
    team.check(&operator).await;
    operator.terminate().await;
}
