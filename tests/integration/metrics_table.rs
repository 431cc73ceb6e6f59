//! The metrics that docs/monitoring.md lists, held against those that the program exports.

use std::collections::BTreeMap;

use testbed::simulator::Operation;

use crate::{
    tenants::exposition_of_a_mortal_tenant,
    world::{World, operation::PATCH},
};

/// Name and type of each metric in the table of the document.
fn documented() -> BTreeMap<String, String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `aicore_registry_"));
    rows.map(|row| {
        let (name, rest) = row.split_once("` | ").unwrap();
        (format!("aicore_registry_{name}"), rest.split(" |").next().unwrap().to_owned())
    })
    .collect()
}

/// Name and type of each metric of an exposition, named as a query names it: OpenMetrics leaves the suffixes of counters and
/// infos out of the name of the family.
fn exported(exposition: &str) -> BTreeMap<String, String> {
    let types = exposition.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            (format!("{name}{suffix}"), kind.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn the_documented_metrics_are_those_that_are_exported() {
    let world = World::mortal("monitoring").await;
    let operator = world.operator_trusting().await;
    world.wait_ready("pull").await;
    // A metric with labels is only exported once it has a value; that of the quota is asked for when a creation is refused.
    world.tenant().configure(|options| options.quota = 1);
    world.resource("other", serde_json::json!({})).await;
    world.wait_reason("other", "QuotaExceeded").await;
    assert_eq!((world.requests_of(Operation::Quota), world.requests_of(PATCH)), (1, 2));
    let (status, exposition) = operator.get("/metrics").await;
    assert_eq!(status, 200);
    let mut exported = exported(&exposition);
    exported.extend(self::exported(&exposition_of_a_mortal_tenant("monitoring-tenant").await));
    assert_eq!(documented(), exported);
    // Units are in the names.
    for (name, kind) in documented() {
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
    }
    world.check(&operator).await;
}
