//! That a pass carries out what was decided, in the right order, and remembers it, also when one of the two adapters fails.

mod deletion;
mod elsewhere;
mod hurried;
mod places;
mod unwritten;

use std::sync::atomic::Ordering::SeqCst;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::FutureExt;

use super::*;
use crate::{
    api::{AICoreRegistrySecretStatus, DeletionPolicy, Moment},
    controller::{
        adapters::Reach,
        fakes::{World, an_older_one},
    },
    domain::{
        decide::{conflict::Claim, observed::NamespaceState, unwritten::LONGEST_PAUSE},
        parse::object::Object,
        testing::{HOUR, WithSpec, an_object, object_named},
    },
};

const PUSH: &str = "push pull for ghcr.io, create true, Patient";

fn outcomes(world: &World, outcome: &str) -> u64 {
    let series = format!("aicore_registry_reconcile_total{{outcome=\"{outcome}\"}}");
    world.metric(&series).unwrap_or_default()
}

fn latencies(world: &World) -> u64 {
    world.metric("aicore_registry_rotation_latency_seconds_count").unwrap_or_default()
}

/// After the first push.
async fn in_sync(object: Object) -> World {
    let world = World::of(object);
    world.pass().await;
    assert_eq!(world.ready(), "True/Synced");
    world.journal();
    world
}

fn with_policy_delete() -> Object {
    Object {
        finalizer: true,
        ..an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete))
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_pass_reads_both_secrets_pushes_and_says_so() {
    let world = World::new();
    let requeue_after = world.pass().await.unwrap();
    assert_eq!(world.journal(), ["read Secret", "connect", "read Secret", PUSH, "write status"]);
    assert_eq!(world.ready(), "True/Synced");
    assert_eq!(*world.ctx.kubernetes.events.lock().unwrap(), ["Synced"]);
    assert!(requeue_after >= HOUR.mul_f64(0.9) && requeue_after <= HOUR.mul_f64(1.1), "{requeue_after:?}");
    assert_eq!(outcomes(&world, "Created"), 1);
    assert_eq!(latencies(&world), 0, "the first sight of a Secret is no rotation");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_changed_nothing_is_asked() {
    let world = in_sync(an_object()).await;
    let requeue_after = world.pass().await.unwrap();
    assert!(requeue_after > HOUR / 2, "{requeue_after:?}");
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_eq!(outcomes(&world, "Unchanged"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_reads_only_the_secret_that_changed_and_is_measured_once() {
    let world = in_sync(an_object()).await;
    world.rotated("2", "b");
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
    assert_eq!(latencies(&world), 1);
    assert_eq!(world.snapshot().source_changed, None);
    world.pass().await;
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_eq!(latencies(&world), 1);
}

/// The clock alone has changed something: that is written, and nothing is read or sent for it.
#[tokio::test(start_paused = true)]
async fn the_turn_of_a_life_is_one_write() {
    let world = in_sync(an_object()).await;
    let ended = Moment::of(world.ctx.clock.now().wall - HOUR);
    let status = AICoreRegistrySecretStatus {
        credential_expires_at: ended,
        credential_expiring_from: ended,
        ..(*world.snapshot().status).clone()
    };
    world.ctx.index.record_status(&world.object, Arc::new(status));
    world.pass().await;
    assert_eq!(world.journal(), ["write status"]);
    assert_eq!(*world.ctx.kubernetes.events.lock().unwrap(), ["Synced", "CredentialExpired"]);
    assert_eq!(world.ready(), "True/Synced");
    world.pass().await;
    assert_eq!(world.journal(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_a_password_says_of_its_end_is_in_the_status_of_the_push() {
    let world = in_sync(an_object()).await;
    let end = Moment::of(world.ctx.clock.now().wall + HOUR);
    let claims = serde_json::json!({ "exp": end.map(Moment::second) }).to_string();
    world.rotated("2", &format!("eyJ9.{}.x", URL_SAFE_NO_PAD.encode(claims)));
    let requeue_after = world.pass().await.unwrap();
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
    assert_eq!(world.snapshot().status.credential_expires_at, end);
    assert!(requeue_after <= HOUR.mul_f64(0.85), "it looks again when the life turns: {requeue_after:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_content_is_read_once_and_not_sent() {
    let world = in_sync(an_object()).await;
    world.rotated("2", "a");
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret"]);
    assert_eq!(world.snapshot().source_changed, None);
    world.pass().await;
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_eq!(latencies(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_when_a_secret_cannot_be_read() {
    let world = World::new();
    world.refuse("read Secret");
    let soon = world.pass().await.unwrap();
    assert!(soon <= Duration::from_secs(1), "{soon:?}");
    assert!(!world.journal().contains(&PUSH.to_owned()));
    assert_eq!(world.ready(), "");
    world.accept_all();
    world.pass().await;
    assert_eq!(world.ready(), "True/Synced");
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_goes_during_the_pass_is_not_looked_at_again() {
    let world = World::new();
    world.ctx.kubernetes.resource_gone.store(true, SeqCst);
    world.pass().await;
    world.ctx.index.remove_resource(&world.object.key);
    assert_eq!(world.pass().await, None);
}

/// An API server that does not serve the kind for a moment answers as for a resource that is gone. The watch knows better.
#[tokio::test(start_paused = true)]
async fn a_resource_that_is_not_found_but_watched_is_not_forgotten() {
    let world = World::new();
    world.ctx.kubernetes.resource_gone.store(true, SeqCst);
    assert!(world.pass().await.is_some(), "it is looked at again");
    assert_eq!(world.ctx.statuses.owed(), 1, "its status is not written");
    world.ctx.kubernetes.resource_gone.store(false, SeqCst);
    world.writes_for(Duration::from_mins(1)).await;
    assert_eq!(world.ctx.statuses.owed(), 0);
    assert_eq!(world.ready(), "True/Synced");
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_gone_is_not_looked_at() {
    let world = World::new();
    world.ctx.index.remove_resource(&world.object.key);
    assert_eq!(world.pass().await, None);
    assert_eq!(world.journal(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_failed_push_delays_the_next_one() {
    let world = World::new();
    world.ctx.ai_core.unreachable.store(true, SeqCst);
    let delay = world.pass().await.unwrap();
    assert!(delay <= Duration::from_secs(1) && !delay.is_zero(), "{delay:?}");
    assert_eq!(world.ready(), "False/RemoteUnavailable");
    world.journal();
    world.ctx.ai_core.unreachable.store(false, SeqCst);
    assert_eq!(world.pass().await, Some(delay), "the time does not go on");
    assert_eq!(world.journal(), ["read Secret"]);
    assert_eq!(outcomes(&world, "BackingOff"), 1);
    tokio::time::advance(delay).await;
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
    assert_eq!(world.snapshot().memory.retry.backoff, None);
}

#[tokio::test(start_paused = true)]
async fn a_forced_push_insists() {
    let mut world = in_sync(an_object()).await;
    world.object.requested_at = Some("now".into());
    world.applied();
    world.pass().await;
    let push = "push pull for ghcr.io, create true, Forced";
    // Also the service key, although it is known: the watch may have missed a change.
    assert_eq!(world.journal(), ["read Secret", "connect", "read Secret", push, "write status"]);
}

fn claim(world: &World) -> Claim {
    let tenant = Arc::clone(world.snapshot().service_key.unwrap().connection.tenant());
    Claim { tenant, remote_name: world.object.remote_name.clone().unwrap() }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_lost_the_name_sends_nothing() {
    let world = in_sync(an_object()).await;
    let (older, claim) = (an_older_one(&world.object), claim(&world));
    world.ctx.index.apply_resource(older.clone(), crate::api::AICoreRegistrySecretStatus::default());
    let _ = world.ctx.index.proven(&older, &claim);
    world.rotated("2", "b");
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", "write status"]);
    assert_eq!(world.ready(), "False/RemoteConflict");
}

/// Others had their turn between the look and the push.
#[tokio::test(start_paused = true)]
async fn a_resource_that_loses_the_name_while_it_waits_sends_nothing() {
    let world = in_sync(an_object()).await;
    let (older, claim) = (an_older_one(&world.object), claim(&world));
    world.rotated("2", "b");
    let turn = world.ctx.ai_core.in_order(&claim).await;
    let meanwhile = async {
        assert_eq!(world.journal(), ["read Secret"], "it waits");
        world.ctx.index.apply_resource(older.clone(), crate::api::AICoreRegistrySecretStatus::default());
        let _ = world.ctx.index.proven(&older, &claim);
        drop(turn);
    };
    let (requeue_after, ()) = tokio::join!(world.pass(), meanwhile);
    assert_eq!(requeue_after, Some(Duration::ZERO));
    assert_eq!(world.journal(), Vec::<String>::new());
    assert!(world.snapshot().source_changed.is_some(), "the rotation is still to be answered");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_displaced_is_woken() {
    let world = in_sync(an_object()).await;
    let older = an_older_one(&world.object);
    world.ctx.index.apply_resource(older.clone(), crate::api::AICoreRegistrySecretStatus::default());
    reconcile(&world.ctx, &older.key).await;
    assert_eq!(world.ctx.queue.next().now_or_never().flatten().as_ref(), Some(&world.object.key));
}
