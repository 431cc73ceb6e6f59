//! Rights and an API server that go for a while, and come back.

use std::time::Duration;

use serde_json::json;
use testbed::proxy::{Action, Proxy, Request};

use crate::{
    account::{Account, SECRETS},
    cluster::cluster,
    world::{Conditions, Login, World},
};

fn payload(rotation: u32) -> String {
    World::payload(&[("ghcr.io", Login::new("robot", rotation))])
}

async fn rotate(world: &World, rotation: u32) {
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
}

/// By real RBAC: the right to read Secrets goes, and comes back.
#[tokio::test]
async fn a_secret_that_may_not_be_read_for_a_while_is_pushed_soon_after() {
    let world = World::synced("denied").await;
    let account = Account::new(cluster().await, &world.namespace).await;
    account.give(&world.namespace, SECRETS).await;
    let operator = world.launch().with_kubeconfig(&account.kubeconfig().await).start().await;
    world.wait_ready("pull").await;

    account.give(&world.namespace, &["list", "watch"]).await;
    // The authorizer learns of a Role by a watch of its own.
    let tries = std::sync::atomic::AtomicU32::new(0);
    world
        .eventually("the right to go", || async {
            let number = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            world.annotate("pull", "aicore-registry.dev/requestedAt", &number.to_string()).await;
            let status = world.resource_now("pull").await.status?;
            status.conditions.iter().any(|condition| condition.reason == "AccessDenied").then_some(())
        })
        .await;
    rotate(&world, 2).await;
    let denied = world.wait_reason("pull", "AccessDenied").await;
    let ready = denied.condition("Ready");
    assert_eq!((&*ready.status, &*ready.reason), ("False", "AccessDenied"));
    let parts = [
        "Secret \"source\"",
        "cannot get resource \"secrets\"",
        "grant its ServiceAccount get",
        &world.namespace,
    ];
    for part in parts {
        assert!(ready.message.contains(part), "{part}: {}", ready.message);
    }
    assert_eq!(denied.condition("Reconciling").reason, "AccessDenied");

    account.give(&world.namespace, SECRETS).await;
    world.wait_remote("pull", &payload(2)).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// One refusal, as when an authorizer has just started.
#[tokio::test]
async fn a_moment_without_the_right_costs_seconds() {
    let world = World::synced("blip").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    world.wait_ready("pull").await;
    for (rotation, code) in [(2, 403), (3, 401), (4, 503)] {
        proxy.next(1, |request: &Request| request.is("get", "secrets"), Action::refuse(code));
        rotate(&world, rotation).await;
        world.wait_remote("pull", &payload(rotation)).await;
        world.wait_ready("pull").await;
    }
    world.check(&operator).await;
}

/// Rotations that were seen, and whose Secrets cannot be read for three minutes.
#[tokio::test]
#[ignore = "takes four minutes"]
async fn fifteen_seconds_after_an_outage_of_minutes_nothing_waits() {
    const RESOURCES: u32 = 20;
    let world = World::synced("outage").await;
    for number in 0..RESOURCES {
        let name = format!("source-{number}");
        world.docker_secret(&name, &[("ghcr.io", Login::new("robot", 1))]).await;
        world.resource(&format!("pull-{number}"), json!({ "secretRef": { "name": name } })).await;
    }
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    for number in 0..RESOURCES {
        world.wait_ready(&format!("pull-{number}")).await;
    }
    proxy.always(|request| request.is("get", "secrets"), Action::cut());
    for number in 0..RESOURCES {
        world.docker_secret(&format!("source-{number}"), &[("ghcr.io", Login::new("robot", 2))]).await;
    }
    let asked = || proxy.seen().iter().filter(|seen| seen.request.is("get", "secrets")).count();
    operator.wait_for_lines("a request to the API server failed", 20).await;
    let before = asked();
    let three_minutes = tokio::time::sleep(Duration::from_mins(3));
    three_minutes.await;
    let tried = asked() - before;
    assert!(tried < 20 * 60, "{tried} requests in three minutes");
    proxy.clear();
    let all = async {
        for number in 0..RESOURCES {
            world.wait_remote(&format!("pull-{number}"), &payload(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), all).await.expect("all within fifteen seconds");
    world.check(&operator).await;
}
