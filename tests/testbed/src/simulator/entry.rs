//! One request, as the journal keeps it.

use std::{fmt, time::Duration};

use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{payload::Payload, route::Operation};

/// A request and what became of it. It holds neither tokens nor client secrets, and `Debug` shows no payload.
#[derive(Clone)]
pub struct Entry {
    /// Counts the requests of the simulator from 1, in the order of their arrival.
    pub sequence: u64,
    /// Counts the connections of the simulator from 1.
    pub connection: u64,
    /// TCP port at the client's end of the connection, which is on this machine.
    pub client_port: u16,
    /// The tenant, if the request told: by its token, also an expired one, or by its path.
    pub tenant: Option<String>,
    /// What was asked for.
    pub operation: Operation,
    /// Method as sent.
    pub method: Method,
    /// Path as sent, without the query.
    pub path: String,
    /// Query as sent.
    pub query: Option<String>,
    /// Request headers without `Authorization`.
    pub headers: HeaderMap,
    /// Number of the access token that was sent or, for the token endpoint, issued; tokens of all tenants count from 1.
    pub token: Option<u64>,
    /// Name of the secret, from the path or from the body of a POST.
    pub name: Option<String>,
    /// What a write wanted to store.
    pub payload: Option<Payload>,
    /// When the request's head was read.
    pub received: Instant,
    /// The same on the wall clock.
    pub received_at: Timestamp,
    /// When the answer was handed to the connection, or the request ended without one.
    pub answered: Instant,
    /// Status of the answer; `None` when there was none: a cut connection, or a client that went away.
    pub status: Option<StatusCode>,
    /// Whether the answer was spoilt by a scripted fault, other than by waiting.
    pub faulty: bool,
    /// Whether the store changed.
    pub applied: bool,
    /// When it changed: the writes of one secret in this order made it what it is.
    pub applied_at: Option<Instant>,
    /// Whether it changed only after the client had its answer, or was cut off.
    pub late: bool,
}

impl Entry {
    /// Whether it asked to create, change or delete a secret.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.operation.is_write()
    }

    /// `Content-Type` of the request.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// `User-Agent` of the request.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.headers.get(header::USER_AGENT)?.to_str().ok()
    }

    /// Time from the request's head to the answer.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.answered.saturating_duration_since(self.received)
    }

    /// One line: time, tenant, method, path, status or `cut`, milliseconds; for writes the registry hosts and the
    /// payload's fingerprint. Without credentials, and without line breaks.
    #[must_use]
    pub fn to_line(&self) -> String {
        let status = self.status.map_or_else(|| "cut".to_owned(), |status| status.as_str().to_owned());
        let mut line = format!(
            "{:.3} {} {} {} {status} {:.1} ms",
            self.received_at,
            self.tenant.as_deref().unwrap_or("-"),
            self.method,
            self.path,
            self.duration().as_secs_f64() * 1000.0,
        );
        if let Some(payload) = &self.payload {
            let registries = payload.registries().join(",");
            let registries = registries.escape_debug();
            line.extend([" registries=", &registries.to_string(), " payload=", &payload.fingerprint()]);
        }
        line
    }

    /// The same as a JSON object: `time` (RFC 3339), `tenant`, `operation`, `method`, `path`, `name`, `status` (null
    /// for a cut connection), `ms`, `registries`, `payload` (fingerprint).
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "time": format!("{:.6}", self.received_at),
            "tenant": self.tenant,
            "operation": format!("{:?}", self.operation).to_lowercase(),
            "method": self.method.as_str(),
            "path": self.path,
            "name": self.name,
            "status": self.status.map(|status| status.as_u16()),
            "ms": self.duration().as_secs_f64() * 1000.0,
            "registries": self.payload.as_ref().map(Payload::registries),
            "payload": self.payload.as_ref().map(Payload::fingerprint),
        })
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}", self.sequence, self.to_line())
    }
}
