//! One HTTP exchange: limits on time and size, and no redirects. What comes of a failure holds words of the server that are not
//! checked yet; they are when somebody wants to show them, and not for the many answers that only tell what to do next.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, Span, debug, field::Empty, trace_span};
use zeroize::Zeroizing;

use super::{
    error::{Error, Refusal, Server},
    fault::Fault,
    redact::{SEARCHED, Sent, visible},
    retry_after,
    session::Aftermath,
    tls::Handshake,
    way::Way,
};
use crate::{
    aicore::error_details::UncheckedDetails, clock, error::root_cause, metrics::Metrics,
    response_body::read_limited,
};

/// Time to establish a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is read of an answer, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// How much room is made for an answer at first, in bytes. A token answer has less, so that its buffer, which is erased, is the
/// only one.
const ANSWER_ROOM: usize = 8 * 1024;

/// A 2xx answer.
pub(super) struct Answer {
    /// The body, cut at 64 KiB; erased when it is dropped.
    pub(super) body: Zeroizing<Vec<u8>>,
    /// Whether there was more of it.
    pub(super) cut: bool,
}

/// A request that did not succeed. Its words are not checked for secret values, so it is neither shown nor printed.
pub(super) enum Failed {
    /// The server answered with another status than 2xx.
    Refused {
        server: Server,
        host: String,
        status: u16,
        retry_after: Option<Duration>,
        details: UncheckedDetails,
    },
    /// There was no answer.
    Unreachable {
        server: Server,
        host: String,
        proxy: Option<String>,
        cause: Cause,
        handshake: Option<Handshake>,
        /// Whether there was a connection, so that the request may have been sent.
        connected: bool,
    },
    /// There was a connection, and no whole answer in time.
    Silent { server: Server, host: String, limit: Duration },
}

/// Why there was no answer.
pub(super) enum Cause {
    /// In words of our own, which quote no server.
    Known(Fault),
    /// In a library's words, which may quote what a server sent: the reason why it closes an HTTP/2 connection, say.
    Quoted(Zeroizing<String>),
}

impl Failed {
    fn without_answer(server: Server, host: String, way: &Way, error: &reqwest::Error) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::Silent { server, host, limit: way.request_timeout };
        }
        let handshake = Handshake::of(error);
        let connected = !error.is_connect() && !error.is_builder();
        let proxy = error.url().and_then(|url| way.proxies.proxy_for(url)).map(ToString::to_string);
        let fault = if error.is_timeout() {
            Some(Fault::no_connection(proxy.is_some()))
        } else {
            Fault::of(error, proxy.is_some())
        };
        let cause = fault.map_or_else(|| Cause::quoted(error), Cause::Known);
        Self::Unreachable { server, host, proxy, cause, handshake, connected }
    }

    /// The HTTP status, if there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Silent { .. } => None,
        }
    }

    /// What it leaves behind, if the request was one that writes.
    pub(super) fn aftermath(&self) -> Aftermath {
        match self {
            Self::Refused { status: 502 | 504, .. }
            | Self::Silent { .. }
            | Self::Unreachable { connected: true, .. } => Aftermath::Late,
            Self::Refused { status: 408 | 500.., .. } => Aftermath::Doubt,
            Self::Refused { .. } | Self::Unreachable { connected: false, .. } => Aftermath::Nothing,
        }
    }

    /// The error to show, after a request that carried `sent`.
    pub(super) fn checked(self, sent: &Sent<'_>) -> Error {
        match self {
            Self::Refused { server, host, status, retry_after, details } => {
                Error::Refused(Refusal { server, host, status, retry_after, details: details.checked(sent) })
            }
            Self::Silent { server, host, limit } => Error::Silent { server, host, limit },
            Self::Unreachable { server, host, proxy, cause, .. } => {
                let cause = match cause {
                    Cause::Known(fault) => fault.to_string(),
                    Cause::Quoted(cause) => {
                        let [quoted] = sent.quotes([&cause]).quoted;
                        sent.plain(&cause, quoted).unwrap_or_else(|| "the connection failed".to_owned())
                    }
                };
                Error::Unreachable { server, host, proxy, cause }
            }
        }
    }
}

/// Sends the request and reads the answer. Anything but 2xx is a failure.
pub(super) async fn send(
    server: Server,
    request: reqwest::RequestBuilder,
    way: &Way,
    metrics: &Metrics,
) -> Result<Answer, Failed> {
    let (http, request) = request.build_split();
    let request = request.map_err(|error| Failed::without_answer(server, String::new(), way, &error))?;
    let host = authority(request.url());
    let method = request.method().clone();
    let path = request.url().path().to_owned();
    let started = Instant::now();
    let span = span(&request);
    let result = exchange(&http, request).instrument(span.clone()).await;
    match &result {
        Ok((status, ..)) => {
            span.record("http.response.status_code", *status);
            if *status >= 400 {
                span.record("otel.status_code", "ERROR");
            }
        }
        Err(error) => {
            span.record("error.type", if error.is_timeout() { "timeout" } else { "connection" });
            span.record("otel.status_code", "ERROR");
        }
    }
    drop(span);
    let code = result.as_ref().map_or("none".to_owned(), |(status, ..)| status.to_string());
    let elapsed = started.elapsed();
    match server {
        Server::Api => metrics.remote_request(method.as_str(), &code, elapsed),
        Server::Authorization => metrics.token_request(&code),
    }
    let (status, retry_after, body, cut) = match result {
        Ok(answer) => answer,
        Err(error) => {
            debug!(%host, %method, path, timeout = error.is_timeout(), "request failed");
            return Err(Failed::without_answer(server, host, way, &error));
        }
    };
    debug!(%host, %method, path, status, elapsed_ms = elapsed.as_secs_f64() * 1e3, "request answered");
    if (200..300).contains(&status) {
        return Ok(Answer { body, cut });
    }
    Err(Failed::Refused { server, host, status, retry_after, details: UncheckedDetails::parse(&body) })
}

/// For traces only; the names are those of OpenTelemetry's conventions for HTTP clients.
fn span(request: &reqwest::Request) -> Span {
    trace_span!(
        "request",
        otel.name = request.method().as_str(),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        server.address = request.url().host_str(),
        server.port = request.url().port_or_known_default(),
        http.response.status_code = Empty,
        "error.type" = Empty,
    )
}

async fn exchange(
    http: &reqwest::Client,
    request: reqwest::Request,
) -> Result<(u16, Option<Duration>, Zeroizing<Vec<u8>>, bool), reqwest::Error> {
    let mut response = http.execute(request).await?;
    let status = response.status().as_u16();
    let retry_after = retry_after::longest(response.headers(), clock::now());
    let mut body = Zeroizing::new(Vec::with_capacity(ANSWER_ROOM));
    match read_limited(&mut response, ANSWER_LIMIT, &mut body).await {
        Ok(cut) => Ok((status, retry_after, body, cut)),
        // The status says whether a write was accepted; a body that breaks off does not change that.
        Err(_) if status < 300 || !body.is_empty() => Ok((status, retry_after, body, false)),
        Err(error) => Err(error),
    }
}

/// Host and, if it is not the scheme's own, port.
pub(super) fn authority(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

impl Cause {
    /// The innermost cause, which names the fault without the URL around it.
    fn quoted(error: &reqwest::Error) -> Self {
        let text = root_cause(error).to_string();
        Self::Quoted(Zeroizing::new(visible(&text).take(SEARCHED).collect()))
    }
}
