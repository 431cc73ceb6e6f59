//! What the API server sends to a watch: pages of a list, and frames of events, in pieces of any length.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use futures::stream;
use http::{Request, Response};
use k8s_openapi::api::core::v1::Secret;
use kube::client::Body;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::{
    domain::parse::{bounds, object::Object},
    fuzz::{Outcome, Secrets, Syntax, Target, assert_hidden, fuzz},
    k8s::{
        partial::{MetadataOnly, UnvalidatedResource},
        testing::page,
    },
};

/// The most that a sentence about a watch has, in bytes: a message of the API server, and what is said before it.
const SENTENCE: usize = bounds::MESSAGE + 128;
/// More events than this no input holds.
const EVENTS: usize = 10_000;

/// What the API server answers: to the first list, and to the first watch. The second watch is refused, which ends the attempt.
struct Script {
    list: Vec<u8>,
    watch: Vec<u8>,
    lists: AtomicUsize,
    watches: AtomicUsize,
}

impl Script {
    fn client(self: Arc<Self>) -> Client {
        let service = tower::service_fn(move |request: Request<Body>| {
            let script = Arc::clone(&self);
            async move { Ok::<_, Infallible>(script.answer(request.uri().query().unwrap_or_default())) }
        });
        Client::new(service, "ml")
    }

    fn answer(&self, query: &str) -> Response<axum::body::Body> {
        let number =
            if query.contains("watch=true") { &self.watches } else { &self.lists }.fetch_add(1, Relaxed);
        let (code, body) = match (query.contains("watch=true"), number) {
            (false, 0) => (200, self.list.clone()),
            (false, _) => (200, page(&[], None).into_bytes()),
            (true, 0) => (200, self.watch.clone()),
            (true, _) => (500, Vec::new()),
        };
        // Pieces of a length that depends on the input.
        let length =
            1 + body.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()))
                % 997;
        let pieces: Vec<_> = body.chunks(length).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
        Response::builder().status(code).body(axum::body::Body::from_stream(stream::iter(pieces))).unwrap()
    }
}

/// Follows a watch over what the script answers until it fails, and says what was handed over.
fn follow_script<K>(
    list: &[u8],
    frames: &[u8],
    api: impl FnOnce(Client) -> Api<K>,
    mut on: impl FnMut(&Event<K>),
) -> (usize, String)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    }
    let script = Script {
        list: list.to_vec(),
        watch: frames.to_vec(),
        lists: AtomicUsize::new(0),
        watches: AtomicUsize::new(0),
    };
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let health = Arc::new(WatchHealth::new("fuzz"));
            let client = wire::connect(&Arc::new(script).client(), health, Places::default(), Arc::default());
            let mut events = watcher::watcher(api(client), config()).boxed();
            let mut count = 0;
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => on(&event),
                    Err(error) => return (count, describe("Fuzz", &error)),
                }
                count += 1;
                assert!(count < EVENTS, "more events than there can be");
            }
            (count, String::new())
        })
    })
}

fn outcome(input: &[u8], (count, error): (usize, String)) -> Outcome {
    assert!(error.len() <= SENTENCE, "a sentence of {} bytes", error.len());
    assert_hidden(&error, || Secrets::of_json_lines(input));
    Outcome::of((count.min(20), Outcome::of_sentence(&error)))
}

fn empty_list() -> Vec<u8> {
    page(&[], None).into_bytes()
}

fn resource_frames_attempt(input: &[u8]) -> Outcome {
    let mut understood = 0;
    let told = follow_script(
        &empty_list(),
        input,
        |client| Api::namespaced(client, "ml"),
        |event: &Event<UnvalidatedResource>| {
            if let Event::Apply(resource) | Event::InitApply(resource) | Event::Delete(resource) = event {
                understood += usize::from(
                    resource.clone().check().is_ok_and(|resource| Object::from_resource(&resource).is_some()),
                );
            }
        },
    );
    Outcome::of((understood.min(20), outcome(input, told)))
}

fn secret_pages_attempt(input: &[u8]) -> Outcome {
    let told = follow_script(
        input,
        b"",
        |client| Api::namespaced(client, "ml"),
        |event: &Event<MetadataOnly<Secret>>| {
            if let Event::InitApply(secret) = event {
                let metadata = secret.meta();
                assert!(
                    metadata.annotations.is_none() && metadata.managed_fields.is_none(),
                    "no more than an identity is kept"
                );
            }
        },
    );
    outcome(input, told)
}

const WORDS: &[&str] = &[
    "type",
    "object",
    "ADDED",
    "MODIFIED",
    "DELETED",
    "BOOKMARK",
    "ERROR",
    "kind",
    "Status",
    "apiVersion",
    "meta.k8s.io/v1",
    "PartialObjectMetadataList",
    "items",
    "metadata",
    "continue",
    "remainingItemCount",
    "resourceVersion",
    "name",
    "namespace",
    "annotations",
    "labels",
    "k8s.io/initial-events-end",
    "status",
    "Failure",
    "message",
    "reason",
    "Expired",
    "code",
    "410",
    "429",
    "spec",
    "secretRef",
    "aiCoreSecretRef",
    "\n",
    "\r\n",
    "\n\n\n",
    "canary",
];

#[test]
fn watch_frames() {
    let attempt = resource_frames_attempt;
    fuzz(&Target { name: "watch_frames", short: 2_000, syntax: Syntax::Bytes, dictionary: WORDS, attempt });
}

#[test]
fn list_pages() {
    fuzz(&Target {
        name: "list_pages",
        short: 2_000,
        syntax: Syntax::Json,
        dictionary: WORDS,
        attempt: secret_pages_attempt,
    });
}
