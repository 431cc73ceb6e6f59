//! Watches on which nothing happens: those that are alive, and those that are deaf.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use axum::body::Body;
use http::Response;

use super::*;
use crate::k8s::testing::{bookmark, page_at, stream_of, stuck};

const HOUR: u64 = 3600;
/// Well above what passes between two bookmarks, well below what an alert takes for silence.
const FEW_MINUTES: Duration = Duration::from_secs(300);

/// An API server sends bookmarks about once a minute, of resources that change seldom also later, and ends the watch after
/// `timeoutSeconds`.
#[tokio::test(start_paused = true)]
async fn a_quiet_hour_is_no_reason_to_list_anew() {
    for bookmarks in [vec![61, 120, 181, 198], vec![120, 180, 198], vec![198]] {
        let sent = bookmarks.clone();
        let (client, requests) = api_server(move |uri| {
            if is_watch(uri) {
                stream_of(sent.iter().map(|at| (*at, bookmark())).collect(), 200)
            } else {
                list(&["a"])
            }
        });
        let (seen, health) = watch_for(HOUR, client).await;
        assert_eq!(seen, ["a"], "{bookmarks:?}");
        assert_eq!((lists(&requests), watches(&requests)), (1, 18), "{bookmarks:?}");
        assert!(health.since_alive() < FEW_MINUTES, "{:?}", health.since_alive());
        assert!(health.since_received() < FEW_MINUTES, "{:?}", health.since_received());
    }
}

/// Some API servers send no bookmark before the first event: a list every few minutes is all that this may cost.
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_never_sent_anything_is_listed_anew_and_no_more() {
    let (client, requests) =
        api_server(|uri| if is_watch(uri) { stream_of(Vec::new(), 200) } else { list(&["a"]) });
    let (_, health) = watch_for(HOUR, client).await;
    let lists = lists(&requests);
    assert!((12..=15).contains(&lists), "{lists} lists in an hour");
    assert!(health.since_alive() < FEW_MINUTES, "it does what it can");
    assert!(health.since_received() > Duration::from_secs(HOUR - 1), "neither opening nor ending is a sign");
}

/// Two ways to be deaf for ever: the answer is begun and never goes on, and each ends in time without anything in it. The API
/// server has gone back to an earlier version, and is silent to those who ask for a later one.
#[tokio::test(start_paused = true)]
async fn a_deaf_watch_is_listed_anew_within_five_minutes() {
    for deaf in [stuck as fn() -> Response<Body>, || stream_of(Vec::new(), 200)] {
        let restored = Arc::new(AtomicBool::new(false));
        let now = Arc::clone(&restored);
        let (client, _) = api_server(move |uri| match (is_watch(uri), now.load(SeqCst)) {
            (false, false) => answer(200, page_at("1000", &[object("before")], None)),
            (false, true) => answer(200, page_at("600", &[object("after")], None)),
            (true, _) if uri.contains("resourceVersion=600") => {
                stream_of(vec![(1, event("ADDED", &object("event")))], 200)
            }
            (true, _) => deaf(),
        });
        let watcher = Watcher::new(client, SILENCE_LIMIT);
        let health = Arc::new(WatchHealth::new("test"));
        let restore = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            restored.store(true, SeqCst);
        };
        let (seen, ()) = tokio::join!(watch_with(300, &watcher, &health), restore);
        assert_eq!(seen, ["before", "after", "event"]);
    }
}

/// A request to which no answer ever comes, as on a half-open connection.
#[tokio::test(start_paused = true)]
async fn a_watch_request_that_is_not_answered_is_given_up() {
    let asked = Arc::new(Mutex::new(0));
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let uri = request.uri().to_string();
        let mut asked = asked.lock().unwrap();
        *asked += usize::from(is_watch(&uri));
        let unanswered = is_watch(&uri) && *asked == 1;
        async move {
            if unanswered {
                std::future::pending::<()>().await;
            }
            let sent = vec![(1, event("ADDED", &object("event")))];
            let answer = if is_watch(&uri) { stream_of(sent, 200) } else { list(&[]) };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let (seen, _) = watch_for(300, Client::new(service, "ns")).await;
    assert_eq!(seen, ["event"]);
}

/// Failures between silences do not hide them: a load balancer resets the connection again and again before anything is sent.
#[tokio::test(start_paused = true)]
async fn a_deaf_watch_that_also_fails_is_listed_anew() {
    let (client, requests) = api_server(|uri| {
        if !is_watch(uri) {
            return list(&["a"]);
        }
        let reset = futures::stream::once(async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            Err::<String, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        });
        answer(200, Body::from_stream(reset))
    });
    watch_for(HOUR, client).await;
    assert!((10..=20).contains(&lists(&requests)), "{} lists in an hour", lists(&requests));
}

/// Half a line is a sign of life as well: a large event arrives in many pieces.
#[tokio::test(start_paused = true)]
async fn whatever_arrives_counts() {
    let (client, requests) = api_server(|uri| {
        if !is_watch(uri) {
            return list(&[]);
        }
        let whole = event("ADDED", &object("slow"));
        let (one, other) = whole.split_at(20);
        stream_of(vec![(180, one.to_owned()), (190, other.to_owned())], 200)
    });
    let (seen, health) = watch_for(390, client).await;
    assert_eq!((seen, lists(&requests)), (vec!["slow".to_owned()], 1));
    assert_eq!(health.since_received().as_secs(), 9);
}

/// The answer is bounded by the size of one event, not by that of the stream.
#[tokio::test(start_paused = true)]
async fn an_event_without_end_is_not_kept() {
    let (client, requests) = api_server(|uri| {
        if !is_watch(uri) {
            return list(&["a"]);
        }
        let endless = futures::stream::repeat_with(|| Ok::<_, std::convert::Infallible>("x".repeat(4 << 20)));
        answer(200, Body::from_stream(endless))
    });
    let (_, health) = watch_for(60, client).await;
    assert!((5..=20).contains(&watches(&requests)), "{} watches in 60 s", watches(&requests));
    assert!(health.since_alive() < Duration::from_secs(40));
}
