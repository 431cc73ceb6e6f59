//! `/log-level`: shows what is logged, and lets somebody change it who is in the pod already, as by `kubectl port-forward`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{FromRequestParts, State, rejection::StringRejection},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};

use super::{BODY_LIMIT, Shared, connection::Ends};
use crate::error::WithCauses;

/// Headers that a client sends by itself. Any other is of a proxy, which speaks for somebody elsewhere whatever its address
/// is, or of a browser, which speaks for a page.
const OWN_HEADERS: [header::HeaderName; 9] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
];

/// A request from the pod itself.
pub(super) struct FromThePod;

impl<S: Sync> FromRequestParts<S> for FromThePod {
    type Rejection = (StatusCode, String);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let ends = parts.extensions.get::<Ends>();
        match foreign(ends, &parts.uri, &parts.headers) {
            None => Ok(Self),
            Some(why) => {
                let rule = "the log level can only be changed from this machine, as by kubectl port-forward";
                Err((StatusCode::FORBIDDEN, format!("{rule}: {why}\n")))
            }
        }
    }
}

pub(super) async fn show(State(shared): State<Arc<Shared>>) -> String {
    format!("{}\n", shared.level.current())
}

/// The body is read last: of whoever may not change the level it is not read at all.
pub(super) async fn change(
    _: FromThePod,
    State(shared): State<Arc<Shared>>,
    filter: Result<String, StringRejection>,
) -> Response {
    let filter = match filter {
        Ok(filter) => filter,
        Err(rejection) => return (rejection.status(), unreadable(rejection.status())).into_response(),
    };
    match shared.level.set(&filter) {
        Ok(()) => {
            let level = shared.level.current();
            tracing::warn!(filter = level, "the log level was changed");
            format!("{level}\n").into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{}\n", WithCauses(&error))).into_response(),
    }
}

/// Why the body is not read as a log level.
fn unreadable(status: StatusCode) -> String {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("the log level is longer than {BODY_LIMIT} bytes; send a shorter filter, such as info\n")
        }
        _ => "the log level is not UTF-8 text; send a filter such as info\n".to_owned(),
    }
}

/// Why the request is not, or may not be, of somebody in the pod.
fn foreign(ends: Option<&Ends>, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    // Service meshes deliver from other addresses of the loopback network, such as 127.0.0.6, or to the pod's address.
    if !ends.is_some_and(|ends| is_localhost(ends.peer) && is_localhost(ends.local)) {
        return Some("the request did not come from 127.0.0.1 or ::1".to_owned());
    }
    if let Some(name) = headers.keys().find(|name| !OWN_HEADERS.contains(name)) {
        return Some(format!("the header {name} says that the request was passed on"));
    }
    // Whoever has a browser take a name of theirs for an address of this machine has that name here.
    let mut hosts = headers.get_all(header::HOST).iter();
    let named = hosts.next().and_then(|host| host.to_str().ok()).is_some_and(names_localhost);
    if !named || hosts.next().is_some() || uri.authority().is_some() {
        return Some("its Host is not localhost, 127.0.0.1 or [::1]".to_owned());
    }
    None
}

fn is_localhost(address: SocketAddr) -> bool {
    match address.ip().to_canonical() {
        IpAddr::V4(address) => address == Ipv4Addr::LOCALHOST,
        IpAddr::V6(address) => address == Ipv6Addr::LOCALHOST,
    }
}

/// Whether a Host header, with or without a port, is this machine's.
fn names_localhost(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name == "127.0.0.1" || name == "[::1]" || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests;
