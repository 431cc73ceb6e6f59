//! Rotations of tenants that answer, beside many of tenants that have gone silent, in the namespaces of those and in others.

use std::{collections::HashSet, sync::atomic::Ordering::SeqCst};

use super::*;
use crate::{
    controller::fakes::{Running, World},
    domain::{
        parse::object::{Object, ObjectKey},
        testing::{WithSpec, object_named, seconds, service_key_of},
        tools::bucket::Rate,
    },
};

const HUNG: usize = 40;
const RESOURCES_OF_A_HUNG_ONE: usize = 4;
const HUNG_NAMESPACES: usize = 5;
const HEALTHY: usize = 200;
const NAMESPACES: usize = 20;
const SOON: Duration = Duration::from_secs(2);

/// A resource of that name, with a credential and a service key of its own.
pub(super) fn resource(namespace: usize, name: &str) -> Object {
    let object = object_named(name, 1).with_spec(|spec| {
        spec.secret_ref.name = format!("{name}-registry");
        spec.ai_core_secret_ref.as_mut().unwrap().name = format!("{name}-key");
    });
    Object { key: ObjectKey::new(&format!("ns-{namespace}"), name), ..object }
}

impl Running {
    /// The Secret with the registry credential has that version, and the watch says so.
    pub(super) fn rotate(&self, object: &Object, version: &str) {
        self.rotate_to(object, version, version);
    }

    /// The same, with that password.
    pub(super) fn rotate_to(&self, object: &Object, version: &str, password: &str) {
        self.ctx.kubernetes.holds_credential(object.source(), version, password);
        for woken in self.ctx.index.apply_secret(&object.source(), version) {
            self.ctx.queue.enqueue(&woken, Priority::Urgent);
        }
    }

    /// Waits until a push of each of them is sent; returns those for which that took longer than the limit.
    async fn late<'a>(&self, objects: &'a [Object], limit: Duration) -> HashSet<&'a str> {
        let mut left: HashSet<&str> = objects.iter().map(|object| &*object.key.name).collect();
        let deadline = tokio::time::Instant::now() + limit;
        while !left.is_empty() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
            for line in self.journal() {
                let sent = line.strip_prefix("push ").or_else(|| line.strip_prefix("create "));
                if let Some(name) = sent.and_then(|rest| rest.split(' ').next()) {
                    left.remove(name);
                }
            }
        }
        left
    }
}

#[tokio::test(start_paused = true)]
async fn tenants_that_hang_hold_up_no_rotation_of_another() {
    let world = World::new().with_places(32, 8);
    world.ctx.index.remove_resource(&world.object.key);
    let mut hung = Vec::new();
    for tenant in 0..HUNG {
        let name = |number: usize| format!("hung-{tenant}-{number}");
        hung.extend(
            (0..RESOURCES_OF_A_HUNG_ONE)
                .map(|number| (tenant, resource(tenant % HUNG_NAMESPACES, &name(number)))),
        );
    }
    let healthy: Vec<_> =
        (0..HEALTHY).map(|tenant| resource(tenant % NAMESPACES, &format!("healthy-{tenant}"))).collect();
    let of_hung = hung.iter().map(|(tenant, object)| (format!("hung-{tenant}"), object));
    let of_healthy = healthy.iter().map(|object| (object.key.name.to_string(), object));
    for (tenant, object) in of_hung.chain(of_healthy) {
        world.has_another(object, "1", &tenant);
    }
    let world = world.run();
    let all: Vec<_> = hung.iter().map(|(_, object)| object).chain(&healthy).cloned().collect();
    assert_eq!(world.late(&all, seconds(60)).await, HashSet::new(), "not even at the start");

    world.ctx.ai_core.keeps_tokens.store(true, SeqCst);
    let tenants = (0..HUNG).map(|tenant| service_key_of("s3cret", &format!("hung-{tenant}")).tenant());
    world.ctx.ai_core.hung.lock().unwrap().extend(tenants);
    // When they begin to hang, while they do, and when each of them has been found out.
    for version in ["2", "3", "4", "5", "6"] {
        hung.iter().for_each(|(_, object)| world.rotate(object, version));
        healthy.iter().for_each(|object| world.rotate(object, version));
        assert_eq!(world.late(&healthy, SOON).await, HashSet::new(), "version {version}");
        tokio::time::sleep(seconds(7)).await;
    }
    // And they go on when they answer again.
    world.ctx.ai_core.hung.lock().unwrap().clear();
    world.journal();
    let hung: Vec<_> = hung.into_iter().map(|(_, object)| object).collect();
    assert_eq!(world.late(&hung, seconds(30)).await, HashSet::new());
}

/// Each hung tenant has a namespace, more resources than its lane has places, and a rate that lets all of them go at once.
#[tokio::test(start_paused = true)]
async fn however_many_passes_hang_at_once_each_namespace_has_its_turn() {
    let world = World::new().with_places(32, 8);
    *world.ctx.ai_core.rate.lock().unwrap() = Some(Rate::new(10.0, 20));
    world.ctx.index.remove_resource(&world.object.key);
    let healthy = resource(1000, "healthy");
    let hung: Vec<_> = (0..HUNG)
        .flat_map(|tenant| {
            (0..10).map(move |number| (tenant, resource(tenant, &format!("hung-{tenant}-{number}"))))
        })
        .collect();
    let of_hung = hung.iter().map(|(tenant, object)| (format!("hung-{tenant}"), object));
    for (tenant, object) in of_hung.chain([("healthy".to_owned(), &healthy)]) {
        world.has_another(object, "1", &tenant);
    }
    let world = world.run();
    let all: Vec<_> = hung.iter().map(|(_, object)| object).chain([&healthy]).cloned().collect();
    assert_eq!(world.late(&all, seconds(60)).await, HashSet::new(), "not even at the start");
    for version in ["2", "3"] {
        all.iter().for_each(|object| world.rotate(object, version));
        assert_eq!(world.late(&all, seconds(60)).await, HashSet::new());
    }
    tokio::time::sleep(seconds(7)).await;
    world.ctx.ai_core.keeps_tokens.store(true, SeqCst);
    let tenants = (0..HUNG).map(|tenant| service_key_of("s3cret", &format!("hung-{tenant}")).tenant());
    world.ctx.ai_core.hung.lock().unwrap().extend(tenants);
    world.journal();
    hung.iter().for_each(|(_, object)| world.rotate(object, "4"));
    let mut slowest = Duration::ZERO;
    for version in 10..130 {
        let began = tokio::time::Instant::now();
        world.rotate(&healthy, &version.to_string());
        assert_eq!(world.late(std::slice::from_ref(&healthy), seconds(60)).await, HashSet::new());
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(slowest <= seconds(1), "{slowest:?}");
}
