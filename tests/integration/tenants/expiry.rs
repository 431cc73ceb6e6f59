//! When a key ends that many resources share: told once, by the AICoreTenant, and never the reason for a request or a second write.

use std::time::Duration;

use aicore_registry_operator::api::{
    AICoreTenant,
    condition::{EXPIRED, EXPIRING},
};
use serde_json::json;

use super::Platform;
use crate::world::Conditions;

fn is_told(tenant: &AICoreTenant, type_: &str) -> bool {
    let mut conditions = tenant.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| {
        condition.type_ == type_ && (&*condition.status, &*condition.reason) == ("True", "ServiceKey")
    })
}

#[tokio::test]
async fn the_end_of_a_shared_key_is_told_by_the_tenant_alone_and_at_turns_only() {
    const SECOND: Duration = Duration::from_secs(1);
    let platform = Platform::mortal("ending", 60 * SECOND, 30 * SECOND).await;
    let team = platform.team("ending-team").await;
    platform.share(json!({})).await;
    let operator = platform.operator_trusting().await;
    platform.resource(&team, "pull", json!({})).await;
    team.wait_ready("pull").await;
    // With the number of resources and the quota: what follows is of turns.
    let valid = platform
        .wait_tenant("the counts", |tenant| {
            let status = tenant.status.as_ref().unwrap();
            status.resources == Some(1) && status.quota.as_ref().is_some_and(|quota| quota.used == 1)
        })
        .await;
    let ends = valid.status.unwrap().service_key_expires_at.unwrap();
    platform.wait_events(&["Valid"]).await;
    team.wait_event("pull", "Synced").await;
    platform.world.forget_requests();
    let writes = team.status_writes("pull").await;

    platform.wait_tenant(EXPIRING, |tenant| is_told(tenant, EXPIRING)).await;
    let ended = platform.wait_tenant(EXPIRED, |tenant| is_told(tenant, EXPIRED)).await;
    assert!(!is_told(&ended, EXPIRING), "one of the two at a time");
    assert_eq!(super::ready(&ended).reason, "Valid", "Ready has nothing to do with it");
    platform.wait_events(&[EXPIRED, EXPIRING, "Valid"]).await;
    let pull = team.resource_now("pull").await;
    assert_eq!(pull.condition(EXPIRED).status, "");
    assert_eq!(pull.status.unwrap().service_key_expires_at, None);
    assert_eq!((team.status_writes("pull").await, platform.world.requests()), (writes, 0));
    let series = |name: &str| format!("aicore_registry_{name}{{name=\"{}\"}}", platform.name());
    let expiration = series("tenant_service_key_expiration_timestamp_seconds");
    let expected: f64 = ends.second().to_string().parse().unwrap();
    assert!((operator.metric(&expiration).await - expected).abs() < 0.5);
    assert_eq!(operator.metric(&series("tenant_ready")).await, 1.0);
    platform
        .world
        .plugin(&["tenants", platform.name()])
        .await
        .assert(0, &["CredentialExpired: The client certificate of the service key in the Secret of spec.secretRef ended"]);

    // A restart says and asks nothing.
    operator.terminate().await;
    let operator = platform.operator_trusting().await;
    operator.wait_for_metric("aicore_registry_reconcile_total{outcome=\"Unchanged\"}", 1.0).await;
    let after = platform.world.tenants().get(platform.name()).await.unwrap();
    assert_eq!(after.metadata.resource_version, ended.metadata.resource_version);
    assert_eq!(platform.world.requests(), 0);

    // Another key takes it away.
    platform.world.mortal_service_key("shared-key", SECOND, Duration::from_hours(24)).await;
    platform.wait_tenant("the new key", |tenant| !is_told(tenant, EXPIRED)).await;
    assert_eq!(platform.events().await, [EXPIRED, EXPIRING, "Valid"], "that is no event");
    team.check(&operator).await;
    operator.terminate().await;
}

/// Ready false, with its reason, and true again; on an object that is in no namespace.
#[tokio::test]
async fn a_key_that_stops_working_is_an_event_and_so_is_one_that_works_again() {
    let platform = Platform::new("turning").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.wait_valid().await;
    platform.wait_events(&["Valid"]).await;
    platform.world.delete_secret("shared-key").await;
    platform.wait_events(&["ServiceKeyNotFound", "Valid"]).await;
    platform.world.service_key("shared-key").await;
    platform.wait_valid().await;
    // The second one of the same words may be counted with the first.
    let mut kubectl = crate::cluster::cluster().await.kubectl();
    kubectl.args(["describe", "aicoretenant", platform.name()]);
    let described = String::from_utf8(kubectl.output().await.unwrap().stdout).unwrap();
    assert!(
        described.contains("The service key cannot be used; the status of the AICoreTenant says why"),
        "{described}"
    );
    platform.world.check(&operator).await;
    operator.terminate().await;
}
