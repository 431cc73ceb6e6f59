//! What a resource claims counts against others once its service key was given a token, and not before: whoever knows the URLs of a
//! tenant can write a service key for it.

use aicore_registry_operator::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::controlplane::{ControlPlane, Options};

use crate::{
    cluster::install,
    operator::Operator,
    world::{
        Conditions, Login, World,
        operation::{DELETE, PATCH, POST},
    },
};

/// What the owner sends.
fn payload(rotation: u32) -> String {
    World::payload(&[("ghcr.io", Login::new("robot", rotation))])
}

async fn rotate(world: &World, rotation: u32) {
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
    world.wait_remote("pull", &payload(rotation)).await;
}

/// A service key of the tenant of `world`, with a client secret that somebody else made up.
async fn forge_key(attacker: &World, world: &World) {
    let mut key = world.tenant().binding_data();
    key.insert("clientsecret".to_owned(), "made-up".to_owned());
    attacker.secret("key", "Opaque", key).await;
}

/// Another namespace, with a forged key of the tenant of `world` and a resource `squat` that wants the same remote secret.
async fn attacker_of(world: &World, prefix: &str) -> World {
    let attacker = World::new(prefix).await;
    forge_key(&attacker, world).await;
    attacker.docker_secret("source", &[("ghcr.io", Login::new("squatter", 1))]).await;
    attacker.resource("squat", json!({ "remoteName": "pull" })).await;
    attacker
}

async fn victim(world: &World) {
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
}

/// An operator of both namespaces.
async fn operator_of(world: &World, attacker: &World) -> Operator {
    world.launch().with(&format!("--watch-namespaces={}", attacker.namespace)).start().await
}

#[tokio::test]
async fn an_older_resource_with_a_forged_key_locks_nobody_out() {
    let world = World::new("forged-older").await;
    let attacker = attacker_of(&world, "forger-older").await;
    world.next_second().await;
    victim(&world).await;
    let operator = operator_of(&world, &attacker).await;
    attacker.wait_reason("squat", "AuthenticationFailed").await;
    world.wait_ready("pull").await;
    rotate(&world, 2).await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202), (PATCH, 202)]);
    // It is no successor either, and one that is created anew owns what the former one owned.
    world.forget_requests();
    world.delete_resource("pull").await;
    assert_eq!(world.writes(), [(DELETE, 202)]);
    world.resource("pull", json!({})).await;
    world.wait_ready("pull").await;
    assert_eq!(world.remote("pull").unwrap(), payload(2));
    assert_eq!(operator.count_lines("RemoteHandedOver"), 0);
    assert_eq!(operator.count_lines("RemoteConflict"), 0);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_younger_resource_with_a_forged_key_inherits_nothing() {
    let world = World::new("forged-younger").await;
    victim(&world).await;
    world.next_second().await;
    let attacker = attacker_of(&world, "forger-younger").await;
    let operator = operator_of(&world, &attacker).await;
    world.wait_ready("pull").await;
    let lost = attacker.wait_reason("squat", "RemoteConflict").await;
    let message = &lost.condition("Ready").message;
    assert!(message.contains("in another namespace") && !message.contains(&world.namespace), "{message}");
    world.forget_requests();
    world.delete_resource("pull").await;
    assert_eq!(world.writes(), [(DELETE, 202)]);
    assert_eq!(world.remote("pull"), None);
    assert_eq!(operator.count_lines("RemoteHandedOver"), 0);
    // Now that nobody is in front of it, it may ask for a token.
    attacker.wait_reason("squat", "AuthenticationFailed").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn an_owner_whose_key_is_refused_gives_way_and_comes_back_with_a_good_one() {
    let world = World::new("fallen").await;
    let older = World::new("fallen-older").await;
    older.secret("key", "Opaque", world.tenant().binding_data()).await;
    older.docker_secret("source", &[("ghcr.io", Login::new("squatter", 1))]).await;
    older.resource("squat", json!({ "remoteName": "pull" })).await;
    world.next_second().await;
    victim(&world).await;
    let operator = operator_of(&world, &older).await;
    older.wait_ready("squat").await;
    world.wait_reason("pull", "RemoteConflict").await;
    forge_key(&older, &world).await;
    world.wait_ready("pull").await;
    // AI Core holds the younger one's now, and the older one says so, and what is to be mended.
    let displaced =
        older.wait_for("squat", "not Ready", |resource| resource.condition("Ready").status == "False").await;
    let ready = displaced.condition("Ready");
    assert_eq!(
        (&*ready.reason, &*displaced.condition("Stalled").reason),
        ("RemoteConflict", "AuthenticationFailed")
    );
    let message = &ready.message;
    assert!(message.contains("in another namespace") && message.contains("Secret \"key\""), "{message}");
    assert!(!message.contains(&world.namespace), "{message}");
    older.wait_event("squat", "RemoteConflict").await;
    let said = stored_status(&older, "squat").await;
    rotate(&world, 2).await;
    // The status shows a push that was accepted once, and that the key was refused since.
    operator.kill().await;
    let operator = operator_of(&world, &older).await;
    rotate(&world, 3).await;
    older.wait_reason("squat", "AuthenticationFailed").await;
    assert_eq!(stored_status(&older, "squat").await, said, "said once");
    // With proof it is the older one, and the younger is told.
    older.secret("key", "Opaque", world.tenant().binding_data()).await;
    older.wait_ready("squat").await;
    world.wait_reason("pull", "RemoteConflict").await;
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("squatter", 1))]));
    world.check(&operator).await;
}

/// The definition of a newer version: `creationPolicy` has values that this one does not know.
fn newer_definition() -> CustomResourceDefinition {
    let mut newer = api::crd();
    let schema = newer.spec.versions[0].schema.as_mut().unwrap().open_api_v3_schema.as_mut().unwrap();
    let spec = schema.properties.as_mut().unwrap().get_mut("spec").unwrap();
    spec.properties.as_mut().unwrap().get_mut("creationPolicy").unwrap().enum_ = None;
    newer
}

/// Sets `creationPolicy` of a resource to any value.
async fn set_policy(world: &World, name: &str, policy: &str) {
    let any: Api<DynamicObject> = Api::namespaced_with(
        world.resources().into_client(),
        &world.namespace,
        &ApiResource::erase::<api::AICoreRegistrySecret>(&()),
    );
    let patch = json!({ "spec": { "creationPolicy": policy } });
    any.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

async fn stored_status(world: &World, name: &str) -> Value {
    world.stored(name).await["status"].clone()
}

/// The operator goes back to an older version, and the definition of the newer one stays.
#[tokio::test]
async fn a_resource_that_is_not_understood_keeps_its_remote_secret_and_is_left_alone() {
    const METRIC: &str = "aicore_registry_resources_not_understood";
    const LINE: &str = "does not understand it";
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install(control_plane.client().await.unwrap(), &newer_definition()).await;
    let world = World::new_on(&control_plane, "rollback").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 1))]).await;
    world.resource("z-older", json!({ "remoteName": "pull" })).await;
    world.next_second().await;
    world.resource("a-younger", json!({ "remoteName": "pull", "secretRef": { "name": "others" } })).await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;

    // While the operator runs: it does not go on with what it understood last.
    let before = stored_status(&world, "z-older").await;
    set_policy(&world, "z-older", "OnFullMoon").await;
    operator.wait_for_line(LINE).await;
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.requests(), 0);
    operator.wait_for_metric(METRIC, 1.0).await;
    assert_eq!(operator.count_lines(LINE), 1);

    // At a start: the younger one is kept out by the status alone.
    operator.terminate().await;
    let operator = world.operator().await;
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 2))]).await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.requests(), 0);
    assert_eq!(world.remote("pull").unwrap(), payload(1));
    operator.wait_for_metric(METRIC, 1.0).await;
    assert_eq!(operator.count_lines(LINE), 1);
    assert_eq!(stored_status(&world, "z-older").await, before);

    // It goes on when it is understood again.
    set_policy(&world, "z-older", "IfMissing").await;
    world.wait_remote("pull", &payload(2)).await;
    world
        .eventually("nothing to be left alone", || async {
            (operator.metric(METRIC).await.abs() < f64::EPSILON).then_some(())
        })
        .await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    control_plane.stop().await.unwrap();
}
