//! What happens while a pass waits: it sends nothing that is not wanted any more.

use std::collections::BTreeMap;

use serde_json::json;
use testbed::{
    proxy::{Action, Proxy},
    simulator::{Fault, Gate},
};

use crate::{
    cluster::cluster,
    world::{
        Conditions, Login, World,
        operation::{PATCH, POST, TOKEN},
    },
};

const WITHDRAWN: &str = "aicore_registry_reconcile_total{outcome=\"Withdrawn\"}";
const REQUESTED_AT: &str = "aicore-registry.dev/requestedAt";

fn payload(user: &'static str, rotation: u32) -> String {
    World::payload(&[("ghcr.io", Login::new(user, rotation))])
}

/// The owner is deleted while its Secret is read: its heir has pushed when the answer comes.
#[tokio::test]
async fn a_deleted_owner_does_not_overwrite_its_heir() {
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let world = World::new("heir").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 1))]).await;
    world.resource("z-older", json!({ "remoteName": "shared" })).await;
    world.next_second().await;
    world.resource("a-younger", json!({ "remoteName": "shared", "secretRef": { "name": "others" } })).await;
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    let gate = Gate::new();
    proxy.next(
        1,
        |request| request.is("get", "secrets") && request.name.as_deref() == Some("source"),
        Action::hold(&gate),
    );
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    gate.arrived().await.unwrap();
    world.delete_resource("z-older").await;
    world.wait_ready("a-younger").await;
    world.forget_requests();
    gate.release();
    operator.wait_for_metric(WITHDRAWN, 1.0).await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.requests(), 0);
    assert_eq!(world.remote("shared").unwrap(), payload("heir", 1));
    world.check(&operator).await;
}

/// Waits until the operator has heard of all that happened before: of something later by the same watch, for which it needs no place in
/// the tenant.
async fn heard(world: &World) {
    world.resource("later", json!({ "suspend": true })).await;
    world.wait_reason("later", "Suspended").await;
}

/// Between the look at AI Core, which has no such secret, and the creation.
#[tokio::test]
async fn what_is_deleted_or_suspended_meanwhile_is_not_created() {
    for deleted in [true, false] {
        let world = World::synced("uncreated").await;
        let gate = world.hold_next(PATCH);
        let operator = world.operator().await;
        gate.arrived().await.unwrap();
        if deleted {
            world.delete_resource("pull").await;
        } else {
            world.patch_spec("pull", json!({ "suspend": true })).await;
        }
        heard(&world).await;
        gate.release();
        operator.wait_for_metric(WITHDRAWN, 1.0).await;
        world.wait_quiet(&operator).await;
        assert_eq!(world.writes(), [(PATCH, 404)]);
        assert_eq!(world.remote("pull"), None);
        world.check(&operator).await;
    }
}

/// A rotation whose push is refused while the resource is suspended: AI Core holds something else, also after a restart and until it is
/// pushed.
#[tokio::test]
async fn a_rotation_that_suspension_cut_short_is_said() {
    for code in [401, 403, 404, 415] {
        let world = World::synced("cut-short").await;
        let operator = world.operator().await;
        world.wait_ready("pull").await;
        let gate = Gate::new();
        world.tenant().faults().next(1, PATCH, Fault::status(code).through(&gate));
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
        gate.arrived().await.unwrap();
        world.patch_spec("pull", json!({ "suspend": true })).await;
        heard(&world).await;
        gate.release();
        let suspended = world.wait_reason("pull", "Suspended").await;
        let ready = suspended.condition("Ready");
        assert_eq!(ready.status, "False", "{code}");
        assert!(ready.message.contains("was not pushed before"), "{}", ready.message);
        operator.kill().await;
        let operator = world.operator().await;
        world.wait_quiet(&operator).await;
        assert_eq!(world.resource_now("pull").await.condition("Ready").status, "False");
        assert_eq!(world.remote("pull").unwrap(), payload("robot", 1));
        world.patch_spec("pull", json!({ "suspend": false })).await;
        world.wait_ready("pull").await;
        assert_eq!(world.remote("pull").unwrap(), payload("robot", 2));
        world.check(&operator).await;
    }
}

/// A repetition finds the secret gone, and is stopped before it creates it anew.
#[tokio::test]
async fn what_a_repetition_found_absent_is_said() {
    let world = World::synced("absent").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.remove_remote("pull");
    let gate = world.hold_next(PATCH);
    world.annotate("pull", REQUESTED_AT, "now").await;
    gate.arrived().await.unwrap();
    world.patch_spec("pull", json!({ "suspend": true })).await;
    heard(&world).await;
    gate.release();
    let suspended = world.wait_reason("pull", "Suspended").await;
    assert_eq!(suspended.condition("Ready").status, "False");
    world.patch_spec("pull", json!({ "suspend": false })).await;
    world.wait_ready("pull").await;
    assert_eq!(world.remote("pull").unwrap(), payload("robot", 1));
    world.check(&operator).await;
}

/// Rotated and suspended while no operator runs.
#[tokio::test]
async fn a_rotation_that_nobody_tried_before_suspension_is_said() {
    let world = World::synced("untried").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    operator.kill().await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.patch_spec("pull", json!({ "suspend": true })).await;
    let operator = world.operator().await;
    let suspended = world.wait_reason("pull", "Suspended").await;
    assert_eq!(suspended.condition("Ready").status, "False");
    world.check(&operator).await;
}

#[tokio::test]
async fn nothing_is_sent_with_a_token_that_comes_after_suspension() {
    let world = World::synced("late-token").await;
    let gate = world.hold_next(TOKEN);
    let operator = world.operator().await;
    gate.arrived().await.unwrap();
    world.patch_spec("pull", json!({ "suspend": true })).await;
    heard(&world).await;
    gate.release();
    world.wait_reason("pull", "Suspended").await;
    assert_eq!(world.writes(), []);
    world.patch_spec("pull", json!({ "suspend": false })).await;
    world.wait_ready("pull").await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202)]);
    assert_eq!(world.token_requests(), 1);
    world.check(&operator).await;
}

/// The second request waits for its place in the rate, seconds after the first.
#[tokio::test]
async fn suspension_counts_while_a_pass_waits_for_the_rate() {
    let world = World::synced("slow-rate").await;
    let operator = world.launch().with("--tenant-rps=0.2").with("--tenant-burst=1").start().await;
    world.wait_requests(PATCH, 1).await;
    world.patch_spec("pull", json!({ "suspend": true })).await;
    operator.wait_for_metric(WITHDRAWN, 1.0).await;
    world.wait_reason("pull", "Suspended").await;
    assert_eq!(world.writes(), [(PATCH, 404)]);
    world.check(&operator).await;
}

/// A place that is minutes away would cost all the time that a process has to end.
#[tokio::test]
async fn sigterm_does_not_wait_for_the_rate() {
    let world = World::synced("drain-rate").await;
    let operator = world.launch().with("--tenant-rps=0.01").with("--tenant-burst=1").start().await;
    world.wait_requests(PATCH, 1).await;
    let (code, log) = operator.terminate().await;
    assert_eq!(code, Some(0), "{}", log.join("\n"));
    assert!(!log.iter().any(|line| line.contains("cancelled")), "{}", log.join("\n"));
    assert_eq!(world.writes(), [(PATCH, 404)]);
}

/// Keys that are refused take nothing from the rate of the tenant whose name they bear.
#[tokio::test]
async fn forged_keys_do_not_use_up_the_rate() {
    let world = World::synced("forged").await;
    let operator = world.launch().with("--tenant-rps=1").with("--tenant-burst=2").start().await;
    world.wait_ready("pull").await;
    let mut forged = world.tenant().binding_data();
    forged.insert("clientsecret".to_owned(), "forged".to_owned());
    world.secret("forged-key", "Opaque", forged).await;
    for number in 0..80 {
        let name = format!("forged-{number}");
        world.resource(&name, json!({ "aiCoreSecretRef": { "name": "forged-key" } })).await;
    }
    for number in 0..80 {
        let name = format!("forged-{number}");
        world.wait_reason(&name, "AuthenticationFailed").await;
        world.annotate(&name, REQUESTED_AT, "now").await;
    }
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    // With a turn for each of them this would take more than a minute.
    world.wait_remote("pull", &payload("robot", 2)).await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202), (PATCH, 202)]);
    world.check(&operator).await;
}

/// The watch on Secrets is connected and shows nothing.
#[tokio::test]
async fn a_service_key_that_the_watch_did_not_show_is_read_after_a_refusal_and_when_forced() {
    for forced in [true, false] {
        let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
        let world = World::synced("deaf-key").await;
        let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
        world.wait_ready("pull").await;
        if !forced {
            world.revoke_tokens();
            world.tenant().faults().next(1, TOKEN, Fault::status(401));
            world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
            world.wait_reason("pull", "AuthenticationFailed").await;
        }
        proxy.silence(|request| request.is("watch", "secrets"));
        world.rotate_service_key();
        world.service_key("key").await;
        if forced {
            world.annotate("pull", REQUESTED_AT, "now").await;
        } else {
            // Something else that wakes it: the key that was refused is not used again.
            world.patch_spec("pull", json!({ "registries": ["ghcr.io"] })).await;
        }
        let version = world.secret_version("key").await;
        world
            .wait_for("pull", "Synced with the new key", |resource| {
                let status = resource.status.as_ref().unwrap();
                status.ai_core_secret_resource_version == version && status.conditions.len() == 1
            })
            .await;
        world.check(&operator).await;
    }
}

/// One read for all who name it, and not one for each.
#[tokio::test]
async fn a_key_that_cannot_be_used_is_read_once_however_many_name_it() {
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let world = World::new("shared-broken").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.secret("key", "Opaque", BTreeMap::from([("key.json".to_owned(), "{}".to_owned())])).await;
    for number in 0..40 {
        world.resource(&format!("pull-{number}"), json!({})).await;
    }
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    for number in 0..40 {
        world.wait_reason(&format!("pull-{number}"), "ServiceKeyInvalid").await;
    }
    let reads = proxy
        .seen()
        .iter()
        .filter(|seen| seen.request.is("get", "secrets") && seen.request.name.as_deref() == Some("key"))
        .count();
    assert_eq!(reads, 1);
    world.check(&operator).await;
}
