//! The program is killed after each step of a pass, and started again: the same end, nothing lost, nothing doubled.

use aicore_registry_operator::api::FINALIZER;
use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    simulator::{Fault, Gate},
};

use crate::{
    cluster::install_crd,
    operator::Operator,
    world::{
        Login, World,
        operation::{DELETE, PATCH, POST, TOKEN},
    },
};

/// Holds a request before AI Core acts on it.
fn before(gate: &Gate) -> Fault {
    Fault::gate(gate)
}

/// Holds the answer to a request that AI Core has acted on.
fn after(gate: &Gate) -> Fault {
    Fault::gate(gate).applied()
}

/// Kills the operator while the request is held, lets the request go nowhere, and starts the operator again.
async fn killed_at_the_gate(world: &World, operator: Operator, gate: &Gate) -> Operator {
    gate.arrived().await.unwrap();
    operator.kill().await;
    gate.release();
    world.operator().await
}

#[tokio::test]
async fn while_the_first_push_is_under_way() {
    for (operation, fault) in
        [(TOKEN, before as fn(&Gate) -> Fault), (PATCH, before), (POST, before), (POST, after)]
    {
        let world = World::synced("crash-first").await;
        // With a finalizer, which is added before anything is sent.
        world.patch_spec("pull", json!({ "deletionPolicy": "Delete" })).await;
        let gate = Gate::new();
        world.tenant().faults().next(1, operation, fault(&gate));
        let operator = world.operator().await;
        let operator = killed_at_the_gate(&world, operator, &gate).await;
        let ready = world.wait_ready("pull").await;
        assert_eq!(ready.metadata.finalizers, Some(vec![FINALIZER.to_owned()]));
        assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 1))]));
        let created = world
            .tenant()
            .journal()
            .writes()
            .iter()
            .filter(|write| write.applied && write.operation == POST)
            .count();
        assert_eq!(created, 1, "{operation:?}: {:?}", world.writes());
        world.check(&operator).await;
    }
}

#[tokio::test]
async fn while_a_rotation_is_under_way() {
    for fault in [before as fn(&Gate) -> Fault, after] {
        let world = World::synced("crash-rotation").await;
        let operator = world.operator().await;
        world.wait_ready("pull").await;
        let gate = Gate::new();
        world.tenant().faults().next(1, PATCH, fault(&gate));
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
        let operator = killed_at_the_gate(&world, operator, &gate).await;
        world.wait_told("pull", "source").await;
        assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 2))]));
        assert_eq!(world.requests_of(POST), 1, "the one of the creation");
        world.check(&operator).await;
    }
}

/// The API server stands still when the status is to be written.
#[tokio::test]
async fn between_the_push_and_the_status() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let world = World::synced_on(&control_plane, "crash-status").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let gate = world.hold_next(PATCH);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    gate.arrived().await.unwrap();
    control_plane.pause_api_server().await.unwrap();
    gate.release();
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    operator.kill().await;
    control_plane.resume_api_server().await.unwrap();

    world.forget_requests();
    let operator = world.operator().await;
    world.wait_told("pull", "source").await;
    // One idempotent write at most: the status may have been written by the request that the killed process had sent.
    assert!(world.writes().len() <= 1, "{:?}", world.writes());
    world.check(&operator).await;
    control_plane.stop().await.unwrap();
}

/// The status could not be written, but the process lives: the status is repeated, and the push is not.
#[tokio::test]
async fn a_status_that_could_not_be_written_is_written_later_without_another_push() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let world = World::synced_on(&control_plane, "late-status").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.forget_requests();
    let gate = world.hold_next(PATCH);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    gate.arrived().await.unwrap();
    let version = world.secret_version("source").await;
    control_plane.stop_api_server().await.unwrap();
    gate.release();
    operator.wait_for_line("a request to the API server failed").await;
    control_plane.start_api_server().await.unwrap();
    world
        .wait_for("pull", "the version of the rotation", |resource| {
            resource.status.as_ref().unwrap().secret_resource_version == version
        })
        .await;
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.check(&operator).await;
    control_plane.stop().await.unwrap();
}

#[tokio::test]
async fn while_a_deletion_is_under_way() {
    for fault in [before as fn(&Gate) -> Fault, after] {
        let world = World::new("crash-delete").await;
        world.service_key("key").await;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
        let operator = world.operator().await;
        world.wait_ready("pull").await;
        let gate = Gate::new();
        world.tenant().faults().next(1, DELETE, fault(&gate));
        world.ask_to_delete("pull").await;
        let operator = killed_at_the_gate(&world, operator, &gate).await;
        world.wait_gone("pull").await;
        assert_eq!(world.remote("pull"), None);
        world.check(&operator).await;
    }
}
