//! How many requests things cost: counts that do not depend on the machine's speed.

mod cold_start;

use std::collections::BTreeMap;

use http::Request;
use kube::Client;
use testbed::controlplane::{ControlPlane, Options};

use crate::{
    cluster::install_crd,
    world::{Login, World, operation::PATCH},
};

/// Requests that the API server has answered, by verb and resource. Watches count when they end.
pub(crate) async fn answered(client: &Client) -> BTreeMap<String, u64> {
    let request = Request::get("/metrics").body(Vec::new()).unwrap();
    let text = client.request_text(request).await.unwrap();
    let mut counts = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
        let (labels, count) = line.rsplit_once("} ").unwrap();
        let label = |name: &str| {
            labels.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("")
        };
        if matches!(label("resource"), "secrets" | "aicoreregistrysecrets" | "events") {
            let what = format!("{} {}/{}", label("verb"), label("resource"), label("subresource"));
            *counts.entry(what).or_insert(0) += count.parse::<u64>().unwrap();
        }
    }
    counts
}

pub(crate) fn difference(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>, what: &str) -> u64 {
    after.get(what).unwrap_or(&0) - before.get(what).unwrap_or(&0)
}

#[tokio::test]
async fn a_rotation_costs_two_requests_and_a_restart_in_sync_none() {
    const ROTATIONS: u32 = 20;
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = control_plane.client().await.unwrap();
    install_crd(client.clone()).await;
    let world = World::synced_on(&control_plane, "budget").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.wait_event("pull", "Synced").await;
    world.forget_requests();

    let before = answered(&client).await;
    for rotation in 2..2 + ROTATIONS {
        let seen = world.resource_version_seen("pull");
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
        world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", rotation))])).await;
        world.wait_seen_after("pull", seen).await;
    }
    // A request is counted a moment after it was answered.
    let after = world
        .eventually("the requests to be counted", || async {
            let after = answered(&client).await;
            let counted = ["GET secrets/", "PATCH aicoreregistrysecrets/status"]
                .iter()
                .all(|what| difference(&before, &after, what) >= u64::from(ROTATIONS));
            counted.then_some(after)
        })
        .await;
    assert_eq!(difference(&before, &after, "GET secrets/"), u64::from(ROTATIONS));
    assert_eq!(difference(&before, &after, "PATCH aicoreregistrysecrets/status"), u64::from(ROTATIONS));
    for what in
        ["POST events/", "PATCH events/", "GET aicoreregistrysecrets/", "PATCH aicoreregistrysecrets/"]
    {
        assert_eq!(difference(&before, &after, what), 0, "{what}");
    }
    assert_eq!(world.writes(), vec![(PATCH, 202); ROTATIONS as usize]);
    assert_eq!(world.token_requests(), 0);

    let (code, _) = operator.terminate().await;
    assert_eq!(code, Some(0));
    world.forget_requests();
    let before = answered(&client).await;
    let operator = world.operator().await;
    operator.wait_for_metric("aicore_registry_reconcile_total{outcome=\"Unchanged\"}", 1.0).await;
    let after = answered(&client).await;
    assert_eq!(difference(&before, &after, "GET secrets/"), 0);
    assert_eq!(difference(&before, &after, "PATCH aicoreregistrysecrets/status"), 0);
    assert_eq!(world.requests(), 0);
    control_plane.stop().await.unwrap();
}
