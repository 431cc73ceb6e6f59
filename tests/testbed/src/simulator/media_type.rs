//! `Content-Type` without its parameters.

use http::{HeaderMap, header};

pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next()?;
    Some(media_type.trim().to_ascii_lowercase())
}
