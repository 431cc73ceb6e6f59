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
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::{Instant, sleep, timeout},
};
use tracing::{debug, warn};

use super::{error::REQUEST_TIMEOUT, namespaces::is_of_terminating_namespace, resources::FIELD_MANAGER};
use crate::{
    api::{GROUP, KIND, TENANT_KIND, VERSION},
    domain::{
        decide::report::Event,
        parse::{
            bounds,
            object::{Object, ObjectKey},
            tenant::{self, SharedTenant},
        },
    },
};

/// Events that may wait, warnings and others each. More are dropped: what they say is in the status as well.
const WAITING: usize = 10_000;
/// And the bytes of their notes, as long as they wait.
const WAITING_BYTES: usize = 1024 * 1024;
/// How long a pass waits for the API server to take an event that must not be lost.
const PATIENCE: Duration = Duration::from_secs(1);
/// While resources wait to be reconciled, each event is followed by a pause this many times as long as it took.
const PAUSE_FACTOR: u32 = 9;
/// And no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Events whose repetitions are counted. kube's recorder would remember all of the last minutes, in a table with 2 KiB for each:
/// this is what one with 128 places takes.
const REMEMBERED: usize = 112;
/// The API server's limit on `note`, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Where events are handed in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EventSink {
    farewells: Line,
    warnings: Line,
    others: Line,
}

impl EventSink {
    /// Hands in an event.
    pub(crate) fn publish(&self, about: About, event: Event) {
        let line = if event.warning { &self.warnings } else { &self.others };
        line.join(about, event, None);
    }

    /// The same, before all others, and waits a moment for the API server to take it: for what nobody else will say later.
    pub(crate) async fn say(&self, about: About, event: Event) {
        let (answered, answer) = oneshot::channel();
        self.farewells.join(about, event, Some(answered));
        let _ = timeout(PATIENCE, answer).await;
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
    /// Who waits for the API server's answer.
    answered: Option<oneshot::Sender<()>>,
    _room: OwnedSemaphorePermit,
}

/// What an event is about.
pub(crate) struct About {
    key: ObjectKey,
    uid: Arc<str>,
}

impl About {
    /// A resource.
    pub(crate) fn resource(object: &Object) -> Self {
        Self { key: object.key.clone(), uid: Arc::clone(&object.uid) }
    }

    /// An AICoreTenant.
    pub(crate) fn tenant(tenant: &SharedTenant) -> Self {
        Self { key: tenant.key(), uid: Arc::clone(&tenant.uid) }
    }

    /// As events name it. What is in no namespace has its events in the namespace `default`, as kube's recorder knows.
    fn reference(&self) -> ObjectReference {
        let Self { key, uid } = self;
        let (kind, namespace) = match tenant::name_of(key) {
            Some(_) => (TENANT_KIND, None),
            None => (KIND, Some(key.namespace.to_string())),
        };
        ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(kind.to_owned()),
            namespace,
            name: Some(key.name.to_string()),
            uid: Some(uid.to_string()),
            ..ObjectReference::default()
        }
    }
}

impl Line {
    fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, room: Arc::new(Semaphore::new(WAITING_BYTES)) }, receiver)
    }

    /// Whether there was room; else the event is dropped.
    fn join(&self, about: About, mut event: Event, answered: Option<oneshot::Sender<()>>) -> bool {
        event.note = bounds::cut(event.note, NOTE_LIMIT);
        let size = u32::try_from(event.note.len()).unwrap_or(u32::MAX);
        let dropped = |about: &About| debug!(object = %about.key, "event dropped");
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size) else {
            dropped(&about);
            return false;
        };
        let refused = self.sender.try_send(Waiting { about, event, answered, _room: room }).err();
        if let Some(refused) = &refused {
            let (TrySendError::Full(waiting) | TrySendError::Closed(waiting)) = refused;
            dropped(&waiting.about);
        }
        refused.is_none()
    }
}

/// A sink, and the task that empties it until all sinks are gone. `busy`: whether resources wait to be reconciled.
pub(crate) fn publisher(client: Client, busy: impl Fn() -> bool) -> (EventSink, impl Future<Output = ()>) {
    let (farewells, mut first) = Line::new();
    let (warnings, mut then) = Line::new();
    let (others, mut last) = Line::new();
    let task = async move {
        let mut history = EventHistory::new(client);
        loop {
            let Waiting { about, event, answered, _room } = tokio::select! {
                biased;
                Some(farewell) = first.recv() => farewell,
                Some(warning) = then.recv() => warning,
                Some(other) = last.recv() => other,
                else => return,
            };
            let began = Instant::now();
            publish(history.recorder_for(&about, &event), &about, event).await;
            // Who has waited long enough is gone.
            let _ = answered.map(|answered| answered.send(()));
            if busy() {
                sleep((began.elapsed() * PAUSE_FACTOR).min(LONGEST_PAUSE)).await;
            }
        }
    };
    (EventSink { farewells, warnings, others }, task)
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
    let why = match timeout(REQUEST_TIMEOUT, recorder.publish(&event, &about.reference())).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) if is_of_terminating_namespace(&error) => {
            debug!(object = %about.key, "event not published: the namespace is being deleted");
            return;
        }
        Ok(Err(error)) => super::error::Error::from(error),
        Err(_) => super::error::Error::Timeout,
    };
    warn!(object = %about.key, error = %why, "event not published");
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
mod tests;
