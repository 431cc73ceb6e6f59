//! Several namespaces, each with its own Role: what happens to one is no matter of the others.

use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    proxy::Proxy,
};

use crate::{
    account::{Account, SECRETS},
    cluster::{cluster, install_crd},
    operator::{Launch, PROGRAM},
    world::{Conditions, Login, World},
};

fn payload(user: &'static str, rotation: u32) -> String {
    World::payload(&[("ghcr.io", Login::new(user, rotation))])
}

fn up(watch: &str, namespace: &str) -> String {
    format!("aicore_registry_watch_up{{watch=\"{watch}\",namespace=\"{namespace}\"}}")
}

/// Another namespace, whose resource wants the same remote secret.
async fn neighbour(world: &World, prefix: &str) -> World {
    let neighbour = World::new(prefix).await;
    neighbour.secret("key", "Opaque", world.tenant().binding_data()).await;
    neighbour.docker_secret("source", &[("ghcr.io", Login::new("neighbour", 1))]).await;
    neighbour
}

/// A namespace whose Role is missing when the operator starts, and one that there is not. In the first is the owner of a name that a
/// younger resource wants as well: it takes over when the Role is there. A second replica goes the same way.
#[tokio::test]
async fn a_namespace_that_cannot_be_listed_holds_back_no_other() {
    let owner = World::synced("unlisted").await;
    let operator = owner.operator().await;
    owner.wait_ready("pull").await;
    operator.terminate().await;
    owner.next_second().await;
    let world = neighbour(&owner, "listed").await;
    world.resource("pull", json!({})).await;

    let account = Account::new(cluster().await, &world.namespace).await;
    account.give(&world.namespace, SECRETS).await;
    let launch = world
        .launch()
        .with_kubeconfig(&account.kubeconfig().await)
        .with(&format!("--watch-namespaces={},there-is-none", owner.namespace))
        .with("--leader-elect")
        .with(&format!("--leader-elect-lease-namespace={}", world.namespace));
    let operator = launch.start_unready();
    operator.wait_for_line("watch failed").await;
    let (status, unready) = operator.get("/readyz").await;
    assert_eq!(status, 503, "{unready}");
    for part in ["resources listed in", &owner.namespace, "\"there-is-none\"", "HTTP 403", "is forbidden"] {
        assert!(unready.contains(part), "{part}: {unready}");
    }

    operator.wait_for_line("\"leading\"").await;
    owner.wait_remote("pull", &payload("neighbour", 1)).await;
    world.wait_ready("pull").await;
    let said = operator.wait_for_line("could not be listed").await;
    assert!(said.contains(&owner.namespace) && said.contains("there-is-none"), "{said}");
    assert_eq!(operator.count_lines("could not be listed"), 1);
    let (status, ready) = operator.get("/readyz").await;
    assert!(status == 200 && ready.starts_with("ok, but not everywhere: "), "{ready}");
    assert!(ready.contains(&owner.namespace) && ready.contains("\"there-is-none\""), "{ready}");
    assert!(!ready.contains(&format!("namespace \"{}\", ", world.namespace)), "{ready}");
    for watch in ["resources", "secrets"] {
        assert_eq!(operator.metric(&up(watch, &world.namespace)).await, 1.0);
        assert_eq!(operator.metric(&up(watch, &owner.namespace)).await, 0.0);
    }
    world.docker_secret("source", &[("ghcr.io", Login::new("neighbour", 2))]).await;
    owner.wait_remote("pull", &payload("neighbour", 2)).await;

    let second = launch.start_unready();
    second.wait_for_line("\"standing by\"").await;
    assert_eq!(second.get("/readyz").await.0, 200);

    account.give(&owner.namespace, SECRETS).await;
    operator.wait_for_line("are listed at last").await;
    owner.wait_remote("pull", &payload("robot", 1)).await;
    let lost = world.wait_reason("pull", "RemoteConflict").await;
    assert_eq!(lost.condition("Ready").status, "False");
    owner.wait_ready("pull").await;
    operator.wait_for_metric(&up("secrets", &owner.namespace), 1.0).await;
    world.check(&operator).await;
}

/// A namespace that is deleted with everything in it while the operator runs.
#[tokio::test]
async fn a_namespace_that_goes_is_no_matter_of_the_others() {
    let world = World::synced("stays").await;
    let gone = World::synced("goes").await;
    let account = Account::new(cluster().await, &world.namespace).await;
    account.give(&world.namespace, SECRETS).await;
    account.give(&gone.namespace, SECRETS).await;
    let proxy = Proxy::start(&account.kubeconfig().await).await.unwrap();
    let launch = world
        .launch()
        .with_kubeconfig(proxy.kubeconfig())
        .with(&format!("--watch-namespaces={}", gone.namespace));
    let operator = launch.start().await;
    world.wait_ready("pull").await;
    gone.wait_ready("pull").await;
    gone.delete_resource("pull").await;
    account.take(&gone.namespace).await;
    // A watch that is open stays so when the right goes; the API server ends it after some minutes.
    let namespace = gone.namespace.clone();
    proxy.cut(|request| request.verb == "watch" && request.is_in(&namespace));
    operator.wait_for_line("is forbidden").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &payload("robot", 2)).await;
    world.wait_ready("pull").await;
    world
        .eventually("the namespace to be named", || async {
            let (status, ready) = operator.get("/readyz").await;
            assert_eq!(status, 200, "{ready}");
            ready.contains(&gone.namespace).then_some(())
        })
        .await;
    assert_eq!(operator.get("/livez").await, (200, "ok\n".to_owned()));
    // It comes back, with its Role.
    account.give(&gone.namespace, SECRETS).await;
    gone.resource("again", json!({})).await;
    gone.wait_ready("again").await;
    world
        .eventually("all to be well", || async { (operator.get("/readyz").await.1 == "ok\n").then_some(()) })
        .await;
    world.check(&operator).await;
}

#[tokio::test]
async fn a_crd_that_is_installed_late_or_anew_is_found() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = control_plane.client().await.unwrap();
    let namespace = control_plane.namespace("late").await.unwrap();
    let operator = Launch::new(PROGRAM.as_ref(), control_plane.kubeconfig(), &namespace).start_unready();
    operator.wait_for_line("is the CRD installed?").await;
    assert_eq!(operator.get("/readyz").await.0, 503);
    assert_eq!(operator.get("/livez").await.0, 200);
    install_crd(client.clone()).await;
    operator.wait_for_line("\"reconciling\"").await;
    operator.wait_for_line("caches are filled").await;
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
    operator.terminate().await;

    let world = World::synced_on(&control_plane, "anew").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let kubectl = |arguments: &[&str]| {
        let mut kubectl = control_plane.kubectl();
        kubectl.args(arguments);
        async move { assert!(kubectl.status().await.unwrap().success()) }
    };
    kubectl(&["delete", "crd", "aicoreregistrysecrets.aicore-registry.dev"]).await;
    operator.wait_for_line("is the CRD installed?").await;
    install_crd(client).await;
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.resource("pull", json!({})).await;
    world.wait_remote("pull", &payload("robot", 2)).await;
    world
        .eventually("the status", || async {
            let status = world.resource_now("pull").await.status?;
            status.conditions.iter().any(|condition| condition.reason == "Synced").then_some(())
        })
        .await;
    control_plane.stop().await.unwrap();
}
