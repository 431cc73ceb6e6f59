//! What was pushed, and then pushed over for another resource that is gone again, is pushed once more.

use crate::{
    api::{AICoreRegistrySecretStatus, DeletionPolicy, UnansweredWrite},
    controller::{
        fakes::{World, an_older_one},
        reconcile::reconcile,
    },
    domain::{
        decide::late_writes::CONFIRMED_AFTER,
        parse::object::Object,
        testing::{WithSpec, seconds},
    },
};

const GOES: &str = "remove finalizer";

async fn in_sync() -> World {
    let world = World::new();
    world.pass().await;
    assert_eq!((world.ready().as_str(), pushes(&world)), ("True/Synced", 1));
    world
}

fn pushes(world: &World) -> usize {
    world.journal().iter().filter(|line| line.starts_with("push")).count()
}

/// Passes, with a turn in the tenant's rate for each.
async fn pushes_of_a_pass(world: &World) -> usize {
    tokio::time::advance(seconds(5)).await;
    world.pass().await;
    pushes(world)
}

/// It was busy, or waited, while the older one came, pushed, and went.
#[tokio::test(start_paused = true)]
async fn an_older_one_that_came_and_went() {
    let world = in_sync().await;
    let older = an_older_one(&world.object);
    world.ctx.index.apply_resource(older.clone(), AICoreRegistrySecretStatus::default());
    tokio::time::advance(seconds(5)).await;
    reconcile(&world.ctx, &older.key).await;
    assert_eq!(pushes(&world), 1);
    world.ctx.index.remove_resource(&older.key);
    assert_eq!(pushes_of_a_pass(&world).await, 1);
    assert_eq!(pushes_of_a_pass(&world).await, 0, "once");
}

/// The process that pushed for the older one ended before it could say so.
#[tokio::test(start_paused = true)]
async fn one_that_goes_and_may_have_pushed_before_this_process_began() {
    let world = in_sync().await;
    let status = world.snapshot().status;
    // As after a restart.
    world.ctx.index.remove_resource(&world.object.key);
    world.ctx.index.apply_resource(world.object.clone(), (*status).clone());
    let announced = AICoreRegistrySecretStatus {
        api_url: status.api_url.clone(),
        authorization_server: status.authorization_server.clone(),
        ..AICoreRegistrySecretStatus::default()
    };
    let older =
        an_older_one(&world.object).with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    let older = Object { deleting: true, finalizer: true, ..older };
    world.ctx.index.apply_resource(older.clone(), announced);
    assert_eq!(pushes_of_a_pass(&world).await, 0, "nobody has looked yet");
    reconcile(&world.ctx, &older.key).await;
    assert!(world.journal().iter().any(|line| line == GOES));
    assert_eq!(world.ctx.queue.next().await.as_ref(), Some(&world.object.key));
    assert_eq!(pushes_of_a_pass(&world).await, 1);
    assert_eq!(pushes_of_a_pass(&world).await, 0, "once");
}

/// The process that sent something for the older one had no answer to it, said so, and ended: the heir's push is confirmed.
#[tokio::test(start_paused = true)]
async fn one_that_goes_and_had_no_answer_before_this_process_began() {
    for unanswered in [true, false] {
        let world = in_sync().await;
        let status = world.snapshot().status;
        world.ctx.index.remove_resource(&world.object.key);
        world.ctx.index.apply_resource(world.object.clone(), (*status).clone());
        let written =
            UnansweredWrite { time: status.last_sync_time.clone().unwrap(), confirmation_time: None };
        let said = AICoreRegistrySecretStatus {
            api_url: status.api_url.clone(),
            authorization_server: status.authorization_server.clone(),
            unanswered_write: unanswered.then(|| Box::new(written)),
            ..AICoreRegistrySecretStatus::default()
        };
        let older =
            an_older_one(&world.object).with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
        let older = Object { deleting: true, finalizer: true, ..older };
        world.ctx.index.apply_resource(older.clone(), said);
        reconcile(&world.ctx, &older.key).await;
        assert!(world.journal().iter().any(|line| line == GOES));
        world.ctx.index.remove_resource(&older.key);
        assert_eq!(pushes_of_a_pass(&world).await, 1);
        tokio::time::advance(CONFIRMED_AFTER).await;
        assert_eq!(pushes_of_a_pass(&world).await, usize::from(unanswered), "the confirmation");
        tokio::time::advance(CONFIRMED_AFTER).await;
        assert_eq!(pushes_of_a_pass(&world).await, 0, "once");
    }
}

/// In sync, until an older one, which is to delete what it leaves, has come and pushed; now it is being deleted.
async fn pushed_over_by_one_that_goes() -> (World, Object) {
    let world = in_sync().await;
    let older =
        an_older_one(&world.object).with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete));
    let older = Object { finalizer: true, ..older };
    world.ctx.index.apply_resource(older.clone(), AICoreRegistrySecretStatus::default());
    tokio::time::advance(seconds(5)).await;
    reconcile(&world.ctx, &older.key).await;
    assert_eq!(pushes(&world), 1);
    let dying = Object { deleting: true, ..older };
    let woken = world.ctx.index.apply_resource(dying.clone(), AICoreRegistrySecretStatus::default());
    assert!(woken.contains(&world.object.key), "it is to push again");
    (world, dying)
}

/// A process that ends before that would take along what it knows of it.
#[tokio::test(start_paused = true)]
async fn one_that_goes_stays_until_its_heir_has_pushed_again() {
    let (world, dying) = pushed_over_by_one_that_goes().await;
    let soon = reconcile(&world.ctx, &dying.key).await.unwrap();
    assert!(soon <= seconds(1), "{soon:?}");
    assert_eq!(world.journal(), Vec::<String>::new(), "what AI Core holds is not the heir's");
    assert_eq!(pushes_of_a_pass(&world).await, 1);
    assert_eq!(reconcile(&world.ctx, &dying.key).await, None);
    assert_eq!(world.journal(), [GOES]);
    assert_eq!(pushes_of_a_pass(&world).await, 0, "once");
}

#[tokio::test(start_paused = true)]
async fn what_its_heir_does_not_push_again_is_deleted() {
    let (world, dying) = pushed_over_by_one_that_goes().await;
    world.ctx.kubernetes.secrets.lock().unwrap().remove(&world.object.source());
    world.ctx.index.remove_secret(&world.object.source());
    reconcile(&world.ctx, &dying.key).await;
    assert_eq!(pushes_of_a_pass(&world).await, 0);
    tokio::time::advance(seconds(15)).await;
    reconcile(&world.ctx, &dying.key).await;
    assert_eq!(world.journal(), ["delete pull", GOES]);
}
