//! Publishes Kubernetes events, apart from the reconcile loop: a slow or failing API server must not slow it, and a failure
//! to publish is never more than a log line (in a terminating namespace the API server takes no new events).

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event as KubeEvent, EventType, Recorder, Reporter},
};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{error::REQUEST_TIMEOUT, resources::FIELD_MANAGER};
use crate::{
    api::{GROUP, KIND, VERSION},
    domain::{object::Object, report::Event},
};

/// Events that may wait. More are dropped: what they say is in the status as well.
const WAITING: usize = 1024;
/// The API server's limit on `note`, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Where events are handed in. Cheap to clone.
#[derive(Clone)]
pub struct EventSink(mpsc::Sender<(ObjectReference, Event)>);

impl EventSink {
    /// Hands in an event about the resource.
    pub fn publish(&self, object: &Object, event: Event) {
        let reference = ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(KIND.to_owned()),
            namespace: Some(object.key.namespace.to_string()),
            name: Some(object.key.name.to_string()),
            uid: Some(object.uid.to_string()),
            ..ObjectReference::default()
        };
        if let Err(error) = self.0.try_send((reference, event)) {
            debug!(object = %object.key, %error, "event dropped");
        }
    }
}

/// A sink, and the task that empties it until all sinks are gone.
pub fn publisher(client: Client) -> (EventSink, impl Future<Output = ()>) {
    let (sender, mut receiver) = mpsc::channel::<(ObjectReference, Event)>(WAITING);
    let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: None };
    let recorder = Recorder::new(client, reporter);
    let task = async move {
        while let Some((reference, event)) = receiver.recv().await {
            let event = to_kube(event);
            let publish = recorder.publish(&event, &reference);
            match tokio::time::timeout(REQUEST_TIMEOUT, publish).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    let error = super::error::Error::from(error);
                    warn!(object = ?reference.name, namespace = ?reference.namespace, %error, "event not published");
                }
                Err(_) => {
                    warn!(object = ?reference.name, namespace = ?reference.namespace, "event not published in time");
                }
            }
        }
    };
    (EventSink(sender), task)
}

fn to_kube(event: Event) -> KubeEvent {
    KubeEvent {
        type_: if event.warning { EventType::Warning } else { EventType::Normal },
        reason: event.reason.to_owned(),
        note: Some(shorten(event.note)),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

fn shorten(mut note: String) -> String {
    if note.len() > NOTE_LIMIT {
        note.truncate(note.floor_char_boundary(NOTE_LIMIT - '…'.len_utf8()));
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_fit_the_api_servers_limit() {
        assert_eq!(shorten("a".repeat(NOTE_LIMIT)).len(), NOTE_LIMIT);
        let cut = shorten("ü".repeat(NOTE_LIMIT));
        assert!(cut.len() <= NOTE_LIMIT && cut.ends_with('…'));
    }
}
