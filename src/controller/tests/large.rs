//! Rotations of large payloads, beside those of a tenant that hangs.

use std::sync::atomic::Ordering::SeqCst;

use super::neighbours::resource;
use crate::{
    controller::fakes::World,
    domain::{
        parse::object::Object,
        testing::{seconds, service_key_of},
        tools::bucket::Rate,
    },
};

const HUNG: usize = 8;

fn large(version: &str) -> String {
    version.repeat(100_000)
}

#[tokio::test(start_paused = true)]
async fn those_of_a_tenant_that_hangs_are_not_read_again_and_again_and_hold_up_nobody() {
    let world = World::new().with_places(32, 8);
    world.ctx.index.remove_resource(&world.object.key);
    world.ctx.ai_core.keeps_tokens.store(true, SeqCst);
    *world.ctx.ai_core.rate.lock().unwrap() = Some(Rate::new(10.0, 20));
    let hung: Vec<Object> = (0..HUNG).map(|number| resource(number % 2, &format!("hung-{number}"))).collect();
    let healthy = [resource(2, "healthy")];
    for (object, tenant) in hung.iter().map(|object| (object, "hung")).chain([(&healthy[0], "healthy")]) {
        world.has_another(object, &large("1"), tenant);
    }
    let world = world.run();
    for objects in [&hung[..], &healthy] {
        assert_eq!(world.until_accepted(objects, seconds(60)).await, None);
    }
    let tenant = service_key_of("s3cret", "hung").tenant();
    world.ctx.ai_core.hung.lock().unwrap().insert(tenant);
    world.journal();
    for version in ["2", "3", "4"] {
        world.ctx.ai_core.accepted.lock().unwrap().clear();
        for object in hung.iter().chain(&healthy) {
            world.rotate_to(object, version, &large(version));
        }
        assert_eq!(world.until_accepted(&healthy, seconds(2)).await, None, "version {version}");
        tokio::time::sleep(seconds(20)).await;
    }
    // One for each rotation, to find out that it is large; one for each place that it comes to.
    let reads = world.journal().iter().filter(|line| *line == "read Secret").count();
    assert!(reads < 8 * HUNG, "{reads}");
    world.ctx.ai_core.hung.lock().unwrap().clear();
    assert_eq!(world.until_accepted(&hung, seconds(60)).await, None);
}
