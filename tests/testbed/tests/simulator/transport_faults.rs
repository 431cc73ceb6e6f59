//! Answers that are late, broken, or never come.

use std::time::Duration;

use testbed::simulator::{Fault, Gate, Operation};
use tokio::time::Instant;

use crate::client::{Client, DEADLINE, Reply, SECRETS, docker_config, simulator};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_connection_is_cut_before_the_answer() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::Patch, Fault::cut());
    client.patch_request("new").send().await.unwrap_err();
    assert_eq!(tenant.secrets()["ghcr-pull"], "old");
    let entry = &tenant.journal().writes()[0];
    assert_eq!((entry.status, entry.faulty, entry.applied), (None, true, false));
    assert!(entry.to_line().contains(" cut "), "{entry:?}");
    assert_eq!(client.patch("new").await.status, 202);
}

#[tokio::test]
async fn a_connection_is_cut_within_the_body() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::Patch, Fault::cut_in_body());
    let response = client.patch_request("new").send().await.unwrap();
    assert_eq!(response.status(), 202);
    response.bytes().await.unwrap_err();
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("new"));
    let entry = &tenant.journal().writes()[0];
    assert!(entry.status.is_some() && entry.faulty && entry.applied, "{entry:?}");
}

#[tokio::test]
async fn a_body_drips() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::List, Fault::drip(HOUR));
    let response = client.request(reqwest::Method::GET, SECRETS).send().await.unwrap();
    assert_eq!(tenant.concurrency().now, 1, "until the body has been sent");
    // Time that nobody spends working now passes at once.
    tokio::time::pause();
    let began = Instant::now();
    let body = response.text().await.unwrap();
    assert_eq!(body, r#"{"count":0,"resources":[]}"#);
    let pauses = u32::try_from(body.len()).unwrap();
    assert!(began.elapsed() >= HOUR * (pauses - 1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_is_late() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::List, Fault::latency(HOUR));
    tokio::time::pause();
    assert_eq!(client.get(SECRETS).await.status, 200);
    let entry = tenant.journal().entries().pop().unwrap();
    assert!(entry.duration() >= HOUR && !entry.faulty, "{entry:?}");
}

#[tokio::test]
async fn an_answer_never_comes_until_the_simulator_stops() {
    let (simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let gate = Gate::new();
    gate.release();
    tenant.faults().next(1, Operation::Patch, Fault::hang().through(&gate));
    let hanging = tokio::spawn(client.patch_request("new").send());
    gate.arrived().await.unwrap();
    assert_eq!(client.get(SECRETS).await.status, 200);
    assert!(!hanging.is_finished());
    let journal = simulator.journal();
    tokio::time::timeout(DEADLINE, simulator.stop()).await.unwrap();
    hanging.await.unwrap().unwrap_err();
    assert_eq!(journal.writes()[0].status, None);
    assert_eq!(tenant.secrets()["ghcr-pull"], "old");
    client.request(reqwest::Method::GET, SECRETS).send().await.unwrap_err();
}

#[tokio::test]
async fn a_dropped_simulator_stops() {
    let (simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let gate = Gate::new();
    tenant.faults().next(1, Operation::List, Fault::gate(&gate));
    let held = tokio::spawn(client.request(reqwest::Method::GET, SECRETS).send());
    gate.arrived().await.unwrap();
    drop(simulator);
    tokio::time::timeout(DEADLINE, held).await.unwrap().unwrap().unwrap_err();
    client.request(reqwest::Method::GET, SECRETS).send().await.unwrap_err();
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_request() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let gate = Gate::new();
    tenant.faults().next(1, Operation::List, Fault::gate(&gate));
    let held = tokio::spawn(client.request(reqwest::Method::GET, SECRETS).send());
    gate.arrived().await.unwrap();
    assert_eq!(tenant.concurrency().now, 1);
    held.abort();
    let journal = tenant.journal();
    let ended = journal.wait_for(|entry| entry.operation == Operation::List, DEADLINE);
    assert_eq!(ended.await.unwrap().status, None);
    assert_eq!(tenant.concurrency().now, 0);
}

#[tokio::test]
async fn a_gate_holds_a_write_before_it_is_stored() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let gate = Gate::new();
    tenant.faults().always(Operation::Patch, Fault::gate(&gate));
    let first = tokio::spawn(Reply::of(client.patch_request("first")));
    gate.arrived().await.unwrap();
    let second = tokio::spawn(Reply::of(client.patch_request("second")));
    gate.arrived_times(2).await.unwrap();
    assert_eq!(tenant.secrets()["ghcr-pull"], "old");
    gate.release_one();
    assert_eq!(first.await.unwrap().unwrap().status, 202);
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("first"));
    assert!(!second.is_finished());
    gate.release();
    assert_eq!(second.await.unwrap().unwrap().status, 202);
    assert_eq!(client.patch("third").await.status, 202, "a released gate stays open");
    assert!(tenant.journal().writes().iter().all(|entry| entry.applied && !entry.faulty));
}

#[tokio::test]
async fn a_gate_can_hold_the_answer_of_a_stored_write() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let gate = Gate::new();
    tenant.faults().next(1, Operation::Patch, Fault::gate(&gate).applied());
    let held = tokio::spawn(Reply::of(client.patch_request("new")));
    gate.arrived().await.unwrap();
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("new"));
    gate.release();
    assert_eq!(held.await.unwrap().unwrap().status, 202);
}

/// A request can be carried out when its client has long given up.
#[rstest::rstest]
#[case::cut(Fault::cut(), None)]
#[case::answered(Fault::status(504), Some(504))]
#[tokio::test]
async fn a_write_is_carried_out_without_its_client(#[case] fault: Fault, #[case] status: Option<u16>) {
    let (simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    tenant.faults().next(1, Operation::Patch, fault.applied_after(HOUR));
    let answer = client.patch_request("late").send().await;
    assert_eq!(answer.ok().map(|answer| answer.status().as_u16()), status);
    assert_eq!((simulator.late(), tenant.concurrency().now), (1, 0));
    assert_eq!(client.patch("newer").await.status, 202);
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("newer"));
    let journal = tenant.journal();
    tokio::time::pause();
    let late = journal.wait_for(|entry| entry.late, 2 * HOUR).await.unwrap();
    assert_eq!((late.status.map(|status| status.as_u16()), late.faulty, late.applied), (status, true, true));
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("late"));
}
