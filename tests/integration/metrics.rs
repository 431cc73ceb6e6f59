//! The metrics as they are scraped: their names, types and units, and how long their series live.

use crate::world::{Login, World};

/// Name, type and unit, as the documentation promises them.
const FAMILIES: [(&str, &str, &str); 23] = [
    ("reconcile", "counter", ""),
    ("reconcile_duration_seconds", "histogram", "seconds"),
    ("remote_requests", "counter", ""),
    ("remote_request_duration_seconds", "histogram", "seconds"),
    ("token_requests", "counter", ""),
    ("rotation_latency_seconds", "histogram", "seconds"),
    ("resource_ready", "gauge", ""),
    ("resource_last_sync_timestamp_seconds", "gauge", "seconds"),
    ("credential_expiration_timestamp_seconds", "gauge", "seconds"),
    ("credential_expiring_from_timestamp_seconds", "gauge", "seconds"),
    ("service_key_expiration_timestamp_seconds", "gauge", "seconds"),
    ("service_key_expiring_from_timestamp_seconds", "gauge", "seconds"),
    ("quota_used", "gauge", ""),
    ("quota_limit", "gauge", ""),
    ("queue_depth", "gauge", ""),
    ("watch_age_seconds", "gauge", "seconds"),
    ("watch_up", "gauge", ""),
    ("statuses_unwritten", "gauge", ""),
    ("resources_not_understood", "gauge", ""),
    ("right_missing", "gauge", ""),
    ("leader", "gauge", ""),
    ("remote_orphaned", "counter", ""),
    ("build", "info", ""),
];

#[tokio::test]
async fn all_metrics_are_there_with_their_type_unit_and_help() {
    let world = World::mortal("metrics").await;
    // A refused creation has the operator ask for the quota.
    world.tenant().configure(|options| options.quota = 0);
    let operator = world.operator_trusting().await;
    world.wait_reason("pull", "QuotaExceeded").await;
    world.tenant().configure(|options| options.quota = 50);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_ready("pull").await;
    // A pass for another reason may have sent that one before the watch told of it, so it has no latency.
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 3))]).await;
    operator.wait_for_metric("aicore_registry_rotation_latency_seconds_count", 1.0).await;

    let (status, text) = operator.get("/metrics").await;
    assert_eq!(status, 200);
    for (name, type_, unit) in FAMILIES {
        let name = format!("aicore_registry_{name}");
        let typed = format!("# TYPE {name} {type_}");
        assert!(text.lines().any(|line| line == typed), "{typed}: {text}");
        let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
        assert!(help.is_some_and(|help| help.len() > 10 && help.ends_with('.')), "{name}: {help:?}");
        let has_unit = text.contains(&format!("\n# UNIT {name} "));
        assert_eq!(has_unit, !unit.is_empty(), "{name}");
        if has_unit {
            assert!(text.contains(&format!("\n# UNIT {name} {unit}\n")), "{name}");
        }
        let series = text.lines().any(|line| line.starts_with(&name) && !line.starts_with('#'));
        assert!(series, "{name} has no series: {text}");
    }
    let families = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(families, FAMILIES.len(), "one that is not documented: {text}");
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_series_of_a_resource_go_with_it() {
    let world = World::synced("series").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let labels = format!("{{namespace=\"{}\",name=\"pull\"}}", world.namespace);
    operator.wait_for_metric(&format!("aicore_registry_resource_ready{labels}"), 1.0).await;
    operator
        .wait_for_metric(&format!("aicore_registry_resource_last_sync_timestamp_seconds{labels}"), 1.0)
        .await;
    world.delete_resource("pull").await;
    world
        .eventually("the series to go", || async {
            let (_, text) = operator.get("/metrics").await;
            (!text.contains(&labels)).then_some(())
        })
        .await;
}

#[tokio::test]
async fn the_series_of_a_tenant_go_with_its_last_resource() {
    let world = World::synced("quotas").await;
    world.tenant().configure(|options| options.quota = 0);
    let operator = world.operator().await;
    world.wait_reason("pull", "QuotaExceeded").await;
    world.resource("second", serde_json::json!({})).await;
    world.wait_reason("second", "QuotaExceeded").await;
    // Series of quotas, and of resources.
    let series = || async {
        let (_, text) = operator.get("/metrics").await;
        let count = |family| text.lines().filter(|line| line.starts_with(family)).count();
        (count("aicore_registry_quota_"), count("aicore_registry_resource_ready{"))
    };
    assert_eq!(series().await, (2, 2), "of one tenant, used and limit");
    world.delete_resource("second").await;
    world.eventually("its series to go", || async { (series().await.1 == 1).then_some(()) }).await;
    assert_eq!(series().await, (2, 1), "one resource of the tenant is left");
    world.delete_resource("pull").await;
    world.eventually("the others to go", || async { (series().await == (0, 0)).then_some(()) }).await;
    world.check(&operator).await;
}
