//! A write without an answer may be carried out after the next accepted one: that is pushed once more.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use crate::{
    api::{AICoreRegistrySecretStatus, DeletionPolicy},
    controller::{fakes::World, reconcile::reconcile},
    domain::{
        decide::late_writes::CONFIRMED_AFTER,
        parse::object::Object,
        testing::{WithSpec, an_object, object_named},
    },
};

fn writes(world: &World) -> usize {
    let written = |line: &String| line.starts_with("push") || line.starts_with("delete");
    world.journal().iter().filter(|line| written(line)).count()
}

/// A push that has no answer, and the next one, which has.
async fn unanswered_then_accepted(world: &World) -> Option<Duration> {
    world.ctx.ai_core.unreachable.store(true, SeqCst);
    let backoff = world.pass().await.unwrap();
    world.ctx.ai_core.unreachable.store(false, SeqCst);
    tokio::time::advance(backoff).await;
    let next = world.pass().await;
    assert_eq!((world.ready().as_str(), writes(world)), ("True/Synced", 2));
    next
}

#[tokio::test(start_paused = true)]
async fn once_and_a_minute_later() {
    let world = World::new();
    let next = unanswered_then_accepted(&world).await.unwrap();
    assert_eq!(next, CONFIRMED_AFTER);
    // Before its time there is nothing to do.
    tokio::time::advance(next / 2).await;
    assert_eq!(world.pass().await, Some(next / 2));
    assert_eq!(writes(&world), 0);
    tokio::time::advance(next / 2).await;
    let next = world.pass().await.unwrap();
    assert_eq!(writes(&world), 1);
    assert!(next > 10 * CONFIRMED_AFTER, "{next:?}");
    tokio::time::advance(2 * CONFIRMED_AFTER).await;
    world.pass().await;
    assert_eq!(writes(&world), 0);
}

/// The process ends before the confirmation, or before anything was accepted: the next one goes on with it, and asks for nothing before.
#[tokio::test(start_paused = true)]
async fn another_process_confirms() {
    for accepted in [true, false] {
        let world = World::new();
        if accepted {
            unanswered_then_accepted(&world).await;
        } else {
            world.ctx.ai_core.unreachable.store(true, SeqCst);
            world.pass().await;
        }
        let mut next = world.restarted();
        if !accepted {
            next.pass().await;
            assert_eq!((next.ready().as_str(), writes(&next)), ("True/Synced", 1));
            next = next.restarted();
        }
        let wait = next.pass().await.unwrap();
        assert!(wait <= CONFIRMED_AFTER && wait > CONFIRMED_AFTER / 2, "{wait:?}");
        assert_eq!(next.journal(), Vec::<String>::new(), "neither a Secret nor a status");
        tokio::time::advance(wait).await;
        let wait = next.pass().await.unwrap();
        assert_eq!(writes(&next), 1);
        assert!(wait > 10 * CONFIRMED_AFTER, "{wait:?}");
        // That is settled.
        let last = next.restarted();
        let wait = last.pass().await.unwrap();
        assert!(wait > 10 * CONFIRMED_AFTER, "{wait:?}");
        assert_eq!(last.journal(), Vec::<String>::new());
    }
}

/// The status is written for what an attempt came to, and never for this alone.
#[tokio::test(start_paused = true)]
async fn it_is_remembered_without_a_write_of_its_own() {
    let world = World::new();
    world.ctx.ai_core.unreachable.store(true, SeqCst);
    let statuses = |world: &World| world.journal().iter().filter(|line| *line == "write status").count();
    let mut wait = world.pass().await.unwrap();
    assert_eq!(statuses(&world), 1);
    for _ in 0..5 {
        tokio::time::advance(wait).await;
        wait = world.pass().await.unwrap();
    }
    assert_eq!(statuses(&world), 0, "the same failure again");
    world.ctx.ai_core.unreachable.store(false, SeqCst);
    tokio::time::advance(wait).await;
    let wait = world.pass().await.unwrap();
    assert_eq!(statuses(&world), 1);
    tokio::time::advance(wait).await;
    world.pass().await;
    assert_eq!(statuses(&world), 1);
}

/// One that fails is tried again by the rules of all failures, and is settled by the first that is accepted.
#[tokio::test(start_paused = true)]
async fn a_confirmation_backs_off_like_other_pushes() {
    let world = World::new();
    let next = unanswered_then_accepted(&world).await.unwrap();
    tokio::time::advance(next).await;
    world.ctx.ai_core.refuses_key.store(true, SeqCst);
    let held = world.pass().await.unwrap();
    assert!(held > 10 * CONFIRMED_AFTER, "{held:?}");
    world.ctx.ai_core.refuses_key.store(false, SeqCst);
    assert!(world.pass().await.unwrap() > 10 * CONFIRMED_AFTER, "no busy loop");
    tokio::time::advance(held).await;
    let next = world.pass().await.unwrap();
    assert_eq!(writes(&world), 1);
    assert!(next > 10 * CONFIRMED_AFTER, "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_resource_confirms_nothing() {
    let mut world = World::new();
    let next = unanswered_then_accepted(&world).await.unwrap();
    world.object =
        Object { generation: 2, ..world.object.clone().with_spec(|spec| spec.suspend = Some(true)) };
    world.applied();
    for _ in 0..3 {
        world.pass().await;
        tokio::time::advance(next).await;
    }
    assert_eq!(world.pass().await, None);
    assert_eq!(writes(&world), 0);
}

/// A pass that is cut while it waits for the answer has had none.
#[tokio::test(start_paused = true)]
async fn a_pass_that_is_given_up_is_confirmed_too() {
    let world = World::new();
    world.ctx.ai_core.hangs.store(true, SeqCst);
    let backoff = world.pass().await.unwrap();
    world.ctx.ai_core.hangs.store(false, SeqCst);
    tokio::time::advance(backoff).await;
    assert_eq!(world.pass().await, Some(CONFIRMED_AFTER));
}

/// The DELETE of one that is gone can hit what its heir has pushed.
#[tokio::test(start_paused = true)]
async fn an_heir_confirms_what_follows_an_unanswered_deletion() {
    let object = an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    let mut world = World::of(Object { finalizer: true, ..object });
    world.pass().await;
    world.object.deleting = true;
    world.applied();
    world.ctx.ai_core.unreachable.store(true, SeqCst);
    world.pass().await;
    world.ctx.ai_core.unreachable.store(false, SeqCst);
    let heir = object_named("heir", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    world.ctx.index.remove_resource(&world.object.key);
    world.ctx.index.apply_resource(heir.clone(), AICoreRegistrySecretStatus::default());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(world.pass().await, None);
    assert_eq!(reconcile(&world.ctx, &heir.key).await, Some(CONFIRMED_AFTER));
    tokio::time::advance(CONFIRMED_AFTER).await;
    world.journal();
    reconcile(&world.ctx, &heir.key).await;
    assert_eq!(writes(&world), 1);
}
