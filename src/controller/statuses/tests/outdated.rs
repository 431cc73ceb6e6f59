//! Statuses of resources that were changed in between.

use std::sync::atomic::Ordering::SeqCst;

use futures::FutureExt;
use rstest::rstest;

use super::{version as taken, *};
use crate::domain::parse::object::ObjectKey;

fn changed(object: &Object) -> Object {
    Object { generation: object.generation + 1, ..object.clone() }
}

/// What the API server has.
fn is_changed_there(world: &World, object: &Object) {
    world.ctx.kubernetes.generations.lock().unwrap().insert(object.uid.to_string(), object.generation);
}

/// As the watch shows a change.
fn is_changed_here(world: &World, object: &Object, status: &Arc<AICoreRegistrySecretStatus>) {
    world.ctx.index.apply_resource(object.clone(), (**status).clone());
}

/// Nobody else may write what was made for an older generation: the pass over the newer one says what there is to say.
#[tokio::test(start_paused = true)]
async fn a_status_is_not_written_for_a_newer_generation_than_it_was_made_for() {
    let world = World::new();
    let now = changed(&world.object);
    is_changed_there(&world, &now);
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Outdated);
    // As long as the process has not heard of the change, it tries again with pauses, and passes do not.
    world.writes_for(seconds(60)).await;
    let attempts = world.journal().len();
    assert!((4..=16).contains(&attempts), "{attempts}");
    assert_eq!(write(&world, &world.object, &a_status("2")).await, Written::Outdated);
    assert_eq!(world.journal(), Vec::<String>::new());
    assert_eq!((world.ctx.statuses.refused(), taken(&world)), (1, None));
    is_changed_here(&world, &now, &a_status("0"));
    world.writes_for(seconds(50)).await;
    assert_eq!(world.journal(), Vec::<String>::new());
    // At once.
    assert_eq!(write(&world, &now, &a_status("3")).await, Written::Now);
    assert_eq!((world.ctx.statuses.owed(), taken(&world).as_deref()), (0, Some("3")));
    world.writes_for(HOUR).await;
    assert_eq!(world.journal(), ["write status"]);
}

/// Faster than its passes are: it is owed a status until one is taken, and however often that fails.
#[tokio::test(start_paused = true)]
async fn of_one_that_changes_all_the_time_the_failures_are_counted() {
    let world = World::new();
    let mut object = world.object.clone();
    for _ in 0..10 {
        is_changed_there(&world, &changed(&object));
        assert_eq!(write(&world, &object, &a_status("1")).await, Written::Outdated);
        object = changed(&object);
        is_changed_here(&world, &object, &a_status("0"));
    }
    assert_eq!(world.ctx.statuses.refused(), 1);
    let owed = format!("{:?}", world.ctx.statuses);
    assert!(owed.contains("attempts: 10"), "{owed}");
    assert_eq!(write(&world, &object, &a_status("2")).await, Written::Now);
    assert_eq!(world.ctx.statuses.owed(), 0);
}

/// The pass over the newer generation cannot write its status, because an older one is under way, which is refused then.
#[tokio::test(start_paused = true)]
async fn what_a_pass_could_not_write_is_written_when_the_older_one_was_refused() {
    let world = World::new();
    let now = changed(&world.object);
    is_changed_there(&world, &now);
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status slowly");
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Later);
    is_changed_here(&world, &now, &a_status("0"));
    assert_eq!(write(&world, &now, &a_status("2")).await, Written::Later);
    world.ctx.kubernetes.hangs.lock().unwrap().clear();
    world.writes_for(seconds(10)).await;
    assert_eq!((world.ctx.statuses.owed(), taken(&world).as_deref()), (0, Some("2")));
    assert_eq!(world.journal(), ["write status", "write status"]);
}

/// One that took over has been refused, and hears what the last one said of the change.
#[tokio::test(start_paused = true)]
async fn another_ones_word_of_the_change_is_heard_after_a_refusal() {
    let world = World::taking_over();
    let now = changed(&world.object);
    is_changed_there(&world, &now);
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Outdated);
    is_changed_here(&world, &now, &a_status("0"));
    is_changed_here(&world, &now, &a_status("its last word"));
    world.writes_for(seconds(50)).await;
    assert_eq!(world.journal(), ["write status"]);
    assert_eq!(known(&world).as_deref(), Some("its last word"));
    assert_eq!((world.ctx.statuses.owed(), world.ctx.statuses.refused()), (0, 0));
    // No pass has had anything to write.
    world.writes_for(HOUR).await;
    assert_eq!(
        (world.journal(), taken(&world).as_deref()),
        (vec!["write status".to_owned()], Some("its last word"))
    );
}

/// It goes with its last finalizer, and no pass has anything to write.
#[rstest]
#[case::while_a_pass_was_to_write_it(true)]
#[case::as_the_answer_to_that_pass(false)]
#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_one_that_goes_while_a_pass_is_to_write_its_status(#[case] beside: bool) {
    let world = World::new();
    let now = changed(&world.object);
    is_changed_there(&world, &now);
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Outdated);
    is_changed_here(&world, &now, &a_status("0"));
    if beside {
        world.writes_for(seconds(2)).await;
        world.ctx.index.remove_resource(&now.key);
    } else {
        world.ctx.index.remove_resource(&now.key);
        world.ctx.kubernetes.resource_gone.store(true, SeqCst);
        assert_eq!(write(&world, &now, &a_status("2")).await, Written::Gone);
    }
    assert_eq!(world.ctx.statuses.owed(), 0);
    world.writes_for(HOUR).await;
    let kept = format!("{:?}", world.ctx.statuses);
    assert!(kept.contains("entries: {}"), "{kept}");
}

/// What this process takes for the newest.
fn known(world: &World) -> Option<String> {
    world.ctx.index.status(&world.object.key)?.1.secret_resource_version.clone()
}

/// The last one has told something of the same generation.
#[tokio::test(start_paused = true)]
async fn a_first_word_is_not_written_over_one_that_was_not_heard() {
    let world = World::taking_over();
    world.is_at(6, 5);
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Outdated);
    world.writes_for(seconds(60)).await;
    assert_eq!((world.ctx.statuses.owed(), taken(&world)), (1, None));
    is_changed_here(&world, &world.object, &a_status("its last word"));
    assert!(world.is_at(6, 6), "it is looked at again");
    assert_eq!(write(&world, &world.object, &a_status("2")).await, Written::Now);
    assert_eq!((world.ctx.statuses.owed(), taken(&world).as_deref()), (0, Some("2")));
    // After it nobody else has a word.
    world.is_at(8, 7);
    assert_eq!(write(&world, &world.object, &a_status("3")).await, Written::Now);
}

/// What the API server did not take for lack of rights is no word of this process.
#[tokio::test(start_paused = true)]
async fn one_that_was_forbidden_is_not_written_over_one_that_was_not_heard() {
    let world = World::taking_over();
    world.is_at(6, 5);
    world.refuse("write status, for lack of rights");
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Later);
    world.accept_all();
    world.writes_for(seconds(60)).await;
    assert_eq!((world.ctx.statuses.owed(), taken(&world)), (1, None));
    is_changed_here(&world, &world.object, &a_status("its last word"));
    assert_eq!(known(&world).as_deref(), Some("its last word"));
}

/// What the watch has shown before is no news, and undoes nothing.
#[tokio::test(start_paused = true)]
async fn what_is_shown_again_is_no_word() {
    let world = World::taking_over();
    let before = Arc::new(AICoreRegistrySecretStatus::default());
    world.is_at(6, 5);
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Outdated);
    is_changed_here(&world, &world.object, &before);
    assert_eq!(known(&world).as_deref(), Some("1"));
    // Nor is what it is writing itself, slowly, after it has gone on.
    let world = World::taking_over();
    world.is_at(5, 5);
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status slowly");
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Later);
    assert_eq!(write(&world, &world.object, &a_status("2")).await, Written::Later);
    is_changed_here(&world, &world.object, &a_status("1"));
    assert_eq!(known(&world).as_deref(), Some("2"));
}

/// Somebody has changed a label, and no pass comes of that: what was refused is written beside the passes.
#[tokio::test(start_paused = true)]
async fn a_first_word_that_was_refused_is_written_once_its_version_is_known() {
    let world = World::taking_over();
    world.is_at(6, 5);
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Outdated);
    world.is_at(6, 6);
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!((world.ctx.statuses.owed(), taken(&world).as_deref()), (0, Some("1")));
}

fn woken(world: &World) -> Option<ObjectKey> {
    world.ctx.queue.next().now_or_never().flatten()
}

/// The watch has shown it while the request was under way: nothing else would come to wake the resource.
#[tokio::test(start_paused = true)]
async fn what_was_shown_before_a_refusal_is_looked_at_again() {
    let world = World::taking_over();
    world.is_at(6, 5);
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status slowly");
    let status = a_status("1");
    let (written, ()) = tokio::join!(write(&world, &world.object, &status), async {
        tokio::time::sleep(PATIENCE / 2).await;
        world.is_at(6, 6);
    });
    assert_eq!(written, Written::Later);
    assert_eq!(woken(&world), None);
    world.writes_for(seconds(3)).await;
    assert_eq!(woken(&world), Some(world.object.key.clone()));
}

/// The pass over the change waits, and has nothing to write: what was found before is written after all.
#[tokio::test(start_paused = true)]
async fn what_no_pass_has_written_in_a_minute_is_written() {
    let world = World::new();
    let now = changed(&world.object);
    is_changed_there(&world, &now);
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Outdated);
    is_changed_here(&world, &now, &a_status("0"));
    world.writes_for(seconds(50)).await;
    assert_eq!((world.ctx.statuses.owed(), taken(&world)), (0, None));
    world.writes_for(seconds(20)).await;
    assert_eq!((world.ctx.statuses.owed(), taken(&world).as_deref()), (0, Some("1")));
}

/// The status of a pass waits for an older one of it, and hears meanwhile that another process has told more.
#[tokio::test(start_paused = true)]
async fn what_waits_for_an_older_one_is_not_written_after_another_ones_word() {
    let world = World::taking_over();
    world.is_at(6, 5);
    world
        .ctx
        .kubernetes
        .status_answers
        .lock()
        .unwrap()
        .insert(world.object.uid.to_string(), (PATIENCE * 3 / 2, true));
    assert_eq!(write(&world, &world.object, &a_status("1")).await, Written::Later);
    let (object, status) = (Arc::new(world.object.clone()), a_status("2"));
    let written = tokio::select! {
        written = world.ctx.statuses.write(&object, &status) => written,
        () = world.writes_for(HOUR) => panic!("it waits for ever"),
        () = async {
            tokio::time::sleep(PATIENCE / 4).await;
            is_changed_here(&world, &world.object, &a_status("its last word"));
            world.is_at(6, 6);
            world.ctx.kubernetes.status_answers.lock().unwrap().clear();
            std::future::pending::<()>().await;
        } => unreachable!(),
    };
    assert_eq!(written, Written::Outdated);
    assert_ne!(taken(&world).as_deref(), Some("2"));
    assert_eq!(known(&world).as_deref(), Some("its last word"));
}
