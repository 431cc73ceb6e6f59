//! `/log-level`: shows what is logged, and lets somebody change it who is in the pod already, as by `kubectl port-forward`.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use super::Shared;

/// Headers of proxies. What comes from one comes from elsewhere, whatever the address says.
const FORWARDED: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

pub(super) async fn show(State(shared): State<Arc<Shared>>) -> String {
    format!("{}\n", shared.level.current())
}

pub(super) async fn change(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    filter: String,
) -> Response {
    if !is_local(peer, &headers) {
        let sentence = "the log level can only be changed from this machine, as by kubectl port-forward\n";
        return (StatusCode::FORBIDDEN, sentence).into_response();
    }
    match shared.level.set(&filter) {
        Ok(()) => {
            let level = shared.level.current();
            tracing::warn!(level, "the log level was changed");
            format!("{level}\n").into_response()
        }
        Err(sentence) => (StatusCode::BAD_REQUEST, format!("{sentence}\n")).into_response(),
    }
}

fn is_local(peer: SocketAddr, headers: &HeaderMap) -> bool {
    peer.ip().to_canonical().is_loopback() && !FORWARDED.iter().any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_loopback_without_a_proxy_is_local() {
        let nothing = HeaderMap::new();
        for (address, local) in [
            ("127.0.0.1:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("10.0.0.1:1", false),
            ("[fd00::1]:1", false),
            ("[::ffff:10.0.0.1]:1", false),
            ("0.0.0.0:1", false),
        ] {
            assert_eq!(is_local(address.parse().unwrap(), &nothing), local, "{address}");
        }
        for name in FORWARDED {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("10.0.0.1"));
            assert!(!is_local("127.0.0.1:1".parse().unwrap(), &headers), "{name}");
        }
    }
}
