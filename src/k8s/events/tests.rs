use std::{convert::Infallible, future::pending};

use http::{Method, Request, Response};
use kube::client::Body;

use serde_json::json;

use super::*;
use crate::domain::testing::an_object;

fn event(warning: bool, note: &str) -> Event {
    Event { warning, reason: "Synced", note: note.to_owned() }
}

/// What reaches an API server that takes 10 ms for each event: method, note, and milliseconds after the start.
async fn published(events: &[Event], busy: bool) -> Vec<(Method, String, u128)> {
    let began = Instant::now();
    let (published, mut arrived) = mpsc::unbounded_channel();
    let api_server = tower::service_fn(move |request: Request<Body>| {
        let published = published.clone();
        async move {
            let method = request.method().clone();
            let body = request.into_body().collect_bytes().await.unwrap();
            let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
            sleep(Duration::from_millis(10)).await;
            let note = event["note"].as_str().unwrap().to_owned();
            published.send((method, note, began.elapsed().as_millis())).unwrap();
            Ok::<_, Infallible>(Response::new(Body::from(body)))
        }
    });
    let (sink, task) = publisher(Client::new(api_server, "default"), || busy);
    let object = an_object();
    events.iter().for_each(|event| sink.publish(About::resource(&object), event.clone()));
    drop(sink);
    task.await;
    let mut all = Vec::new();
    while let Some(one) = arrived.recv().await {
        all.push(one);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn warnings_go_first_and_events_leave_the_api_server_time_for_other_work() {
    for (busy, times) in [(true, [10, 110, 210]), (false, [10, 20, 30])] {
        let all = published(&[event(false, "a"), event(false, "b"), event(true, "warning")], busy).await;
        let expected = ["warning", "a", "b"].into_iter().zip(times);
        let expected: Vec<_> = expected.map(|(note, at)| (Method::POST, note.to_owned(), at)).collect();
        assert_eq!(all, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_says_the_same_is_a_repetition() {
    let all = published(&["a", "a", "b", "a"].map(|note| event(true, note)), false).await;
    let expected = [(Method::POST, "a"), (Method::PATCH, "a"), (Method::POST, "b"), (Method::POST, "a")];
    let all: Vec<_> = all.iter().map(|(method, note, _)| (method.clone(), note.as_str())).collect();
    assert_eq!(all, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_bounded() {
    let mut history = EventHistory::new(Client::new(
        tower::service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>()),
        "default",
    ));
    for number in 0..2 * REMEMBERED {
        let about = About { key: an_object().key, uid: number.to_string().into() };
        history.recorder_for(&about, &event(false, "a"));
        assert!(history.notes.len() <= REMEMBERED);
    }
}

#[tokio::test(start_paused = true)]
async fn notes_fit_the_api_servers_limit() {
    let exactly = "a".repeat(NOTE_LIMIT);
    let long = "ü".repeat(100_000);
    let all = published(&[event(true, &exactly), event(true, &long)], false).await;
    assert_eq!(all[0].1, exactly);
    assert!(all[1].1.len() <= NOTE_LIMIT && all[1].1.ends_with('…'));
}

/// However many there are and however long: what waits has a bound, and warnings do not wait for room among the others.
#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_in_bytes() {
    let (line, mut waiting) = Line::new();
    let (object, long) = (an_object(), "x".repeat(400_000));
    let joined =
        (0..2 * WAITING).filter(|_| line.join(About::resource(&object), event(false, &long), None)).count();
    assert_eq!(joined, WAITING_BYTES / NOTE_LIMIT);
    assert!(!line.join(About::resource(&object), event(false, "a"), None));
    drop(waiting.recv().await);
    assert!(line.join(About::resource(&object), event(false, "a"), None), "whoever goes makes room");

    let (line, _waiting) = Line::new();
    let joined =
        (0..2 * WAITING).filter(|_| line.join(About::resource(&object), event(false, "a"), None)).count();
    assert_eq!(joined, WAITING);
    assert!(line.room.available_permits() >= WAITING_BYTES - WAITING, "what is dropped takes no room");
}

#[test]
fn a_namespace_that_is_being_deleted_is_told_from_missing_rights() {
    let refused = |details: serde_json::Value| {
        let status = json!({ "status": "Failure", "reason": "Forbidden", "code": 403, "details": details });
        kube::Error::Api(serde_json::from_value(status).unwrap())
    };
    let terminating =
        json!({ "causes": [{ "reason": "NamespaceTerminating", "field": "metadata.namespace" }] });
    assert!(is_of_terminating_namespace(&refused(terminating)));
    assert!(!is_of_terminating_namespace(&refused(json!({ "kind": "events" }))));
    assert!(!is_of_terminating_namespace(&refused(json!(null))));
}

/// What nobody will say later comes before all else that waits, and whoever says it knows that it was taken.
#[tokio::test(start_paused = true)]
async fn a_farewell_comes_first_and_is_waited_for() {
    let (published, mut arrived) = mpsc::unbounded_channel();
    let api_server = tower::service_fn(move |request: Request<Body>| {
        let published = published.clone();
        async move {
            let body = request.into_body().collect_bytes().await.unwrap();
            let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
            sleep(Duration::from_millis(10)).await;
            published.send(event["note"].as_str().unwrap().to_owned()).unwrap();
            Ok::<_, Infallible>(Response::new(Body::from(body)))
        }
    });
    let (sink, task) = publisher(Client::new(api_server, "default"), || true);
    let object = an_object();
    for number in 0..20 {
        sink.publish(About::resource(&object), event(true, &format!("warning {number}")));
    }
    let said = async {
        sink.say(About::resource(&object), event(true, "farewell")).await;
        let mut before = Vec::new();
        while let Ok(note) = arrived.try_recv() {
            before.push(note);
        }
        before
    };
    tokio::select! {
        () = task => unreachable!("the sink is there"),
        before = said => assert!(before.len() <= 2 && before.contains(&"farewell".to_owned()), "{before:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_takes_no_event_holds_nobody_up() {
    let api_server = tower::service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>());
    let (sink, task) = publisher(Client::new(api_server, "default"), || false);
    let began = Instant::now();
    let object = an_object();
    tokio::select! {
        () = task => unreachable!("the sink is there"),
        () = sink.say(About::resource(&object), event(true, "farewell")) => assert!(began.elapsed() <= PATIENCE + PATIENCE / 10),
    }
}

/// As API conventions have it: what is in no namespace has its events in `default`.
#[tokio::test(start_paused = true)]
async fn events_of_a_tenant_are_in_the_namespace_default() {
    let tenant = crate::domain::testing::a_shared_tenant(&["*"], None);
    let (asked, mut arrived) = mpsc::unbounded_channel();
    let api_server = tower::service_fn(move |request: Request<Body>| {
        let asked = asked.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect_bytes().await.unwrap();
            asked.send((path, serde_json::from_slice::<serde_json::Value>(&body).unwrap())).unwrap();
            Ok::<_, Infallible>(Response::new(Body::from(body)))
        }
    });
    let (sink, task) = publisher(Client::new(api_server, "elsewhere"), || false);
    sink.publish(About::tenant(&tenant), event(true, "a"));
    sink.publish(About::resource(&an_object()), event(true, "b"));
    drop(sink);
    task.await;
    let (path, event) = arrived.recv().await.unwrap();
    assert_eq!(path, "/apis/events.k8s.io/v1/namespaces/default/events");
    let regarding = json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreTenant", "name": &*tenant.name, "uid": &*tenant.uid,
    });
    assert_eq!(event["regarding"], regarding);
    let (path, event) = arrived.recv().await.unwrap();
    assert_eq!(path, "/apis/events.k8s.io/v1/namespaces/ns/events");
    assert_eq!(event["regarding"]["kind"], "AICoreRegistrySecret");
}
