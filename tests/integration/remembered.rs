//! What the operator remembers over failures and restarts: where a remote secret may be, and which key was refused.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::json;
use testbed::{
    proxy::{Action, Proxy},
    simulator::{Fault, Gate},
};

use crate::{
    cluster::cluster,
    world::{
        Conditions, Login, World,
        operation::{DELETE, PATCH, POST},
    },
};

const OTHER: &str = "example.com/other";

async fn with_policy_delete(prefix: &str) -> World {
    let world = World::new(prefix).await;
    world.service_key("key").await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    world
}

async fn with_secret(world: &World) {
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
}

/// The answer to the creation is lost, and whatever comes then says nothing about it.
#[tokio::test]
async fn a_creation_without_an_answer_is_deleted_whatever_failed_afterwards() {
    for (status, reason) in
        [(429, "RateLimited"), (403, "Forbidden"), (401, "AuthenticationFailed"), (400, "RemoteRejected")]
    {
        let world = with_policy_delete(&format!("arrived-{status}")).await;
        let operator = world.operator().await;
        world.tenant().faults().next(1, POST, Fault::cut().applied());
        // The first PATCH says that there is none; those after the creation fail.
        world.tenant().faults().next(1, PATCH, Fault::status(404));
        world.always_answer(PATCH, status);
        with_secret(&world).await;
        world.wait_reason("pull", reason).await;
        assert!(world.remote("pull").is_some());
        // Also by another process.
        operator.kill().await;
        let operator = world.operator().await;
        world.delete_resource("pull").await;
        assert_eq!(world.remote("pull"), None, "{reason}: {:?}", world.writes());
        world.check(&operator).await;
    }
}

/// The usual order of GitOps: the status says that there is no Secret, then there is one, and the process is killed.
#[tokio::test]
async fn a_creation_before_which_or_after_which_the_process_is_killed_is_deleted() {
    for fault in [Fault::gate as fn(&Gate) -> Fault, |gate: &Gate| Fault::gate(gate).applied()] {
        let world = with_policy_delete("arrived-killed").await;
        let operator = world.operator().await;
        world.wait_reason("pull", "SecretNotFound").await;
        let gate = Gate::new();
        world.tenant().faults().next(1, POST, fault(&gate));
        with_secret(&world).await;
        gate.arrived().await.unwrap();
        operator.kill().await;
        gate.release();
        let announced = world.resource_now("pull").await.status.unwrap();
        assert_eq!((announced.api_url, announced.last_sync_time), (Some(world.api_url()), None));
        world.delete_secret("source").await;
        let operator = world.operator().await;
        world.wait_quiet(&operator).await;
        world.forget_requests();
        world.delete_resource("pull").await;
        assert_eq!(world.requests_of(DELETE), 1);
        assert_eq!(world.remote("pull"), None);
        world.check(&operator).await;
    }
}

/// What others have put under the name is not touched by a resource whose key was never good, also when it is good in the end.
#[tokio::test]
async fn whoever_never_had_a_good_key_deletes_nothing() {
    for restarted in [false, true] {
        let world = with_policy_delete("never-good").await;
        world.preset_remote("pull", "of others");
        world.rotate_service_key();
        with_secret(&world).await;
        let mut operator = world.operator().await;
        world.wait_reason("pull", "AuthenticationFailed").await;
        if restarted {
            operator.kill().await;
            world.service_key("key").await;
            world.ask_to_delete("pull").await;
            operator = world.operator().await;
            world.wait_gone("pull").await;
        } else {
            world.delete_resource("pull").await;
        }
        assert_eq!(world.writes(), []);
        assert_eq!(world.remote("pull").as_deref(), Some("of others"));
        world.check(&operator).await;
    }
}

/// It is deleted between the look at it and the finalizer, and somebody else's keeps it.
#[tokio::test]
async fn nothing_is_created_for_a_resource_that_gets_no_finalizer() {
    let world = World::new("terminating").await;
    world.service_key("key").await;
    with_secret(&world).await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let gate = Gate::new();
    proxy.next(1, |request| request.is("get", "aicoreregistrysecrets"), Action::hold(&gate));
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
    gate.arrived().await.unwrap();
    let finalizers = |list: serde_json::Value| json!({ "metadata": { "finalizers": list } });
    let patch = Patch::Merge(finalizers(json!([OTHER])));
    world.resources().patch("pull", &PatchParams::default(), &patch).await.unwrap();
    world.ask_to_delete("pull").await;
    gate.release();
    world.wait_quiet(&operator).await;
    let patch = Patch::Merge(finalizers(json!(null)));
    world.resources().patch("pull", &PatchParams::default(), &patch).await.unwrap();
    world.wait_gone("pull").await;
    assert_eq!(world.writes(), []);
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}

/// A process that is started again and again does not try a refused key at each start.
#[tokio::test]
async fn a_restart_does_not_try_a_refused_key_before_its_time() {
    let world = World::new("held").await;
    world.service_key("key").await;
    world.rotate_service_key();
    with_secret(&world).await;
    world.tenant().configure(|options| options.quota = 200);
    let names: Vec<String> = (0..100).map(|number| format!("pull-{number}")).collect();
    for name in &names {
        world.resource(name, json!({})).await;
    }
    let mut operator = world.operator().await;
    for name in &names {
        world.wait_reason(name, "AuthenticationFailed").await;
    }
    world.forget_requests();
    let before = world.status_writes("pull-0").await;
    for _ in 0..3 {
        operator.kill().await;
        operator = world.operator().await;
        world.wait_quiet(&operator).await;
    }
    assert_eq!((world.token_requests(), world.writes()), (0, Vec::new()));
    assert_eq!(world.status_writes("pull-0").await, before);
    assert_eq!(world.resource_now("pull-0").await.condition("Stalled").reason, "AuthenticationFailed");
    // Another key, which comes while no operator runs, is tried at once.
    operator.kill().await;
    world.service_key("key").await;
    let operator = world.operator().await;
    for name in &names {
        world.wait_ready(name).await;
    }
    world.check(&operator).await;
}

/// Only the service key goes bad: AI Core holds what the Secret holds, until that changes.
#[tokio::test]
async fn ready_stays_true_when_only_the_service_key_goes_bad() {
    let world = World::synced("bad-key").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    // A new key, which the authorization server does not know yet.
    let good = world.tenant().binding_data();
    let mut bad = good.clone();
    for value in bad.values_mut().filter(|value| value.contains(&world.tenant().client_secret())) {
        *value = value.replace(&world.tenant().client_secret(), "of-another-day");
    }
    assert_ne!(bad, good);
    world.secret("key", "Opaque", bad).await;
    let stalled = world.wait_reason("pull", "AuthenticationFailed").await;
    assert_eq!(stalled.condition("Stalled").status, "True");
    assert_eq!(
        (&*stalled.condition("Ready").status, &*stalled.condition("Ready").reason),
        ("True", "Synced")
    );
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_for("pull", "not ready", |resource| resource.condition("Ready").status == "False").await;
    world.delete_secret("key").await;
    world.wait_reason("pull", "ServiceKeyNotFound").await;
    world.service_key("key").await;
    world.wait_ready("pull").await;
    world.delete_secret("key").await;
    let waiting = world.wait_reason("pull", "ServiceKeyNotFound").await;
    assert_eq!(waiting.condition("Ready").status, "True");
    assert_eq!(waiting.condition("Reconciling").status, "True");
    world.check(&operator).await;
}

/// A clock that was hours ahead has written the status.
#[tokio::test]
async fn a_push_that_the_status_has_in_the_future_is_repeated_soon() {
    const INTERVAL: Duration = Duration::from_mins(1);
    let world = World::synced("future").await;
    world.patch_spec("pull", json!({ "resyncInterval": "1m" })).await;
    let operator = world.operator().await;
    let synced = world.wait_ready("pull").await.status.unwrap();
    operator.kill().await;
    let ahead = jiff::SignedDuration::from_hours(10);
    let last = synced.last_sync_time.unwrap().0;
    let next = synced.next_resync_time.unwrap().0;
    for (last, next) in [(last + ahead, next + ahead), (last + ahead, next), (last, next + ahead)] {
        let patch = Patch::Merge(json!({ "status": { "lastSyncTime": last, "nextResyncTime": next } }));
        world.resources().patch_status("pull", &PatchParams::default(), &patch).await.unwrap();
        world.forget_requests();
        let operator = world.operator().await;
        let again = world
            .wait_for("pull", "a push of now", |resource| {
                let status = resource.status.as_ref().unwrap();
                let pushed = status.last_sync_time.as_ref().unwrap().0;
                // The next resync may be at the second at which one was due before.
                let until_next = status.next_resync_time.as_ref().unwrap().0.duration_since(pushed);
                pushed != last && until_next.unsigned_abs() <= INTERVAL.mul_f64(1.1)
            })
            .await;
        assert_eq!(world.writes(), [(PATCH, 202)]);
        assert_eq!(again.condition("Ready").reason, "Synced");
        world.check(&operator).await;
        operator.kill().await;
    }
}

/// The process is killed when the API server has the status that speaks of the new tenant, and nothing was said of the old one yet.
#[tokio::test]
async fn what_stays_in_another_tenant_is_said_after_a_crash() {
    let world = with_policy_delete("unsaid").await;
    with_secret(&world).await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let launch = world.launch().with_kubeconfig(proxy.kubeconfig());
    let operator = launch.start().await;
    world.wait_ready("pull").await;
    let other = world.simulator().tenant("unsaid-other");
    proxy.always(|request| request.is("create", "events"), Action::hang());
    world.secret("key", "Opaque", other.binding_data()).await;
    world
        .wait_for("pull", "Ready in the other tenant", |resource| {
            let status = resource.status.as_ref().unwrap();
            status.left_behind.is_some() && status.last_sync_time.is_some()
        })
        .await;
    operator.kill().await;
    proxy.clear();
    let operator = launch.start().await;
    let event = world.wait_event("pull", "TenantChanged").await;
    assert!(event.note.unwrap().contains(&world.authorization_server()));
    operator.wait_for_metric("aicore_registry_remote_orphaned_total", 1.0).await;
    world
        .wait_for("pull", "that it was said", |resource| {
            resource.status.as_ref().unwrap().left_behind.is_none()
        })
        .await;
    world.check(&operator).await;
}
