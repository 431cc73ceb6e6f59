//! Traps of watches, each once seen with kube 5: these tests guard against them, and tell when a work-round can go. Time is
//! virtual, and everything between the follower and the API server's answer is what the operator runs.

mod floods;
mod lists;
mod outages;
mod quiet;

use std::sync::Mutex;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;

use super::*;
use crate::k8s::{
    testing::{answer, api_server, event, is_watch, list, lists, object, status, watches},
    watch::backoff::PAUSE,
};

/// Runs a watch for so many seconds; the names of objects that it handed over.
async fn watch_for(seconds: u64, client: Client) -> (Vec<String>, Arc<WatchHealth>) {
    let health = Arc::new(WatchHealth::new("test"));
    let seen = watch_with(seconds, &Watcher::new(client, SILENCE_LIMIT), &health).await;
    (seen, health)
}

async fn watch_with(seconds: u64, watcher: &Watcher, health: &Arc<WatchHealth>) -> Vec<String> {
    let seen = Mutex::new(Vec::new());
    let on = |event: Event<ConfigMap>| {
        if let Event::Apply(object) | Event::InitApply(object) = event {
            seen.lock().unwrap().push(object.name_any());
        }
    };
    let watch = watcher.run(Arc::clone(health), |client| Api::namespaced(client, "ns"), config(), on);
    let _ = tokio::time::timeout(Duration::from_secs(seconds), watch).await;
    seen.into_inner().unwrap()
}

#[test]
fn a_kind_that_the_api_server_does_not_know_points_to_the_crd() {
    let failed = |message: &str| {
        let mut status = status(404, "NotFound");
        status["message"] = message.into();
        let status = serde_json::from_value(status).unwrap();
        watcher::Error::InitialListFailed(kube::Error::Api(status))
    };
    assert_eq!(
        describe(&failed("404 page not found\n")),
        "the API server does not know AICoreRegistrySecrets; is the CRD installed?"
    );
    assert_eq!(describe(&failed("not here")), "HTTP 404: not here");
}

/// kube's watcher repeats a watch *request* that was answered 410 with the same expired version, for ever.
#[tokio::test(start_paused = true)]
async fn an_expired_version_is_listed_again_with_growing_pauses() {
    let (client, requests) = api_server(|uri| {
        if is_watch(uri) { answer(410, status(410, "Expired").to_string()) } else { list(&["a"]) }
    });
    let (seen, _) = watch_for(300, client).await;
    let lists = lists(&requests);
    assert_eq!(seen.len(), lists);
    assert!((8..=20).contains(&lists), "{lists} lists in 300 s");
}

#[tokio::test(start_paused = true)]
async fn an_expired_version_within_the_stream_is_listed_again() {
    let (client, requests) = api_server(|uri| {
        if is_watch(uri) { answer(200, event("ERROR", &status(410, "Expired"))) } else { list(&["a"]) }
    });
    watch_for(60, client).await;
    assert!((4..=10).contains(&lists(&requests)), "{} lists in 60 s", lists(&requests));
}

/// With the backoff before decoding, the first event of each list attempt would reset it, and a denied list would be tried
/// about every second for ever.
#[tokio::test(start_paused = true)]
async fn a_denied_list_is_tried_less_and_less_often() {
    let (client, requests) = api_server(|_| answer(403, status(403, "Forbidden").to_string()));
    let (_, health) = watch_for(600, client).await;
    // 0.5, 1, 2, 4, 8, 10, 10 … seconds between them, or up to half of that.
    assert!((60..=125).contains(&lists(&requests)), "{} lists in 600 s", lists(&requests));
    let requests = requests.lock().unwrap();
    let longest = requests.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)).max();
    assert!(longest < Some(Duration::from_secs(15)), "a right that is given back is noticed: {longest:?}");
    assert!(health.since_alive() < Duration::from_secs(60), "a watch that fails is alive");
    assert!(health.since_received() > Duration::from_secs(500), "but the API server did not answer it");
}

/// kube's watcher opens a watch that ended without an error again at once, thousands of times in ten seconds.
#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_is_not_opened_without_pause() {
    let (client, requests) = api_server(|uri| if is_watch(uri) { answer(200, "") } else { list(&[]) });
    let (_, health) = watch_for(60, client).await;
    assert!((10..=80).contains(&watches(&requests)), "{} watches in 60 s", watches(&requests));
    assert!(health.since_received() > Duration::from_secs(59), "an end is no sign of life");
}

/// Each has its own floor: the watches of many namespaces are not opened one after the other.
#[tokio::test(start_paused = true)]
async fn many_watches_are_opened_at_once() {
    let (client, requests) =
        api_server(|uri| if is_watch(uri) { crate::k8s::testing::stuck() } else { list(&["a"]) });
    let watcher = Watcher::new(client, SILENCE_LIMIT);
    let health: Vec<_> = (0..400).map(|_| Arc::new(WatchHealth::new("test"))).collect();
    futures::future::join_all(health.iter().map(|health| watch_with(1, &watcher, health))).await;
    assert_eq!(watches(&requests), 400);
}

#[tokio::test(start_paused = true)]
async fn one_failing_watch_delays_no_other() {
    let (fine, _) =
        api_server(
            |uri| {
                if is_watch(uri) { answer(200, event("ADDED", &object("b"))) } else { list(&["a"]) }
            },
        );
    let (broken, _) = api_server(|_| answer(500, ""));
    let ((seen, _), (none, _)) = tokio::join!(watch_for(5, fine), watch_for(5, broken));
    assert_eq!(seen.first().map(String::as_str), Some("a"));
    assert!(seen.iter().any(|name| name == "b"), "{seen:?}");
    assert_eq!(none, Vec::<String>::new());
}

/// An API server that comes back has refused connections for a while, and knows no history: the list that mends that must not
/// wait for as long as one that fails.
#[tokio::test(start_paused = true)]
async fn the_first_expiry_after_other_failures_is_mended_at_once() {
    let mut backoff = WatchBackoff::default();
    for _ in 0..4 {
        backoff.failed();
    }
    assert_eq!(backoff.expired(), Duration::ZERO);
    assert!(backoff.expired() >= PAUSE.0, "a list that did not mend it is not repeated without pause");
    assert!(backoff.expired() > PAUSE.0);
    backoff.failed();
    assert_eq!(backoff.expired(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn pauses_after_what_costs_little_grow_up_to_ten_seconds_and_are_spread() {
    let (mut backoff, mut lucky) = (WatchBackoff::default(), WatchBackoff::default());
    let pauses: Vec<u128> = (0..7).map(|_| backoff.failed_cheaply(0.0).as_millis()).collect();
    assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    let pauses: Vec<u128> = (0..7).map(|_| lucky.failed_cheaply(1.0).as_millis()).collect();
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
}
