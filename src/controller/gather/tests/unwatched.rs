//! Secrets that may not be read, or whose changes nobody tells.

use super::*;
use crate::{
    controller::queue::Queue,
    domain::{decide::backoff::LONGEST_API_DELAY, parse::object::ObjectKey, testing::object_named},
};
use futures::FutureExt;

const MINUTE: Duration = Duration::from_mins(1);

async fn in_sync() -> World {
    let world = World::new();
    world.pass().await;
    assert_eq!(world.ready(), "True/Synced");
    world.journal();
    world
}

/// What waits in the queue.
fn woken(queue: &Queue) -> Vec<ObjectKey> {
    let mut keys: Vec<_> = std::iter::from_fn(|| queue.next().now_or_never().flatten()).collect();
    keys.sort();
    keys
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_may_not_be_read_is_named_with_the_right_that_is_missing_and_tried_again_soon() {
    let world = in_sync().await;
    world.rotated("2", "b");
    world.ctx.kubernetes.denied.store(true, SeqCst);
    let mut waits = Vec::new();
    for _ in 0..40 {
        let wait = world.pass().await.unwrap();
        waits.push(wait);
        tokio::time::advance(wait).await;
    }
    assert_eq!(world.ready(), "False/AccessDenied");
    let status = world.ctx.kubernetes.status.lock().unwrap().clone().unwrap();
    let message = &status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().message;
    for part in [
        "Secret \"registry\"",
        "spec.secretRef",
        "secrets \"registry\" is forbidden",
        "grant its ServiceAccount get",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(status.conditions.iter().any(|condition| condition.type_ == "Reconciling"));
    assert!(waits[0] <= Duration::from_secs(1), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= LONGEST_API_DELAY), "{waits:?}");
    assert_eq!(world.journal().iter().filter(|line| *line == "write status").count(), 1, "once");
    world.ctx.kubernetes.denied.store(false, SeqCst);
    world.pass().await;
    assert_eq!(world.ready(), "True/Synced");
    assert_eq!(world.snapshot().memory.retry.api_failures, 0);
}

/// The right went with the namespace: its end must not wait for it. One that is missing for a moment deletes nothing for good.
#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_for_a_moment_orphans_nothing() {
    let mut world = World::of(Object { finalizer: true, ..an_object() });
    world.object = world
        .object
        .clone()
        .with_spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete));
    world.applied();
    world.pass().await;
    world.service_key_changed("2");
    world.object.deleting = true;
    world.applied();
    world.ctx.kubernetes.denied.store(true, SeqCst);
    *world.ctx.kubernetes.namespace.lock().unwrap() = NamespaceState::Terminating;
    let mut passed = Duration::ZERO;
    while let Some(wait) = world.pass().await {
        passed += wait;
        tokio::time::advance(wait).await;
        assert!(passed < MINUTE, "a namespace must not hang");
    }
    assert_eq!(world.metric("aicore_registry_remote_orphaned_total"), Some(1));
    assert!(world.journal().iter().filter(|line| *line == "look at namespace").count() > 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_a_service_key_is_used_for_a_minute_after_it_was_read() {
    let mut world = in_sync().await;
    let watch = world.unwatched();
    for (seconds, reads) in [(30, 1), (40, 2), (30, 1), (31, 2)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        world.pass().await;
        let read = world.journal().iter().filter(|line| *line == "read Secret").count();
        assert_eq!(read, reads, "after {seconds} s more");
    }
    watch.answered();
    watch.received();
    world.pass().await;
    assert_eq!(world.journal(), Vec::<String>::new(), "with a watch there is nothing to read");
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_each_look_finds_a_rotation() {
    let mut world = in_sync().await;
    world.unwatched();
    world.rotated_unseen("2", "b");
    world.pass().await;
    assert!(world.journal().iter().any(|line| line.starts_with("push pull")));
    assert_eq!(world.ready(), "True/Synced");
    assert_eq!(world.snapshot().source_version.as_deref(), Some("2"));
}

/// One pass reads the new key, and all others that use it hear of that, as by an event.
#[tokio::test(start_paused = true)]
async fn without_a_watch_a_key_that_one_pass_found_to_be_new_wakes_the_others() {
    let mut world = in_sync().await;
    let other = object_named("other", 7);
    world.ctx.index.apply_resource(other.clone(), crate::api::AICoreRegistrySecretStatus::default());
    world.unwatched();
    world.service_key_changed_unseen("2");
    tokio::time::advance(MINUTE).await;
    world.pass().await;
    assert_eq!(woken(&world.ctx.queue), [other.key]);
    tokio::time::advance(MINUTE).await;
    world.pass().await;
    assert_eq!(woken(&world.ctx.queue), [], "it is known now");
}

/// An event that comes while the Secret is read counts for more: the answer to the read may be older.
#[test]
fn what_was_read_before_an_event_does_not_undo_it() {
    let object = an_object();
    let index: crate::controller::index::Index<u32> = crate::controller::index::Index::default();
    index.apply_resource(object.clone(), crate::api::AICoreRegistrySecretStatus::default());
    index.apply_secret(&object.source(), "4");
    index.apply_secret(&object.source(), "6");
    assert_eq!(index.read_secret(&object.source(), Some("4"), "5"), []);
    let version =
        |index: &crate::controller::index::Index<u32>| index.snapshot(&object.key).unwrap().source_version;
    assert_eq!(version(&index).as_deref(), Some("6"));
    assert_eq!(index.read_secret(&object.source(), Some("6"), "7"), vec![object.key.clone()]);
    assert_eq!(version(&index).as_deref(), Some("7"));
    assert_eq!(index.read_secret(&object.source(), Some("7"), "7"), []);
}
