//! What comes before a push so that it can be deleted some day, and what a resource does when it goes.

use super::*;

fn dying(world: &mut World) {
    world.object.deleting = true;
    world.applied();
    world.journal();
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
    // Something wakes it before the watch says that it is gone, and what the watch says is older.
    world.applied();
    assert_eq!(world.pass().await, None);
    assert_eq!(world.journal(), Vec::<String>::new());
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
                world.ctx.index.writes(&heir, &claim);
                assert_eq!(world.ctx.index.accepted(&heir, &claim), None);
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
