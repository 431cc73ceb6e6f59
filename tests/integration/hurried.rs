//! Many first pushes at once: credentials go out before statuses are written, and what is not written yet is not lost.

use std::time::Duration;

use kube::api::ListParams;
use serde_json::json;
use testbed::{
    proxy::{Action, Proxy, Request},
    simulator::{Fault, Gate},
};

use crate::{
    cluster::cluster,
    operator::Operator,
    world::{Conditions, Login, World, operation::POST},
};

const RESOURCES: usize = 30;

fn name(number: usize) -> String {
    format!("pull-{number}")
}

fn credential(version: u32) -> [(&'static str, Login); 1] {
    [("ghcr.io", Login::new("robot", version))]
}

fn writes_status(request: &Request) -> bool {
    request.is("patch", "aicoreregistrysecrets") && request.subresource.as_deref() == Some("status")
}

/// How many statuses say nothing yet.
async fn untold(world: &World) -> usize {
    let resources = world.resources().list(&ListParams::default()).await.unwrap();
    let statuses = resources.iter().map(|resource| resource.status.as_ref());
    statuses.filter(|status| status.is_none_or(|status| status.conditions.is_empty())).count()
}

/// Many resources of which nothing was sent. AI Core takes a moment for an answer, so that with one pass at a time most wait for theirs.
async fn new_ones(prefix: &str) -> World {
    let world = World::new(prefix).await;
    world.service_key("key").await;
    for number in 0..RESOURCES {
        let name = name(number);
        world.docker_secret(&name, &credential(1)).await;
        world.resource(&name, json!({ "secretRef": { "name": name } })).await;
    }
    world.tenant().faults().always(POST, Fault::latency(Duration::from_millis(20)));
    world
}

/// Starts an operator, and waits until AI Core has all of them.
async fn push(world: &World, proxy: &Proxy) -> Operator {
    let launch = world.launch().with("--concurrency=1").with("--tenant-rps=1000").with("--tenant-burst=1000");
    let operator = launch.with_kubeconfig(proxy.kubeconfig()).start().await;
    for number in 0..RESOURCES {
        world.wait_remote(&name(number), &World::payload(&credential(1))).await;
    }
    operator
}

/// Waits until each status tells of what its Secret holds.
async fn wait_written(world: &World) {
    for number in 0..RESOURCES {
        let version = world.secret_version(&name(number)).await;
        world
            .wait_for(&name(number), "the version of the last rotation", |resource| {
                resource.status.as_ref().unwrap().secret_resource_version == version
                    && resource.condition("Ready").reason == "Synced"
            })
            .await;
    }
}

/// The API server takes no status, and the process is killed.
#[tokio::test]
async fn what_was_not_written_when_the_process_was_killed_is_sent_once_more() {
    let world = new_ones("hurried-killed").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let gate = Gate::new();
    proxy.always(writes_status, Action::hold(&gate));
    let operator = push(&world, &proxy).await;
    assert_eq!(untold(&world).await, RESOURCES);
    operator.kill().await;
    drop(proxy);
    world.tenant().faults().clear();
    // One that changes meanwhile.
    world.docker_secret(&name(0), &credential(2)).await;
    let operator = world.launch().with("--tenant-rps=1000").with("--tenant-burst=1000").start().await;
    world.wait_remote(&name(0), &World::payload(&credential(2))).await;
    wait_written(&world).await;
    for number in 1..RESOURCES {
        assert_eq!(world.remote(&name(number)).unwrap(), World::payload(&credential(1)));
        let accepted = world.writes_of(&name(number)).iter().filter(|(_, code)| *code == 202).count();
        assert!((1..=2).contains(&accepted), "{number}: {:?}", world.writes_of(&name(number)));
    }
    world.check(&operator).await;
}

/// The process that is told to end writes what it has left.
#[tokio::test]
async fn what_waits_to_be_written_is_written_before_the_process_ends() {
    let world = new_ones("hurried-ended").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    // Shorter than a pass would wait for it.
    proxy.always(writes_status, Action::pass().delayed(Duration::from_millis(900)));
    let operator = push(&world, &proxy).await;
    let untold = untold(&world).await;
    assert!(untold >= 3, "a pass that waits for its status leaves one at most, and here are {untold}");
    operator.terminate().await;
    wait_written(&world).await;
    world.forget_requests();
    let operator = world.operator().await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes(), [], "all was known");
    world.check(&operator).await;
}
