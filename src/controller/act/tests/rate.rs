//! Many first pushes in one tenant, each of two requests: the rate is used up, and nobody is given up.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    api::AICoreRegistrySecretStatus,
    controller::{
        admission::{Admission, Places},
        fakes::World,
        queue::Priority,
        reconcile::reconcile,
    },
    domain::testing::object_named,
};

const RESOURCES: usize = 230;
const WORKERS: usize = 32;
const TENANT_PASSES: usize = 8;

/// One worker, as the controller runs them.
async fn work(world: &World) {
    while let Some(key) = world.ctx.queue.next().await {
        let requeue_after = reconcile(&world.ctx, &key).await;
        world.ctx.queue.done(&key, requeue_after);
    }
}

/// At one request a second, two at once.
#[tokio::test(start_paused = true)]
async fn a_cold_start_goes_on_at_the_rate() {
    let mut world = World::new();
    world.ctx.admission =
        Admission::new(Arc::clone(&world.ctx.queue), Places::new(4 * TENANT_PASSES, TENANT_PASSES));
    world.ctx.ai_core.needs_second.store(true, SeqCst);
    world.ctx.ai_core.refuses_list.store(true, SeqCst);
    let resources = (0..RESOURCES).map(|number| object_named(&format!("pull-{number}"), 1));
    for object in resources {
        let key = object.key.clone();
        world.ctx.index.apply_resource(object, AICoreRegistrySecretStatus::default());
        world.ctx.queue.enqueue(&key, Priority::Routine);
    }
    world.ctx.index.remove_resource(&world.object.key);
    let started = Instant::now();
    let mut first_half = Duration::ZERO;
    let (mut requests, mut reads) = (0, 0);
    let look = async {
        while requests < 2 * RESOURCES {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let journal = world.journal();
            requests +=
                journal.iter().filter(|line| line.starts_with("push") || line.starts_with("create")).count();
            reads += journal.iter().filter(|line| *line == "read Secret").count();
            let allowed = usize::try_from(started.elapsed().as_secs()).unwrap() + 3;
            assert!(requests <= allowed, "{requests} within {:?}", started.elapsed());
            if requests <= RESOURCES {
                first_half = started.elapsed();
            }
            assert!(started.elapsed() < Duration::from_secs(1000), "{requests} requests");
        }
        started.elapsed()
    };
    let mut workers = pin!(futures::future::join_all((0..WORKERS).map(|_| work(&world))));
    let took = tokio::select! {
        took = look => took,
        _ = &mut workers => unreachable!(),
        () = world.ctx.queue.run_timers() => unreachable!(),
        () = world.ctx.admission.run() => unreachable!(),
    };
    assert!(took < Duration::from_secs(480), "{took:?} for {} requests", 2 * RESOURCES);
    assert!(first_half < Duration::from_secs(240), "{first_half:?}");
    assert_eq!(world.metric("aicore_registry_reconcile_total{outcome=\"Timeout\"}"), None);
    // However long they wait, and however often they are put off.
    assert_eq!(reads, RESOURCES + 1);
}
