//! Many resources of one tenant of which nothing was pushed yet.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    simulator::{Fault, Operation},
};

use super::{answered, difference};
use crate::{
    cluster::install_crd,
    world::{Login, World},
};

const RESOURCES: usize = 50;
const OPERATIONS: [Operation; 8] = [
    Operation::Token,
    Operation::List,
    Operation::Create,
    Operation::Get,
    Operation::Patch,
    Operation::Delete,
    Operation::Quota,
    Operation::Unknown,
];

/// What a start has cost: requests to AI Core by operation, and the three that count at the API server.
#[derive(Debug)]
struct Cost {
    ai_core: BTreeMap<Operation, usize>,
    reads: u64,
    statuses: u64,
    events: u64,
}

impl Cost {
    fn of(&self, operation: Operation) -> usize {
        self.ai_core.get(&operation).copied().unwrap_or_default()
    }
}

async fn name_of(world: &World, number: usize) -> String {
    let name = format!("pull-{number}");
    world.docker_secret(&name, &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource(&name, json!({ "secretRef": { "name": name } })).await;
    name
}

/// Starts an operator with these arguments beside that many resources, after `prepare`.
async fn cold_start(prefix: &str, arguments: &[&str], prepare: impl Fn(&World)) -> (World, Cost) {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = control_plane.client().await.unwrap();
    install_crd(client.clone()).await;
    let world = World::new_on(&control_plane, prefix).await;
    world.service_key("key").await;
    let mut names = Vec::new();
    for number in 0..RESOURCES {
        names.push(name_of(&world, number).await);
    }
    prepare(&world);
    world.forget_requests();
    let before = answered(&client).await;
    let operator =
        arguments.iter().fold(world.launch(), |launch, argument| launch.with(argument)).start().await;
    for name in &names {
        world.wait_ready(name).await;
        world.wait_event(name, "Synced").await;
    }
    let resources = u64::try_from(RESOURCES).unwrap();
    let after = world
        .eventually("the requests to be counted", || async {
            let after = answered(&client).await;
            let counted = ["GET secrets/", "PATCH aicoreregistrysecrets/status", "POST events/"]
                .iter()
                .all(|what| difference(&before, &after, what) >= resources);
            counted.then_some(after)
        })
        .await;
    let ai_core = OPERATIONS.into_iter().map(|operation| (operation, world.requests_of(operation))).collect();
    let cost = Cost {
        ai_core,
        reads: difference(&before, &after, "GET secrets/"),
        statuses: difference(&before, &after, "PATCH aicoreregistrysecrets/status"),
        events: difference(&before, &after, "POST events/"),
    };
    world.check(&operator).await;
    operator.terminate().await;
    control_plane.stop().await.unwrap();
    (world, cost)
}

/// One GET of each Secret, one status and one event of each resource; one request that creates each, and one for the names.
fn assert_least(cost: &Cost) {
    let resources = u64::try_from(RESOURCES).unwrap();
    assert_eq!((cost.reads, cost.statuses, cost.events), (resources + 1, resources, resources), "{cost:?}");
    assert_eq!(cost.of(Operation::Token), 1, "{cost:?}");
    assert_eq!(cost.of(Operation::Create), RESOURCES, "{cost:?}");
    assert!((1..=2).contains(&cost.of(Operation::List)), "{cost:?}");
    assert_eq!(cost.ai_core.values().sum::<usize>(), RESOURCES + 1 + cost.of(Operation::List), "{cost:?}");
}

#[tokio::test]
async fn a_first_push_of_many_is_one_request() {
    let (world, cost) = cold_start("cold", &[], |_| {}).await;
    assert_least(&cost);
    assert_eq!(world.tenant().secrets().len(), RESOURCES);
}

/// Some ten seconds at this rate, with answers that take their time.
#[tokio::test]
async fn a_slow_start_is_no_more_work() {
    let (_, cost) = cold_start("slow", &["--tenant-rps=5", "--tenant-burst=1"], |world| {
        for operation in [Operation::List, Operation::Create] {
            world.tenant().faults().always(operation, Fault::latency(Duration::from_millis(700)));
        }
    })
    .await;
    assert_least(&cost);
}

/// The right to list may be missing: then a first push is the two requests that it is for one alone.
#[tokio::test]
async fn without_the_names_it_is_two_requests() {
    let (_, cost) = cold_start("unlisted", &["--tenant-rps=50", "--tenant-burst=50"], |world| {
        world.tenant().faults().always(Operation::List, Fault::status(403));
    })
    .await;
    assert_eq!((cost.of(Operation::List), cost.of(Operation::Token)), (1, 1), "{cost:?}");
    assert_eq!((cost.of(Operation::Patch), cost.of(Operation::Create)), (RESOURCES, RESOURCES), "{cost:?}");
    let resources = u64::try_from(RESOURCES).unwrap();
    assert_eq!((cost.reads, cost.statuses, cost.events), (resources + 1, resources, resources), "{cost:?}");
}

/// What is there already is replaced, with one request each.
#[tokio::test]
async fn what_is_there_already_is_replaced() {
    let (_, cost) = cold_start("adopted", &["--tenant-rps=50", "--tenant-burst=50"], |world| {
        (0..RESOURCES).for_each(|number| world.tenant().put(format!("pull-{number}"), "{}"));
    })
    .await;
    assert_eq!((cost.of(Operation::Patch), cost.of(Operation::Create)), (RESOURCES, 0), "{cost:?}");
    assert!(cost.of(Operation::List) <= 2, "{cost:?}");
}
