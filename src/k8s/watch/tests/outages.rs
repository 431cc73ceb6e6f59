//! An API server that is away for a while: how soon watches notice that it is back, and how often they ask meanwhile.

use std::io;

use axum::body::Body;
use futures::future::join_all;
use rstest::rstest;
use tokio::time::Instant;

use super::*;
use crate::k8s::testing::{stream_of, stuck, unsteady_api_server};

/// So many watches, for so many seconds.
async fn follow_for(seconds: u64, client: Client, count: usize) {
    let watcher = Watcher::new(client, SILENCE_LIMIT);
    let health: Vec<_> = (0..count).map(|_| Arc::new(WatchHealth::new("test"))).collect();
    join_all(health.iter().map(|health| watch_with(seconds, &watcher, health))).await;
}

/// An API server that is away for three minutes, and 400 watches: all of them are open again within eleven seconds, and before that
/// they ask seldom.
#[tokio::test(start_paused = true)]
async fn when_one_watch_finds_the_api_server_back_all_others_follow() {
    let start = Instant::now();
    let away = move || (2..180).contains(&start.elapsed().as_secs());
    let (client, requests) = api_server(move |uri| match (away(), is_watch(uri)) {
        (true, _) => answer(503, ""),
        (false, false) => list(&["a"]),
        (false, true) if start.elapsed().as_secs() < 2 => stream_of(Vec::new(), 2),
        (false, true) => stuck(),
    });
    follow_for(192, client, 400).await;
    let requests = requests.lock().unwrap();
    let opened = |at: &Duration| (180..191).contains(&at.as_secs());
    let (first, last) = (
        requests.iter().find(|(at, _)| opened(at)).unwrap().0,
        requests.iter().rfind(|(_, uri)| is_watch(uri)).unwrap().0,
    );
    assert!(last < first + Duration::from_secs(1), "{first:?} {last:?}");
    assert_eq!(requests.iter().filter(|(at, uri)| opened(at) && is_watch(uri)).count(), 400);
    let while_away = requests.iter().filter(|(at, _)| (60..180).contains(&at.as_secs())).count();
    assert!(while_away < 400 * 120 / 6, "{while_away} requests in two minutes");
}

/// It cannot be reached again and again, also soon after a longer time: each time all watches are open again within a second, however
/// few or many there are, and they do not ask without pause meanwhile.
#[rstest]
#[case::of_one_scope(2)]
#[case::of_two_hundred(400)]
#[tokio::test(start_paused = true)]
async fn after_each_of_several_outages_all_watches_are_open_within_a_second(#[case] count: usize) {
    /// From when to when, in seconds.
    const AWAY: [(u64, u64); 5] = [(5, 25), (30, 31), (33, 34), (36, 37), (40, 105)];
    let start = Instant::now();
    let (client, requests) = unsteady_api_server(move |uri| {
        let now = start.elapsed().as_secs();
        if AWAY.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            return None;
        }
        // Connections are cut when it goes.
        let next = AWAY.iter().find(|(from, _)| *from > now);
        Some(match next {
            _ if !is_watch(uri) => list(&["a"]),
            Some((from, _)) => stream_of(Vec::new(), from - now),
            None => stuck(),
        })
    });
    follow_for(110, client, count).await;
    let requests = requests.lock().unwrap();
    for (from, to) in AWAY {
        let away = usize::try_from(to - from).unwrap();
        let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
        let soon = to..to + Duration::from_millis(1100);
        let opened = requests.iter().filter(|(at, uri)| is_watch(uri) && soon.contains(at)).count();
        assert_eq!(opened, count, "after {to:?}");
        let asked = requests.iter().filter(|(at, _)| (from..to).contains(at)).count();
        let most = count * (2 + away / 4) + 2 * away;
        assert!(asked <= most, "{asked} requests from {from:?} to {to:?}");
    }
}

/// The connections of watches break when the API server is killed, and one that breaks each time costs ever less.
#[rstest]
#[case::after_it_has_worked(1500, 25..=40)]
#[case::at_once(0, 5..=12)]
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_cut_is_opened_at_once_if_it_has_worked(
    #[case] lives_ms: u64,
    #[case] expected: std::ops::RangeInclusive<usize>,
) {
    let (client, requests) = api_server(move |uri| {
        if !is_watch(uri) {
            return list(&["a"]);
        }
        let cut = async move {
            tokio::time::sleep(Duration::from_millis(lives_ms)).await;
            Err::<String, _>(io::Error::from(io::ErrorKind::ConnectionReset))
        };
        answer(200, Body::from_stream(futures::stream::once(cut)))
    });
    watch_for(60, client).await;
    let opened = watches(&requests);
    assert!(expected.contains(&opened), "{opened} in a minute");
    assert_eq!(lists(&requests), 1);
}
