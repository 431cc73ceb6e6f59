//! What is done after a start while the API server is slow to list Secrets: what was never pushed, and what has changed meanwhile, as
//! far as a page has shown it. What is in sync asks for nothing.

use std::collections::BTreeMap;

use serde_json::json;
use testbed::{
    proxy::{Action, Proxy, Request},
    simulator::Gate,
};

use crate::{
    cluster::cluster,
    operator::Operator,
    world::{Login, World, operation::PATCH},
};

/// More Secrets than the first page of a list has.
const OTHERS: usize = 140;

fn login(rotation: u32) -> [(&'static str, Login); 1] {
    [("ghcr.io", Login::new("robot", rotation))]
}

/// Resources, and the Secret with the credential of each: pages are in the order of names, so `a-` is on the first one, and `z-` on a
/// later one.
const RESOURCES: [(&str, &str); 4] = [
    ("in-sync", "a-in-sync"),
    ("in-sync-late", "z-in-sync"),
    ("rotated", "a-rotated"),
    ("rotated-late", "z-rotated"),
];

/// All is in sync; then the operator ends, and two of the credentials are rotated.
async fn with_missed_rotations(prefix: &str) -> World {
    let world = World::new(prefix).await;
    world.service_key("a-key").await;
    for (resource, secret) in RESOURCES {
        world.docker_secret(secret, &login(1)).await;
        let spec = json!({ "secretRef": { "name": secret }, "aiCoreSecretRef": { "name": "a-key" } });
        world.resource(resource, spec).await;
    }
    for number in 0..OTHERS {
        world.secret(&format!("m-{number:03}"), "Opaque", BTreeMap::new()).await;
    }
    let operator = world.operator().await;
    for (resource, _) in RESOURCES {
        world.wait_ready(resource).await;
    }
    operator.terminate().await;
    for secret in ["a-rotated", "z-rotated"] {
        world.docker_secret(secret, &login(2)).await;
    }
    world.forget_requests();
    world
}

fn is_later_page(request: &Request) -> bool {
    request.is("list", "secrets") && request.parameter("continue").is_some()
}

/// The Secrets that were read by name, in the order of their names.
fn read(proxy: &Proxy) -> Vec<String> {
    let seen = proxy.seen().into_iter().filter(|seen| seen.request.is("get", "secrets"));
    let mut names: Vec<String> = seen.filter_map(|seen| seen.request.name).collect();
    names.sort();
    names
}

async fn wait_rotated(world: &World, resource: &str) {
    let pushed = async || {
        let remote = world.remote(resource);
        (remote.as_deref() == Some(&*World::payload(&login(2)))).then_some(())
    };
    world.eventually("the rotation that was missed", pushed).await;
    world.wait_ready(resource).await;
}

async fn status_writes(world: &World) -> [usize; 2] {
    [world.status_writes("in-sync").await, world.status_writes("in-sync-late").await]
}

async fn listed(operator: &Operator) {
    operator.wait_for_line("caches are filled").await;
}

#[tokio::test]
async fn what_waits_for_no_page_goes_while_a_page_is_held() {
    let world = with_missed_rotations("held-page").await;
    // Both Secrets of this one are on the page that is held.
    world.secret("z-key", "Opaque", world.tenant().binding_data()).await;
    world.docker_secret("z-new", &login(3)).await;
    let spec = json!({ "secretRef": { "name": "z-new" }, "aiCoreSecretRef": { "name": "z-key" } });
    world.resource("new", spec).await;
    let before = status_writes(&world).await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let gate = Gate::new();
    proxy.always(is_later_page, Action::hold(&gate));
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start_unready();
    gate.arrived().await.unwrap();
    world.wait_ready("new").await;
    wait_rotated(&world, "rotated").await;
    assert_eq!(read(&proxy), ["a-key", "a-rotated", "z-key", "z-new"]);
    assert_eq!(operator.get("/readyz").await.0, 503, "Secrets are not listed yet");
    assert_eq!(world.remote("rotated-late").as_deref(), Some(&*World::payload(&login(1))));
    assert_eq!(status_writes(&world).await, before);

    gate.release();
    wait_rotated(&world, "rotated-late").await;
    listed(&operator).await;
    // The key that both name is kept, and its version is the one that the list shows.
    assert_eq!(read(&proxy), ["a-key", "a-rotated", "z-key", "z-new", "z-rotated"]);
    world.wait_quiet(&operator).await;
    let read = read(&proxy);
    let of_barriers = |name: &&String| !name.starts_with("barrier");
    assert_eq!(
        read.iter().filter(of_barriers).collect::<Vec<_>>(),
        ["a-key", "a-rotated", "z-key", "z-new", "z-rotated"],
        "what is in sync was not read"
    );
    assert_eq!(status_writes(&world).await, before);
    world.check(&operator).await;
}

/// The list begins again: the version of its continuation has expired, or the connection breaks.
#[tokio::test]
async fn a_list_that_begins_again_holds_nothing_back_and_repeats_nothing() {
    for (name, action) in [("expired-page", Action::refuse(410)), ("cut-page", Action::cut())] {
        let world = with_missed_rotations(name).await;
        let before = status_writes(&world).await;
        let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
        let gate = Gate::new();
        proxy.next(1, is_later_page, action.through(&gate));
        let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start_unready();
        gate.arrived().await.unwrap();
        wait_rotated(&world, "rotated").await;
        assert_eq!(world.remote("rotated-late").as_deref(), Some(&*World::payload(&login(1))), "{name}");
        gate.release();
        wait_rotated(&world, "rotated-late").await;
        listed(&operator).await;
        assert_eq!(read(&proxy), ["a-key", "a-rotated", "z-rotated"], "{name}");
        assert_eq!(world.writes(), [(PATCH, 202), (PATCH, 202)], "{name}");
        assert_eq!(status_writes(&world).await, before, "{name}");
        world.check(&operator).await;
    }
}

/// A Secret that was deleted is in no page: that is known when the list is complete, and what is deleted itself waits for nothing.
#[tokio::test]
async fn what_is_gone_is_known_at_the_end_of_the_list() {
    let world = with_missed_rotations("gone-meanwhile").await;
    world.delete_secret("a-in-sync").await;
    world.patch_spec("in-sync-late", json!({ "deletionPolicy": "Delete" })).await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let gate = Gate::new();
    proxy.always(is_later_page, Action::hold(&gate));
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start_unready();
    gate.arrived().await.unwrap();
    wait_rotated(&world, "rotated").await;
    // Its finalizer is what is to be done, whatever its Secrets are.
    world.wait_ready("in-sync-late").await;
    world.delete_resource("in-sync-late").await;
    assert_eq!(world.remote("in-sync-late"), None);
    assert_eq!(world.resource_now("in-sync").await.status.unwrap().conditions[0].reason, "Synced");
    gate.release();
    world.wait_reason("in-sync", "SecretNotFound").await;
    wait_rotated(&world, "rotated-late").await;
    world.check(&operator).await;
}
