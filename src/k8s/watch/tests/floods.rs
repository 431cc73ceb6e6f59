//! Watches that are sent more than anybody needs.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;

use super::*;
use crate::k8s::testing::bookmark;

/// So many pieces of an answer, without a pause between them; how many were taken of all answers is counted.
fn flood(piece: &str, pieces: usize, taken: &Arc<AtomicUsize>) -> Body {
    let (piece, taken) = (Bytes::from(piece.to_owned()), Arc::clone(taken));
    let pieces = stream::iter(0..pieces).map(move |_| {
        taken.fetch_add(1, SeqCst);
        Ok::<_, std::convert::Infallible>(piece.clone())
    });
    Body::from_stream(pieces.chain(stream::pending()))
}

/// What kube's reader of a watch drops without a word, and would do so without giving way to anything else.
#[tokio::test(start_paused = true)]
async fn a_watch_that_sends_nothing_but_idle_lines_is_cut_and_opened_with_growing_pauses() {
    const PIECES: usize = 1000;
    for line in ["\n", "  \r\n", "{\"type\":\n", &bookmark()] {
        let (piece, taken) = (line.repeat(2000), Arc::new(AtomicUsize::new(0)));
        let taken_too = Arc::clone(&taken);
        let (client, requests) = api_server(move |uri| {
            if is_watch(uri) { answer(200, flood(&piece, PIECES, &taken_too)) } else { list(&["a"]) }
        });
        let (seen, health) = watch_for(200, client).await;
        assert_eq!(seen, ["a"], "{line:?}");
        let watches = watches(&requests);
        assert!((8..=20).contains(&watches), "{line:?}: {watches} watches in 200 s");
        let taken = taken.load(SeqCst);
        assert!(taken <= 2 * watches, "{line:?}: {taken} pieces of {watches} watches");
        assert!(health.since_alive() < Duration::from_secs(60), "{line:?}");
    }
}

/// One line a second is not many, and it proves nothing when there is nothing in it.
#[tokio::test(start_paused = true)]
async fn blank_lines_are_no_sign_of_life() {
    let (client, _) = api_server(|uri| {
        if is_watch(uri) {
            crate::k8s::testing::stream_of((1..200).map(|second| (second, "\n".to_owned())).collect(), 200)
        } else {
            list(&["a"])
        }
    });
    let (seen, health) = watch_for(600, client).await;
    assert!(seen.len() >= 2, "it is listed anew");
    assert!(health.since_received() > Duration::from_secs(599));
}

/// All of them are handed over, however many and however fast, and others have their turn meanwhile.
#[tokio::test(start_paused = true)]
async fn a_flood_of_events_is_handed_over_and_leaves_room() {
    const EVENTS: usize = 5000;
    let events = event("MODIFIED", &object("b")).repeat(EVENTS);
    let bytes = events.len();
    let (client, requests) = api_server(move |uri| {
        if is_watch(uri) { answer(200, flood(&events, 1, &Arc::default())) } else { list(&["a"]) }
    });
    let turns = Arc::new(AtomicUsize::new(0));
    let (handed_over, during) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let on = |event: Event<ConfigMap>| {
        if !matches!(event, Event::Apply(_)) {
            return;
        }
        match handed_over.fetch_add(1, SeqCst) + 1 {
            1 => {
                let others = Arc::clone(&turns);
                tokio::spawn(async move {
                    // Virtual time stands still while it is busy.
                    while others.fetch_add(1, SeqCst) < bytes {
                        tokio::task::yield_now().await;
                    }
                });
            }
            EVENTS => during.store(turns.fetch_max(bytes, SeqCst), SeqCst),
            _ => {}
        }
    };
    let watch = Watcher::new(client, SILENCE_LIMIT);
    let watch =
        watch.run(Arc::new(WatchHealth::new("test")), |client| Api::namespaced(client, "ns"), config(), on);
    let _ = tokio::time::timeout(Duration::from_secs(1), watch).await;
    assert_eq!(watches(&requests), 1, "it is not cut");
    let turns = during.load(SeqCst);
    assert!(turns >= bytes / (16 * 1024), "others had {turns} turns during {bytes} bytes");
}
