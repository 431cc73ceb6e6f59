//! One HTTP exchange: limits on time and size, no redirects, and errors that hold no secret.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use tracing::{Instrument, Span, debug, field::Empty, trace_span};

use super::{
    error::{Error, Refusal, Server},
    redact::Redactor,
    retry_after,
};
use crate::{clock, metrics::Metrics};

/// Time to establish a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is read of an answer, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A 2xx answer.
pub(super) struct Answer {
    /// The body, cut at 64 KiB.
    pub(super) body: Vec<u8>,
}

/// Sends the request and reads the answer. Anything but 2xx is an error. `redactor` knows the secret values of the request.
pub(super) async fn send(
    server: Server,
    request: reqwest::RequestBuilder,
    redactor: &Redactor,
    metrics: &Metrics,
) -> Result<Answer, Error> {
    let (http, request) = request.build_split();
    let request =
        request.map_err(|error| Error::Unreachable { host: String::new(), cause: innermost(&error) })?;
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
    let (status, retry_after, body) = match result {
        Ok(answer) => answer,
        Err(error) => {
            let cause = if error.is_timeout() {
                "no answer in time".to_owned()
            } else {
                redactor.clean(&innermost(&error))
            };
            debug!(%host, %method, path, cause, "request failed");
            return Err(Error::Unreachable { host, cause });
        }
    };
    debug!(%host, %method, path, status, elapsed_ms = elapsed.as_secs_f64() * 1e3, "request answered");
    if (200..300).contains(&status) {
        return Ok(Answer { body });
    }
    let said = Said::parse(&body);
    Err(Error::Refused(Refusal {
        server,
        host,
        status,
        code: said.code.map(|code| redactor.clean(&code)),
        request_id: said.request_id.map(|id| redactor.clean(&id)),
        message: said.message.map(|message| redactor.clean(&message)).filter(|message| !message.is_empty()),
        retry_after,
    }))
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
) -> Result<(u16, Option<Duration>, Vec<u8>), reqwest::Error> {
    let mut response = http.execute(request).await?;
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after::parse(value, clock::now()));
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = ANSWER_LIMIT - body.len();
                body.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    break;
                }
            }
            Ok(None) => break,
            // The status says whether a write was accepted; a body that breaks off does not change that.
            Err(_) if status < 300 || !body.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok((status, retry_after, body))
}

/// Host and, if it is not the scheme's own, port.
pub(super) fn authority(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The innermost cause, which names the fault without the URL around it.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// What an error body says.
#[derive(Default)]
struct Said {
    code: Option<String>,
    request_id: Option<String>,
    message: Option<String>,
}

impl Said {
    /// From SAP's form `{"error":{"code","message","requestId"}}` (the published schema spells `requestId`, answers have
    /// been seen with `requestID`), from OAuth's `{"error","error_description"}` (RFC 6749 §5.2), or from plain text.
    fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<ErrorBody>(body) {
            Ok(ErrorBody { error: ErrorField::Sap(error), .. }) => {
                Self { code: error.code.map(text), request_id: error.request_id, message: error.message }
            }
            Ok(ErrorBody { error: ErrorField::OAuth(code), error_description }) => {
                Self { code: Some(code), request_id: None, message: error_description }
            }
            Err(_) => Self { message: plain_text(body), ..Self::default() },
        }
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorField,
    error_description: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorField {
    Sap(SapError),
    OAuth(String),
}

#[derive(Deserialize)]
struct SapError {
    code: Option<serde_json::Value>,
    message: Option<String>,
    #[serde(rename = "requestId", alias = "requestID")]
    request_id: Option<String>,
}

fn text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Text of a body that is neither of the JSON forms; pages of HTML say nothing to a user.
fn plain_text(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    (!text.is_empty() && !text.starts_with(['<', '{', '['])).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_form_of_error_body() {
        let sap = Said::parse(
            br#"{"error":{"code":"01010076","message":"no","requestID":"r","target":"/x","details":{}}}"#,
        );
        assert_eq!(
            (sap.code.as_deref(), sap.request_id.as_deref(), sap.message.as_deref()),
            (Some("01010076"), Some("r"), Some("no"))
        );
        let oauth = Said::parse(br#"{"error":"unauthorized","error_description":"Bad credentials"}"#);
        assert_eq!(
            (oauth.code.as_deref(), oauth.message.as_deref()),
            (Some("unauthorized"), Some("Bad credentials"))
        );
        assert_eq!(Said::parse(b" Unauthorized \n").message.as_deref(), Some("Unauthorized"));
        for silent in [&b"<html>x</html>"[..], b"", b"{\"x\":1}"] {
            assert_eq!(Said::parse(silent).message, None);
        }
        assert_eq!(Said::parse(br#"{"error":{"code":17}}"#).code.as_deref(), Some("17"));
    }
}
