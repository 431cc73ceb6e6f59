//! What `/livez` says, with watches that run against an API server that does as the test says. Time is virtual.

use std::sync::Arc;

use axum::body::Body;
use http::Response;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

use super::*;
use crate::{
    controller::queue::{Priority, Queue},
    domain::parse::object::ObjectKey,
    k8s::{
        testing::{answer, api_server, bookmark, is_watch, list, status, stream_of, stuck},
        watch::{SILENCE_LIMIT, WatchHealth, Watcher, config},
    },
    leadership::Leadership,
};

const SECOND: Duration = Duration::from_secs(1);
/// What the kubelet asks by the chart's default: every 20 s.
const PROBE: Duration = Duration::from_secs(20);

/// How an API server answers a URI.
type Answer = fn(&str) -> Response<Body>;

fn liveness(queue: &Arc<Queue>, health: &[Arc<WatchHealth>]) -> Liveness {
    Liveness::new(Diagnostics::of(Arc::clone(queue), health, Leadership::always()))
}

/// A watch on resources that runs, and one on Secrets that waits until it may begin.
async fn watch(client: Client, resources: &Arc<WatchHealth>, secrets: &Arc<WatchHealth>) {
    let run = Watcher::new(client, SILENCE_LIMIT);
    let api = |client| Api::<ConfigMap>::namespaced(client, "ns");
    let _waiting = secrets.wait();
    run.run(Arc::clone(resources), api, config(), |_| {}).await;
}

/// Probes for so long; what the probes said that were not answered well.
async fn probe(liveness: &Liveness, minutes: u32) -> Vec<String> {
    let mut failures = Vec::new();
    for _ in 0..minutes * 3 {
        tokio::time::sleep(PROBE).await;
        failures.extend(liveness.check().err().map(|stuck| stuck.to_string()));
    }
    failures
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_nobody_works_off_is_noticed() {
    let queue = Arc::new(Queue::default());
    let liveness = liveness(&queue, &[]);
    tokio::time::advance(QUEUE_LIMIT * 3).await;
    assert_eq!(liveness.check(), Ok(()), "there was nothing to do");
    let (one, other) = (ObjectKey::new("ns", "one"), ObjectKey::new("ns", "other"));
    queue.enqueue(&one, Priority::Urgent);
    queue.enqueue(&other, Priority::Urgent);
    tokio::time::advance(QUEUE_LIMIT).await;
    assert_eq!(liveness.check(), Ok(()), "it may be the next second's work");
    assert_eq!(queue.next().await, Some(one), "it moves");
    tokio::time::advance(SECOND).await;
    assert_eq!(liveness.check(), Ok(()));
    tokio::time::advance(QUEUE_LIMIT + SECOND).await;
    let sentence = liveness.check().unwrap_err().to_string();
    assert!(sentence.starts_with("not alive: 1 resource is waiting"), "{sentence}");
    queue.next().await;
    assert_eq!(liveness.check(), Ok(()), "it moves again");
}

/// Nothing changes in the cluster; and what is no reason either to restart the operator: an API server that is away, refuses, is
/// silent, or does not answer, for longer than anyone should wait.
#[tokio::test(start_paused = true)]
async fn whatever_the_api_server_does_the_process_is_alive() {
    let quiet = |uri: &str| {
        if is_watch(uri) {
            stream_of(vec![(120, bookmark()), (180, bookmark()), (198, bookmark())], 200)
        } else {
            list(&["a"])
        }
    };
    let no_crd = |_: &str| answer(404, status(404, "NotFound").to_string());
    let away = |_: &str| answer(503, "");
    let deaf = |uri: &str| if is_watch(uri) { stream_of(Vec::new(), 100_000) } else { list(&["a"]) };
    let half_open = |_: &str| stuck();
    let cases: [(&str, Answer); 5] = [
        ("quiet", quiet),
        ("the CRD is missing", no_crd),
        ("the API server is away", away),
        ("the watch is deaf", deaf),
        ("no answer ends", half_open),
    ];
    for (case, answer) in cases {
        let health = ["resources", "secrets"].map(|name| Arc::new(WatchHealth::new(name)));
        let liveness = liveness(&Arc::default(), &health);
        let (client, _) = api_server(answer);
        tokio::select! {
            () = watch(client, &health[0], &health[1]) => unreachable!("a watch goes on for ever"),
            failures = probe(&liveness, 120) => assert_eq!(failures, Vec::<String>::new(), "{case}"),
        }
    }
}

/// Its task hangs in something that is not a request.
#[tokio::test(start_paused = true)]
async fn a_watch_that_does_nothing_at_all_is_noticed() {
    let health = ["resources", "secrets"].map(|name| Arc::new(WatchHealth::new(name)));
    let liveness = liveness(&Arc::default(), &health);
    let (client, _) =
        api_server(|uri| if is_watch(uri) { stream_of(vec![(60, bookmark())], 200) } else { list(&["a"]) });
    {
        let running = watch(client, &health[0], &health[1]);
        assert!(tokio::time::timeout(WATCH_LIMIT * 3, running).await.is_err());
        assert_eq!(liveness.check(), Ok(()), "also the one that waits");
    }
    tokio::time::sleep(SILENCE_LIMIT).await;
    assert_eq!(liveness.check(), Ok(()), "it would list anew now");
    tokio::time::sleep(WATCH_LIMIT).await;
    let sentence = liveness.check().unwrap_err().to_string();
    assert!(sentence.starts_with("not alive: the watch on resources has made no progress for"), "{sentence}");
}

/// It takes nothing in, so nothing can pile up that would make it look dead.
#[tokio::test(start_paused = true)]
async fn a_replica_that_stands_by_is_alive() {
    let queue = Arc::new(Queue::idle(1));
    let liveness = liveness(&queue, &[]);
    queue.enqueue(&ObjectKey::new("ns", "one"), Priority::Urgent);
    tokio::time::advance(QUEUE_LIMIT * 3).await;
    assert_eq!(liveness.check(), Ok(()));
}
