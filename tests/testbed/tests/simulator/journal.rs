//! The journal and the counts of requests in progress.

use std::time::Duration;

use reqwest::Method;
use testbed::simulator::{Concurrency, Fault, Gate, Operation};

use crate::client::{
    Client, DEADLINE, JSON, MERGE_PATCH, PULL, Reply, SECRETS, docker_config, named, simulator,
};

#[tokio::test]
async fn a_request_is_kept_as_it_was_sent() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let request = client
        .request(Method::POST, &format!("{SECRETS}?x=1"))
        .header("Content-Type", JSON)
        .header("User-Agent", "tester/1")
        .header("X-Trace", "abc")
        .body(named("ghcr-pull", &docker_config("new")).to_string());
    assert_eq!(Reply::of(request).await.unwrap().status, 202);
    let entries = tenant.journal().entries();
    let [token, create] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(token.operation, Operation::Token);
    assert_eq!((token.sequence, create.sequence), (1, 2));
    assert_ne!(token.connection, create.connection);
    assert_eq!(create.tenant.as_deref(), Some("acme"));
    assert_eq!(create.operation, Operation::Create);
    assert_eq!(create.method, Method::POST);
    assert_eq!((create.path.as_str(), create.query.as_deref()), (SECRETS, Some("x=1")));
    assert_eq!(create.content_type(), Some(JSON));
    assert_eq!(create.user_agent(), Some("tester/1"));
    assert_eq!(create.headers["x-trace"], "abc");
    assert!(!create.headers.contains_key("authorization"));
    assert_eq!(create.name.as_deref(), Some("ghcr-pull"));
    let payload = create.payload.as_ref().unwrap();
    assert_eq!(payload.expose(), docker_config("new"));
    assert_eq!(payload.registries(), ["ghcr.io"]);
    assert_eq!(payload.fingerprint().len(), 12);
    assert_eq!(create.status.unwrap(), 202);
    assert!(create.applied && !create.faulty);
    assert!(create.answered >= create.received);
}

#[tokio::test]
async fn each_tenant_sees_its_requests_and_the_simulator_all() {
    let (simulator, acme) = simulator().await;
    let beta = simulator.tenant("beta");
    let (one, two) = (Client::of(&acme).await, Client::of(&beta).await);
    one.patch("new").await;
    two.get(PULL).await;
    let mut stranger = one.clone();
    stranger.token = "unknown".to_owned();
    stranger.get(PULL).await;
    assert_eq!(acme.journal().token_requests().len(), 1);
    assert_eq!(acme.journal().writes().len(), 1);
    assert_eq!(acme.journal().entries().len(), 2);
    assert_eq!(beta.journal().entries().len(), 2);
    assert_eq!(beta.journal().writes().len(), 0);
    let all = simulator.journal().entries();
    assert_eq!(all.len(), 5);
    assert_eq!(all[4].tenant, None);
}

#[tokio::test]
async fn waiting_ends_with_the_request() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let journal = tenant.journal();
    let mut seen = 0;
    let third = journal.wait_for(
        |entry| {
            seen += usize::from(entry.is_write());
            seen == 3
        },
        DEADLINE,
    );
    let requests = async {
        for password in ["a", "b", "c", "d"] {
            client.patch(password).await;
        }
    };
    let (third, ()) = tokio::join!(third, requests);
    assert_eq!(third.unwrap().payload.as_ref().unwrap().expose(), docker_config("c"));
    // What has ended already is found as well.
    let first = journal.wait_for(|entry| entry.applied, DEADLINE).await.unwrap();
    assert_eq!(first.payload.as_ref().unwrap().expose(), docker_config("a"));
}

#[tokio::test]
async fn waiting_in_vain_tells_what_there_was() {
    let (_simulator, tenant) = simulator().await;
    Client::of(&tenant).await.patch("s3cret").await;
    let error = tenant.journal().wait_for(|entry| entry.applied, Duration::ZERO).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&format!("PATCH {PULL} 404")), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_journal_can_begin_now_or_be_cleared() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    client.patch("a").await;
    let later = tenant.journal().from_now();
    assert!(later.entries().is_empty());
    client.patch("b").await;
    assert_eq!(later.writes().len(), 1);
    assert_eq!(tenant.journal().writes().len(), 2);
    tenant.journal().clear();
    assert!(tenant.journal().entries().is_empty() && later.entries().is_empty());
    client.patch("c").await;
    assert_eq!(later.writes().len(), 1);
    let found = later.wait_for(|_| true, DEADLINE).await.unwrap();
    assert_eq!(found.payload.as_ref().unwrap().expose(), docker_config("c"));
}

#[tokio::test]
async fn requests_in_progress_are_counted() {
    let (simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    tenant.put("other", "old");
    let client = Client::of(&tenant).await;
    for password in ["a", "b"] {
        client.patch(password).await;
    }
    assert_eq!(tenant.concurrency_of("ghcr-pull"), Concurrency { now: 0, max: 1 });
    let gate = Gate::new();
    tenant.faults().always(Operation::Patch, Fault::gate(&gate));
    tenant.faults().always(Operation::Create, Fault::gate(&gate));
    let elsewhere =
        client.request(Method::PATCH, &format!("{SECRETS}/other")).header("Content-Type", MERGE_PATCH);
    let create = client
        .request(Method::POST, SECRETS)
        .header("Content-Type", JSON)
        .body(named("ghcr-pull", "new").to_string());
    let held: Vec<_> = [client.patch_request("c"), create, elsewhere]
        .into_iter()
        .map(|request| tokio::spawn(Reply::of(request)))
        .collect();
    gate.arrived_times(3).await.unwrap();
    assert_eq!(tenant.concurrency_of("ghcr-pull"), Concurrency { now: 2, max: 2 });
    assert_eq!(tenant.concurrency_of("other"), Concurrency { now: 1, max: 1 });
    assert_eq!(tenant.concurrency(), Concurrency { now: 3, max: 3 });
    assert_eq!(crate::client::token(&simulator.tenant("beta")).await.status, 200);
    assert_eq!(simulator.concurrency(), Concurrency { now: 3, max: 4 });
    gate.release();
    for request in held {
        request.await.unwrap().unwrap();
    }
    assert_eq!(tenant.concurrency(), Concurrency { now: 0, max: 3 });
    assert_eq!(simulator.tenant("beta").concurrency(), Concurrency::default());
}
