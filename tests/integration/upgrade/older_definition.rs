//! A newer operator, while the definition is still that of an older one: the API server drops what that does not know of each
//! status.

use aicore_registry_operator::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use testbed::{
    controlplane::{ControlPlane, Options},
    proxy::{Proxy, Request, Seen},
};

use crate::{
    cluster::install,
    operator::Operator,
    world::{
        Login, World,
        operation::{PATCH, POST},
    },
};

/// The conditions, and nothing that was ever added beside them.
fn oldest_definition() -> CustomResourceDefinition {
    let mut crd = serde_json::to_value(api::crd()).unwrap();
    let status = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"];
    status["properties"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name == "conditions" || name == "observedGeneration");
    assert_eq!(status["properties"].as_object().unwrap().len(), 2);
    serde_json::from_value(crd).unwrap()
}

fn writes(request: &Request) -> bool {
    request.is("patch", "aicoreregistrysecrets") && request.name.as_deref() == Some("pull")
}

/// Each outcome is written once, and what was dropped of it is not written again and again. What a process has pushed it knows
/// itself; the next one has to push once more.
#[tokio::test]
async fn what_an_older_definition_drops_is_written_once() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install(control_plane.client().await.unwrap(), &oldest_definition()).await;
    let world = World::synced_on(&control_plane, "older").await;
    let proxy = Proxy::start(control_plane.kubeconfig()).await.unwrap();
    let written = || proxy.seen().iter().filter(|seen: &&Seen| writes(&seen.request)).count();
    let launch = world.launch().with_kubeconfig(proxy.kubeconfig());
    let operator = launch.start().await;
    world.wait_ready("pull").await;
    quiet(&world, &operator).await;
    assert_eq!((world.writes_of("pull"), written()), (vec![(PATCH, 404), (POST, 202)], 1));
    assert_eq!(world.stored("pull").await["status"]["credentialsDigest"], serde_json::Value::Null);

    for rotation in 2..5 {
        let before = written();
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
        world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", rotation))])).await;
        quiet(&world, &operator).await;
        assert!(written() - before <= 1, "{} for one rotation", written() - before);
    }
    // Something that fails for long.
    let before = written();
    world.raw_docker_secret("source", "{}").await;
    world.wait_reason("pull", "SecretInvalid").await;
    quiet(&world, &operator).await;
    assert_eq!(written() - before, 1);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 5))]).await;
    world.wait_ready("pull").await;
    operator.terminate().await;

    for _ in 0..2 {
        world.forget_requests();
        let before = written();
        let operator = launch.start().await;
        world.wait_requests(PATCH, 1).await;
        quiet(&world, &operator).await;
        assert_eq!(world.writes_of("pull"), [(PATCH, 202)]);
        assert!(written() - before <= 1, "{} for one start", written() - before);
        world.check(&operator).await;
        operator.terminate().await;
    }
    control_plane.stop().await.unwrap();
}

/// Long enough for what follows from its own writes.
async fn quiet(world: &World, operator: &Operator) {
    world.wait_quiet(operator).await;
    world.wait_quiet(operator).await;
}
