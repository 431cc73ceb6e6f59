//! Right by right: what uses it, what becomes of the work without it, and what follows when it is back.

use aicore_registry_operator::api::FINALIZER;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, api::DeleteParams};
use serde_json::json;
use testbed::proxy::{Action, Request};

use super::Stage;
use crate::world::{
    Conditions, Login, World,
    operation::{DELETE, PATCH},
};

const UNWRITTEN: &str = "aicore_registry_statuses_unwritten";
const RESOURCES: &str = "aicoreregistrysecrets";

fn payload(rotation: u32) -> String {
    World::payload(&[("ghcr.io", Login::new("robot", rotation))])
}

async fn rotate(world: &World, rotation: u32) {
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
}

fn up(stage: &Stage, watch: &str) -> String {
    format!("aicore_registry_watch_up{{watch=\"{watch}\",namespace=\"{}\"}}", stage.world.namespace)
}

/// Has the operator use the right. It may be another process afterwards.
pub(super) async fn provoke(mut stage: Stage) -> Stage {
    let (world, proxy) = (&stage.world, &stage.proxy);
    match (stage.right.verb, stage.right.resource) {
        ("get", "secrets") | ("patch", "aicoreregistrysecrets/status") => rotate(world, 2).await,
        ("watch", resource) => proxy.cut(|request| request.is("watch", resource)),
        ("list", resource) => {
            // The API server no longer knows the version that the watch stands at.
            proxy.next(1, move |request: &Request| request.is("watch", resource), Action::refuse(410));
            proxy.cut(|request| request.is("watch", resource));
        }
        ("get" | "patch", RESOURCES) => {
            world.resource("guarded", json!({ "deletionPolicy": "Delete" })).await;
        }
        ("get", "namespaces") => {
            world.resource_that_lost_its_key("doomed").await;
            world.ask_to_delete("doomed").await;
        }
        ("create", "events") => world.raw_docker_secret("source", "{}").await,
        ("patch", "events") => suspend_and_resume(world).await,
        ("get", "leases") => stage = again(stage).await,
        ("create", "leases") => {
            let leases: Api<Lease> = world.leases();
            leases.delete(&stage.rules.lease, &DeleteParams::default()).await.unwrap();
            stage = again(stage).await;
        }
        ("update", "leases") => {
            stage.operator.wait_for_line("could not renew the Lease").await;
            stage = again(stage).await;
        }
        (verb, resource) => {
            panic!("say here what uses the right to {verb} {resource}, and below what becomes of it")
        }
    }
    stage
}

/// A restart, as by the kubelet.
async fn again(stage: Stage) -> Stage {
    let Stage { operator, launch, .. } = &stage;
    operator.signal("KILL").await;
    let operator = launch.start_unready();
    operator.wait_for_line("caches are filled").await;
    Stage { operator, ..stage }
}

/// The same events once more.
async fn suspend_and_resume(world: &World) {
    world.patch_spec("pull", json!({ "suspend": true })).await;
    world.wait_reason("pull", "Suspended").await;
    world.patch_spec("pull", json!({ "suspend": false })).await;
    world.wait_ready("pull").await;
}

/// What is so while the right is missing.
pub(super) async fn hold(stage: &Stage) {
    let world = &stage.world;
    match (stage.right.verb, stage.right.resource) {
        ("get", "secrets") => {
            // Not for the Secret that may not be read: AI Core keeps what it has.
            let denied = world.wait_reason("pull", "AccessDenied").await;
            assert!(denied.condition("Ready").message.contains("cannot get resource \"secrets\""));
            assert_eq!(world.remote("pull"), Some(payload(1)));
        }
        ("patch", "aicoreregistrysecrets/status") => {
            world.wait_remote("pull", &payload(2)).await;
            stage.operator.wait_for_metric(UNWRITTEN, 1.0).await;
            let status = world.resource_now("pull").await.status.unwrap();
            assert_ne!(status.secret_resource_version, world.secret_version("source").await);
        }
        ("list" | "watch", "secrets") => {
            assert_eq!(stage.operator.metric(&up(stage, "secrets")).await, 0.0);
            assert_eq!(stage.operator.metric(&up(stage, "resources")).await, 1.0);
            // What is asked for is done with what the Secret holds now, although nothing is heard of it.
            rotate(world, 2).await;
            world.annotate("pull", "aicore-registry.dev/requestedAt", "now").await;
            world.wait_remote("pull", &payload(2)).await;
            rotate(world, 3).await;
        }
        ("list" | "watch", RESOURCES) => {
            assert_eq!(stage.operator.metric(&up(stage, "resources")).await, 0.0);
            world.resource("unseen", json!({})).await;
            // What is known is served on.
            rotate(world, 2).await;
            world.wait_remote("pull", &payload(2)).await;
            assert_eq!(world.remote("unseen"), None);
        }
        ("get" | "patch", RESOURCES) => {
            // Nothing is sent that a deletion could leave behind; for others all goes on.
            rotate(world, 2).await;
            world.wait_remote("pull", &payload(2)).await;
            assert_eq!(world.remote("guarded"), None);
            assert_eq!(world.resource_now("guarded").await.metadata.finalizers, None);
        }
        ("get", "namespaces") => {
            stage.operator.wait_for_line("cannot see whether the namespace is being deleted").await;
            let waits = world.wait_reason("doomed", "Deleting").await;
            assert_eq!(waits.metadata.finalizers.as_deref(), Some(&[FINALIZER.to_owned()][..]));
            assert_eq!(world.requests_of(DELETE), 0);
        }
        ("create" | "patch", "events") => {
            stage.operator.wait_for_line("event not published").await;
            rotate(world, 4).await;
            world.wait_remote("pull", &payload(4)).await;
            world.wait_ready("pull").await;
        }
        ("get" | "create" | "update", "leases") => {
            // Who does not lead sends nothing.
            rotate(world, 2).await;
            assert_eq!(stage.operator.metric("aicore_registry_leader").await, 0.0);
            assert_eq!(world.remote("pull"), Some(payload(1)));
        }
        (verb, resource) => {
            panic!("say here what becomes of the work without the right to {verb} {resource}")
        }
    }
}

/// What follows by itself; for events, with the next one.
pub(super) async fn recover(stage: &Stage) {
    let world = &stage.world;
    match (stage.right.verb, stage.right.resource) {
        ("get", "secrets") | (_, "leases") => {
            world.wait_remote("pull", &payload(2)).await;
            world.wait_ready("pull").await;
        }
        ("patch", "aicoreregistrysecrets/status") => {
            world.wait_told("pull", "source").await;
            assert_eq!(world.writes_of("pull").iter().filter(|write| **write == (PATCH, 202)).count(), 1);
        }
        ("list" | "watch", "secrets") => world.wait_remote("pull", &payload(3)).await,
        ("list" | "watch", RESOURCES) => drop(world.wait_ready("unseen").await),
        ("get" | "patch", RESOURCES) => drop(world.wait_ready("guarded").await),
        ("get", "namespaces") => {
            // It is looked at again within a minute; the namespace stays, so the resource waits for its key, or for somebody.
            stage.operator.wait_for_line("the ServiceAccount has the right again").await;
            world.annotate("doomed", "aicore-registry.dev/abandon-remote", "true").await;
            world.wait_gone("doomed").await;
        }
        ("create", "events") => {
            world.always_answer(PATCH, 400);
            rotate(world, 5).await;
            drop(world.wait_event("pull", "RemoteRejected").await);
        }
        ("patch", "events") => {
            suspend_and_resume(world).await;
            world.wait_event_counted("pull", "Synced").await;
        }
        (verb, resource) => panic!("say here what follows when the right to {verb} {resource} is back"),
    }
}
