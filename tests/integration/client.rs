//! How the operator talks to AI Core and to its authorization server.

use std::time::Duration;

use http::StatusCode;
use rstest::rstest;
use serde_json::json;
use testbed::simulator::{Fault, Gate, Operation, PatchType, RetryAfter};

use crate::world::{
    Conditions, Login, World,
    operation::{GET, LIST, PATCH, POST, TOKEN},
};

#[tokio::test]
async fn one_token_is_enough_for_all_resources_of_a_key() {
    let world = World::new("token").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    for number in 0..20 {
        world.resource(&format!("pull-{number}"), json!({})).await;
    }
    let operator = world.operator().await;
    for number in 0..20 {
        world.wait_ready(&format!("pull-{number}")).await;
    }
    assert_eq!(world.token_requests(), 1);
    let user_agents: Vec<_> = world
        .tenant()
        .journal()
        .entries()
        .iter()
        .map(|entry| entry.user_agent().unwrap_or_default().to_owned())
        .collect();
    let own = concat!("aicore-registry-operator/", env!("CARGO_PKG_VERSION"));
    assert!(user_agents.iter().all(|agent| agent == own), "{user_agents:?}");
    world.check(&operator).await;
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let world = World::synced("renew").await;
    world.tenant().configure(|options| options.token_lifetime = Duration::from_secs(2));
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    // Rotations follow each other until the token was renewed twice, far longer than any token lives.
    let mut rotation = 1;
    while world.token_requests() < 3 {
        rotation += 1;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
        world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", rotation))])).await;
    }
    let refused = world.writes().into_iter().filter(|(_, status)| *status == 401).count();
    assert_eq!(refused, 0, "an expired token was used");
    world.check(&operator).await;
}

#[tokio::test]
async fn a_server_that_knows_plain_json_only_gets_it() {
    let world = World::synced("json").await;
    world.preset_remote("pull", "{}");
    world.tenant().configure(|options| options.patch_type = PatchType::Json);
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    assert_eq!(world.writes(), [(PATCH, 415), (PATCH, 202)]);
    // It is remembered.
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_lost_race_for_the_creation_ends_in_an_update() {
    let world = World::synced("race").await;
    world.tenant().configure(|options| options.exists_status = StatusCode::BAD_REQUEST);
    // Between PATCH and POST, somebody else creates it.
    let gate = world.hold_next(POST);
    let operator = world.operator().await;
    gate.arrived().await.unwrap();
    world.preset_remote("pull", "{}");
    gate.release();
    world.wait_ready("pull").await;
    assert_eq!(world.writes(), [(PATCH, 404), (POST, 400), (PATCH, 202)]);
    assert_eq!(world.requests_of(GET), 1);
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 1))]));
    world.check(&operator).await;
}

/// Which status AI Core answers then is not documented.
#[rstest]
#[tokio::test]
async fn a_used_up_quota_is_named_with_its_figures(#[values(400, 403, 409, 422)] status: u16) {
    let world = World::synced("quota").await;
    world.tenant().configure(|options| {
        options.quota = 1;
        options.quota_status = StatusCode::from_u16(status).unwrap();
    });
    world.preset_remote("other", "{}");
    let operator = world.operator().await;
    let stalled = world.wait_reason("pull", "QuotaExceeded").await;
    let message = &stalled.condition("Stalled").message;
    assert!(message.contains("1 of 1 used"), "{message}");
    assert_eq!(stalled.condition("Ready").status, "False");
    assert_eq!(world.requests_of(Operation::Quota), 1);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let world = World::synced("hang").await;
    world.tenant().faults().next(1, PATCH, Fault::hang());
    let operator = world.launch().with("--request-timeout=500ms").start().await;
    let waiting = world.wait_reason("pull", "RemoteUnavailable").await;
    let message = &waiting.condition("Ready").message;
    assert!(message.contains(" did not answer within 500 ms; "), "{message}");
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn broken_connections_are_tried_again() {
    let world = World::synced("cut").await;
    world.tenant().faults().next(1, TOKEN, Fault::cut());
    world.tenant().faults().next(1, PATCH, Fault::cut());
    world.tenant().faults().next(1, POST, Fault::cut_in_body());
    world.tenant().faults().next(1, TOKEN, Fault::malformed_token());
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 1))]));
    world.check(&operator).await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_repeated_and_not_doubled() {
    let world = World::synced("lost").await;
    world.tenant().faults().next(1, POST, Fault::cut().applied());
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let created: Vec<_> = world.writes().into_iter().filter(|(operation, _)| *operation == POST).collect();
    assert_eq!(created.len(), 1, "the next attempt finds it: {:?}", world.writes());
    world.check(&operator).await;
}

#[tokio::test]
async fn retry_after_is_obeyed_in_each_form() {
    for (number, form) in [
        RetryAfter::Seconds(2),
        RetryAfter::HttpDate(Duration::from_secs(3)),
        RetryAfter::UtcDateTime(Duration::from_secs(3)),
    ]
    .into_iter()
    .enumerate()
    {
        let world = World::synced(&format!("later-{number}")).await;
        world.tenant().faults().next(1, PATCH, Fault::rate_limited(form));
        let operator = world.operator().await;
        world.wait_reason("pull", "RateLimited").await;
        world.wait_ready("pull").await;
        // The dates have whole seconds, so up to one is lost.
        let gap = world.gaps_between(PATCH)[0];
        assert!(gap >= Duration::from_millis(1900), "{form:?}: the next attempt came after {gap:?}");
        world.check(&operator).await;
    }
}

/// A server that asks for no wait, or for one that is over by the clock here, gets the backoff all the same; and attempts that
/// differ in the id of their request only are no news for the status.
#[rstest]
#[case::zero(RetryAfter::Seconds(0))]
#[case::past(RetryAfter::PastHttpDate(Duration::from_secs(90)))]
#[case::past_in_sap_form(RetryAfter::PastUtcDateTime(Duration::from_secs(90)))]
#[tokio::test]
async fn retry_after_never_makes_the_operator_faster(#[case] form: RetryAfter) {
    const ATTEMPTS: usize = 5;
    let world = World::synced("faster").await;
    world.tenant().faults().always(PATCH, Fault::rate_limited(form));
    let operator = world.operator().await;
    world.wait_requests(PATCH, ATTEMPTS).await;
    let writes = world.status_writes("pull").await;
    // Full jitter within 1 s, 2 s, 4 s, but never less than a tenth of it.
    for (attempt, gap) in world.gaps_between(PATCH).iter().take(ATTEMPTS - 1).enumerate() {
        let least = 0.1 * f64::from(1 << attempt);
        assert!(gap.as_secs_f64() >= least, "attempt {attempt} came after {gap:?}");
    }
    assert!(writes <= 2, "{writes} changes of the status by {ATTEMPTS} attempts");
    world.check(&operator).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::synced("redirect").await;
    let elsewhere = World::new("elsewhere").await;
    world.tenant().faults().always(PATCH, Fault::redirect(&format!("{}/stolen", elsewhere.api_url())));
    let operator = world.operator().await;
    let stalled = world.wait_reason("pull", "RemoteRejected").await;
    assert!(stalled.condition("Stalled").message.contains("HTTP 302"));
    assert_eq!(elsewhere.simulator().journal().entries().len(), 0);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_huge_answer_is_cut() {
    let world = World::synced("huge").await;
    world.tenant().faults().next(1, PATCH, Fault::huge(400, 8 << 20));
    let operator = world.operator().await;
    let stalled = world.wait_reason("pull", "RemoteRejected").await;
    assert!(stalled.condition("Stalled").message.chars().count() < 600);
    world.check(&operator).await;
}

/// A tenant that does not answer occupies a part of the operator only.
#[tokio::test]
async fn a_tenant_that_hangs_does_not_stop_another() {
    let world = World::new("hanging").await;
    let other = world.simulator().tenant("hanging-other");
    world.service_key("key").await;
    world.secret("other-key", "Opaque", other.binding_data()).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let gate = Gate::new();
    for first in [LIST, PATCH, POST] {
        world.tenant().faults().always(first, Fault::gate(&gate));
    }
    for number in 0..12 {
        world.resource(&format!("pull-{number}"), json!({})).await;
    }
    let operator = world.launch().with("--concurrency=4").start().await;
    gate.arrived().await.unwrap();
    world.resource("other", json!({ "aiCoreSecretRef": { "name": "other-key" } })).await;
    world.wait_ready("other").await;
    assert_eq!(world.writes(), [], "the first tenant has not answered yet");
    gate.release();
    for number in 0..12 {
        world.wait_ready(&format!("pull-{number}")).await;
    }
    world.check(&operator).await;
}

/// A pass holds its payload and the body until AI Core has answered: of large ones only a few are under way at once, whatever the
/// number of resources, and small ones do not wait for them.
#[tokio::test]
async fn large_payloads_are_sent_a_few_at_a_time() {
    const LARGE_AT_ONCE: usize = 4;
    const RESOURCES: usize = 16;
    let world = World::new("large").await;
    let (large, small) = (world.simulator().tenant("large-large"), world.simulator().tenant("large-small"));
    world.secret("key", "Opaque", large.binding_data()).await;
    world.secret("small-key", "Opaque", small.binding_data()).await;
    let config = json!({ "auths": { "ghcr.io": { "username": "robot", "password": "x".repeat(740_000) } } });
    world.raw_docker_secret("source", &config.to_string()).await;
    world.docker_secret("small", &[("ghcr.io", Login::new("robot", 1))]).await;
    let gate = Gate::new();
    for operation in [PATCH, POST] {
        large.faults().always(operation, Fault::gate(&gate));
    }
    for number in 0..RESOURCES {
        world.resource(&format!("pull-{number}"), json!({})).await;
    }
    let operator = world.operator().await;
    gate.arrived().await.unwrap();
    for number in 0..10 {
        let spec = json!({ "secretRef": { "name": "small" }, "aiCoreSecretRef": { "name": "small-key" } });
        world.resource(&format!("small-{number}"), spec).await;
        world.wait_ready(&format!("small-{number}")).await;
    }
    gate.release();
    for number in 0..RESOURCES {
        world.wait_ready(&format!("pull-{number}")).await;
    }
    // The chart's default limit.
    let peak = operator.peak_memory_kib().unwrap_or_default();
    assert!(peak < 128 * 1024, "{peak} KiB");
    let at_once = large.concurrency().max;
    assert!((1..=LARGE_AT_ONCE).contains(&at_once), "{at_once} at once");
    world.check(&operator).await;
}

/// However much is to be sent, a tenant gets no more requests than it is promised; and nobody else waits for that.
#[tokio::test]
async fn a_tenant_gets_no_more_than_its_rate() {
    const RESOURCES: u32 = 20;
    let world = World::new("rate").await;
    let other = world.simulator().tenant("rate-other");
    world.service_key("key").await;
    world.secret("other-key", "Opaque", other.binding_data()).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    for number in 0..RESOURCES {
        world.resource(&format!("pull-{number}"), json!({})).await;
    }
    let operator =
        world.launch().with("--tenant-rps=5").with("--tenant-burst=2").with("--concurrency=1").start().await;
    // The other tenant's turn comes although all workers' worth of the first tenant's resources wait.
    world.resource("other", json!({ "aiCoreSecretRef": { "name": "other-key" } })).await;
    world.wait_ready("other").await;
    assert!(world.writes().len() < RESOURCES as usize, "the first tenant is still at it");
    // Forced pushes wait their turn like all others.
    world.annotate("pull-9", "aicore-registry.dev/requestedAt", "now").await;
    for number in 0..RESOURCES {
        world.wait_ready(&format!("pull-{number}")).await;
    }
    let entries = world.tenant().journal().entries();
    let mut times: Vec<_> =
        entries.iter().filter(|entry| entry.operation != TOKEN).map(|entry| entry.received).collect();
    times.sort();
    // A burst of two, then five in a second: a slow machine can only make it longer.
    let least = f64::from(u32::try_from(times.len()).unwrap() - 2 - 1) / 5.0;
    let took = (*times.last().unwrap() - times[0]).as_secs_f64();
    assert!(times.len() >= 20 && took >= least, "{} requests in {took} s", times.len());
    world.check(&operator).await;
}
