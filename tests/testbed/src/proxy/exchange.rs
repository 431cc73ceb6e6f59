//! One request, its way to the API server and its answer.

use std::{fmt, sync::Arc};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use kube::client::Body as KubeBody;

use super::{
    action::Travel,
    request::Request,
    state::{Flow, State, Trace},
};

/// The largest body of a request: far more than the API server takes.
const REQUEST_LIMIT: usize = 64 * 1024 * 1024;

/// Why the connection ends.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy cuts this connection")
    }
}

impl std::error::Error for Cut {}

/// Answers `request`; fails when the connection is to be cut.
pub(super) async fn exchange(
    state: Arc<State>,
    request: http::Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (trace, action) = state.begin(Request::of(request.method(), request.uri()));
    let mut flow = trace.flow.clone();
    let answer = async {
        if let Some(gate) = &action.gate {
            gate.pass().await;
        }
        tokio::time::sleep(action.delay).await;
        match action.travel {
            Travel::Cut => return Err(Cut),
            Travel::Hang => return std::future::pending().await,
            Travel::Answer(code, body) => return Ok(own(code, body.to_string())),
            Travel::Pass | Travel::CutAnswer | Travel::Late(_) | Travel::CutAfter(_) | Travel::Silence => {}
        }
        let answer = pass(&state, request).await?;
        match action.travel {
            Travel::CutAnswer => Err(Cut),
            Travel::Late(delay) => {
                tokio::time::sleep(delay).await;
                Ok(answer)
            }
            Travel::CutAfter(bytes) => Ok(answer.map(|body| shortened(body, bytes))),
            Travel::Silence => Ok(answer.map(|_| Body::from_stream(stream::pending::<Result<Bytes, Cut>>()))),
            _ => Ok(answer),
        }
    };
    let answer = tokio::select! {
        answer = answer => answer?,
        () = until_not_passing(&mut flow) => return ended(&mut flow).await,
    };
    trace.note(|seen| seen.status = Some(answer.status()));
    Ok(answer.map(|body| Body::from_stream(passed_on(body, trace))))
}

/// Sends the request to the API server.
async fn pass(state: &State, request: http::Request<Incoming>) -> Result<Response<Body>, Cut> {
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), REQUEST_LIMIT).await.map_err(|_| Cut)?;
    // Said anew on the other connection.
    for name in [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
        head.headers.remove(name);
    }
    let request = http::Request::from_parts(head, KubeBody::from(body));
    match state.upstream.send(request).await {
        Ok(answer) => {
            let (mut head, body) = answer.into_parts();
            head.headers.remove(header::TRANSFER_ENCODING);
            head.headers.remove(header::CONNECTION);
            Ok(Response::from_parts(head, Body::new(body)))
        }
        // As a client would see an API server that is away.
        Err(_) => Err(Cut),
    }
}

fn own(code: StatusCode, body: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = code;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The first bytes, then the end of the connection.
fn shortened(body: Body, bytes: usize) -> Body {
    let pieces = body.into_data_stream();
    Body::from_stream(stream::unfold((pieces, bytes), async |(mut pieces, left)| {
        if left == 0 {
            return Some((Err(Cut), (pieces, left)));
        }
        let piece: Bytes = pieces.next().await?.ok()?;
        let piece = piece.slice(..piece.len().min(left));
        let left = left - piece.len();
        Some((Ok(piece), (pieces, left)))
    }))
}

/// The pieces of an answer as they come, for as long as the test lets them.
fn passed_on(body: Body, trace: Trace) -> impl futures::Stream<Item = Result<Bytes, Cut>> + Send {
    // Of an answer whose length was said, nobody asks for the end.
    let length = body.size_hint().exact();
    let start = (body.into_data_stream(), trace, false);
    stream::unfold(start, move |(mut pieces, mut trace, ended_before)| async move {
        if ended_before {
            return None;
        }
        let mut flow = trace.flow.clone();
        let piece = tokio::select! {
            biased;
            () = until_not_passing(&mut flow) => {
                let cut = ended::<Bytes>(&mut trace.flow).await;
                return Some((cut, (pieces, trace, true)));
            }
            piece = pieces.next() => piece,
        };
        match piece {
            Some(Ok(piece)) => {
                trace.heard(&piece);
                trace.note(|seen| {
                    seen.bytes += piece.len();
                    seen.complete = length == u64::try_from(seen.bytes).ok();
                });
                Some((Ok(piece), (pieces, trace, false)))
            }
            Some(Err(_)) => Some((Err(Cut), (pieces, trace, true))),
            None => {
                trace.heard_all();
                trace.note(|seen| seen.complete = true);
                None
            }
        }
    })
}

async fn until_not_passing(flow: &mut tokio::sync::watch::Receiver<Flow>) {
    // The sender lives as long as the proxy.
    let _ = flow.wait_for(|flow| *flow != Flow::Passing).await;
}

/// Silent until the connection is cut.
async fn ended<T>(flow: &mut tokio::sync::watch::Receiver<Flow>) -> Result<T, Cut> {
    let _ = flow.wait_for(|flow| *flow == Flow::Cut).await;
    Err(Cut)
}
