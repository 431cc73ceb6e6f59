use axum::http::HeaderValue;

use super::*;

fn ends(peer: &str, local: &str) -> Ends {
    Ends { peer: peer.parse().unwrap(), local: local.parse().unwrap() }
}

fn of_curl() -> HeaderMap {
    [("host", "localhost:8080"), ("user-agent", "curl/8.9"), ("accept", "*/*"), ("content-length", "5")]
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .into_iter()
        .collect()
}

fn refused(ends: &Ends, uri: &str, headers: &HeaderMap) -> Option<String> {
    foreign(Some(ends), &uri.parse().unwrap(), headers)
}

#[test]
fn both_ends_are_localhost_and_no_other_address_of_the_loopback_network() {
    for (peer, local, good) in [
        ("127.0.0.1:1", "127.0.0.1:8080", true),
        ("[::1]:1", "[::1]:8080", true),
        ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:8080", true),
        ("127.0.0.6:1", "127.0.0.1:8080", false),
        ("[::ffff:127.0.0.6]:1", "[::ffff:127.0.0.1]:8080", false),
        ("[::6]:1", "[::1]:8080", false),
        ("127.0.0.1:1", "10.0.0.1:8080", false),
        ("10.0.0.1:1", "10.0.0.1:8080", false),
        ("[fd00::1]:1", "[fd00::1]:8080", false),
        ("[::ffff:10.0.0.1]:1", "[::ffff:10.0.0.1]:8080", false),
        ("0.0.0.0:1", "127.0.0.1:8080", false),
    ] {
        let refused = refused(&ends(peer, local), "/log-level", &of_curl());
        assert_eq!(refused.is_none(), good, "{peer} to {local}: {refused:?}");
    }
    assert!(foreign(None, &Uri::from_static("/log-level"), &of_curl()).is_some());
}

#[test]
fn a_header_that_no_client_sends_by_itself_is_of_a_proxy_or_a_browser() {
    let local = ends("127.0.0.1:1", "127.0.0.1:8080");
    for name in [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-client-cert",
        "x-real-ip",
        "x-request-id",
        "x-envoy-attempt-count",
        "x-envoy-internal",
        "x-b3-traceid",
        "traceparent",
        "l5d-client-id",
        "x-remote-user",
        "origin",
        "referer",
        "sec-fetch-site",
        "cookie",
    ] {
        let mut headers = of_curl();
        headers.insert(name, HeaderValue::from_static("x"));
        let sentence = refused(&local, "/log-level", &headers).unwrap();
        assert!(sentence.contains(&format!("the header {name} says")), "{sentence}");
    }
    let mut all = of_curl();
    OWN_HEADERS.iter().filter(|name| **name != header::HOST).for_each(|name| {
        all.insert(name, HeaderValue::from_static("x"));
    });
    assert_eq!(refused(&local, "/log-level", &all), None);
}

#[test]
fn the_host_is_one_that_nobody_elsewhere_can_have() {
    let local = ends("127.0.0.1:1", "127.0.0.1:8080");
    for (host, good) in [
        ("localhost", true),
        ("LocalHost:18080", true),
        ("127.0.0.1:8080", true),
        ("[::1]:8080", true),
        ("[::1]", true),
        ("", false),
        ("localhost.evil.example:8080", false),
        ("evil.example:8080", false),
        ("evil.example@localhost", false),
        ("localhost:8080:8080", false),
        ("127.0.0.1.nip.io", false),
        ("10.0.0.1:8080", false),
        ("::1", false),
    ] {
        let mut headers = of_curl();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        assert_eq!(refused(&local, "/log-level", &headers).is_none(), good, "{host:?}");
    }
    let mut none = of_curl();
    none.remove(header::HOST);
    let mut two = of_curl();
    two.append(header::HOST, HeaderValue::from_static("localhost"));
    for headers in [none, two] {
        assert!(refused(&local, "/log-level", &headers).is_some(), "{headers:?}");
    }
    assert!(refused(&local, "http://evil.example/log-level", &of_curl()).is_some());
}
