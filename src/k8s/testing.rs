//! An API server that does as a test says.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use futures::{Stream, StreamExt, stream};
use http::{Request, Response};
use kube::Client;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long an answer takes.
const ROUND_TRIP: Duration = Duration::from_millis(2);

/// What the API server was asked, and when.
pub(crate) type Requests = Arc<Mutex<Vec<(Duration, String)>>>;

/// A client of an API server that answers by a function of the request's URI, and what it was asked.
pub(crate) fn api_server(
    answer: impl Fn(&str) -> Response<Body> + Send + Sync + 'static,
) -> (Client, Requests) {
    unsteady_api_server(move |uri| Some(answer(uri)))
}

/// The same; it cannot be reached when there is no answer.
pub(crate) fn unsteady_api_server(
    answer: impl Fn(&str) -> Option<Response<Body>> + Send + Sync + 'static,
) -> (Client, Requests) {
    let requests = Requests::default();
    let (answer, asked, start) = (Arc::new(answer), Arc::clone(&requests), Instant::now());
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
        async move {
            tokio::time::sleep(ROUND_TRIP).await;
            let uri = request.uri().to_string();
            asked.lock().unwrap().push((start.elapsed(), uri.clone()));
            answer(&uri).ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused))
        }
    });
    (Client::new(service, "ns"), requests)
}

pub(crate) fn is_watch(uri: &str) -> bool {
    uri.contains("watch=true")
}

pub(crate) fn lists(requests: &Requests) -> usize {
    requests.lock().unwrap().iter().filter(|(_, uri)| !is_watch(uri)).count()
}

pub(crate) fn watches(requests: &Requests) -> usize {
    requests.lock().unwrap().iter().filter(|(_, uri)| is_watch(uri)).count()
}

/// The number after `limit=`.
pub(crate) fn limit(uri: &str) -> usize {
    let limit = uri.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("limit="));
    limit.unwrap().parse().unwrap()
}

pub(crate) fn answer(code: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(code).body(body.into()).unwrap()
}

/// A list of objects with these names.
pub(crate) fn list(names: &[&str]) -> Response<Body> {
    let items: Vec<Value> = names.iter().map(|name| object(name)).collect();
    answer(200, page(&items, None))
}

/// One page of a list; `rest` is the token for the next.
pub(crate) fn page(items: &[Value], rest: Option<usize>) -> String {
    page_at("5", items, rest)
}

/// The same, at a version.
pub(crate) fn page_at(version: &str, items: &[Value], rest: Option<usize>) -> String {
    let rest = rest.map(|rest| rest.to_string());
    let metadata = json!({ "resourceVersion": version, "continue": rest });
    json!({ "kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items }).to_string()
}

pub(crate) fn object(name: &str) -> Value {
    json!({ "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": { "name": name, "namespace": "ns", "resourceVersion": "5" } })
}

/// A refusal.
pub(crate) fn status(code: u16, reason: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "no", "reason": reason,
        "code": code })
}

/// An event of a watch, as it is sent.
pub(crate) fn event(type_: &str, object: &Value) -> String {
    format!("{}\n", json!({ "type": type_, "object": object }))
}

pub(crate) fn bookmark() -> String {
    let metadata = json!({ "resourceVersion": "5", "creationTimestamp": null });
    event("BOOKMARK", &json!({ "kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata }))
}

/// The answer to a watch: what is sent, each after its time in seconds, and the end.
pub(crate) fn stream_of(sent: Vec<(u64, String)>, end: u64) -> Response<Body> {
    let start = Instant::now();
    let pieces = stream::iter(sent).then(move |(seconds, piece)| async move {
        tokio::time::sleep_until(start + Duration::from_secs(seconds)).await;
        Ok::<_, Infallible>(piece)
    });
    let end = stream::once(tokio::time::sleep_until(start + Duration::from_secs(end)));
    answer(200, Body::from_stream(pieces.chain(nothing(end))))
}

fn nothing(
    end: impl Stream<Item = ()> + Send + 'static,
) -> impl Stream<Item = Result<String, Infallible>> + Send {
    end.filter_map(|()| async { None })
}

/// An answer that begins and never goes on.
pub(crate) fn stuck() -> Response<Body> {
    answer(200, Body::from_stream(stream::pending::<Result<String, Infallible>>()))
}
