//! Passes that end while others wait, so that their statuses are written later; and what depends on them nevertheless.

use super::*;

/// Others wait from now on.
fn others_wait(world: &World) {
    world.ctx.queue.enqueue(&object_named("waits", 9).key, Priority::Urgent);
}

/// One pass, without what it has left to be written.
async fn pass_alone(world: &World) {
    reconcile(&world.ctx, &world.object.key).await;
}

/// The next process pushes whatever it finds.
#[tokio::test(start_paused = true)]
async fn a_first_push_is_told_later_and_a_rotation_at_once() {
    let world = World::new();
    others_wait(&world);
    pass_alone(&world).await;
    assert_eq!(world.journal(), ["read Secret", "connect", "read Secret", PUSH]);
    // A second one is not, whatever became of the first.
    world.rotated("2", "b");
    pass_alone(&world).await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
    assert_eq!((world.ready().as_str(), world.ctx.statuses.owed()), ("True/Synced", 0));
}

/// A status that says that nothing was sent is not left standing.
#[tokio::test(start_paused = true)]
async fn what_was_pushed_after_a_failure_is_known_after_a_kill() {
    let mut world = World::new();
    world.ctx.kubernetes.secrets.lock().unwrap().remove(&world.object.source());
    world.ctx.index.remove_secret(&world.object.source());
    world.pass().await;
    assert_eq!(world.ready(), "False/SecretNotFound");
    world.rotated("2", "a");
    others_wait(&world);
    pass_alone(&world).await;
    // It is killed. Its Secret goes, its policy changes, and it is deleted, while nobody looks.
    world.ctx.kubernetes.secrets.lock().unwrap().remove(&world.object.source());
    world.object = world.object.clone().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    world.object = Object { finalizer: true, deleting: true, ..world.object.clone() };
    let next = world.restarted();
    for _ in 0..3 {
        next.pass().await;
    }
    assert!(next.journal().contains(&"delete pull".to_owned()));
}

/// The Secret goes back to what the status tells of.
#[tokio::test(start_paused = true)]
async fn a_rotation_that_is_taken_back_while_nobody_looks_is_pushed() {
    let world = in_sync(an_object()).await;
    others_wait(&world);
    world.rotated("2", "b");
    pass_alone(&world).await;
    world.ctx.kubernetes.holds_credential(world.object.source(), "3", "a");
    let next = world.restarted();
    next.pass().await;
    assert!(next.journal().contains(&PUSH.to_owned()));
}

/// Also after a write without an answer, which is written once more later.
#[tokio::test(start_paused = true)]
async fn a_push_to_another_tenant_is_announced_although_others_wait() {
    let world = in_sync(with_policy_delete()).await;
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status");
    world.rotated("2", "b");
    pass_alone(&world).await;
    world.writes_for(Duration::from_secs(12)).await;
    world.ctx.kubernetes.hangs.lock().unwrap().clear();
    world.writes_for(LONGEST_PAUSE).await;
    world.journal();
    others_wait(&world);
    world.rotated("3", "c");
    pass_alone(&world).await;
    assert_eq!(world.journal(), ["read Secret", PUSH, "write status"]);
    world.ctx.kubernetes.holds_service_key(world.object.service_key(), "2", "two");
    world.ctx.index.apply_secret(&world.object.service_key(), "2");
    pass_alone(&world).await;
    // And afterwards what was left behind at the former one, before and after it is said.
    assert_eq!(world.journal()[2..], ["read Secret", "write status", PUSH, "write status", "write status"]);
    let announced = world.ctx.kubernetes.status.lock().unwrap().clone().unwrap().api_url.unwrap();
    assert!(announced.contains("two"), "{announced}");
    world.writes_for(HOUR).await;
    assert_eq!((world.ready().as_str(), world.ctx.statuses.owed()), ("True/Synced", 0));
}

/// A pass has an end. What it could not write by then is not taken for written.
#[tokio::test(start_paused = true)]
async fn a_pass_that_is_cut_at_its_status_has_it_written_by_the_next() {
    let world = World::new();
    // AI Core takes almost the whole of a pass.
    *world.ctx.ai_core.latency.lock().unwrap() = PASS_LIMIT.checked_sub(Duration::from_millis(500)).unwrap();
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status");
    pass_alone(&world).await;
    world.ctx.kubernetes.hangs.lock().unwrap().clear();
    *world.ctx.ai_core.latency.lock().unwrap() = Duration::ZERO;
    for _ in 0..5 {
        world.pass().await;
        world.writes_for(LONGEST_PAUSE).await;
    }
    assert_eq!(world.ready(), "True/Synced");
}

/// Somebody whose Secret is missing or broken is about to create nothing.
#[tokio::test(start_paused = true)]
async fn a_neighbour_that_fails_is_no_company() {
    let world = World::new();
    let neighbour =
        |name: &str| object_named(name, 2).with_spec(|spec| spec.secret_ref.name = format!("{name}-source"));
    let (broken, missing) = (neighbour("broken"), neighbour("missing"));
    let content = ("1".to_owned(), ".dockerconfigjson", "{}".to_owned());
    world.ctx.kubernetes.secrets.lock().unwrap().insert(broken.source(), content);
    for object in [broken, missing] {
        world.ctx.index.apply_resource(object.clone(), AICoreRegistrySecretStatus::default());
        assert!(world.ctx.index.has_company(&world.object));
        reconcile(&world.ctx, &object.key).await;
        assert!(!world.ctx.index.has_company(&world.object), "{}", object.key);
    }
}
