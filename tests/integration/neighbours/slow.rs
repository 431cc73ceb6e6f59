//! Tenants that take their time, and answer: they wait for their own server and for nobody else.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use testbed::simulator::{Fault, Tenant};

use super::{MANY, SOON, others, wait_hanging};
use crate::{
    cluster::PATIENCE,
    world::{
        Login, World,
        operation::{PATCH, TOKEN},
    },
};

/// A tenant with one resource, which is rotated by a Secret of its own.
struct Slow {
    name: String,
    tenant: Tenant,
    takes: Duration,
}

impl Slow {
    async fn new(world: &World, number: usize, takes: Duration) -> Self {
        let name = format!("slow-{number}");
        let tenant = world.simulator().tenant(&name);
        let data = BTreeMap::from([("key.json".to_owned(), tenant.service_key().to_string())]);
        world.secret(&format!("{name}-key"), "Opaque", data).await;
        let slow = Self { name, tenant, takes };
        slow.rotate(world, 1).await;
        let spec = json!({
            "secretRef": { "name": &slow.name },
            "aiCoreSecretRef": { "name": format!("{}-key", slow.name) },
        });
        world.resource(&slow.name, spec).await;
        slow
    }

    async fn rotate(&self, world: &World, rotation: u32) -> String {
        let entries = [("ghcr.io", Login::new("slow", rotation))];
        world.docker_secret(&self.name, &entries).await;
        World::payload(&entries)
    }

    /// Rotations one after the other; each arrives soon after the server has taken its time.
    async fn rotations_arrive(&self, world: &World, rotations: std::ops::Range<u32>) {
        for rotation in rotations {
            let payload = self.rotate(world, rotation).await;
            let written = tokio::time::Instant::now();
            let arrived = |()| self.tenant.secrets().get(&self.name) == Some(&payload);
            if !arrived(()) {
                self.tenant.journal().wait_for(|_| arrived(()), PATIENCE).await.unwrap();
            }
            let after = written.elapsed();
            assert!(after <= self.takes + SOON, "rotation {rotation} of {} after {after:?}", self.name);
        }
    }
}

#[tokio::test]
async fn tenants_that_are_slow_do_not_wait_for_those_that_are_invented() {
    let world = World::synced("slow").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let mut slow = Vec::new();
    for (number, millis) in [600, 600, 1500, 3000, 3000, 4000].into_iter().enumerate() {
        slow.push(Slow::new(&world, number, Duration::from_millis(millis)).await);
    }
    for tenant in &slow {
        world.wait_ready(&tenant.name).await;
        tenant.tenant.faults().always(PATCH, Fault::latency(tenant.takes));
    }
    let invented: Vec<Tenant> =
        (0..150).map(|number| world.simulator().tenant(&format!("other-{number}"))).collect();
    invented.iter().for_each(|tenant| tenant.faults().next(MANY, TOKEN, Fault::hang()));
    let invented = others(&world, invented.len(), 1).await;
    wait_hanging(&world, &invented, 20).await;
    let all = slow.iter().map(|tenant| tenant.rotations_arrive(&world, 2..6));
    futures::future::join_all(all).await;
    world.check(&operator).await;
}
