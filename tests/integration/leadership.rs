//! Several replicas, of which one works. Each process fetches an access token of its own, so AI Core's journal tells who wrote.

use std::collections::HashSet;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use rstest::rstest;
use serde_json::json;
use testbed::{
    controlplane::{ControlPlane, Options},
    proxy::{Action, Proxy, Request},
    simulator::Gate,
};

use crate::{
    cluster::{cluster, install_crd},
    operator::{Launch, Operator},
    world::{
        Login, World,
        operation::{PATCH, TOKEN},
    },
};

const LEASE: &str = "aicore-registry-operator";
const LEADING: &str = "\"leading\"";
const STANDING_BY: &str = "\"standing by\"";

/// A replica whose Lease lasts as short as a busy machine bears.
fn replica(world: &World) -> Launch {
    replica_with(world, "8s", "6s")
}

fn replica_with(world: &World, lease_duration: &str, renew_deadline: &str) -> Launch {
    world
        .launch()
        .with("--leader-elect")
        .with(&format!("--leader-elect-lease-namespace={}", world.namespace))
        .with(&format!("--leader-elect-lease-duration={lease_duration}"))
        .with(&format!("--leader-elect-renew-deadline={renew_deadline}"))
        .with("--leader-elect-retry-period=300ms")
}

async fn standby(launch: &Launch) -> Operator {
    let operator = launch.start_unready();
    operator.wait_for_line(STANDING_BY).await;
    operator
}

/// The number of a rotation of the credential in `source`.
async fn rotate(world: &World, number: u32) -> String {
    let credential = [("ghcr.io", Login::new("robot", number))];
    world.docker_secret("source", &credential).await;
    World::payload(&credential)
}

async fn renewed(world: &World) -> Option<MicroTime> {
    world.leases().get(LEASE).await.unwrap().spec.unwrap().renew_time
}

async fn holder(world: &World) -> (String, i32) {
    let spec = world.leases().get(LEASE).await.unwrap().spec.unwrap();
    (spec.holder_identity.unwrap(), spec.lease_transitions.unwrap())
}

/// In the order of their arrival, all writes of one process come before all of the next one, and none of them is still under
/// way when the next one begins. Returns how many processes wrote.
fn check_one_writer_at_a_time(world: &World) -> usize {
    let mut writes = world.tenant().journal().writes();
    writes.sort_by_key(|write| write.received);
    let mut processes = HashSet::new();
    for (place, write) in writes.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| &writes[before]);
        if before.is_none_or(|before| before.token != write.token) {
            assert!(processes.insert(write.token.unwrap()), "an earlier leader writes again: {writes:#?}");
            let under_way = writes[..place].iter().any(|earlier| earlier.answered > write.received);
            assert!(!under_way, "two write at the same time: {writes:#?}");
        }
    }
    processes.len()
}

/// The Lease lasts an hour, so it must have been given back.
#[tokio::test]
async fn a_leader_that_is_asked_to_stop_hands_over_at_once() {
    let world = World::synced("handover").await;
    let launch = replica_with(&world, "1h", "10s");
    let first = launch.start().await;
    let second = standby(&launch).await;
    world.wait_ready("pull").await;
    let payload = rotate(&world, 2).await;
    world.wait_remote("pull", &payload).await;
    world.wait_told("pull", "source").await;

    let series = format!("aicore_registry_resource_ready{{namespace=\"{}\",name=\"pull\"}}", world.namespace);
    assert_eq!(first.metric("aicore_registry_leader").await, 1.0);
    assert_eq!(first.metric(&series).await, 1.0);
    let (_, metrics) = second.get("/metrics").await;
    assert!(metrics.contains("\naicore_registry_leader 0"), "{metrics}");
    assert!(!metrics.contains("name=\"pull\""), "only the leader tells of resources: {metrics}");
    assert_eq!(second.get("/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(second.get("/livez").await, (200, "ok\n".to_owned()));

    world.forget_requests();
    first.signal("TERM").await;
    let payload = rotate(&world, 3).await;
    let (code, log) = first.ended().await;
    assert_eq!(code, Some(0), "{}", log.join("\n"));
    assert!(log.iter().any(|line| line.contains("released the Lease")), "{}", log.join("\n"));
    second.wait_for_line(LEADING).await;
    world.wait_remote("pull", &payload).await;
    world.wait_quiet(&second).await;
    assert_eq!(world.writes_of("pull"), [(PATCH, 202)], "what the first one had sent was not sent again");
    assert_eq!(holder(&world).await.1, 1);
    assert_eq!(second.metric("aicore_registry_leader").await, 1.0);
    assert_eq!(second.metric(&series).await, 1.0);
    assert!(check_one_writer_at_a_time(&world) <= 2);
    world.check(&second).await;
    let (code, _) = second.terminate().await;
    assert_eq!(code, Some(0));
    assert_eq!(holder(&world).await.0, "");
}

/// The watch of the second one stands still while the first one pushes a rotation, says so, and hands over; then the rotation is taken back.
#[rstest]
#[tokio::test]
async fn what_the_last_leader_told_last_counts_when_it_is_heard_late(
    #[values(false, true)] after_a_pass: bool,
) {
    let world = World::synced("late-word").await;
    let first = replica_with(&world, "1h", "10s").start().await;
    world.wait_ready("pull").await;
    // It stands by once it has listed what the first one has said.
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let second = standby(&replica_with(&world, "1h", "10s").with_kubeconfig(proxy.kubeconfig())).await;
    let watches = |request: &Request| request.is("watch", "aicoreregistrysecrets");
    let gate = Gate::new();
    proxy.always(watches, Action::hold(&gate));
    proxy.cut(watches);
    gate.arrived().await.unwrap();

    let payload = rotate(&world, 2).await;
    world.wait_remote("pull", &payload).await;
    world.wait_told("pull", "source").await;
    first.terminate().await;
    let payload = rotate(&world, 1).await;
    second.wait_for_line(if after_a_pass { "\"pass ended\"" } else { LEADING }).await;
    gate.release();
    world.wait_remote("pull", &payload).await;
    world.check(&second).await;
}

/// The watch of the second one stands still while the first one says something, of an edit or of a rotation, and hands over.
#[rstest]
#[tokio::test]
async fn what_the_last_leader_said_is_not_overwritten_by_one_that_has_not_heard_it(
    #[values(false, true)] of_an_edit: bool,
) {
    let world = World::synced("unheard").await;
    let first = replica_with(&world, "1h", "10s").start().await;
    world.wait_ready("pull").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let second = standby(&replica_with(&world, "1h", "10s").with_kubeconfig(proxy.kubeconfig())).await;
    let watches = |request: &Request| request.is("watch", "aicoreregistrysecrets");
    let gate = Gate::new();
    proxy.always(watches, Action::hold(&gate));
    proxy.cut(watches);
    gate.arrived().await.unwrap();

    if of_an_edit {
        world.patch_spec("pull", json!({ "resyncInterval": "2h" })).await;
        world.wait_observed("pull", 2).await;
    } else {
        let payload = rotate(&world, 2).await;
        world.wait_remote("pull", &payload).await;
        world.wait_told("pull", "source").await;
    }
    first.terminate().await;
    let last_word = world.resource_now("pull").await;
    second.wait_for_line(LEADING).await;
    let payload = rotate(&world, 3).await;
    world.wait_remote("pull", &payload).await;
    proxy.wait_for(1, |request: &Request| request.is("patch", "aicoreregistrysecrets")).await.unwrap();
    second.wait_for_line("the resource was changed in between").await;
    let now = world.resource_now("pull").await;
    assert_eq!(now.metadata.resource_version, last_word.metadata.resource_version);
    assert_eq!(now.status, last_word.status);
    gate.release();
    world.wait_told("pull", "source").await;
    world.wait_ready("pull").await;
    // Nor has any status of before gone back.
    world.check(&second).await;
}

#[tokio::test]
async fn the_next_one_takes_over_when_a_leader_is_killed() {
    let world = World::synced("killed").await;
    let launch = replica(&world);
    let mut leader = launch.start().await;
    let mut others = vec![standby(&launch).await, standby(&launch).await];
    world.wait_ready("pull").await;
    for rotation in 2..=3 {
        leader.kill().await;
        let payload = rotate(&world, rotation).await;
        world.wait_remote("pull", &payload).await;
        let number = world
            .eventually("another leader", || async {
                others.iter().position(|other| other.count_lines(LEADING) > 0)
            })
            .await;
        leader = others.remove(number);
        assert!(others.iter().all(|other| other.count_lines(LEADING) == 0), "one leads");
    }
    world.wait_ready("pull").await;
    assert_eq!(check_one_writer_at_a_time(&world), 3);
    world.check(&leader).await;
}

/// It is stopped while many pushes wait for their access token, and goes on when another leader has done them: the token is
/// there, and all would write at once.
#[tokio::test]
async fn a_leader_that_was_stopped_for_longer_than_its_lease_writes_nothing_when_it_goes_on() {
    let world = World::synced("stopped").await;
    let names: Vec<String> = (1..=40).map(|number| format!("pull-{number}")).collect();
    for name in &names {
        world.resource(name, json!({})).await;
    }
    let gate = world.hold_next(TOKEN);
    let launch =
        replica(&world).with("--concurrency=256").with("--tenant-burst=1000").with("--tenant-rps=1000");
    let stopped = launch.start().await;
    let next = standby(&launch).await;
    gate.arrived().await.unwrap();
    stopped.stand_still().await;
    gate.release();
    next.wait_for_line(LEADING).await;
    for name in &names {
        world.wait_ready(name).await;
    }

    stopped.signal("CONT").await;
    let (code, log) = stopped.ended().await;
    assert_eq!(code, Some(1), "{}", log.join("\n"));
    let last: Vec<_> = log.iter().filter(|line| line.contains("the operator ended with an error")).collect();
    assert!(matches!(&last[..], [line] if line.contains("all work is cut off")), "{}", log.join("\n"));
    let payload = rotate(&world, 2).await;
    for name in &names {
        world.wait_remote(name, &payload).await;
    }
    // One each; the one that goes on may find its time for an answer over before it reads the answer, and ask once more.
    assert!(matches!(world.token_requests(), 2 | 3), "{}", world.token_requests());
    assert_eq!(check_one_writer_at_a_time(&world), 1);
    world.check(&next).await;
}

#[tokio::test]
async fn an_api_server_that_stands_still_ends_a_leadership_only_after_the_renew_deadline() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install_crd(control_plane.client().await.unwrap()).await;
    let world = World::synced_on(&control_plane, "standstill").await;
    let launch = replica_with(&world, "20s", "15s");
    let leader = launch.start().await;
    let next = standby(&launch).await;
    world.wait_ready("pull").await;
    let before = holder(&world).await;

    // One attempt fails; more are made before the deadline.
    control_plane.pause_api_server().await.unwrap();
    leader.wait_for_line("the Lease could not be read or written").await;
    control_plane.resume_api_server().await.unwrap();
    leader.wait_for_line("the Lease can be reached again").await;
    assert_eq!(holder(&world).await, before);
    // The others have seen by then that it is renewed again: they look as often.
    for _ in 0..3 {
        let seen = renewed(&world).await;
        world
            .eventually("the Lease to be renewed", || async { (renewed(&world).await != seen).then_some(()) })
            .await;
    }
    // Nor by this: the others wait as long as if it were there.
    world.leases().delete(LEASE, &DeleteParams::default()).await.unwrap();
    world
        .eventually("the Lease to be written anew", || async {
            world.leases().get_opt(LEASE).await.unwrap().map(|_| ())
        })
        .await;
    assert_eq!(holder(&world).await.0, before.0);

    control_plane.pause_api_server().await.unwrap();
    let (code, log) = leader.ended().await;
    assert_eq!(code, Some(1), "{}", log.join("\n"));
    assert!(log.iter().any(|line| line.contains("could not renew the Lease")), "{}", log.join("\n"));
    assert_eq!(next.get("/livez").await, (200, "ok\n".to_owned()), "the pod is not to blame");
    assert_eq!(next.count_lines(LEADING), 0);
    control_plane.resume_api_server().await.unwrap();
    next.wait_for_line(LEADING).await;
    let payload = rotate(&world, 2).await;
    world.wait_remote("pull", &payload).await;
    assert_eq!(check_one_writer_at_a_time(&world), 2);
    world.check(&next).await;
    next.kill().await;
    control_plane.stop().await.unwrap();
}

/// As when a container runs out of memory: the pod, and so the identity, stays. The Lease lasts an hour, so nobody waited for its end.
#[tokio::test]
async fn a_container_that_starts_again_takes_its_own_lease_back_at_once() {
    let world = World::synced("again").await;
    let pod = |name: &str| replica_with(&world, "1h", "10s").with(&format!("--leader-elect-identity={name}"));
    let leader = pod("operator-a_1").start().await;
    let other = standby(&pod("operator-b_2")).await;
    world.wait_ready("pull").await;
    leader.kill().await;
    let payload = rotate(&world, 2).await;
    let again = pod("operator-a_1").start_unready();
    again.wait_for_line(LEADING).await;
    world.wait_remote("pull", &payload).await;
    assert_eq!(holder(&world).await, ("operator-a_1".to_owned(), 0));
    assert_eq!(other.count_lines(LEADING), 0);
    // A pod that is deleted by force may still run: the one in its place waits.
    again.kill().await;
    let replaced = standby(&pod("operator-a_3")).await;
    assert_eq!(replaced.count_lines(LEADING), 0);
    assert_eq!(check_one_writer_at_a_time(&world), 2);
}

#[tokio::test]
async fn of_two_with_the_same_identity_one_ends_and_says_why() {
    let world = World::synced("namesakes").await;
    let launch = replica_with(&world, "1h", "10s").with("--leader-elect-identity=operator");
    let first = launch.start().await;
    first.wait_for_line(LEADING).await;
    let second = launch.start_unready();
    second.wait_for_line(LEADING).await;
    let (code, log) = first.ended().await;
    assert_eq!(code, Some(1), "{}", log.join("\n"));
    let said = "another process that has the same identity, operator; give each replica a --leader-elect-identity of its own";
    assert!(log.iter().any(|line| line.contains(said)), "{}", log.join("\n"));
    assert_eq!(
        holder(&world).await.0,
        "operator",
        "the one that ended did not give back what is the other's"
    );
}

/// A release that is removed loses its rights before it can give the Lease back. How long ago it renewed it last is of the API server's
/// clock: that of the holder was wrong by years.
#[tokio::test]
async fn a_lease_that_was_left_behind_long_ago_is_taken_at_once() {
    const DURATION: i32 = 20;
    let world = World::synced("left").await;
    let lease = Lease {
        metadata: ObjectMeta { name: Some(LEASE.to_owned()), ..ObjectMeta::default() },
        spec: Some(LeaseSpec {
            holder_identity: Some("removed".to_owned()),
            lease_duration_seconds: Some(DURATION),
            renew_time: Some(MicroTime(jiff::Timestamp::from_second(4_070_908_800).unwrap())),
            ..LeaseSpec::default()
        }),
    };
    world.leases().create(&PostParams::default(), &lease).await.unwrap();
    let launch = replica(&world);
    let early = standby(&launch).await;
    early.kill().await;
    // The API server is of this machine; its stamps are of whole seconds.
    let written = tokio::time::Instant::now();
    world
        .eventually("the Lease to be silent for long", || async {
            (written.elapsed().as_secs() > 15 + u64::from(DURATION.unsigned_abs())).then_some(())
        })
        .await;
    let operator = launch.start_unready();
    operator.wait_for_line(LEADING).await;
    assert_eq!(operator.count_lines(STANDING_BY), 0, "it waited");
    assert_eq!(holder(&world).await.1, 1);
    world.wait_ready("pull").await;
}

/// By the clock of its holder, the Lease was renewed in 1970, and then in 2099.
#[tokio::test]
async fn clocks_of_different_machines_are_not_compared() {
    let world = World::synced("skew").await;
    let renew = async |second: i64| {
        let lease = Lease {
            metadata: ObjectMeta { name: Some(LEASE.to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some("elsewhere".to_owned()),
                lease_duration_seconds: Some(5),
                renew_time: Some(MicroTime(jiff::Timestamp::from_second(second).unwrap())),
                ..LeaseSpec::default()
            }),
        };
        let params = PatchParams::apply("elsewhere").force();
        world.leases().patch(LEASE, &params, &Patch::Apply(&lease)).await.unwrap();
    };
    renew(0).await;
    let operator = standby(&replica(&world)).await;
    // At most 0.36 s apart: longer than the Lease lasts after one renewal.
    for look in 1..=24 {
        renew(look).await;
        let looked = "another replica holds the Lease";
        operator.wait_for_lines(looked, operator.count_lines(looked) + 1).await;
    }
    assert_eq!(operator.count_lines(LEADING), 0, "its holder was alive");
    assert_eq!(world.requests(), 0);
    renew(4_070_908_800).await;
    operator.wait_for_line(LEADING).await;
    world.wait_ready("pull").await;
    assert_eq!(holder(&world).await.1, 1);
    world.check(&operator).await;
}

#[tokio::test]
async fn operators_that_share_the_work_by_labels_lead_side_by_side() {
    let world = World::synced("shards").await;
    world.resource("other", json!({})).await;
    world.label("pull", "shard", "a").await;
    world.label("other", "shard", "b").await;
    let shard = |name: &str| replica(&world).with(&format!("--watch-label-selector=shard={name}"));
    let (a, b) = (shard("a").start().await, shard("b").start().await);
    let second_b = standby(&shard("b")).await;
    world.wait_ready("pull").await;
    world.wait_ready("other").await;
    let payload = rotate(&world, 2).await;
    world.wait_remote("pull", &payload).await;
    world.wait_remote("other", &payload).await;
    let leases = world.leases().list(&kube::api::ListParams::default()).await.unwrap().items;
    let names: HashSet<_> = leases.into_iter().map(|lease| lease.metadata.name.unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("aicore-registry-operator-")), "{names:?}");
    let (code, _) = b.terminate().await;
    assert_eq!(code, Some(0));
    second_b.wait_for_line(LEADING).await;
    world.check(&a).await;
    world.check(&second_b).await;
}
