//! Bodies of requests, and spoilt bodies of answers.

use std::time::Duration;

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream, StreamExt};
use http::{HeaderMap, header};
use hyper::body::Incoming;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use super::{cut::Cut, payload::Write};

/// The largest body that is accepted: what is stored becomes a Kubernetes Secret, which holds up to 1 MiB.
const LIMIT: usize = 1024 * 1024;
/// How much of a larger body is still read, so that its sender sees the answer rather than a reset connection.
const DRAINED: usize = 16 * LIMIT;

pub(super) enum Read {
    Whole(Bytes),
    TooLarge,
}

/// Reads the body of a request; fails when its sender goes away.
pub(super) async fn read(body: Incoming) -> Result<Read, Cut> {
    let mut chunks = Body::new(body).into_data_stream();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Cut)?;
        length += chunk.len();
        if length > DRAINED {
            break;
        }
        if length <= LIMIT {
            whole.extend_from_slice(&chunk);
        }
    }
    Ok(if length > LIMIT { Read::TooLarge } else { Read::Whole(whole.freeze()) })
}

/// What an answer could quote of a request: the header that authorizes it, its body or the content to be stored, and
/// every string in that also in base64.
pub(super) fn quoted(headers: &HeaderMap, body: &[u8], write: &Write) -> String {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let mut said = vec![authorization.unwrap_or_default().to_owned()];
    let mut strings = Vec::new();
    if let Some(payload) = &write.payload {
        said.push(payload.expose().to_owned());
        collect_strings(&serde_json::from_str(payload.expose()).unwrap_or_default(), &mut strings);
    } else {
        said.push(String::from_utf8_lossy(body).into_owned());
        strings.extend(form_urlencoded::parse(body).map(|(_, value)| value.into_owned()));
    }
    for string in strings {
        said.push(STANDARD.encode(&string));
        said.push(string);
    }
    said.join(" ")
}

fn collect_strings(value: &Value, strings: &mut Vec<String>) {
    match value {
        Value::String(string) => strings.push(string.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect_strings(value, strings)),
        Value::Object(fields) => fields.values().for_each(|value| collect_strings(value, strings)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The first half of `bytes`, then the end of the connection.
pub(super) fn cut(bytes: &Bytes) -> impl Stream<Item = Result<Bytes, Cut>> + Send + use<> {
    let half = bytes.slice(..bytes.len() / 2);
    stream::iter([Ok(half)]).chain(stream::once(async {
        // A body that is not ready makes hyper send what it has.
        tokio::task::yield_now().await;
        Err(Cut)
    }))
}

/// `bytes` one by one, with a pause before each, until the simulator stops.
pub(super) fn drip(
    bytes: Bytes,
    pause: Duration,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Bytes, Cut>> + Send {
    stream::unfold((bytes, stop), move |(mut bytes, stop)| async move {
        if bytes.is_empty() {
            return None;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {
                let byte = bytes.split_to(1);
                Some((Ok(byte), (bytes, stop)))
            }
            () = stop.cancelled() => Some((Err(Cut), (Bytes::new(), stop.clone()))),
        }
    })
}
