//! Publishes Kubernetes events, apart from the reconcile loop: a slow or failing API server must not slow it, and a failure
//! to publish is never more than a log line (in a terminating namespace the API server takes no new events).
//!
//! Nor must events take the API server's time from rotations: while there is other work, most of them wait.

use std::{collections::HashMap, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, sleep, timeout},
};
use tracing::{debug, warn};

use super::{error::REQUEST_TIMEOUT, resources::FIELD_MANAGER};
use crate::{
    api::{GROUP, KIND, VERSION},
    domain::{
        bounds,
        object::{Object, ObjectKey},
        report::Event,
    },
};

/// Events that may wait, warnings and others each. More are dropped: what they say is in the status as well.
const WAITING: usize = 10_000;
/// And the bytes of their notes, as long as they wait.
const WAITING_BYTES: usize = 1024 * 1024;
/// While resources wait to be looked at, each event is followed by a pause this many times as long as it took.
const PAUSE_FACTOR: u32 = 9;
/// And no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Events whose repetitions are counted. kube's recorder would remember all of the last minutes, each with a KiB or more.
const REMEMBERED: usize = 512;
/// The API server's limit on `note`, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Where events are handed in. Cheap to clone.
#[derive(Clone)]
pub struct EventSink {
    warnings: Line,
    others: Line,
}

impl EventSink {
    /// Hands in an event about the resource.
    pub fn publish(&self, object: &Object, event: Event) {
        let line = if event.warning { &self.warnings } else { &self.others };
        if !line.join(object, event) {
            debug!(object = %object.key, "event dropped");
        }
    }
}

/// Events that wait, up to a number and up to a size.
#[derive(Clone)]
struct Line {
    sender: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// An event that waits. It holds no resource: those that wait could keep many that are gone or changed.
struct Waiting {
    about: About,
    event: Event,
    _room: OwnedSemaphorePermit,
}

/// Which resource an event is about.
struct About {
    key: ObjectKey,
    uid: Arc<str>,
}

impl Line {
    fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, room: Arc::new(Semaphore::new(WAITING_BYTES)) }, receiver)
    }

    /// Whether there was room.
    fn join(&self, object: &Object, mut event: Event) -> bool {
        event.note = bounds::cut(event.note, NOTE_LIMIT);
        let size = u32::try_from(event.note.len()).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size) else {
            return false;
        };
        let about = About { key: object.key.clone(), uid: Arc::clone(&object.uid) };
        self.sender.try_send(Waiting { about, event, _room: room }).is_ok()
    }
}

/// A sink, and the task that empties it until all sinks are gone. `busy`: whether resources wait to be looked at.
pub fn publisher(client: Client, busy: impl Fn() -> bool) -> (EventSink, impl Future<Output = ()>) {
    let (warnings, mut first) = Line::new();
    let (others, mut then) = Line::new();
    let task = async move {
        let mut history = EventHistory::new(client);
        loop {
            let Waiting { about, event, _room } = tokio::select! {
                biased;
                Some(warning) = first.recv() => warning,
                Some(other) = then.recv() => other,
                else => return,
            };
            let began = Instant::now();
            publish(history.recorder_for(&about, &event), &about, event).await;
            if busy() {
                sleep((began.elapsed() * PAUSE_FACTOR).min(LONGEST_PAUSE)).await;
            }
        }
    };
    (EventSink { warnings, others }, task)
}

/// The recorder, and what it has seen. It takes an event for the repetition of another one with another note, and keeps that
/// one's note; so it starts anew before such an event.
struct EventHistory {
    client: Client,
    recorder: Recorder,
    notes: HashMap<(Arc<str>, &'static str), String>,
}

impl EventHistory {
    fn new(client: Client) -> Self {
        let recorder = recorder(client.clone());
        Self { client, recorder, notes: HashMap::new() }
    }

    fn recorder_for(&mut self, about: &About, event: &Event) -> &Recorder {
        let kind = (Arc::clone(&about.uid), event.reason);
        let other_note = self.notes.get(&kind).is_some_and(|note| *note != event.note);
        if other_note || self.notes.len() >= REMEMBERED {
            self.recorder = recorder(self.client.clone());
            self.notes.clear();
        }
        self.notes.insert(kind, event.note.clone());
        &self.recorder
    }
}

fn recorder(client: Client) -> Recorder {
    Recorder::new(client, Reporter { controller: FIELD_MANAGER.to_owned(), instance: None })
}

async fn publish(recorder: &Recorder, about: &About, event: Event) {
    let event = to_kube(event);
    let why = match timeout(REQUEST_TIMEOUT, recorder.publish(&event, &reference(about))).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) if in_terminating_namespace(&error) => {
            debug!(object = %about.key, "event not published: the namespace is being deleted");
            return;
        }
        Ok(Err(error)) => super::error::Error::from(error),
        Err(_) => super::error::Error::Timeout,
    };
    warn!(object = %about.key, error = %why, "event not published");
}

/// Whether the API server refuses because it takes nothing new in a namespace that is being deleted. Rights are not the cause.
fn in_terminating_namespace(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.any(|cause| cause.reason == "NamespaceTerminating")
}

fn reference(about: &About) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{GROUP}/{VERSION}")),
        kind: Some(KIND.to_owned()),
        namespace: Some(about.key.namespace.to_string()),
        name: Some(about.key.name.to_string()),
        uid: Some(about.uid.to_string()),
        ..ObjectReference::default()
    }
}

fn to_kube(event: Event) -> KubeEvent {
    KubeEvent {
        type_: if event.warning { EventType::Warning } else { EventType::Normal },
        reason: event.reason.to_owned(),
        note: Some(event.note),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
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
        events.iter().for_each(|event| sink.publish(&object, event.clone()));
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

    #[test]
    fn a_namespace_that_is_being_deleted_is_told_from_missing_rights() {
        let refused = |details: serde_json::Value| {
            let status =
                json!({ "status": "Failure", "reason": "Forbidden", "code": 403, "details": details });
            kube::Error::Api(serde_json::from_value(status).unwrap())
        };
        let terminating =
            json!({ "causes": [{ "reason": "NamespaceTerminating", "field": "metadata.namespace" }] });
        assert!(in_terminating_namespace(&refused(terminating)));
        assert!(!in_terminating_namespace(&refused(json!({ "kind": "events" }))));
        assert!(!in_terminating_namespace(&refused(json!(null))));
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
        let joined = (0..2 * WAITING).filter(|_| line.join(&object, event(false, &long))).count();
        assert_eq!(joined, WAITING_BYTES / NOTE_LIMIT);
        assert!(!line.join(&object, event(false, "a")));
        drop(waiting.recv().await);
        assert!(line.join(&object, event(false, "a")), "whoever goes makes room");

        let (line, _waiting) = Line::new();
        let joined = (0..2 * WAITING).filter(|_| line.join(&object, event(false, "a"))).count();
        assert_eq!(joined, WAITING);
        assert!(line.room.available_permits() >= WAITING_BYTES - WAITING, "what is dropped takes no room");
    }
}
