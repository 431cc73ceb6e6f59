//! That a pass carries out what was decided, in the right order, and remembers it, also when one of the two adapters fails.

mod places;

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

fn dying(world: &mut World) {
    world.object.deleting = true;
    world.applied();
    world.journal();
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
    world.ctx.index.record_status(&world.object, &Arc::new(status));
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
async fn a_status_that_cannot_be_written_is_written_later_and_nothing_else_is_done_for_it() {
    let world = World::new();
    world.refuse("write status");
    let requeue_after = world.pass().await.unwrap();
    assert!(requeue_after > HOUR / 2, "the pass is over: {requeue_after:?}");
    assert_eq!(world.journal().last().unwrap(), "write status");
    assert_eq!((outcomes(&world, "Created"), outcomes(&world, "ApiServerError")), (1, 0));
    assert_eq!(world.ctx.statuses.owed(), 1);
    assert_eq!(world.snapshot().memory.retry.api_failures, 0);
    // A pass in between finds that all is well.
    world.pass().await;
    assert_eq!(world.journal(), Vec::<String>::new());
    world.writes_for(Duration::from_secs(60)).await;
    let attempts = world.journal();
    assert!(attempts.iter().all(|request| request == "write status"), "{attempts:?}");
    assert!((4..=12).contains(&attempts.len()), "{attempts:?}");
    world.accept_all();
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!(world.journal(), ["write status"]);
    assert_eq!(world.ready(), "True/Synced");
    assert_eq!(world.ctx.statuses.owed(), 0);
    // What was answered with 500 may have been done, and late.
    world.writes_for(HOUR).await;
    assert_eq!(world.journal(), ["write status"]);
}

/// Whatever becomes of statuses, what has to be done is done, and the newest status is what is written in the end.
#[tokio::test(start_paused = true)]
async fn rotations_go_on_while_the_status_is_refused_or_not_answered() {
    for hangs in [false, true] {
        let world = in_sync(an_object()).await;
        if hangs {
            world.ctx.kubernetes.hangs.lock().unwrap().insert("write status");
        } else {
            world.refuse("write status");
        }
        for (version, password) in [("2", "b"), ("3", "c"), ("4", "d")] {
            world.rotated(version, password);
            let started = Instant::now();
            world.pass().await;
            assert!(started.elapsed() <= Duration::from_secs(1), "{:?}", started.elapsed());
            let journal = world.journal();
            assert_eq!(journal[..2], ["read Secret", PUSH], "{version}");
            assert_eq!(
                journal.len(),
                if version == "2" { 3 } else { 2 },
                "one attempt, and no other by a rotation"
            );
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert_eq!(latencies(&world), 3);
        world.accept_all();
        world.ctx.kubernetes.hangs.lock().unwrap().clear();
        world.writes_for(2 * LONGEST_PAUSE).await;
        let written = world.ctx.kubernetes.status.lock().unwrap().clone().unwrap();
        assert_eq!(written.secret_resource_version.as_deref(), Some("4"), "hangs: {hangs}");
        assert_eq!(world.ctx.statuses.owed(), 0);
        assert_eq!(world.snapshot().memory.retry.api_failures, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspension_counts_while_the_status_cannot_be_written() {
    let mut world = in_sync(an_object()).await;
    world.refuse("write status");
    world.rotated("2", "b");
    world.pass().await;
    world.object = world.object.clone().with_spec(|spec| spec.suspend = Some(true));
    world.applied();
    world.rotated("3", "c");
    world.journal();
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret"], "neither a push nor an attempt before its time");
    world.accept_all();
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!(world.ready(), "False/Suspended", "the last rotation was not pushed");
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
    assert_eq!(world.pass().await, None);
    assert_eq!(outcomes(&world, "Gone"), 1);
    assert_eq!(world.ctx.statuses.owed(), 0);
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

#[tokio::test(start_paused = true)]
async fn the_finalizer_comes_before_the_push() {
    let object = Object { finalizer: false, ..with_policy_delete() };
    let world = World::of(object);
    world.refuse("add finalizer");
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", "connect", "read Secret", "add finalizer"]);
    world.accept_all();
    world.pass().await;
    // Where it goes is written down before it goes there.
    let whole = ["read Secret", "add finalizer", "write status", PUSH, "write status"];
    assert_eq!(world.journal(), whole);
}

#[tokio::test(start_paused = true)]
async fn the_finalizer_goes_after_the_remote_secret() {
    let mut world = in_sync(with_policy_delete()).await;
    dying(&mut world);
    world.ctx.ai_core.unreachable.store(true, SeqCst);
    world.pass().await;
    assert_eq!(world.journal(), ["delete pull", "write status"]);
    tokio::time::advance(HOUR).await;
    world.ctx.ai_core.unreachable.store(false, SeqCst);
    world.refuse("remove finalizer");
    assert!(world.pass().await.is_some());
    assert_eq!(world.journal(), ["delete pull", "remove finalizer"]);
    world.accept_all();
    assert_eq!(world.pass().await, None);
    assert_eq!(world.journal(), ["delete pull", "remove finalizer"]);
    assert_eq!(outcomes(&world, "Deleted"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_written_does_not_keep_a_resource() {
    let mut world = World::of(with_policy_delete());
    world.refuse("write status");
    world.pass().await;
    dying(&mut world);
    assert_eq!(world.pass().await, None);
    assert_eq!(world.journal(), ["delete pull", "remove finalizer"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_retained_is_let_go_without_a_request() {
    let mut world = in_sync(with_policy_delete()).await;
    world.object = world.object.clone().with_spec(|spec| spec.deletion_policy = None);
    dying(&mut world);
    assert_eq!(world.pass().await, None);
    assert_eq!(world.journal(), ["remove finalizer"]);
    assert_eq!(outcomes(&world, "Released"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_stays_behind_with_a_namespace_is_counted() {
    let mut world = in_sync(with_policy_delete()).await;
    world.ctx.kubernetes.secrets.lock().unwrap().clear();
    world.ctx.index.remove_secret(&world.object.service_key());
    dying(&mut world);
    let looks_again = world.pass().await;
    assert!(looks_again.is_some(), "the namespace stays: the key may come back");
    assert_eq!(world.journal(), ["read Secret", "look at namespace", "write status"]);
    *world.ctx.kubernetes.namespace.lock().unwrap() = NamespaceState::Terminating;
    assert_eq!(world.pass().await, None);
    assert_eq!(world.journal(), ["read Secret", "look at namespace", "remove finalizer"]);
    assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(1));
    assert_eq!(world.ctx.kubernetes.events.lock().unwrap().last(), Some(&"RemoteOrphaned"));
}

/// When the finalizer is gone, the process may end before it says anything more.
#[tokio::test(start_paused = true)]
async fn what_stays_behind_is_said_before_the_resource_goes() {
    let mut world = in_sync(with_policy_delete()).await;
    world.ctx.kubernetes.secrets.lock().unwrap().clear();
    world.ctx.index.remove_secret(&world.object.service_key());
    dying(&mut world);
    *world.ctx.kubernetes.namespace.lock().unwrap() = NamespaceState::Terminating;
    world.refuse("remove finalizer");
    assert!(world.pass().await.is_some());
    assert_eq!(world.ctx.kubernetes.events.lock().unwrap().last(), Some(&"RemoteOrphaned"));
    assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(0), "it is still there");
    world.accept_all();
    assert_eq!(world.pass().await, None);
    assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(1));
}

fn of_tenant_two(world: &World) {
    world.ctx.kubernetes.holds_service_key(world.object.service_key(), "2", "two");
    world.ctx.index.apply_secret(&world.object.service_key(), "2");
}

fn left_behind(world: &World) -> bool {
    world.ctx.kubernetes.status.lock().unwrap().as_ref().unwrap().left_behind.is_some()
}

/// The process ends while the first push to another tenant is under way.
#[tokio::test(start_paused = true)]
async fn what_a_process_leaves_behind_the_next_one_says_once() {
    let world = in_sync(with_policy_delete()).await;
    of_tenant_two(&world);
    world.ctx.ai_core.hangs.store(true, SeqCst);
    assert!(tokio::time::timeout(Duration::from_secs(5), world.pass()).await.is_err());
    assert!(left_behind(&world));
    assert_eq!(*world.ctx.kubernetes.events.lock().unwrap(), ["Synced"]);
    let next = world.restarted();
    assert_eq!(next.pass().await, Some(Duration::ZERO));
    assert_eq!(*next.ctx.kubernetes.events.lock().unwrap(), ["TenantChanged"]);
    assert!(!left_behind(&next));
    next.pass().await;
    assert_eq!(next.ready(), "True/Synced");
    let last = next.restarted();
    last.pass().await;
    for (world, times) in [(&next, 1), (&last, 0)] {
        assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(times));
        assert_eq!(u64::try_from(world.ctx.kubernetes.events.lock().unwrap().len()).unwrap(), times);
    }
}

/// With one process it is said once as well, and the status remembers it only for that moment.
#[tokio::test(start_paused = true)]
async fn what_stays_in_another_tenant_is_said_and_forgotten() {
    let world = in_sync(with_policy_delete()).await;
    of_tenant_two(&world);
    world.pass().await;
    let push = "push pull for ghcr.io, create true, Patient";
    let journal =
        ["read Secret", "connect", "read Secret", "write status", push, "write status", "write status"];
    assert_eq!(world.journal(), journal, "announced, pushed, said");
    assert!(!left_behind(&world));
    assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(1));
    assert_eq!(*world.ctx.kubernetes.events.lock().unwrap(), ["Synced", "TenantChanged"]);
    world.pass().await;
    assert_eq!(world.journal(), Vec::<String>::new());
}

fn claim(world: &World) -> Claim {
    let tenant = Arc::clone(world.snapshot().service_key.unwrap().connection.tenant());
    Claim { tenant, remote_name: world.object.remote_name.clone().unwrap() }
}

/// Who takes over has to push: one that is suspended will not, one that can does so soon, and one that cannot is not waited for long.
#[tokio::test(start_paused = true)]
async fn what_nobody_takes_over_is_deleted() {
    for (suspended, pushes) in [(true, false), (false, true), (false, false)] {
        let mut world = in_sync(with_policy_delete()).await;
        let claim = claim(&world);
        let heir = object_named("heir", 2_000_000_000).with_spec(|spec| {
            spec.remote_name = Some("pull".to_owned());
            spec.suspend = Some(suspended);
        });
        world.ctx.index.apply_resource(heir.clone(), crate::api::AICoreRegistrySecretStatus::default());
        let _ = world.ctx.index.proven(&heir, &claim);
        dying(&mut world);
        let mut waited = Duration::ZERO;
        while let Some(wait) = world.pass().await {
            assert_eq!(world.journal(), Vec::<String>::new());
            waited += wait;
            tokio::time::advance(wait).await;
            if pushes {
                world.ctx.index.accepted(&heir, &claim);
            }
        }
        let limit = Duration::from_secs(if suspended || pushes { 1 } else { 16 });
        assert!(waited < limit, "{waited:?}");
        let expected =
            if pushes { vec!["remove finalizer"] } else { vec!["delete pull", "remove finalizer"] };
        assert_eq!(world.journal(), expected);
        let said = world.ctx.kubernetes.events.lock().unwrap().contains(&"RemoteHandedOver");
        assert_eq!(said, pushes);
    }
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

/// Of a first push that is to be deleted some day the status says where it goes before it goes there, and afterwards what came
/// of it.
#[tokio::test(start_paused = true)]
async fn a_push_that_is_to_be_deleted_some_day_is_announced() {
    let world = World::of(with_policy_delete());
    world.ctx.ai_core.hangs.store(true, SeqCst);
    tokio::select! {
        _ = world.pass() => panic!("it hangs"),
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    // Here a process may end.
    assert_eq!(world.journal()[3..], ["write status", PUSH]);
    let written = world.ctx.kubernetes.status.lock().unwrap().clone().unwrap();
    assert!(written.api_url.is_some() && written.last_sync_time.is_none(), "{written:?}");
    assert_eq!(written.conditions, []);
    world.ctx.ai_core.hangs.store(false, SeqCst);
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"], "once");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_a_resource_that_takes_no_finalizer() {
    let world = World::of(Object { finalizer: false, ..with_policy_delete() });
    world.ctx.kubernetes.takes_no_finalizer.store(true, SeqCst);
    assert!(world.pass().await.is_some());
    assert_eq!(world.journal(), ["read Secret", "connect", "read Secret", "add finalizer"]);
    assert_eq!(world.ready(), "");
}
