//! What stays behind when the service key is for another tenant.

use super::*;

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
