//! Passes that wait for a place, for a turn in the rate, or for too long.

use super::*;
use crate::{
    controller::admission::{Limit, Request},
    domain::decide::credit::Credit,
};

#[tokio::test(start_paused = true)]
async fn without_a_place_nothing_is_read_until_it_is_woken() {
    let world = in_sync(an_object()).await;
    let lane = World::lane(Credit::Proven);
    let other = ObjectKey::new("ns", "other");
    let request = Request { who: &other, priority: Priority::Routine };
    let permit = world.ctx.admission.try_admit(Limit::Lane(lane), request).unwrap();
    world.rotated("2", "b");
    assert!(world.pass().await.is_some());
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_eq!(outcomes(&world, "Queued"), 1);
    drop(permit);
    assert_eq!(world.ctx.queue.next().now_or_never().flatten().as_ref(), Some(&world.object.key));
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
}

#[tokio::test(start_paused = true)]
async fn one_pass_reads_a_service_key_that_many_wait_for() {
    let world = World::new();
    let other = ObjectKey::new("ns", "other");
    let request = Request { who: &other, priority: Priority::Routine };
    let limit = Limit::ServiceKey(world.object.service_key());
    let permit = world.ctx.admission.try_admit(limit, request).unwrap();
    assert!(world.pass().await.is_some());
    assert_eq!(world.journal(), Vec::<String>::new());
    drop(permit);
    assert_eq!(world.ctx.queue.next().now_or_never().flatten().as_ref(), Some(&world.object.key));
    world.pass().await;
    assert_eq!(world.ready(), "True/Synced");
}

/// Two at once and one a second: the third waits before it reads anything, and its change with it.
#[tokio::test(start_paused = true)]
async fn a_push_waits_for_its_turn_in_the_rate() {
    let world = in_sync(an_object()).await;
    world.rotated("2", "b");
    world.pass().await;
    world.rotated("3", "c");
    world.journal();
    let wait = world.pass().await.unwrap();
    assert!(!wait.is_zero(), "{wait:?}");
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_eq!(outcomes(&world, "Queued"), 1);
    assert!(world.snapshot().source_changed.is_some());
    tokio::time::advance(wait).await;
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_takes_too_long_is_given_up_with_its_place() {
    let world = in_sync(an_object()).await;
    world.rotated("2", "b");
    world.ctx.ai_core.hangs.store(true, SeqCst);
    assert!(world.pass().await.is_some());
    assert_eq!(outcomes(&world, "Timeout"), 1);
    assert_eq!(world.snapshot().memory.retry.api_failures, 1);
    world.ctx.ai_core.hangs.store(false, SeqCst);
    world.journal();
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
}
