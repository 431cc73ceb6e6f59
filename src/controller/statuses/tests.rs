//! How often a status is written, by whom, and that the newest one is.

mod left;
mod outdated;

use std::time::Duration;

use super::*;
use crate::{
    controller::fakes::{World, an_older_one},
    domain::{
        decide::unwritten::{CONFIRMED_AFTER, LONGEST_PAUSE},
        parse::object::Object,
        testing::{HOUR, an_object, object_named, seconds},
    },
};

fn a_status(version: &str) -> Arc<AICoreRegistrySecretStatus> {
    Arc::new(AICoreRegistrySecretStatus {
        secret_resource_version: Some(version.to_owned()),
        ..AICoreRegistrySecretStatus::default()
    })
}

async fn write(world: &World, object: &Object, status: &Arc<AICoreRegistrySecretStatus>) -> Written {
    let object = Arc::new(object.clone());
    let written = world.ctx.statuses.write(&object, status).await;
    world.ctx.index.record(
        &object,
        Some(Arc::clone(status)),
        crate::domain::decide::memory::Memory::default(),
        None,
    );
    written
}

fn version(world: &World) -> Option<String> {
    world.ctx.kubernetes.status.lock().unwrap().as_ref()?.secret_resource_version.clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_is_written_once() {
    let world = World::new();
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Now);
    world.writes_for(HOUR).await;
    assert_eq!(world.journal(), ["write status"]);
}

/// One hundred resources for an hour: neither each of them nor all together ask without a pause.
#[tokio::test(start_paused = true)]
async fn attempts_have_a_pace_and_all_are_written_soon_after_the_end() {
    let world = World::new();
    let objects: Vec<Object> = (0..100).map(|number| object_named(&format!("r{number}"), number)).collect();
    world.refuse("write status");
    for object in &objects {
        world.ctx.index.apply_resource(object.clone(), AICoreRegistrySecretStatus::default());
        assert_eq!(write(&world, object, &a_status("1")).await, Written::Later);
    }
    assert_eq!(world.ctx.statuses.owed(), 100);
    world.journal();
    world.writes_for(HOUR).await;
    let attempts = world.journal().len();
    assert!((100 * 3600 / 15..=100 * 3600 / 7).contains(&attempts), "{attempts}");
    world.accept_all();
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!(world.ctx.statuses.owed(), 0);
    assert_eq!(world.journal().len(), 100);
}

/// Of very many, fifty a second.
#[tokio::test(start_paused = true)]
async fn very_many_take_turns() {
    let world = World::new();
    world.refuse("write status");
    for number in 0..3000 {
        let object = object_named(&format!("r{number}"), number);
        world.ctx.index.apply_resource(object.clone(), AICoreRegistrySecretStatus::default());
        write(&world, &object, &a_status("1")).await;
    }
    world.journal();
    world.writes_for(Duration::from_secs(600)).await;
    let attempts = world.journal().len();
    assert!(attempts <= 600 * 50 + 100, "{attempts}");
    assert!(attempts >= 600 * 50 * 9 / 10, "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_holds_a_pass_for_a_moment_only_and_the_next_ones_not_at_all() {
    let world = World::new();
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status");
    let mut waits = Vec::new();
    for number in 0..100 {
        let object = object_named(&format!("r{number}"), number);
        world.ctx.index.apply_resource(object.clone(), AICoreRegistrySecretStatus::default());
        let started = tokio::time::Instant::now();
        assert_eq!(write(&world, &object, &a_status("1")).await, Written::Later);
        waits.push(started.elapsed());
    }
    assert_eq!(waits[0], PATIENCE);
    assert!(waits[1..].iter().all(|wait| *wait < Duration::from_millis(10)), "{waits:?}");
    // They go on, a bounded number of them at a time.
    assert_eq!(world.ctx.statuses.slow.available_permits(), 0);
    assert_eq!(world.journal().len(), 100);
    world.ctx.kubernetes.hangs.lock().unwrap().clear();
    world.writes_for(seconds(60)).await;
    assert_eq!(world.ctx.statuses.owed(), 0);
    assert_eq!(world.ctx.statuses.slow.available_permits(), SLOW as usize);
}

/// The write of before may arrive after the newer one.
#[tokio::test(start_paused = true)]
async fn after_a_write_without_an_answer_the_newest_status_is_written_once_more() {
    let world = World::new();
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status");
    write(&world, &world.object, &a_status("1")).await;
    write(&world, &world.object, &a_status("2")).await;
    assert_eq!(world.journal(), ["write status"], "the second waits for the first");
    world.writes_for(seconds(12)).await;
    world.ctx.kubernetes.hangs.lock().unwrap().clear();
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!(version(&world).as_deref(), Some("2"));
    world.journal();
    // What changes meanwhile does not wait for that.
    assert_eq!(write(&world, &world.object, &a_status("3")).await, Written::Now);
    *world.ctx.kubernetes.status.lock().unwrap() = Some((*a_status("1")).clone());
    world.writes_for(CONFIRMED_AFTER + LONGEST_PAUSE).await;
    assert_eq!(version(&world).as_deref(), Some("3"));
    world.writes_for(HOUR).await;
    assert_eq!(world.journal(), ["write status", "write status"]);
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_a_slow_write_is_under_way_is_written_after_it() {
    let world = World::new();
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status slowly");
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Later);
    assert_eq!(write(&world, &world.object, &a_status("2")).await, Written::Later);
    assert_eq!(world.journal(), ["write status"]);
    world.ctx.kubernetes.hangs.lock().unwrap().clear();
    world.writes_for(seconds(10)).await;
    assert_eq!(version(&world).as_deref(), Some("2"));
    assert_eq!(world.journal(), ["write status"], "one more");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_or_came_anew_is_owed_nothing() {
    let world = World::new();
    world.refuse("write status");
    write(&world, &world.object, &a_status("1")).await;
    let other = an_older_one(&world.object);
    world.ctx.index.apply_resource(other.clone(), AICoreRegistrySecretStatus::default());
    write(&world, &other, &a_status("1")).await;
    let again = Object { uid: "another".into(), ..an_object() };
    world.ctx.index.apply_resource(again.clone(), AICoreRegistrySecretStatus::default());
    world.ctx.index.remove_resource(&other.key);
    world.journal();
    world.writes_for(HOUR).await;
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_eq!(world.ctx.statuses.owed(), 0);
    // And it is written at once itself.
    world.accept_all();
    assert_eq!(write(&world, &again, &a_status("7")).await, Written::Now);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_what_is_under_way_and_begins_nothing() {
    let world = World::new();
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status slowly");
    write(&world, &world.object, &a_status("1")).await;
    let settled = async {
        world.ctx.statuses.settled().await;
        tokio::time::Instant::now()
    };
    let started = tokio::time::Instant::now();
    tokio::select! {
        at = settled => assert_eq!(at - started, seconds(2)),
        () = world.writes_for(HOUR) => panic!("it did not settle"),
    }
    assert_eq!(version(&world).as_deref(), Some("1"));
}
