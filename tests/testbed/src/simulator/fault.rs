//! What can go wrong with one request.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    answer::Answer,
    clock,
    errors::{self, code},
    gate::Gate,
};

/// A fault: what is answered instead of the usual, how the answer travels, and what happens before.
///
/// Faults that only spoil the way (`latency`, `gate`, `cut_in_body`, `drip`) leave the operation and its answer as
/// they are; with all others the operation is not carried out, unless [`Fault::applied`] says so.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    pub(super) reply: Reply,
    pub(super) travel: Travel,
    pub(super) gate: Option<Gate>,
    pub(super) delay: Option<Duration>,
    pub(super) applied: bool,
    pub(super) later: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Reply {
    #[default]
    Usual,
    Canned(Answer),
    /// AI Core's error form with this status and message.
    Error(StatusCode, String),
    RetryAfter(RetryAfter),
    Echo(StatusCode),
}

/// How an answer travels.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Travel {
    #[default]
    Whole,
    /// The connection is cut before the answer.
    Cut,
    /// The connection is cut after the head and half of the body.
    CutInBody,
    /// The body comes byte by byte, with this pause before each.
    Drip(Duration),
    /// Nothing comes until the simulator stops or the client goes away.
    Hang,
}

/// The forms of `Retry-After`, each for a time from now. The HTTP forms are those of RFC 9110 §10.2.3; SAP BTP
/// services also send `YYYY-MM-DD hh:mm:ss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// `120`
    Seconds(u64),
    /// `Sun, 01 Mar 2026 10:00:30 GMT`
    HttpDate(Duration),
    /// `2026-03-01 10:00:30`, in UTC
    UtcDateTime(Duration),
    /// The HTTP form for a time that is so long over, as a client sees it whose clock is ahead.
    PastHttpDate(Duration),
    /// The form in UTC for a time that is so long over.
    PastUtcDateTime(Duration),
    /// Anything else.
    Text(&'static str),
}

impl RetryAfter {
    fn value(self, now: Timestamp) -> String {
        let signed = |wait: Duration| SignedDuration::try_from(wait).expect("a wait fits");
        let at = |wait: SignedDuration| now.checked_add(wait).expect("the time exists");
        let http_date = |time: Timestamp| {
            rfc2822::DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&time)
                .expect("the year has four digits")
        };
        let utc = |time: Timestamp| time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string();
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::HttpDate(wait) => http_date(at(signed(wait))),
            Self::UtcDateTime(wait) => utc(at(signed(wait))),
            Self::PastHttpDate(ago) => http_date(at(-signed(ago))),
            Self::PastUtcDateTime(ago) => utc(at(-signed(ago))),
            Self::Text(text) => text.to_owned(),
        }
    }
}

impl Fault {
    fn reply(reply: Reply) -> Self {
        Self { reply, ..Self::default() }
    }

    fn travel(travel: Travel) -> Self {
        Self { travel, ..Self::default() }
    }

    fn canned(answer: Answer) -> Self {
        Self::reply(Reply::Canned(answer))
    }

    /// AI Core's error form with a message that says it was scripted.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::error(status, "scripted fault")
    }

    /// AI Core's error form with `message`.
    #[must_use]
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self::reply(Reply::Error(valid(status), message.into()))
    }

    /// Plain text, as gateways answer.
    #[must_use]
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::canned(Answer::new(valid(status), "text/plain; charset=utf-8", body))
    }

    /// A page, as proxies answer.
    #[must_use]
    pub fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::canned(Answer::new(valid(status), "text/html; charset=utf-8", body))
    }

    /// Any JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::canned(Answer::json(valid(status), body))
    }

    /// The error form of the authorization server.
    #[must_use]
    pub fn oauth_error(status: u16, error: &str, description: &str) -> Self {
        Self::canned(errors::oauth(valid(status), error, description))
    }

    /// 200 and JSON that is no token answer.
    #[must_use]
    pub fn malformed_token() -> Self {
        Self::json(200, &json!({"token_type": "bearer", "expires_in": "soon"}))
    }

    /// 429 with `Retry-After`.
    #[must_use]
    pub fn rate_limited(retry_after: RetryAfter) -> Self {
        Self::reply(Reply::RetryAfter(retry_after))
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::error(415, "Unsupported Media Type")
    }

    /// 302 to `location`.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        let location = HeaderValue::from_str(location).expect("the location is a header value");
        let answer = Answer::new(StatusCode::FOUND, "text/plain; charset=utf-8", "");
        Self::canned(answer.with_header(header::LOCATION, location))
    }

    /// AI Core's error form with a message that quotes the request: its token and body, and in base64 every string in
    /// it.
    #[must_use]
    pub fn echo(status: u16) -> Self {
        Self::reply(Reply::Echo(valid(status)))
    }

    /// AI Core's error form with a message of `length` bytes.
    #[must_use]
    pub fn huge(status: u16, length: usize) -> Self {
        Self::error(status, "x".repeat(length))
    }

    /// The usual answer, late.
    #[must_use]
    pub fn latency(delay: Duration) -> Self {
        Self::default().after(delay)
    }

    /// The usual answer, once `gate` lets the request go on.
    #[must_use]
    pub fn gate(gate: &Gate) -> Self {
        Self::default().through(gate)
    }

    /// No answer: the connection is cut.
    #[must_use]
    pub fn cut() -> Self {
        Self::travel(Travel::Cut)
    }

    /// The usual answer, cut in the middle of its body.
    #[must_use]
    pub fn cut_in_body() -> Self {
        Self::travel(Travel::CutInBody)
    }

    /// The usual answer, its body byte by byte with `pause` before each.
    #[must_use]
    pub fn drip(pause: Duration) -> Self {
        Self::travel(Travel::Drip(pause))
    }

    /// No answer, on a connection that stays open until the simulator stops or the client goes away.
    #[must_use]
    pub fn hang() -> Self {
        Self::travel(Travel::Hang)
    }

    /// The operation is carried out first, before any waiting: a write that was stored, but whose answer is lost or
    /// an error.
    #[must_use]
    pub fn applied(mut self) -> Self {
        self.applied = true;
        self
    }

    /// The operation is carried out so long after the client has its answer, or was cut off, and whatever becomes of the
    /// client: a write that was under way when its client gave up. With a fault that has no answer of its own the client
    /// gets none.
    #[must_use]
    pub fn applied_after(mut self, delay: Duration) -> Self {
        self.later = Some(delay);
        self
    }

    /// Waits before the operation is carried out, or after it with [`Fault::applied`].
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Waits at `gate` before the operation is carried out, or after it with [`Fault::applied`].
    #[must_use]
    pub fn through(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Whether the client notices more than waiting.
    pub(super) fn is_faulty(&self) -> bool {
        self.later.is_some() || !matches!((&self.reply, self.travel), (Reply::Usual, Travel::Whole))
    }
}

impl Reply {
    /// The answer to a request for `path`; `None` for the usual one. `said` is what the request holds, for an echo.
    pub(super) fn answer(&self, path: &str, said: impl FnOnce() -> String) -> Option<Answer> {
        let error = |status, message: &str| errors::api(status, code::SCRIPTED, message, path);
        Some(match self {
            Self::Usual => return None,
            Self::Canned(answer) => answer.clone(),
            Self::Error(status, message) => error(*status, message),
            Self::Echo(status) => error(*status, &format!("cannot process {}", said())),
            Self::RetryAfter(retry_after) => {
                let value = retry_after.value(clock::now());
                let value = HeaderValue::try_from(value).expect("the text is ASCII");
                error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
                    .with_header(header::RETRY_AFTER, value)
            }
        })
    }
}

fn valid(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("the status has three digits")
}
