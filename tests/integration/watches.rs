//! Watches against a real API server: deaf ones, and lists of large objects.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    proxy::{Proxy, Request, Seen},
};

use crate::{
    cluster::{cluster, install_crd},
    in_process::InProcess,
    world::{Login, World},
};

const REQUESTED_AT: &str = "aicore-registry.dev/requestedAt";

/// Instead of the minutes of production: what a watch that is silent for so long does is the same.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

fn payload(rotation: u32) -> String {
    World::payload(&[("ghcr.io", Login::new("robot", rotation))])
}

async fn rotate(world: &World, rotation: u32) {
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
}

async fn operator(world: &World, kubeconfig: &Path) -> InProcess {
    InProcess::start(kubeconfig, &world.namespace, SILENCE_LIMIT).await
}

/// After the restore, watches ask for what follows a version that is in the future now. The API server accepts that, and sends
/// nothing until it gets there.
#[tokio::test]
async fn an_etcd_that_was_restored_from_a_backup_is_noticed() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let world = World::synced_on(&control_plane, "restored").await;
    control_plane.save_data().await.unwrap();
    let operator = operator(&world, control_plane.kubeconfig()).await;
    world.wait_remote("pull", &payload(1)).await;
    for number in 0..200 {
        world.annotate_secret("key", "number", &number.to_string()).await;
    }
    // Both watches have come to these late versions.
    rotate(&world, 2).await;
    world.wait_remote("pull", &payload(2)).await;
    world.annotate("pull", REQUESTED_AT, "before").await;
    handled(&world, "before").await;

    control_plane.restore_data().await.unwrap();
    rotate(&world, 3).await;
    world.wait_remote("pull", &payload(3)).await;
    world.resource("fresh", json!({})).await;
    world.wait_remote("fresh", &payload(3)).await;
    world.annotate("pull", REQUESTED_AT, "after").await;
    handled(&world, "after").await;
    assert_eq!(operator.alive(), Ok(()));
    control_plane.stop().await.unwrap();
}

/// Asked of the API server: the test's own watch may be deaf as well.
async fn handled(world: &World, value: &str) {
    world
        .eventually("the answer", || async {
            let status = world.resource_now("pull").await.status?;
            (status.last_handled_reconcile_at.as_deref() == Some(value)).then_some(())
        })
        .await;
}

/// A connection that is half open: nothing more arrives on it, and nothing ends it.
#[tokio::test]
async fn watches_that_fall_silent_are_listed_anew() {
    let world = World::synced("silent").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let operator = operator(&world, proxy.kubeconfig()).await;
    world.wait_ready("pull").await;
    let watches = |request: &Request| request.verb == "watch";
    proxy.wait_for(2, watches).await.unwrap();
    proxy.silence(watches);
    rotate(&world, 2).await;
    world.wait_remote("pull", &payload(2)).await;
    world.annotate("pull", REQUESTED_AT, "now").await;
    handled(&world, "now").await;
    assert_eq!(operator.alive(), Ok(()));
}

/// One namespace may hold Secrets as large as the API server takes; the operator needs no more memory for their list.
#[tokio::test]
async fn large_objects_are_listed_a_few_at_a_time() {
    const SECRETS: usize = 60;
    let world = World::synced("large").await;
    let pad = "x".repeat(250_000);
    for number in 0..SECRETS {
        let name = format!("large-{number}");
        world.secret(&name, "Opaque", BTreeMap::new()).await;
        world.annotate_secret(&name, "pad", &pad).await;
    }
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let mut launch = world.launch();
    launch.kubeconfig = proxy.kubeconfig().to_owned();
    let operator = launch.start().await;
    world.wait_ready("pull").await;
    rotate(&world, 2).await;
    world.wait_remote("pull", &payload(2)).await;

    let lists: Vec<_> = proxy.seen().into_iter().filter(|seen| seen.request.is("list", "secrets")).collect();
    let limits: Vec<usize> =
        lists.iter().map(|seen| seen.request.parameter("limit").unwrap().parse().unwrap()).collect();
    // 60 of them are 15 MB, 31 are 7.75 MB.
    assert_eq!(limits[..5], [125, 62, 31, 15, 7], "{limits:?}");
    assert!(limits[5..].iter().all(|limit| *limit <= 7), "{limits:?}");
    let fits = |list: &Seen| list.bytes <= 2 << 20;
    let place = |list: &Seen| list.request.parameter("continue").map(str::to_owned);
    for pair in lists.windows(2) {
        assert_eq!(
            fits(&pair[0]),
            place(&pair[0]) != place(&pair[1]),
            "what is too large is asked for again: {pair:?}"
        );
    }
    assert!(lists.iter().filter(|list| fits(list)).count() >= SECRETS / 7, "{limits:?}");
    world.check(&operator).await;
}

/// Asked as the kubelet asks by the chart's defaults. `make test-integration TEST_ARGS='-- --ignored watches::'` runs it.
#[tokio::test]
#[ignore = "takes 16 minutes"]
async fn a_quiet_quarter_of_an_hour_is_no_reason_to_restart() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let world = World::synced_on(&control_plane, "quiet").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let mut probes = tokio::time::interval(Duration::from_secs(20));
    for _ in 0..48 {
        probes.tick().await;
        assert_eq!(operator.get("/livez").await, (200, "ok\n".to_owned()));
        for watch in ["resources", "secrets"] {
            let age =
                operator.metric(&format!("aicore_registry_watch_age_seconds{{watch=\"{watch}\"}}")).await;
            assert!(age < 240.0, "{watch}: {age}");
        }
    }
    control_plane.stop().await.unwrap();
}
