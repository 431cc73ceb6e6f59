//! A tenant that answers, beside others that do not, and beside resources of its own that are not answered: its rotations go on as if they
//! were not there.

mod slow;
mod within;

use std::{collections::BTreeMap, time::Duration};

use rstest::rstest;
use serde_json::json;
use testbed::simulator::{Fault, Matcher, Tenant};

use crate::{
    cluster::PATIENCE,
    world::{Login, World, operation::TOKEN},
};

/// Twice what is promised, since machines are shared; and well below the limit on a request, which is what whoever had to wait for one
/// that hangs would wait.
const SOON: Duration = Duration::from_secs(4);
/// More requests than any tenant here gets.
const MANY: usize = 1000;

/// Other tenants, each with resources of its own. They share the Secret `others` with the registry credential.
async fn others(world: &World, count: usize, resources: usize) -> Vec<Tenant> {
    world.docker_secret("others", &[("ghcr.io", Login::new("other", 1))]).await;
    let mut tenants = Vec::new();
    for number in 0..count {
        let tenant = world.simulator().tenant(&format!("other-{number}"));
        let key = format!("key-{number}");
        let data = BTreeMap::from([("key.json".to_owned(), tenant.service_key().to_string())]);
        world.secret(&key, "Opaque", data).await;
        tenants.push(tenant);
        for resource in 0..resources {
            let spec = json!({ "secretRef": { "name": "others" }, "aiCoreSecretRef": { "name": key } });
            world.resource(&format!("other-{number}-{resource}"), spec).await;
        }
    }
    tenants
}

/// Waits until so many of the tenants have a request that hangs.
async fn wait_hanging(world: &World, tenants: &[Tenant], count: usize) {
    world
        .eventually("requests hang", || async {
            let hanging = tenants.iter().filter(|tenant| tenant.faults().pending() < MANY).count();
            (hanging >= count).then_some(())
        })
        .await;
}

/// The healthy tenant's credential changes again and again, until enough has happened meanwhile. Each change arrives soon.
async fn rotations_arrive_until(world: &World, enough: impl Fn() -> bool) {
    let began = tokio::time::Instant::now();
    for rotation in 2.. {
        let entries = [("ghcr.io", Login::new("robot", rotation))];
        world.docker_secret("source", &entries).await;
        tokio::time::timeout(SOON, world.wait_remote("pull", &World::payload(&entries)))
            .await
            .unwrap_or_else(|_| panic!("rotation {rotation} waits, {:?} after the first", began.elapsed()));
        if rotation > 5 && enough() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "not enough happened meanwhile");
    }
}

async fn rotations_arrive(world: &World) {
    rotations_arrive_until(world, || true).await;
}

/// They answered until now, and all their passes go out at the moment when they stop to.
#[rstest]
#[case::one(1)]
#[case::four(4)]
#[case::forty(40)]
#[tokio::test]
async fn tenants_that_begin_to_hang_hold_up_nobody_else(#[case] count: usize) {
    let world = World::synced(&format!("hang-{count}")).await;
    let tenants = others(&world, count, 4).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for number in 0..count {
        for resource in 0..4 {
            world.wait_ready(&format!("other-{number}-{resource}")).await;
        }
    }
    tenants.iter().for_each(|tenant| tenant.faults().next(MANY, Matcher::any(), Fault::hang()));
    world.docker_secret("others", &[("ghcr.io", Login::new("other", 2))]).await;
    wait_hanging(&world, &tenants, count.min(4)).await;
    rotations_arrive(&world).await;
    wait_hanging(&world, &tenants, count).await;
    tenants.iter().for_each(|tenant| tenant.faults().clear());
    operator.kill().await;
}

/// Whoever may create Secrets may write down any number of tenants.
#[tokio::test]
async fn invented_tenants_hold_up_nobody_else() {
    let world = World::synced("invented").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let invented: Vec<Tenant> =
        (0..150).map(|number| world.simulator().tenant(&format!("other-{number}"))).collect();
    invented.iter().for_each(|tenant| tenant.faults().next(MANY, TOKEN, Fault::hang()));
    let tenants = others(&world, invented.len(), 1).await;
    wait_hanging(&world, &tenants, 20).await;
    rotations_arrive(&world).await;
    operator.kill().await;
}
