//! A service key that leads to another tenant from some moment on, and a deletion or the end of the process at any moment after it:
//! where something may be from now on is said before it is sent there, so it is deleted there, or named.

use serde_json::json;
use testbed::simulator::{Fault, Gate, Tenant};

use crate::{
    operator::Operator,
    world::{
        Login, World,
        operation::{DELETE, PATCH, POST},
    },
};

const ORPHANED: &str = "aicore_registry_remote_orphaned_total";

/// A resource with `deletionPolicy: Delete` that is in sync, and a tenant that its service key does not lead to yet.
async fn in_sync(prefix: &str) -> (World, Operator, Tenant) {
    let world = World::new(prefix).await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let other = world.simulator().tenant(&format!("{prefix}-other"));
    (world, operator, other)
}

/// Before the creation there is answered, whether it has been carried out or not, the status says where it may be.
async fn moves(world: &World, other: &Tenant, creation: Fault, gate: &Gate) {
    other.faults().next(1, POST, creation.through(gate));
    world.secret("key", "Opaque", other.binding_data()).await;
    gate.arrived().await.unwrap();
    let announced = world.resource_now("pull").await.status.unwrap();
    assert_eq!(
        (announced.authorization_server, announced.last_sync_time),
        (Some(other.authorization_server()), None)
    );
}

fn requests_for_deletion(tenant: &Tenant) -> usize {
    tenant.journal().entries().iter().filter(|entry| entry.operation == DELETE).count()
}

#[tokio::test]
async fn a_write_there_without_an_answer_is_deleted_there() {
    let (world, operator, other) = in_sync("moved-cut").await;
    let gate = Gate::new();
    moves(&world, &other, Fault::cut().applied(), &gate).await;
    // Nothing is accepted there later either.
    other.faults().always(PATCH, Fault::cut());
    gate.release();
    world.wait_reason("pull", "RemoteUnavailable").await;
    assert!(other.secrets().contains_key("pull"));
    world.forget_requests();
    world.delete_resource("pull").await;
    assert_eq!((other.secrets().get("pull"), requests_for_deletion(&other)), (None, 1));
    assert_eq!(world.writes(), [], "what is in the first tenant is not touched");
    let event = world.wait_event("pull", "RemoteOrphaned").await;
    assert!(event.note.unwrap().contains(&world.authorization_server()), "it is named");
    world.check(&operator).await;
}

#[tokio::test]
async fn a_write_there_during_which_the_process_is_killed_is_deleted_there() {
    for creation in [Fault::default(), Fault::default().applied()] {
        let (world, operator, other) = in_sync("moved-killed").await;
        let gate = Gate::new();
        moves(&world, &other, creation, &gate).await;
        operator.kill().await;
        gate.release();
        world.ask_to_delete("pull").await;
        let operator = world.operator().await;
        world.wait_gone("pull").await;
        assert_eq!((other.secrets().get("pull"), requests_for_deletion(&other)), (None, 1));
        world.check(&operator).await;
    }
}

/// The key leads back before anything was answered: the deletion is for where the last push was accepted, and the other is named.
#[tokio::test]
async fn after_a_return_what_may_have_stayed_there_is_named_and_counted() {
    for killed in [false, true] {
        let (world, mut operator, other) = in_sync("moved-back").await;
        let gate = Gate::new();
        moves(&world, &other, Fault::cut().applied(), &gate).await;
        other.faults().always(PATCH, Fault::cut());
        if killed {
            operator.kill().await;
            gate.release();
            world.service_key("key").await;
            operator = world.operator().await;
        } else {
            gate.release();
            world.wait_reason("pull", "RemoteUnavailable").await;
            world.service_key("key").await;
        }
        world
            .wait_for("pull", "accepted by the first tenant", |resource| {
                let status = resource.status.as_ref().unwrap();
                status.last_sync_time.is_some()
                    && status.authorization_server.as_deref() == Some(&*world.authorization_server())
            })
            .await;
        let event = world.wait_event("pull", "TenantChanged").await;
        assert!(event.note.unwrap().contains(&other.authorization_server()));
        assert_eq!(operator.metric(ORPHANED).await, 1.0, "killed: {killed}");
        world.forget_requests();
        world.delete_resource("pull").await;
        assert_eq!(world.writes(), [(DELETE, 202)]);
        assert!(other.secrets().contains_key("pull"));
        world.check(&operator).await;
    }
}
