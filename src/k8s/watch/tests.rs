//! Traps of watches, each once seen with kube 5: these tests guard against them, and tell when a work-round can go.

use std::{
    convert::Infallible,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use http::{Request, Response};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Client, ResourceExt, client::Body};
use serde_json::{Value, json};
use tower::Layer;

use super::*;
use crate::k8s::client::WatchLimit;

/// An API server that answers by a function of the request's URI; seconds since the start come with it.
fn api_server(
    answer: impl Fn(&str) -> (u16, String) + Send + Sync + Clone + 'static,
    rtt: Duration,
) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (code, body) = answer(&request.uri().to_string());
        async move {
            tokio::time::sleep(rtt).await;
            let response = Response::builder().status(code).body(Body::from(body.into_bytes()));
            Ok::<_, Infallible>(response.unwrap())
        }
    });
    Client::new(WatchLimit::default().layer(service), "ns")
}

fn list(names: &[&str]) -> (u16, String) {
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({ "metadata": { "name": name, "namespace": "ns", "resourceVersion": "5" } }))
        .collect();
    (200, json!({ "kind": "ConfigMapList", "apiVersion": "v1", "metadata": { "resourceVersion": "5" }, "items": items }).to_string())
}

fn expired() -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "too old resource version",
        "reason": "Expired", "code": 410 })
}

/// Runs a watch for so many seconds of virtual time; the names of objects that it handed over.
async fn watch_for(seconds: u64, client: Client) -> (Vec<String>, Arc<Pulse>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pulse = Pulse::new("test");
    let on = {
        let seen = Arc::clone(&seen);
        move |event: Event<ConfigMap>| {
            if let Event::Apply(object) | Event::InitApply(object) = event {
                seen.lock().unwrap().push(object.name_any());
            }
        }
    };
    let api = Api::namespaced(client, "ns");
    let watch = run(api, config(), Arc::clone(&pulse), on);
    let _ = tokio::time::timeout(Duration::from_secs(seconds), watch).await;
    (seen.lock().unwrap().clone(), pulse)
}

/// kube's watcher repeats a watch *request* that was answered 410 with the same expired version, for ever.
#[tokio::test(start_paused = true)]
async fn an_expired_version_is_listed_again_with_growing_pauses() {
    let lists = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&lists);
    let answer = move |uri: &str| {
        if uri.contains("watch=true") {
            return (410, expired().to_string());
        }
        counter.fetch_add(1, SeqCst);
        list(&["a"])
    };
    let (seen, _) = watch_for(300, api_server(answer, Duration::from_millis(2))).await;
    let lists = lists.load(SeqCst);
    assert_eq!(seen.len(), lists);
    assert!((8..=20).contains(&lists), "{lists} lists in 300 s");
}

#[tokio::test(start_paused = true)]
async fn an_expired_version_within_the_stream_is_listed_again() {
    let lists = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&lists);
    let answer = move |uri: &str| {
        if uri.contains("watch=true") {
            return (200, format!("{}\n", json!({ "type": "ERROR", "object": expired() })));
        }
        counter.fetch_add(1, SeqCst);
        list(&["a"])
    };
    watch_for(60, api_server(answer, Duration::from_millis(2))).await;
    assert!((4..=10).contains(&lists.load(SeqCst)), "{} lists in 60 s", lists.load(SeqCst));
}

/// With the backoff before decoding, the first event of each list attempt would reset it, and a denied list would be tried
/// about every second for ever.
#[tokio::test(start_paused = true)]
async fn a_denied_list_is_tried_less_and_less_often() {
    let lists = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&lists);
    let answer = move |_: &str| {
        counter.fetch_add(1, SeqCst);
        let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "no",
            "reason": "Forbidden", "code": 403 });
        (403, status.to_string())
    };
    let (_, pulse) = watch_for(600, api_server(answer, Duration::from_millis(2))).await;
    // 0.5, 1, 2, 4, 8, 16, 30, 30 … seconds between them.
    assert!((20..=30).contains(&lists.load(SeqCst)), "{} lists in 600 s", lists.load(SeqCst));
    assert!(pulse.since_alive() < Duration::from_secs(60), "a watch that fails is alive");
    assert!(pulse.since_good() > Duration::from_secs(500), "but the API server did not answer it");
}

/// kube's watcher opens a watch that ended without an error again at once, thousands of times in ten seconds.
#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_is_not_opened_without_pause() {
    let watches = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&watches);
    let answer = move |uri: &str| {
        if uri.contains("watch=true") {
            counter.fetch_add(1, SeqCst);
            return (200, String::new());
        }
        list(&[])
    };
    watch_for(60, api_server(answer, Duration::from_millis(2))).await;
    assert!((10..=80).contains(&watches.load(SeqCst)), "{} watches in 60 s", watches.load(SeqCst));
}

#[tokio::test(start_paused = true)]
async fn one_failing_watch_delays_no_other() {
    let answer = move |uri: &str| {
        if uri.contains("watch=true") {
            return (
                200,
                format!(
                    "{}\n",
                    json!({ "type": "ADDED", "object": { "kind": "ConfigMap", "apiVersion": "v1",
                "metadata": { "name": "b", "namespace": "ns", "resourceVersion": "6" } } })
                ),
            );
        }
        list(&["a"])
    };
    let broken = |_: &str| (500, String::new());
    let fine = watch_for(5, api_server(answer, Duration::from_millis(2)));
    let failing = watch_for(5, api_server(broken, Duration::from_millis(2)));
    let ((seen, _), (none, _)) = tokio::join!(fine, failing);
    assert_eq!(seen.first().map(String::as_str), Some("a"));
    assert!(seen.iter().any(|name| name == "b"), "{seen:?}");
    assert_eq!(none, Vec::<String>::new());
}

/// An API server that comes back has refused connections for a while, and knows no history: the list that mends that must not
/// wait for as long as one that fails.
#[tokio::test(start_paused = true)]
async fn the_first_expiry_after_other_failures_is_mended_at_once() {
    let mut trouble = Trouble::default();
    for _ in 0..4 {
        trouble.again();
    }
    assert_eq!(trouble.expired(), Duration::ZERO);
    assert!(trouble.expired() >= PAUSE.0, "a list that did not mend it is not repeated without pause");
    assert!(trouble.expired() > PAUSE.0);
    trouble.again();
    assert_eq!(trouble.expired(), Duration::ZERO);
}
