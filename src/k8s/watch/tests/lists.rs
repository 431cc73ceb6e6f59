//! Lists: the memory that they take, and the time.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::Response;
use serde_json::Value;

use super::*;
use crate::k8s::testing::{Requests, limit, page, stuck};

/// Bytes that were handed over of answers, and are held by someone.
#[derive(Clone, Default)]
struct Held {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// A piece of an answer that is counted as long as it exists.
struct Piece(Vec<u8>, Held);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.1.now.fetch_sub(self.0.len(), SeqCst);
    }
}

impl Held {
    fn body(&self, text: String) -> Body {
        let held = self.clone();
        let pieces: Vec<Vec<u8>> = text.into_bytes().chunks(64 * 1024).map(<[u8]>::to_vec).collect();
        Body::from_stream(stream::iter(pieces).map(move |piece| {
            let now = held.now.fetch_add(piece.len(), SeqCst) + piece.len();
            held.most.fetch_max(now, SeqCst);
            Ok::<_, std::convert::Infallible>(Bytes::from_owner(Piece(piece, held.clone())))
        }))
    }
}

/// Lists `sizes` in pages as an API server does: the token says where the next begins.
fn pages(sizes: &'static [usize], held: Held) -> impl Fn(&str) -> Response<Body> + Send + Sync + 'static {
    move |uri| {
        if is_watch(uri) {
            return stuck();
        }
        let token = uri.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("continue="));
        let start: usize = token.map_or(0, |token| token.parse().unwrap());
        let end = sizes.len().min(start + limit(uri));
        let items: Vec<Value> = (start..end)
            .map(|number| {
                let mut object = object(&format!("object-{number}"));
                object["metadata"]["annotations"] =
                    [("pad", "x".repeat(sizes[number]))].into_iter().collect();
                object
            })
            .collect();
        answer(200, held.body(page(&items, (end < sizes.len()).then_some(end))))
    }
}

fn limits(requests: &Requests) -> Vec<usize> {
    let requests = requests.lock().unwrap();
    requests.iter().filter(|(_, uri)| !is_watch(uri)).map(|(_, uri)| limit(uri)).collect()
}

#[tokio::test(start_paused = true)]
async fn large_objects_are_listed_a_few_at_a_time_and_none_is_missed() {
    static SIZES: [usize; 200] = [250_000; 200];
    let held = Held::default();
    let (client, requests) = api_server(pages(&SIZES, held.clone()));
    let (seen, _) = watch_for(100, client).await;
    assert_eq!(seen, (0..200).map(|number| format!("object-{number}")).collect::<Vec<_>>());
    let limits = limits(&requests);
    assert_eq!(limits[..5], [125, 62, 31, 15, 7]);
    assert!(limits[5..].iter().all(|limit| *limit == 7), "what fits is remembered: {limits:?}");
    assert!(held.most.load(SeqCst) <= 3 << 20, "{} bytes were held", held.most.load(SeqCst));
}

#[tokio::test(start_paused = true)]
async fn small_objects_are_listed_in_large_pages() {
    static SIZES: [usize; 2000] = [500; 2000];
    let (client, requests) = api_server(pages(&SIZES, Held::default()));
    let (seen, _) = watch_for(10, client).await;
    assert_eq!(seen.len(), 2000);
    assert_eq!(limits(&requests), [125, 250, 500, 500, 500, 500]);
}

/// A single object may be larger than a page of several.
#[tokio::test(start_paused = true)]
async fn objects_of_any_size_that_there_can_be_are_listed() {
    static SIZES: [usize; 5] = [100, 9 << 20, 3 << 20, 1 << 20, 100];
    let (client, _) = api_server(pages(&SIZES, Held::default()));
    let (seen, _) = watch_for(10, client).await;
    assert_eq!(seen.len(), 5);
}

/// Larger than anything that etcd takes: the list fails with a sentence, and is tried again with pauses.
#[tokio::test(start_paused = true)]
async fn an_object_beyond_all_bounds_fails_the_list_and_is_not_kept() {
    static SIZES: [usize; 2] = [100, 11 << 20];
    let held = Held::default();
    let (client, requests) = api_server(pages(&SIZES, held.clone()));
    let (_, health) = watch_for(60, client).await;
    assert!(limits(&requests).len() < 40);
    assert!(health.since_alive() < Duration::from_secs(40));
}

/// Many namespaces are listed at the same time, as at a start.
#[tokio::test(start_paused = true)]
async fn many_lists_at_once_hold_no_more_than_a_few_pages() {
    static SIZES: [usize; 12] = [400_000; 12];
    let held = Held::default();
    let (client, _) = api_server(pages(&SIZES, held.clone()));
    let watcher = Watcher::new(client, SILENCE_LIMIT);
    let health: Vec<_> = (0..20).map(|_| Arc::new(WatchHealth::new("test"))).collect();
    let seen = futures::future::join_all(health.iter().map(|health| watch_with(100, &watcher, health))).await;
    assert!(seen.iter().all(|seen| seen.len() == 12));
    assert!(held.most.load(SeqCst) <= 10 << 20, "{} bytes were held", held.most.load(SeqCst));
}

/// The places for pages are not kept by answers that do not come.
#[tokio::test(start_paused = true)]
async fn lists_that_hang_end_and_delay_no_other() {
    let (hanging, asked) = api_server(|_| stuck());
    let watcher = Watcher::new(hanging, SILENCE_LIMIT);
    let health: Vec<_> = (0..10).map(|_| Arc::new(WatchHealth::new("test"))).collect();
    futures::future::join_all(health.iter().map(|health| watch_with(600, &watcher, health))).await;
    let lists = lists(&asked);
    assert!((40..=100).contains(&lists), "{lists} lists in 600 s");
    for health in &health {
        assert!(health.since_alive() < Duration::from_secs(300), "{:?}", health.since_alive());
    }
}

/// Whatever a server answers, a list comes to an end, and between two that failed there is a pause. Without either there would be
/// some 300,000 requests, one after each round trip.
#[tokio::test(start_paused = true)]
async fn a_list_that_makes_no_progress_fails_and_is_repeated_with_pauses() {
    type Pages = fn(usize) -> String;
    let repeated: Pages = |_| page(&[object("a")], Some(7));
    let empty: Pages = |number| page(&[], Some(number));
    for (answers, most) in [(repeated, 60), (empty, 150)] {
        let number = AtomicUsize::new(0);
        let (client, requests) = api_server(move |_| answer(200, answers(number.fetch_add(1, SeqCst))));
        let (_, health) = watch_for(600, client).await;
        let lists = lists(&requests);
        assert!((20..=most).contains(&lists), "{lists} requests in 600 s");
        assert!(health.since_alive() < Duration::from_secs(60), "a watch that fails is alive");
    }
}

/// Each page has an object and another token: the same objects again, for ever.
#[tokio::test(start_paused = true)]
async fn pages_without_end_are_asked_for_at_a_bounded_rate() {
    let number = AtomicUsize::new(0);
    let (client, requests) =
        api_server(move |_| answer(200, page(&[object("a")], Some(number.fetch_add(1, SeqCst) % 3))));
    watch_for(60, client).await;
    let lists = lists(&requests);
    assert!((1000..=410 + 20 * 60).contains(&lists), "{lists} requests in 60 s");
}
