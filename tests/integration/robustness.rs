//! What the cluster does to the operator.

use aicore_registry_operator::api;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::json;
use testbed::controlplane::{ControlPlane, Options};

use crate::{
    cluster::{install, install_crd},
    world::{Login, World, operation::PATCH},
};

#[tokio::test]
async fn an_api_server_that_restarts_delays_the_next_rotation_and_no_more() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let world = World::synced_on(&control_plane, "apirestart").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    control_plane.stop_api_server().await.unwrap();
    operator.wait_for_line("watch failed").await;
    assert_eq!(
        operator.get("/livez").await.0,
        200,
        "restarting the operator would not bring the API server back"
    );
    control_plane.start_api_server().await.unwrap();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.wait_ready("pull").await;
    world.check(&operator).await;
    let (code, _) = operator.terminate().await;
    assert_eq!(code, Some(0));
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn a_resource_that_was_deleted_and_created_again_is_pushed_again() {
    let world = World::synced("recreated").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    world.delete_resource("pull").await;
    world.resource("pull", json!({})).await;
    world.wait_ready("pull").await;
    assert_eq!(world.writes(), [(PATCH, 202)], "the policy is Retain: the remote secret stayed");
    world.check(&operator).await;
}

/// A newer CRD may admit what this version of the operator does not know.
#[tokio::test]
async fn an_object_that_is_not_understood_harms_no_other() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut newer = api::crd();
    let schema = newer.spec.versions[0].schema.as_mut().unwrap().open_api_v3_schema.as_mut().unwrap();
    let spec = schema.properties.as_mut().unwrap().get_mut("spec").unwrap();
    spec.properties.as_mut().unwrap().get_mut("creationPolicy").unwrap().enum_ = None;
    install(control_plane.client().await.unwrap(), &newer).await;

    let world = World::new_on(&control_plane, "unknown").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let newer: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret", "metadata": { "name": "a-newer" },
        "spec": {
            "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" }, "creationPolicy": "OnFullMoon",
        },
    }))
    .unwrap();
    let any: Api<DynamicObject> = Api::namespaced_with(
        control_plane.client().await.unwrap(),
        &world.namespace,
        &ApiResource::erase::<api::AICoreRegistrySecret>(&()),
    );
    any.create(&PostParams::default(), &newer).await.unwrap();
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 1))])).await;
    operator.wait_for_line("does not understand it").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    assert_eq!(world.writes_of("a-newer"), []);
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(operator.get("/livez").await, (200, "ok\n".to_owned()));
    control_plane.stop().await.unwrap();
}

/// The schema admits times that no clock can be set to. The operator reads such a status once, at its start.
#[tokio::test]
async fn a_status_that_cannot_be_read_is_mended() {
    let world = World::synced("unreadable").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    operator.terminate().await;
    world.forget_requests();
    let any: Api<DynamicObject> = Api::namespaced_with(
        world.resources().into_client(),
        &world.namespace,
        &ApiResource::erase::<api::AICoreRegistrySecret>(&()),
    );
    let beyond = json!({ "status": { "nextResyncTime": "9999-12-31T23:59:59Z" } });
    any.patch_status("pull", &PatchParams::default(), &Patch::Merge(beyond)).await.unwrap();

    let operator = world.operator().await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    world
        .eventually("a status that can be read", || async {
            let status = any.get("pull").await.unwrap().data["status"]["nextResyncTime"].clone();
            status.as_str().is_some_and(|time| !time.starts_with("9999")).then_some(())
        })
        .await;
    world.check(&operator).await;
}

#[tokio::test]
async fn sigterm_lets_a_running_push_end() {
    let world = World::synced("sigterm").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    let gate = world.hold_next(PATCH);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    gate.arrived().await.unwrap();
    let ended = operator.terminate();
    let released = async {
        // Released only after the signal was logged would need the log; the order does not matter for the outcome.
        gate.release();
    };
    let ((code, log), ()) = tokio::join!(ended, released);
    assert_eq!(code, Some(0), "{}", log.join("\n"));
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 2))]));
    let version = world.secret_version("source").await;
    let status = world.resource_now("pull").await.status.unwrap();
    assert_eq!(status.secret_resource_version, version, "the status was written before the end");
}
