//! A resource that goes before anything was sent for it: what AI Core holds under its name is of somebody else.

use kube::api::{Patch, PatchParams};
use serde_json::json;
use testbed::simulator::Fault;

use crate::{
    operator::Operator,
    world::{
        Login, World,
        operation::{DELETE, GET, LIST, PATCH, POST, TOKEN},
    },
};

const FOREIGN: &str = r#"{"auths":{"by":"hand"}}"#;
/// As many as it takes for the names of the tenant to be asked for.
const NAMES: [&str; 4] = ["pull-0", "pull-1", "pull-2", "pull-3"];

/// While the operator works: credentials of which nothing was pushed, with the policy `Delete`.
async fn create(world: &World, names: &[&str]) {
    for name in names {
        world.docker_secret(name, &[("ghcr.io", Login::new("robot", 1))]).await;
        let spec = json!({ "secretRef": { "name": name }, "deletionPolicy": "Delete" });
        world.resource(name, spec).await;
    }
}

/// An operator that works, in a world that has a service key and nothing else.
async fn working(prefix: &str) -> (World, Operator) {
    let world = World::new(prefix).await;
    world.service_key("key").await;
    let operator = world.operator().await;
    (world, operator)
}

/// While the token is awaited, or the names of the tenant are.
#[rstest::rstest]
#[case::the_token(false)]
#[case::the_names(true)]
#[tokio::test]
async fn what_goes_before_its_first_request_deletes_nothing(#[case] with_token: bool) {
    let (world, operator) = working("unsent").await;
    NAMES.iter().for_each(|name| world.preset_remote(name, FOREIGN));
    let token = world.hold_next(TOKEN);
    create(&world, &NAMES).await;
    token.arrived().await.unwrap();
    world.wait_quiet(&operator).await;
    let mut held = token;
    if with_token {
        let names = world.hold_next(LIST);
        held.release();
        names.arrived().await.unwrap();
        held = names;
    }
    for name in NAMES {
        world.delete_resource(name).await;
    }
    held.release();
    world.wait_quiet(&operator).await;
    // Who is not about to create waits for no names, and has pushed over what was there.
    let (sent, unsent): (Vec<_>, Vec<_>) = NAMES.iter().partition(|name| world.remote(name).is_none());
    assert!(!unsent.is_empty() && (with_token || sent.is_empty()), "{:?}", world.writes());
    for name in unsent {
        assert_eq!((world.writes_of(name), world.remote(name).as_deref()), (vec![], Some(FOREIGN)));
    }
    for name in sent {
        assert_eq!(world.writes_of(name), [(PATCH, 202), (DELETE, 202)]);
    }
    world.check(&operator).await;
}

/// Somebody else creates it right before the operator does, and the resource goes while the operator looks what there is.
#[tokio::test]
async fn what_somebody_else_has_created_first_stays() {
    let [name, ..] = NAMES;
    let (world, operator) = working("unsent-refused").await;
    let post = world.hold_next(POST);
    create(&world, &[name]).await;
    post.arrived().await.unwrap();
    world.preset_remote(name, FOREIGN);
    let get = world.hold_next(GET);
    post.release();
    get.arrived().await.unwrap();
    world.ask_to_delete(name).await;
    world.wait_quiet(&operator).await;
    get.release();
    world.wait_gone(name).await;
    assert_eq!(world.remote(name).as_deref(), Some(FOREIGN), "{:?}", world.writes());
    world.check(&operator).await;
}

/// What may have arrived is deleted: the process knows no better.
#[tokio::test]
async fn what_was_sent_without_an_answer_is_deleted() {
    let [name, ..] = NAMES;
    let (world, operator) = working("unsent-answer").await;
    world.tenant().faults().always(POST, Fault::cut().applied());
    world.tenant().faults().always(PATCH, Fault::status(503));
    create(&world, &[name]).await;
    world.wait_reason(name, "RemoteUnavailable").await;
    world.delete_resource(name).await;
    assert_eq!(world.remote(name), None);
    world.check(&operator).await;
}

/// A resource that comes by its label is new to the operator that has it now, and was another one's.
#[tokio::test]
async fn what_another_shard_has_sent_is_deleted() {
    let [name, ..] = NAMES;
    let world = World::new("unsent-shard").await;
    world.service_key("key").await;
    world.docker_secret(name, &[("ghcr.io", Login::new("robot", 1))]).await;
    let first = world.launch().with("--watch-label-selector=shard=a").start().await;
    let second = world.launch().with("--watch-label-selector=shard=b").start().await;
    world.tenant().faults().next(1, POST, Fault::hang().applied());
    world.resource(name, json!({ "secretRef": { "name": name } })).await;
    let label = async |shard: &str| {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "shard": shard } } }));
        world.resources().patch(name, &PatchParams::default(), &patch).await.unwrap();
    };
    label("a").await;
    world.wait_remote(name, &World::payload(&[("ghcr.io", Login::new("robot", 1))])).await;
    first.kill().await;
    let token = world.hold_next(TOKEN);
    world.patch_spec(name, json!({ "deletionPolicy": "Delete" })).await;
    label("b").await;
    token.arrived().await.unwrap();
    world.delete_resource(name).await;
    token.release();
    assert_eq!(world.remote(name), None);
    world.check(&second).await;
}
