//! Error bodies: those of AI Core, of the gateway in front of it, and of the authorization server.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::answer::Answer;

/// Codes are strings of eight digits like `01010076`, which is one that SAP's documentation shows; which code stands
/// for which error of docker registry secrets is not published, so these are made up.
pub(super) mod code {
    pub(crate) const MALFORMED: &str = "01010000";
    pub(crate) const NOT_FOUND: &str = "01010004";
    pub(crate) const METHOD: &str = "01010005";
    pub(crate) const EXISTS: &str = "01010009";
    pub(crate) const TOO_LARGE: &str = "01010013";
    pub(crate) const MEDIA_TYPE: &str = "01010015";
    pub(crate) const QUOTA: &str = "01010050";
    pub(crate) const SCRIPTED: &str = "01010076";
}

/// A UUID that no other answer of this process has. It is counted and not drawn: of random ids one in a thousand is text in hex by
/// chance, or shares six characters with a secret, and the operator does not show those.
fn request_id() -> String {
    static ANSWERS: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012x}", ANSWERS.fetch_add(1, Ordering::Relaxed))
}

/// AI Core's error body (`BckndErrorResponse`): code, message, request id and the path that was invoked.
pub(super) fn api(status: StatusCode, code: &str, message: &str, target: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": {"code": code, "message": message, "requestId": request_id(), "target": target}}),
    )
}

/// What the gateway says to a missing, unknown or expired token: plain text, as SAP's own Python client expects it.
pub(super) fn unauthorized() -> Answer {
    Answer::new(StatusCode::UNAUTHORIZED, "text/plain; charset=utf-8", "Unauthorized")
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// The authorization server's error body (RFC 6749 §5.2, as UAA writes it).
pub(super) fn oauth(status: StatusCode, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": error, "error_description": description}))
}
