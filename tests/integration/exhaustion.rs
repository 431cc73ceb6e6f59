//! What others can use up: time, memory, connections, places and the log. Each has an end, and nobody else notices.

mod hostile;
mod memory;

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream};
use kube::api::ListParams;
use serde_json::json;

use self::{
    hostile::{At, Hostile, Manner},
    memory::MemoryLimit,
};
use crate::{
    operator::{Operator, PROGRAM},
    world::{Conditions, Login, World},
};

const MIB: usize = 1 << 20;
/// How many objects are created at a time.
const AT_ONCE: usize = 16;
/// For what takes minutes.
const LONG: Duration = Duration::from_mins(20);

fn peak_mib(operator: &Operator) -> u64 {
    operator.peak_memory_kib().expect("this system tells how much memory a process had") >> 10
}

/// Rotates the healthy resource; that arrives soon, whatever goes on.
async fn rotate(world: &World, rotation: u32) {
    let entries = [("ghcr.io", Login::new("robot", rotation))];
    world.docker_secret("source", &entries).await;
    tokio::time::timeout(Duration::from_secs(10), world.wait_remote("pull", &World::payload(&entries)))
        .await
        .unwrap_or_else(|_| panic!("rotation {rotation} does not arrive"));
}

/// Servers that say nothing, a byte a second, or 1 GiB, to all of their requests or once they have given a token.
#[tokio::test]
async fn answers_that_never_end_cost_neither_time_nor_memory() {
    const UNAVAILABLE: &str = "RemoteUnavailable";
    let servers = [
        (At::Tokens, Manner::Silent, UNAVAILABLE),
        (At::Tokens, Manner::TrickledHead, UNAVAILABLE),
        (At::Tokens, Manner::TrickledBody(200), UNAVAILABLE),
        (At::Tokens, Manner::Endless(200), UNAVAILABLE),
        (At::Tokens, Manner::Endless(503), UNAVAILABLE),
        (At::Api, Manner::Silent, UNAVAILABLE),
        (At::Api, Manner::TrickledHead, UNAVAILABLE),
        (At::Api, Manner::TrickledBody(500), UNAVAILABLE),
        (At::Api, Manner::Endless(500), UNAVAILABLE),
        // The status says that it was accepted, whatever comes then.
        (At::Api, Manner::TrickledBody(202), "Synced"),
        (At::Api, Manner::Endless(202), "Synced"),
    ];
    let world = World::synced("endless").await;
    let operator = world.launch().with("--request-timeout=3s").start().await;
    world.wait_ready("pull").await;
    let before = peak_mib(&operator);
    let mut hostile = Vec::new();
    for (number, (at, manner, _)) in servers.iter().enumerate() {
        let server = Hostile::start(*at, *manner).await;
        let key = format!("key-{number}");
        world.secret(&key, "Opaque", server.service_key()).await;
        world.resource(&format!("hostile-{number}"), json!({ "aiCoreSecretRef": { "name": key } })).await;
        hostile.push(server);
    }
    for (number, (at, manner, reason)) in servers.iter().enumerate() {
        let name = format!("hostile-{number}");
        let said = world.wait_reason(&name, reason).await;
        println!("{at:?} {manner:?}: {}", said.condition("Ready").message);
        rotate(&world, u32::try_from(number).unwrap() + 2).await;
    }
    for (server, (at, manner, _)) in hostile.iter().zip(&servers) {
        // What fits the buffers of the kernels, for each of a few attempts.
        assert!(server.sent() < 64 * MIB, "{at:?} {manner:?}: {} bytes were taken", server.sent());
    }
    let more = peak_mib(&operator) - before;
    assert!(more < 32, "{more} MiB more");
    world.check(&operator).await;
}

/// As fast as the API server takes it, some hundred times a second.
#[tokio::test]
async fn a_secret_that_changes_all_the_time_is_pushed_at_the_rate_of_its_tenant() {
    const CHANGES: u32 = 500;
    let world = World::synced("restless").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let (lines, statuses) = (operator.log().len(), world.status_writes("pull").await);
    world.forget_requests();
    let began = tokio::time::Instant::now();
    for rotation in 2..=CHANGES {
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
    }
    let last = World::payload(&[("ghcr.io", Login::new("robot", CHANGES))]);
    world.wait_remote("pull", &last).await;
    let took = began.elapsed();
    world.wait_quiet(&operator).await;
    let pushed = world.sent_payloads("pull");
    // The burst, and ten a second from then on.
    let most = 20 + 10 * (usize::try_from(took.as_secs()).unwrap() + 1);
    assert!(pushed.len() <= most, "{} pushes in {took:?}", pushed.len());
    let statuses = world.status_writes("pull").await - statuses;
    assert!(statuses <= pushed.len() + 2, "{statuses} statuses for {} pushes", pushed.len());
    let rotations: Vec<u32> = (1..=CHANGES)
        .flat_map(|rotation| {
            let payload = World::payload(&[("ghcr.io", Login::new("robot", rotation))]);
            let times = pushed.iter().filter(|pushed| **pushed == payload).count();
            std::iter::repeat_n(rotation, times)
        })
        .collect();
    let in_order =
        rotations.iter().map(|rotation| World::payload(&[("ghcr.io", Login::new("robot", *rotation))]));
    assert!(in_order.eq(pushed.iter().cloned()), "an older content came after a newer one");
    let lines = operator.log().iter().skip(lines).filter(|line| !line.contains("\"DEBUG\"")).count();
    assert!(lines <= 2 * pushed.len() + 20, "{lines} lines for {} pushes", pushed.len());
    println!("{CHANGES} changes in {took:?}: {} pushes, {statuses} statuses, {lines} lines", pushed.len());
    world.check(&operator).await;
}

/// All of them at once, in a tenant that has places for few.
async fn more_resources_than_places(prefix: &str, resources: usize) {
    const PLACES: usize = 50;
    const ROTATIONS: u32 = 6;
    let world = World::synced(prefix).await;
    world.tenant().configure(|options| options.quota = PLACES);
    let operator = world.launch().with("--tenant-rps=1000").with("--tenant-burst=1000").start().await;
    world.wait_ready("pull").await;
    let began = tokio::time::Instant::now();
    let create = stream::iter(0..resources).for_each_concurrent(AT_ONCE, |number| {
        let world = &world;
        async move { world.resource(&format!("many-{number}"), json!({})).await }
    });
    let beside = async {
        for rotation in 2..2 + ROTATIONS {
            rotate(&world, rotation).await;
        }
    };
    tokio::join!(create, beside);
    let stalled = |reason: &'static str| {
        let resources = world.resources();
        async move {
            let list = resources.list(&ListParams::default()).await.unwrap();
            list.iter().filter(|resource| resource.condition("Ready").reason == reason).count()
        }
    };
    let beyond = resources - (PLACES - 1);
    let all = async {
        while stalled("QuotaExceeded").await < beyond {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(LONG, all).await.expect("each is told that there is no place for it");
    let took = began.elapsed();
    assert_eq!((stalled("Synced").await, world.tenant().secrets().len()), (PLACES, PLACES));
    // There is none, none is created, and the quota says why: nobody tries again before the long interval.
    let requests = world.requests();
    // Each credential is a new attempt of all that are there by then: a PATCH and at most a POST.
    let attempts = resources * (usize::try_from(ROTATIONS).unwrap() + 1);
    assert!(requests <= 2 * attempts + 80, "{requests} requests");
    world.wait_quiet(&operator).await;
    world.forget_requests();
    // A new credential is a new attempt: AI Core is asked once for each, with a PATCH, and at most a POST.
    rotate(&world, 8).await;
    world.wait_quiet(&operator).await;
    assert!(world.requests() <= PLACES + 2 * beyond, "{} requests more", world.requests());
    println!("{resources} resources in {took:?}: {requests} requests, {} MiB at most", peak_mib(&operator));
    assert!(peak_mib(&operator) < 192, "{} MiB", peak_mib(&operator));
    if resources <= 1000 {
        world.check(&operator).await;
    }
}

#[tokio::test]
async fn resources_beyond_the_places_of_a_tenant_are_told_and_hold_up_nobody() {
    more_resources_than_places("crowded", 300).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn ten_thousand_resources_beyond_the_places_of_a_tenant_are_told_and_hold_up_nobody() {
    more_resources_than_places("overcrowded", 10_000).await;
}

/// A thousand Secrets of the largest size that there is, each with a resource, in forty tenants, all at once, and all changed once.
/// `OPERATOR` names the program; a debug build is larger than the limit by itself.
#[tokio::test]
#[ignore = "needs root for a control group, a release build, and some GiB of memory for the API server"]
async fn a_thousand_large_secrets_fit_into_64_mib() {
    const RESOURCES: usize = 1000;
    const TENANTS: usize = 40;
    let world = World::synced("large").await;
    let tenants: Vec<_> =
        (0..TENANTS).map(|number| world.simulator().tenant(&format!("large-{number}"))).collect();
    for (number, tenant) in tenants.iter().enumerate() {
        tenant.configure(|options| options.quota = RESOURCES);
        let data = BTreeMap::from([("key.json".to_owned(), tenant.service_key().to_string())]);
        world.secret(&format!("key-{number}"), "Opaque", data).await;
    }
    let write = async |rotation: usize| {
        stream::iter(0..RESOURCES)
            .for_each_concurrent(AT_ONCE, |number| {
                let world = &world;
                async move {
                    let password = format!("{rotation}-{}", "p".repeat(MIB - 4096));
                    let config =
                        json!({ "auths": { "ghcr.io": { "username": "robot", "password": password } } });
                    world.raw_docker_secret(&format!("large-{number}"), &config.to_string()).await;
                }
            })
            .await;
    };
    let arrived = async |rotation: usize, operator: &mut Operator| {
        let began = tokio::time::Instant::now();
        let begins = format!("{{\"auths\":{{\"ghcr.io\":{{\"password\":\"{rotation}-");
        let all = async {
            // Of one tenant at a time: a look copies all that it holds.
            for tenant in &tenants {
                let holds_all = || {
                    let held = tenant.secrets().into_values();
                    held.filter(|payload| payload.starts_with(&begins)).count() == RESOURCES / TENANTS
                };
                while !holds_all() {
                    assert_eq!(operator.try_ended(), None, "it was killed");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        };
        tokio::time::timeout(LONG, all).await.expect("all of them arrive");
        println!("rotation {rotation}: all arrived {:?} later", began.elapsed());
    };
    write(1).await;
    for number in 0..RESOURCES {
        let spec = json!({
            "secretRef": { "name": format!("large-{number}") },
            "aiCoreSecretRef": { "name": format!("key-{}", number % TENANTS) },
        });
        world.resource(&format!("large-{number}"), spec).await;
    }
    let limit = MemoryLimit::new("large", 64 * MIB as u64);
    let program = std::env::var("OPERATOR").unwrap_or_else(|_| PROGRAM.to_owned());
    let arguments = [
        "run".to_owned(),
        "--listen=127.0.0.1:0".to_owned(),
        "--allow-insecure-http".to_owned(),
        format!("--watch-namespaces={}", world.namespace),
    ];
    let mut operator = limit.launch(&program, &world.launch(), &arguments).start().await;
    arrived(1, &mut operator).await;
    println!("at a start: {} MiB resident at most", peak_mib(&operator));
    write(2).await;
    arrived(2, &mut operator).await;
    println!(
        "after a change of all: {} MiB resident at most, {} MiB with buffers",
        peak_mib(&operator),
        limit.peak() / MIB as u64
    );
    assert_eq!(operator.try_ended(), None, "it was killed");
    assert_eq!(operator.get("/livez").await.0, 200);
    operator.kill().await;
}
