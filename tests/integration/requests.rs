//! What users ask for beyond a push: suspend, force, resync, policies.

use aicore_registry_operator::clock;
use jiff::ToSpan;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use testbed::simulator::{Fault, RetryAfter};

use crate::world::{
    Conditions, Login, World,
    operation::{PATCH, POST},
};

const REQUESTED_AT: &str = "aicore-registry.dev/requestedAt";

#[tokio::test]
async fn a_suspended_resource_is_left_alone_and_catches_up_when_resumed() {
    let world = World::synced("suspend").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.patch_spec("pull", json!({ "suspend": true })).await;
    let suspended = world.wait_reason("pull", "Suspended").await;
    assert_eq!(suspended.condition("Ready").status, "True", "as it was when it was suspended");
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    // A request is answered without a remote call.
    world.annotate("pull", REQUESTED_AT, "one").await;
    world
        .wait_for("pull", "the answer", |resource| {
            resource.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("one")
        })
        .await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.requests(), 0);
    world.patch_spec("pull", json!({ "suspend": false })).await;
    world.wait_ready("pull").await;
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 2))]));
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.check(&operator).await;
}

#[tokio::test]
async fn resuming_what_did_not_change_pushes_nothing() {
    let world = World::synced("resume").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.patch_spec("pull", json!({ "suspend": true })).await;
    world.wait_reason("pull", "Suspended").await;
    world.forget_requests();
    world.patch_spec("pull", json!({ "suspend": false })).await;
    world.wait_ready("pull").await;
    assert_eq!(world.requests(), 0);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_forced_push_happens_once_for_each_value() {
    let world = World::synced("force").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for value in ["2026-11-24T10:00:00Z", "again"] {
        world.forget_requests();
        world.annotate("pull", REQUESTED_AT, value).await;
        world
            .wait_for("pull", "the answer", |resource| {
                resource.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some(value)
            })
            .await;
        world.wait_quiet(&operator).await;
        assert_eq!(world.writes(), [(PATCH, 202)]);
    }
    // The same value after a restart is answered already.
    operator.kill().await;
    world.forget_requests();
    let operator = world.operator().await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes(), []);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_forced_push_overrides_a_hold_once() {
    let world = World::synced("override").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.tenant().faults().next(1, PATCH, Fault::status(400));
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_reason("pull", "RemoteRejected").await;
    world.forget_requests();
    world.annotate("pull", REQUESTED_AT, "now").await;
    world.wait_ready("pull").await;
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.check(&operator).await;
}

#[tokio::test]
async fn an_unchanged_credential_is_sent_again_when_the_resync_is_due() {
    let world = World::synced("resync").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    operator.kill().await;
    // The times of the status are what a restart goes by.
    let past = Time(clock::now().checked_sub(2.hours()).unwrap());
    let status = json!({ "status": { "lastSyncTime": past, "nextResyncTime": past } });
    world.resources().patch_status("pull", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    world.remove_remote("pull");
    world.patch_spec("pull", json!({ "resyncInterval": "10s" })).await;
    world.forget_requests();
    let operator = world.operator().await;
    world
        .wait_for("pull", "synced again", |resource| {
            resource.status.as_ref().unwrap().last_sync_time > Some(past.clone())
        })
        .await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202)], "what was lost in AI Core is back");
    world.check(&operator).await;
}

#[tokio::test]
async fn a_failing_resync_leaves_ready_true_and_a_failing_rotation_does_not() {
    let world = World::synced("truth").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.always_answer(PATCH, 503);
    world.annotate("pull", REQUESTED_AT, "now").await;
    let failing = world.wait_reason("pull", "RemoteUnavailable").await;
    assert_eq!(failing.condition("Ready").status, "True", "AI Core still holds the credential of the Secret");
    assert_eq!(failing.condition("Ready").reason, "Synced");
    assert_eq!(failing.condition("Reconciling").reason, "RemoteUnavailable");
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_for("pull", "not ready", |resource| resource.condition("Ready").status == "False").await;
    world.clear_faults();
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn never_creates_nothing() {
    let world = World::new("nevercreate").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "creationPolicy": "Never" })).await;
    let operator = world.operator().await;
    let stalled = world.wait_reason("pull", "RemoteMissing").await;
    assert_eq!(stalled.condition("Stalled").status, "True");
    assert_eq!(world.writes(), [(PATCH, 404)]);
    world.patch_spec("pull", json!({ "creationPolicy": "IfMissing" })).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// `Retry-After` holds every attempt back, except one that a user asks for.
#[tokio::test]
async fn a_forced_push_overrides_retry_after_once() {
    let world = World::synced("impatient").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.tenant().faults().next(2, PATCH, Fault::rate_limited(RetryAfter::Seconds(1800)));
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_reason("pull", "RateLimited").await;
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 3))]).await;
    world.annotate("pull", REQUESTED_AT, "first").await;
    world
        .wait_for("pull", "the answer", |resource| {
            resource.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("first")
        })
        .await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes(), [(PATCH, 429)], "one attempt, and the new Retry-After holds again");
    world.annotate("pull", REQUESTED_AT, "second").await;
    world.wait_ready("pull").await;
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 3))]));
    world.check(&operator).await;
}

#[tokio::test]
async fn without_a_resync_interval_there_is_no_time_to_wait_for() {
    let world = World::synced("noresync").await;
    world.patch_spec("pull", json!({ "resyncInterval": "0s" })).await;
    let operator = world.operator().await;
    let ready = world.wait_ready("pull").await;
    assert_eq!(ready.status.unwrap().next_resync_time, None);
    // A later change of mind counts from the last push.
    world.patch_spec("pull", json!({ "resyncInterval": "1h" })).await;
    let ready = world
        .wait_for("pull", "a time", |resource| resource.status.as_ref().unwrap().next_resync_time.is_some());
    let status = ready.await.status.unwrap();
    let (last, next) = (status.last_sync_time.unwrap().0, status.next_resync_time.unwrap().0);
    assert!((3240..=3960).contains(&next.duration_since(last).as_secs()));
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202)]);
    world.check(&operator).await;
}
