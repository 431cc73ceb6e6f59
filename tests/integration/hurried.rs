//! Many rotations at once: credentials go out before statuses are written, and what is not written yet is not lost.

use std::time::Duration;

use serde_json::json;
use testbed::{
    proxy::{Action, Proxy, Request},
    simulator::{Fault, Gate},
};

use crate::{
    cluster::cluster,
    world::{Conditions, Login, World, operation::PATCH},
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

/// Many resources that are in sync. AI Core takes a moment for an answer, so that with one pass at a time most wait for theirs.
async fn in_sync(prefix: &str) -> World {
    let world = World::new(prefix).await;
    world.service_key("key").await;
    for number in 0..RESOURCES {
        let name = name(number);
        world.docker_secret(&name, &credential(1)).await;
        world.resource(&name, json!({ "secretRef": { "name": name }, "deletionPolicy": "Delete" })).await;
    }
    let operator = world.launch().with("--tenant-rps=1000").with("--tenant-burst=1000").start().await;
    for number in 0..RESOURCES {
        world.wait_ready(&name(number)).await;
    }
    operator.terminate().await;
    world.tenant().faults().always(PATCH, Fault::latency(Duration::from_millis(100)));
    world.forget_requests();
    world
}

/// Rotates all of them, and waits until AI Core has them.
async fn rotate(world: &World, version: u32) {
    for number in 0..RESOURCES {
        world.docker_secret(&name(number), &credential(version)).await;
    }
    for number in 0..RESOURCES {
        world.wait_remote(&name(number), &World::payload(&credential(version))).await;
    }
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
    let world = in_sync("hurried-killed").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let operator = world.launch().with("--concurrency=1").with_kubeconfig(proxy.kubeconfig()).start().await;
    world.wait_quiet(&operator).await;
    let gate = Gate::new();
    proxy.always(writes_status, Action::hold(&gate));
    rotate(&world, 2).await;
    operator.kill().await;
    drop(proxy);
    world.tenant().faults().clear();
    // One that changes meanwhile, and one that goes.
    world.docker_secret(&name(0), &credential(3)).await;
    let operator = world.launch().with("--concurrency=1").start().await;
    world.wait_remote(&name(0), &World::payload(&credential(3))).await;
    wait_written(&world).await;
    for number in 1..RESOURCES {
        assert_eq!(world.remote(&name(number)).unwrap(), World::payload(&credential(2)));
        let writes = world.writes_of(&name(number));
        assert!((1..=2).contains(&writes.len()), "{number}: {writes:?}");
    }
    for number in 0..RESOURCES {
        world.delete_resource(&name(number)).await;
        assert_eq!(world.remote(&name(number)), None);
    }
    world.check(&operator).await;
}

/// The process that is told to end writes what it has left.
#[tokio::test]
async fn what_waits_to_be_written_is_written_before_the_process_ends() {
    let world = in_sync("hurried-ended").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    proxy.always(writes_status, Action::pass().delayed(Duration::from_secs(1)));
    let operator = world.launch().with("--concurrency=1").with_kubeconfig(proxy.kubeconfig()).start().await;
    world.wait_quiet(&operator).await;
    rotate(&world, 2).await;
    operator.terminate().await;
    wait_written(&world).await;
    world.forget_requests();
    let operator = world.operator().await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes(), [], "all was known");
    world.check(&operator).await;
}
