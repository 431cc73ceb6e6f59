//! When work begins, and what is said, with watches that run against an API server that does as the test says. Time is virtual.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use axum::body::Body;
use http::Response;
use kube::Client;
use tokio::task::JoinSet;

use super::*;
use crate::{
    controller::{
        Settings,
        admission::{Admission, Places},
        index::Index,
        queue::Queue,
        watches::Watches,
    },
    domain::{
        parse::{allowed_hosts, duration::ResyncInterval},
        testing::HOUR,
    },
    k8s::{
        testing::{answer, api_server, bookmark, is_watch, list, status, stream_of},
        watch::SILENCE_LIMIT,
    },
};

const S: fn(u64) -> Duration = Duration::from_secs;

/// When work began in each scope, in seconds since the start.
type Begun = Arc<Mutex<BTreeMap<String, u64>>>;

struct Run {
    scopes: Arc<Scopes>,
    begun: Begun,
    /// When Secrets were waited for no longer.
    unawaited: Begun,
    _tasks: JoinSet<&'static str>,
}

impl Run {
    /// Starts the watches on these namespaces, of an API server that answers like this.
    fn start(namespaces: &[&str], answer: impl Fn(&str) -> Response<Body> + Send + Sync + 'static) -> Self {
        let (client, _) = api_server(answer);
        let namespaces: Vec<String> = namespaces.iter().map(ToString::to_string).collect();
        let scopes = Arc::new(Scopes::of(&namespaces));
        let mut tasks = JoinSet::new();
        watches(&client, namespaces, &scopes).spawn(&mut tasks);
        let (begun, unawaited, start) = (Begun::default(), Begun::default(), Instant::now());
        let (noted, all) = (Arc::clone(&begun), Arc::clone(&scopes));
        tasks.spawn(async move {
            let mut waiting: Vec<Place> = all.iter().map(|(place, _)| place).collect();
            while !waiting.is_empty() {
                note(&noted, all.next_to_begin(&mut waiting).await, start);
            }
            std::future::pending().await
        });
        let (noted, all) = (Arc::clone(&unawaited), Arc::clone(&scopes));
        tasks.spawn(async move {
            let mut waiting: Vec<Place> = all.iter().map(|(place, _)| place).collect();
            while !waiting.is_empty() {
                note(&noted, all.next_without_waiting(&mut waiting).await, start);
            }
            std::future::pending().await
        });
        Self { scopes, begun, unawaited, _tasks: tasks }
    }

    fn begun(&self) -> Vec<(String, u64)> {
        self.begun.lock().unwrap().clone().into_iter().collect()
    }

    fn unawaited(&self) -> Vec<(String, u64)> {
        self.unawaited.lock().unwrap().clone().into_iter().collect()
    }
}

fn note(begun: &Begun, scopes: Vec<Scope>, start: Instant) {
    for scope in scopes {
        let name = scope.map(|namespace| namespace.to_string()).unwrap_or_default();
        begun.lock().unwrap().insert(name, start.elapsed().as_secs());
    }
}

fn watches(client: &Client, namespaces: Vec<String>, scopes: &Arc<Scopes>) -> Watches {
    let queue = Arc::new(Queue::idle(1));
    let admission = Admission::new(Arc::clone(&queue), Places::new(1, 1));
    let settings = Settings {
        watch_silence_limit: SILENCE_LIMIT,
        namespaces,
        label_selector: None,
        concurrency: 1,
        tenant_passes: 1,
        default_resync_interval: ResyncInterval::Every(HOUR),
        allowed_hosts: allowed_hosts::tests::default_hosts(),
    };
    Watches::new(client, &settings, scopes, &Arc::new(Index::default()), &queue, &admission)
}

/// Everything is empty, and quiet.
fn well(uri: &str) -> Response<Body> {
    if is_watch(uri) {
        stream_of(vec![(60, bookmark()), (120, bookmark()), (180, bookmark())], 200)
    } else {
        list(&[])
    }
}

fn denied() -> Response<Body> {
    answer(403, status(403, "Forbidden").to_string())
}

fn of(uri: &str, namespace: &str, kind: &str) -> bool {
    uri.contains(&format!("/namespaces/{namespace}/{kind}"))
}

fn at(begun: &[(&str, u64)]) -> Vec<(String, u64)> {
    begun.iter().map(|(namespace, at)| ((*namespace).to_owned(), *at)).collect()
}

#[tokio::test(start_paused = true)]
async fn where_all_can_be_listed_work_begins_at_once_everywhere() {
    let run = Run::start(&["b", "a"], well);
    tokio::time::sleep(S(1)).await;
    assert_eq!(run.begun(), at(&[("a", 0), ("b", 0)]));
    assert_eq!(run.scopes.ready(), Ok(Ready::Everywhere));
    let everywhere = Run::start(&[], well);
    tokio::time::sleep(S(1)).await;
    assert_eq!(everywhere.begun(), at(&[("", 0)]));
    assert!(everywhere.scopes.hears_of_secrets("any"));
}

/// A namespace that is gone with its Role, or never was there.
#[tokio::test(start_paused = true)]
async fn a_scope_that_cannot_be_listed_holds_back_no_other_for_longer_than_the_limit() {
    let given = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&given);
    let run = Run::start(&["a", "gone", "b"], move |uri| {
        if uri.contains("/namespaces/gone/") && !may.load(SeqCst) { denied() } else { well(uri) }
    });
    let warm = tokio::time::timeout(S(29), run.scopes.warm());
    assert!(warm.await.is_err(), "election waits as well");
    assert_eq!(run.begun(), []);
    let unready = run.scopes.ready().unwrap_err().to_string();
    assert!(unready.contains("resources listed in 2 of 3 scopes, Secrets in 2"), "{unready}");
    assert!(unready.contains("namespace \"gone\", resources: HTTP 403: no"), "{unready}");

    tokio::time::timeout(S(2), run.scopes.warm()).await.unwrap();
    tokio::time::sleep(S(1)).await;
    assert_eq!(run.begun(), at(&[("a", 30), ("b", 30)]));
    let ready = run.scopes.ready().unwrap().to_string();
    assert!(
        ready.starts_with("ok, but not everywhere: namespace \"gone\", resources: HTTP 403: no"),
        "{ready}"
    );
    assert!(!ready.contains("\"a\"") && !ready.contains("\"b\""), "{ready}");

    tokio::time::sleep(S(3600)).await;
    given.store(true, SeqCst);
    tokio::time::sleep(S(11)).await;
    assert_eq!(run.scopes.ready(), Ok(Ready::Everywhere));
    let begun = run.begun();
    let gone = begun.iter().find(|(namespace, _)| namespace == "gone").unwrap().1;
    assert!((3631..3645).contains(&gone), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn secrets_that_cannot_be_listed_are_waited_for_in_their_own_scope_for_the_limit_and_hold_back_no_work()
{
    let run = Run::start(&["a", "b"], |uri| if of(uri, "b", "secrets") { denied() } else { well(uri) });
    tokio::time::sleep(S(40)).await;
    assert_eq!(run.begun(), at(&[("a", 0), ("b", 0)]));
    assert_eq!(run.unawaited(), at(&[("a", 0), ("b", 30)]));
    let ready = run.scopes.ready().unwrap().to_string();
    assert!(ready.contains("namespace \"b\", secrets: HTTP 403: no"), "{ready}");
    assert!(run.scopes.hears_of_secrets("a") && !run.scopes.hears_of_secrets("b"));
}

/// A rollout must not replace a process that works by one that cannot.
#[tokio::test(start_paused = true)]
async fn a_process_that_can_list_nothing_is_never_ready_and_does_not_stand_for_election() {
    let run = Run::start(&["a", "b"], |_| denied());
    assert!(tokio::time::timeout(S(7200), run.scopes.warm()).await.is_err());
    assert_eq!(run.begun(), []);
    assert!(
        run.scopes
            .ready()
            .unwrap_err()
            .to_string()
            .starts_with("not ready: resources listed in 0 of 2 scopes")
    );
    // Nor is one that hears of no Secret anywhere, although it begins to work; for election it waits as long as it does for them.
    let deaf = Run::start(&[], |uri| if uri.contains("/secrets") { denied() } else { well(uri) });
    assert!(tokio::time::timeout(S(29), deaf.scopes.warm()).await.is_err());
    tokio::time::timeout(S(2), deaf.scopes.warm()).await.unwrap();
    tokio::time::sleep(S(1)).await;
    assert_eq!((deaf.begun(), deaf.unawaited()), (at(&[("", 0)]), at(&[("", 30)])));
    assert!(deaf.scopes.ready().is_err());
}

/// Rights that are taken while the operator runs.
#[tokio::test(start_paused = true)]
async fn what_stops_working_later_is_said_and_the_process_stays_ready() {
    let taken = Arc::new(AtomicBool::new(false));
    let denies = Arc::clone(&taken);
    let run = Run::start(&["a", "b"], move |uri| {
        if uri.contains("/namespaces/b/") && denies.load(SeqCst) { denied() } else { well(uri) }
    });
    tokio::time::sleep(S(10)).await;
    taken.store(true, SeqCst);
    tokio::time::sleep(S(3600)).await;
    let ready = run.scopes.ready().unwrap().to_string();
    assert!(ready.contains("namespace \"b\", resources: HTTP 403: no, secrets: HTTP 403: no"), "{ready}");
    assert!(run.scopes.hears_of_secrets("a") && !run.scopes.hears_of_secrets("b"));
    taken.store(false, SeqCst);
    tokio::time::sleep(S(75)).await;
    assert_eq!(run.scopes.ready(), Ok(Ready::Everywhere));
    assert!(run.scopes.hears_of_secrets("b"));
}

/// A watch that is open and tells nothing, not even by a bookmark, is one that does not work.
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_deaf_is_said_until_it_hears_again() {
    let deaf = Arc::new(AtomicBool::new(true));
    let is_deaf = Arc::clone(&deaf);
    let run = Run::start(&["a", "b"], move |uri| {
        let silent = of(uri, "b", "secrets") && is_watch(uri) && is_deaf.load(SeqCst);
        if silent { stream_of(Vec::new(), 100_000) } else { well(uri) }
    });
    tokio::time::sleep(S(89)).await;
    assert_eq!(run.scopes.ready(), Ok(Ready::Everywhere));
    tokio::time::sleep(S(3)).await;
    let ready = run.scopes.ready().unwrap().to_string();
    assert!(
        ready.starts_with("ok, but not everywhere: namespace \"b\", secrets: nothing received for 9"),
        "{ready}"
    );
    let health = |namespace: &str| {
        let (_, watched) =
            run.scopes.iter().find(|(_, watched)| watched.scope.as_deref() == Some(namespace)).unwrap();
        (watched.resources.hears(), watched.secrets.hears())
    };
    assert_eq!((health("a"), health("b")), ((true, true), (true, false)), "as the metric has it");
    // It is listed anew after some minutes of silence.
    deaf.store(false, SeqCst);
    tokio::time::sleep(SILENCE_LIMIT).await;
    assert_eq!(run.scopes.ready(), Ok(Ready::Everywhere));
}

#[test]
fn sentences_stay_short_whatever_is_wrong_with_however_many() {
    let namespaces: Vec<String> = (0..200).map(|number| format!("ns-{number:03}")).collect();
    let scopes = Scopes::of(&namespaces);
    let sentence = scopes.ready().unwrap_err().to_string();
    assert!(sentence.contains("namespace \"ns-009\", resources: not listed yet, secrets: not listed yet"));
    assert!(sentence.ends_with("; and 190 more"), "{sentence}");
}

#[test]
fn a_namespace_that_is_named_twice_is_watched_once() {
    let scopes = Scopes::of(&["b".to_owned(), "a".to_owned(), "b".to_owned()]);
    let names: Vec<_> = scopes.iter().map(|(_, watched)| watched.scope.as_deref().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
}

/// As after an update of the program without its rights or CRDs.
#[tokio::test(start_paused = true)]
async fn tenants_that_may_not_be_listed_hold_nobody_back_and_are_named() {
    let given = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&given);
    let run = Run::start(&[], move |uri| {
        if uri.contains("/aicoretenants") && !may.load(SeqCst) { denied() } else { well(uri) }
    });
    tokio::time::sleep(S(1)).await;
    assert_eq!(run.begun(), at(&[("", 0)]));
    let ready = run.scopes.ready().unwrap().to_string();
    assert!(ready.starts_with("ok, but AICoreTenants are not watched: HTTP 403"), "{ready}");
    given.store(true, SeqCst);
    tokio::time::sleep(S(60)).await;
    assert_eq!(run.scopes.ready(), Ok(Ready::Everywhere));
}

/// Else a restart would say of each resource by tenant that it cannot be used.
#[tokio::test(start_paused = true)]
async fn tenants_that_cannot_be_listed_yet_are_waited_for_a_while() {
    let run = Run::start(&[], |uri| {
        if uri.contains("/aicoretenants") {
            answer(500, status(500, "InternalError").to_string())
        } else {
            well(uri)
        }
    });
    tokio::time::sleep(S(29)).await;
    assert_eq!(run.begun(), []);
    tokio::time::sleep(S(2)).await;
    assert_eq!(run.begun(), at(&[("", 30)]));
}
