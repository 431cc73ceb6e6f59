//! Answers of the API server that kube does not read for us: kube keeps several copies of a whole answer, of any size, and quotes
//! one that it does not understand in its log and its errors. Here they are bounded, in memory that is zeroed when it goes, and no
//! error holds any of them.

use http::{
    Request, Response, StatusCode,
    header::{CONTENT_LENGTH, DATE},
};
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use jiff::{Timestamp, fmt::rfc2822};
use kube::{Client, client::Body};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use super::error::{Error, REQUEST_TIMEOUT};
use crate::domain::parse::bounds;

/// The largest answer that is read, in bytes. A Secret has 1 MiB of values (1.4 MiB in base64), and its annotations 256 KiB.
pub(super) const LIMIT: usize = 2 * 1024 * 1024;
/// Answers up to this size are read at once, larger ones a few at a time: ordinary Secrets do not wait for those that somebody
/// made large, and the memory for all is bounded.
const SMALL: usize = 64 * 1024;
static LARGE: Semaphore = Semaphore::const_new(4);
/// What is read of an answer that says why something was refused, in bytes.
const REFUSAL_LIMIT: usize = 64 * 1024;
/// What is shown of its message, in bytes.
const MESSAGE_LIMIT: usize = 500;

/// The text of an answer.
pub(super) struct Text {
    bytes: Zeroizing<Vec<u8>>,
    answered_at: Option<Timestamp>,
    _place: Option<SemaphorePermit<'static>>,
}

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// When the API server answered, by its own clock (header `Date`), if it said so.
    pub(super) fn answered_at(&self) -> Option<Timestamp> {
        self.answered_at
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// What the API server refused, that it did not answer in time, or [`Error::TooLarge`].
pub(super) async fn read(client: &Client, request: Request<Vec<u8>>) -> Result<Text, Error> {
    in_time(async {
        let (response, connection) = sent(client, request).await?;
        collect(response, &connection, LIMIT).await
    })
    .await
}

/// Sends a request whose answer does not matter if it is a good one. It is read nevertheless, so that the connection can be used
/// again, and not kept.
///
/// # Errors
/// What the API server refused, or that it did not answer in time.
pub(super) async fn ignore(client: &Client, request: Request<Vec<u8>>) -> Result<(), Error> {
    in_time(async {
        let (response, connection) = sent(client, request).await?;
        let mut body = response.into_body();
        let mut size = 0;
        // The write has been done: what becomes of the rest of the answer changes nothing.
        while let Some(Ok(frame)) = body.frame().await
            && size <= LIMIT
        {
            tokio::task::coop::consume_budget().await;
            size += frame.data_ref().map_or(0, bytes::Bytes::len);
            if size > SMALL {
                use_no_more(&connection);
            }
        }
        Ok(())
    })
    .await
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(REQUEST_TIMEOUT, work).await.unwrap_or(Err(Error::Timeout))
}

/// The answer, if it is a good one, and the connection that it comes on.
async fn sent(
    client: &Client,
    request: Request<Vec<u8>>,
) -> Result<(Response<Body>, CaptureConnection), Error> {
    let mut request = request.map(Body::from);
    let connection = capture_connection(&mut request);
    let response = client.send(request).await?;
    let status = response.status();
    if status.is_success() {
        return Ok((response, connection));
    }
    let text = match collect(response, &connection, REFUSAL_LIMIT).await {
        Ok(text) => text,
        Err(Error::TooLarge) => Text { bytes: Zeroizing::default(), answered_at: None, _place: None },
        Err(error) => return Err(error),
    };
    Err(refusal(status, text.bytes()))
}

async fn collect(
    response: Response<Body>,
    connection: &CaptureConnection,
    limit: usize,
) -> Result<Text, Error> {
    let announced = response.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    if announced > limit {
        return Err(Error::TooLarge);
    }
    let answered_at = response.headers().get(DATE);
    let answered_at = answered_at.and_then(|date| rfc2822::parse(date.to_str().ok()?).ok());
    let answered_at = answered_at.map(|date| date.timestamp());
    let mut place = if announced > SMALL { Some(large(connection).await?) } else { None };
    let mut bytes = Zeroizing::new(Vec::with_capacity(announced));
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        // However small the pieces are and however fast they come, others have their turn.
        tokio::task::coop::consume_budget().await;
        let Ok(data) = frame?.into_data() else { continue };
        let size = bytes.len() + data.len();
        if size > limit {
            return Err(Error::TooLarge);
        }
        if size > SMALL && place.is_none() {
            place = Some(large(connection).await?);
        }
        if size > bytes.capacity() {
            // A Vec that grows by itself would leave its old memory as it was.
            let mut larger = Zeroizing::new(Vec::with_capacity((2 * size).min(limit)));
            larger.extend_from_slice(&bytes);
            bytes = larger;
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Text { bytes, answered_at, _place: place })
}

/// Nothing else is sent on the connection, which carries a large answer: its buffers grow with what it carries, two of them up to
/// 0.4 MiB each, and would stay as they are for as long as it is open.
fn use_no_more(connection: &CaptureConnection) {
    if let Some(connected) = &*connection.connection_metadata() {
        connected.poison();
    }
}

/// A place among the large answers.
async fn large(connection: &CaptureConnection) -> Result<SemaphorePermit<'static>, Error> {
    use_no_more(connection);
    // It is never closed.
    LARGE.acquire().await.map_err(|_| Error::Timeout)
}

/// What there is to say about an answer other than 2xx: the API server's own message, if the answer is a `Status`.
fn refusal(status: StatusCode, text: &[u8]) -> Error {
    #[derive(Default, Deserialize)]
    struct Status {
        #[serde(default)]
        kind: String,
        message: Option<String>,
        reason: Option<String>,
    }
    let body = serde_json::from_slice::<Status>(text).ok().filter(|body| body.kind == "Status");
    let body = body.unwrap_or_default();
    let message = body.message.filter(|message| !message.is_empty()).or(body.reason);
    let message = message.unwrap_or_else(|| "the answer does not say why".to_owned());
    let message = bounds::cut(message.replace(char::is_control, " "), MESSAGE_LIMIT);
    match status {
        StatusCode::NOT_FOUND => Error::NotFound,
        StatusCode::FORBIDDEN => Error::Forbidden(message),
        status => Error::Refused { code: status.as_u16(), message },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
    };

    use bytes::Bytes;
    use futures::stream;
    use rstest::rstest;

    use super::*;

    /// An API server that gives the same answer to every request, in pieces.
    pub(crate) fn answering(status: u16, pieces: Vec<Bytes>) -> Client {
        let service = tower::service_fn(move |_: Request<Body>| {
            let pieces = pieces.clone();
            async move {
                let pieces = stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
                let body = axum::body::Body::from_stream(pieces);
                Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
            }
        });
        Client::new(service, "ns")
    }

    fn request() -> Request<Vec<u8>> {
        Request::get("/x").body(Vec::new()).unwrap()
    }

    fn pieces(size: usize, count: usize) -> Vec<Bytes> {
        vec![Bytes::from(vec![b'a'; size]); count]
    }

    #[tokio::test]
    async fn an_answer_is_put_together_from_its_pieces() {
        for (size, count) in [(0, 0), (1, 1), (100, 7), (50_000, 3), (LIMIT / 4, 4)] {
            let text = read(&answering(200, pieces(size, count)), request()).await.unwrap();
            assert_eq!(text.bytes(), vec![b'a'; size * count]);
        }
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_read() {
        let endless = vec![Bytes::from(vec![b'a'; 1 << 20]); 1000];
        assert!(matches!(read(&answering(200, endless), request()).await, Err(Error::TooLarge)));
        let announced = tower::service_fn(|_: Request<Body>| async {
            let response = Response::builder().header(CONTENT_LENGTH, LIMIT + 1);
            Ok::<_, Infallible>(response.body(Body::from(b"short".to_vec())).unwrap())
        });
        assert!(matches!(read(&Client::new(announced, "ns"), request()).await, Err(Error::TooLarge)));
    }

    /// An API server that answers with as many bytes as the path says, and counts its connections.
    async fn counting_connections() -> (Client, Arc<AtomicUsize>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = kube::Config::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, SeqCst);
                let answer = hyper::service::service_fn(async |request: Request<hyper::body::Incoming>| {
                    let size = request.uri().path()[1..].parse().unwrap();
                    Ok::<_, Infallible>(Response::new(axum::body::Body::from(vec![b'a'; size])))
                });
                let stream = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, answer));
            }
        });
        (crate::k8s::client::client(config).unwrap(), connections)
    }

    /// What carried a large answer has large buffers.
    #[tokio::test]
    async fn no_connection_is_kept_that_carried_a_large_answer() {
        // An earlier test may have installed it.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (client, connections) = counting_connections().await;
        for (size, opened) in [(0, 1), (SMALL, 1), (SMALL + 1, 1), (7, 2), (LIMIT, 2), (LIMIT, 3), (7, 4)] {
            let request = Request::get(format!("/{size}")).body(Vec::new()).unwrap();
            assert_eq!(read(&client, request).await.unwrap().bytes().len(), size);
            assert_eq!(connections.load(SeqCst), opened, "after {size} bytes");
        }
        for (size, opened) in [(SMALL, 4), (SMALL + 1, 4), (7, 5)] {
            ignore(&client, Request::get(format!("/{size}")).body(Vec::new()).unwrap()).await.unwrap();
            assert_eq!(connections.load(SeqCst), opened, "after {size} bytes that are ignored");
        }
    }

    #[tokio::test]
    async fn an_ignored_answer_may_have_any_size() {
        ignore(&answering(200, pieces(1 << 20, 100)), request()).await.unwrap();
        let refused = ignore(&answering(500, pieces(1 << 20, 100)), request()).await.unwrap_err();
        assert_eq!(refused.to_string(), "the API server answered 500: the answer does not say why");
    }

    /// Large answers wait for each other, and small ones for nobody.
    #[tokio::test(start_paused = true)]
    async fn small_answers_do_not_wait_for_large_ones() {
        let all = LARGE.acquire_many(4).await.unwrap();
        assert!(matches!(read(&answering(200, pieces(SMALL + 1, 1)), request()).await, Err(Error::Timeout)));
        read(&answering(200, pieces(SMALL, 1)), request()).await.unwrap();
        drop(all);
        read(&answering(200, pieces(SMALL + 1, 1)), request()).await.unwrap();
    }

    #[rstest]
    #[case::status(
        500,
        r#"{"kind":"Status","message":"etcd is away","reason":"InternalError"}"#,
        "the API server answered 500: etcd is away"
    )]
    #[case::without_message(
        409,
        r#"{"kind":"Status","reason":"Conflict"}"#,
        "the API server answered 409: Conflict"
    )]
    #[case::forbidden(
        403,
        r#"{"kind":"Status","message":"no get"}"#,
        "the operator is not allowed to do this: no get"
    )]
    #[case::not_found(404, "page not found", "not found")]
    #[case::a_page(502, "<html>s3cr3t</html>", "the API server answered 502: the answer does not say why")]
    #[case::a_secret(
        500,
        r#"{"kind":"Secret","message":"s3cr3t"}"#,
        "the API server answered 500: the answer does not say why"
    )]
    #[case::redirect(302, "", "the API server answered 302: the answer does not say why")]
    #[case::control_characters(
        500,
        r#"{"kind":"Status","message":"a\n\u001b[31mb"}"#,
        "the API server answered 500: a  [31mb"
    )]
    #[tokio::test]
    async fn a_refusal_says_what_the_status_says(
        #[case] code: u16,
        #[case] body: &'static str,
        #[case] sentence: &str,
    ) {
        let client = answering(code, vec![Bytes::from_static(body.as_bytes())]);
        let refused = read(&client, request()).await.err().unwrap();
        assert_eq!(refused.to_string(), sentence);
    }

    #[test]
    fn a_long_message_is_cut() {
        let body = serde_json::json!({ "kind": "Status", "message": "ü".repeat(5000) }).to_string();
        let Error::Refused { message, .. } = refusal(StatusCode::CONFLICT, body.as_bytes()) else { panic!() };
        assert!(message.len() <= MESSAGE_LIMIT && message.ends_with('…'));
    }
}
