//! What happens in AI Core, and to the resource, when a resource is deleted.

mod finalizer;
mod unsent;

use aicore_registry_operator::api::FINALIZER;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    proxy::{Action, Proxy},
    simulator::Fault,
};

use crate::{
    cluster::install_crd,
    world::{
        Conditions, Login, World,
        operation::{DELETE, PATCH, POST},
    },
};

async fn with_policy_delete(prefix: &str) -> World {
    let world = World::new(prefix).await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    world
}

fn finalizers(resource: &aicore_registry_operator::api::AICoreRegistrySecret) -> Vec<String> {
    resource.metadata.finalizers.clone().unwrap_or_default()
}

#[tokio::test]
async fn retain_leaves_the_remote_secret_and_needs_no_finalizer() {
    let world = World::synced("retain").await;
    let operator = world.operator().await;
    let ready = world.wait_ready("pull").await;
    assert_eq!(finalizers(&ready), Vec::<String>::new());
    world.forget_requests();
    world.delete_resource("pull").await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes_of("pull"), []);
    assert!(world.remote("pull").is_some());
    world.check(&operator).await;
}

#[tokio::test]
async fn delete_deletes_the_remote_secret_before_the_resource_goes() {
    let world = with_policy_delete("delete").await;
    let operator = world.operator().await;
    let ready = world.wait_ready("pull").await;
    assert_eq!(finalizers(&ready), [FINALIZER]);
    world.forget_requests();
    world.delete_resource("pull").await;
    assert_eq!(world.writes(), [(DELETE, 202)]);
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_remote_secret_that_is_gone_already_counts_as_deleted() {
    let world = with_policy_delete("gone").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.remove_remote("pull");
    world.forget_requests();
    world.delete_resource("pull").await;
    assert_eq!(world.writes(), [(DELETE, 404)]);
    world.check(&operator).await;
}

#[tokio::test]
async fn the_finalizer_follows_the_policy_and_leaves_others_alone() {
    let world = World::synced("policy").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let other = "example.com/other";
    world
        .resources()
        .patch(
            "pull",
            &PatchParams::default(),
            &Patch::Merge(json!({ "metadata": { "finalizers": [other] } })),
        )
        .await
        .unwrap();
    world.patch_spec("pull", json!({ "deletionPolicy": "Delete" })).await;
    world.wait_for("pull", "both finalizers", |resource| finalizers(resource) == [other, FINALIZER]).await;
    world.patch_spec("pull", json!({ "deletionPolicy": "Retain" })).await;
    world.wait_for("pull", "the other's finalizer only", |resource| finalizers(resource) == [other]).await;
    world.check(&operator).await;
}

#[tokio::test]
async fn a_deletion_that_fails_is_tried_again_and_says_so() {
    let world = with_policy_delete("undeletable").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.tenant().faults().next(2, DELETE, Fault::status(503));
    world.ask_to_delete("pull").await;
    let deleting = world.wait_reason("pull", "Deleting").await;
    let message = &deleting.condition("Reconciling").message;
    assert!(message.contains("HTTP 503") && message.contains("abandon-remote=true"), "{message}");
    world.wait_gone("pull").await;
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}

#[tokio::test]
async fn without_the_service_key_a_deletion_waits_for_it() {
    let world = World::new("keygone").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let operator = world.operator().await;
    world.resource_that_lost_its_key("pull").await;
    world.ask_to_delete("pull").await;
    let deleting = world.wait_reason("pull", "Deleting").await;
    assert!(deleting.condition("Reconciling").message.contains("Secret \"key-of-pull\""));
    assert!(world.remote("pull").is_some());
    world.service_key("key-of-pull").await;
    world.wait_gone("pull").await;
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}

#[tokio::test]
async fn the_annotation_lets_a_resource_go_at_once() {
    let world = with_policy_delete("abandon").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.delete_secret("key").await;
    world.wait_reason("pull", "ServiceKeyNotFound").await;
    world.forget_requests();
    world.ask_to_delete("pull").await;
    world.wait_reason("pull", "Deleting").await;
    world.annotate("pull", "aicore-registry.dev/abandon-remote", "true").await;
    world.wait_gone("pull").await;
    world.wait_event("pull", "RemoteAbandoned").await;
    assert_eq!(world.requests(), 0);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_suspended_resource_goes_without_touching_ai_core() {
    let world = with_policy_delete("suspended").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.patch_spec("pull", json!({ "suspend": true })).await;
    world.wait_reason("pull", "Suspended").await;
    world.forget_requests();
    world.delete_resource("pull").await;
    world.wait_event("pull", "RemoteRetained").await;
    assert_eq!(world.requests(), 0);
    assert!(world.remote("pull").is_some());
    world.check(&operator).await;
}

#[tokio::test]
async fn what_was_never_accepted_is_not_deleted() {
    let world = World::new("never").await;
    world.preset_remote("pull", "{\"auths\":{\"by\":\"hand\"}}");
    world.service_key("key").await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    let operator = world.operator().await;
    world.wait_reason("pull", "SecretNotFound").await;
    world.delete_resource("pull").await;
    assert_eq!(world.writes(), []);
    assert!(world.remote("pull").is_some());
    world.check(&operator).await;
}

#[tokio::test]
async fn a_remote_secret_that_another_resource_wants_is_handed_over() {
    let world = with_policy_delete("handover").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.next_second().await;
    world.docker_secret("heirs", &[("ghcr.io", Login::new("heir", 1))]).await;
    world.resource("heir", json!({ "remoteName": "pull", "secretRef": { "name": "heirs" } })).await;
    world.wait_reason("heir", "RemoteConflict").await;
    world.forget_requests();
    world.delete_resource("pull").await;
    world.wait_ready("heir").await;
    world.wait_event("pull", "RemoteHandedOver").await;
    assert_eq!(world.writes(), [(PATCH, 202)], "updated, never deleted in between");
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("heir", 1))]));
    world.check(&operator).await;
}

/// What AI Core holds is the older one's, which has pushed over it: it goes when its heir has pushed again, and not before, so that a
/// process that ends in between leaves nothing that nobody knows of.
#[tokio::test]
async fn an_older_one_goes_when_what_it_has_pushed_over_is_there_again() {
    let world = World::new("over").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.docker_secret("heirs", &[("ghcr.io", Login::new("heir", 1))]).await;
    world.service_key("key").await;
    let key = json!({ "name": "key-of-the-older" });
    world.resource("pull", json!({ "deletionPolicy": "Delete", "aiCoreSecretRef": key })).await;
    world.next_second().await;
    world.resource("heir", json!({ "remoteName": "pull", "secretRef": { "name": "heirs" } })).await;
    let operator = world.operator().await;
    world.wait_ready("heir").await;
    world.service_key("key-of-the-older").await;
    world.wait_ready("pull").await;
    world.wait_reason("heir", "RemoteConflict").await;
    world.forget_requests();
    let gate = world.hold_next(PATCH);
    world.ask_to_delete("pull").await;
    gate.arrived().await.unwrap();
    // It looks again after 50 ms, after 100 ms …
    world.wait_quiet(&operator).await;
    assert_eq!(finalizers(&world.resource_now("pull").await), [FINALIZER]);
    gate.release();
    world.wait_gone("pull").await;
    world.wait_ready("heir").await;
    world.wait_event("pull", "RemoteHandedOver").await;
    assert_eq!(world.writes(), [(PATCH, 202)]);
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("heir", 1))]));
    world.check(&operator).await;
}

/// Who is suspended and has never pushed takes nothing over: it would delete nothing when it goes, and nobody would.
#[tokio::test]
async fn a_suspended_claimant_that_never_pushed_is_no_heir() {
    let world = with_policy_delete("no-heir").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.next_second().await;
    world.resource("heir", json!({ "remoteName": "pull", "deletionPolicy": "Delete" })).await;
    world.wait_reason("heir", "RemoteConflict").await;
    world.patch_spec("heir", json!({ "suspend": true })).await;
    world.wait_reason("heir", "Suspended").await;
    world.forget_requests();
    world.delete_resource("pull").await;
    assert_eq!(world.writes(), [(DELETE, 202)]);
    assert_eq!(operator.count_lines("RemoteHandedOver"), 0);
    world.delete_resource("heir").await;
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}

/// An heir that cannot push is waited for and not for long.
#[tokio::test]
async fn what_the_heir_cannot_take_over_is_deleted() {
    let world = with_policy_delete("poor-heir").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.next_second().await;
    world.resource("heir", json!({ "remoteName": "pull", "secretRef": { "name": "none" } })).await;
    world.wait_reason("heir", "RemoteConflict").await;
    world.forget_requests();
    world.delete_resource("pull").await;
    assert_eq!((world.writes(), world.remote("pull")), (vec![(DELETE, 202)], None));
    world.wait_reason("heir", "SecretNotFound").await;
    world.check(&operator).await;
}

/// The operator may not look at a namespace; what it may create there shows that the namespace goes.
#[tokio::test]
async fn a_namespace_that_may_not_be_looked_at_does_not_hang() {
    let control_plane =
        ControlPlane::start(Options { controller_manager: true, ..Options::default() }).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let world = World::new_on(&control_plane, "hidden").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    let proxy = Proxy::start(control_plane.kubeconfig()).await.unwrap();
    proxy.always(|request| request.is("get", "namespaces"), Action::refuse(403));
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    world.wait_ready("pull").await;
    world.delete_secret("key").await;
    world.wait_reason("pull", "ServiceKeyNotFound").await;
    // Nothing may be seen at first: the right that is missing is named.
    proxy.next(
        1,
        |request| request.is("create", "events") && request.parameter("dryRun").is_some(),
        Action::refuse(403),
    );
    world.ask_to_delete("pull").await;
    world.wait_for("pull", "the right that is missing", |resource| says(resource, "get on namespace")).await;
    world.delete_namespace().await;
    world.wait_namespace_gone().await;
    assert!((operator.metric("aicore_registry_remote_orphaned_total").await - 1.0).abs() < f64::EPSILON);
    control_plane.stop().await.unwrap();
}

/// The namespace controller deletes objects in an order of its own; here each order is forced in turn. It looks at a
/// namespace again after some ten seconds, so the cases run side by side.
#[tokio::test]
async fn a_namespace_deletion_never_hangs() {
    let control_plane =
        ControlPlane::start(Options { controller_manager: true, ..Options::default() }).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let cases =
        ["key", "source", "resource", "nothing"].map(|first| namespace_deletion(&control_plane, first));
    futures::future::join_all(cases).await;
    control_plane.stop().await.unwrap();
}

async fn namespace_deletion(control_plane: &ControlPlane, first: &str) {
    let world = World::new_on(control_plane, &format!("ns-{first}")).await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    match first {
        "key" | "source" => world.delete_secret(first).await,
        "resource" => world.ask_to_delete("pull").await,
        _ => {}
    }
    world.delete_namespace().await;
    world.wait_namespace_gone().await;
    let orphaned = operator.metric("aicore_registry_remote_orphaned_total").await;
    let stayed = if world.remote("pull").is_some() { 1.0 } else { 0.0 };
    assert!((orphaned - stayed).abs() < f64::EPSILON, "what stayed behind is counted: {orphaned}, {stayed}");
    if first == "key" {
        assert!(world.remote("pull").is_some(), "nothing could be deleted without the key");
    }
    if first == "resource" {
        assert_eq!(world.remote("pull"), None);
    }
}

#[tokio::test]
async fn a_late_deletion_never_hits_what_the_next_owner_pushed() {
    let world = with_policy_delete("late").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let gate = world.hold_next(DELETE);
    world.ask_to_delete("pull").await;
    gate.arrived().await.unwrap();
    // While the DELETE is under way, another resource takes the name.
    world.docker_secret("heirs", &[("ghcr.io", Login::new("heir", 1))]).await;
    world.resource("heir", json!({ "remoteName": "pull", "secretRef": { "name": "heirs" } })).await;
    world.forget_requests();
    gate.release();
    world.wait_ready("heir").await;
    world.wait_gone("pull").await;
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("heir", 1))]));
    assert_eq!(world.writes(), [(DELETE, 202), (PATCH, 404), (POST, 202)]);
    assert_eq!(world.most_at_once("pull"), 1);
    world.check(&operator).await;
}

/// A refusal holds the next attempt back; without the key there is nothing left to hold back, and the resource says so.
#[tokio::test]
async fn the_end_of_the_service_key_ends_a_hold() {
    let world = with_policy_delete("hold").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.always_answer(DELETE, 403);
    world.ask_to_delete("pull").await;
    world.wait_for("pull", "the refusal", |resource| says(resource, "HTTP 403")).await;
    world.delete_secret("key").await;
    world.wait_for("pull", "the missing key", |resource| says(resource, "Secret \"key\"")).await;
    world.clear_faults();
    world.service_key("key").await;
    world.wait_gone("pull").await;
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}

fn says(resource: &aicore_registry_operator::api::AICoreRegistrySecret, part: &str) -> bool {
    resource.condition("Reconciling").message.contains(part)
}

/// What was pushed is in the old tenant, which the operator does not touch any more; in the new one there is nothing of it.
#[tokio::test]
async fn after_a_change_of_tenant_nothing_is_deleted_in_either() {
    let world = with_policy_delete("moved-away").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let other = world.simulator().tenant("moved-away-other");
    other.put("pull", "{\"auths\":{\"by\":\"hand\"}}");
    // Refused for sure: with no answer, or a 5xx, it may have arrived there, and would be deleted there.
    other.faults().always(PATCH, Fault::status(403));
    world.forget_requests();
    world.secret("key", "Opaque", other.binding_data()).await;
    let waiting = world.wait_reason("pull", "Forbidden").await;
    assert_eq!(waiting.condition("Ready").status, "False", "the new tenant does not hold it");
    world.delete_resource("pull").await;
    let event = world.wait_event("pull", "RemoteOrphaned").await;
    let note = event.note.unwrap();
    assert!(note.contains(&world.authorization_server()));
    operator.wait_for_line(&note.replace('"', "\\\"")).await;
    assert_eq!(world.writes(), []);
    assert_eq!(other.secrets()["pull"], "{\"auths\":{\"by\":\"hand\"}}");
    assert!(world.remote("pull").is_some());
    world.check(&operator).await;
}
