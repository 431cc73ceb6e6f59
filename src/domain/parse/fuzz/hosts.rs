//! Where the operator may connect to, against what a client makes of the same URL.

use std::net::Ipv4Addr;

use url::Url;

use super::{is_admitted, refused};
use crate::{
    domain::parse::{
        allowed_hosts::{AllowedHosts, DEFAULT_ALLOWED_HOSTS},
        api_url::{ApiUrl, AuthorizationServer},
    },
    fuzz::{Outcome, Secrets, Syntax, Target, fuzz},
};

/// A list of patterns, and behind a line break a URL. What the list admits is where a client connects to, and where a naive reading
/// of the patterns admits it too.
fn allowed_hosts_attempt(input: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(input);
    let (list, url) = text.split_once('\n').unwrap_or((DEFAULT_ALLOWED_HOSTS, &text));
    let insecure = list.starts_with("http,");
    let list = list.strip_prefix("http,").unwrap_or(list);
    let allowed = match AllowedHosts::parse(list, insecure) {
        Ok(allowed) => allowed,
        Err(invalid) => return refused(&invalid, Secrets::default),
    };
    assert_eq!(
        AllowedHosts::parse(&allowed.to_string(), insecure).as_ref(),
        Ok(&allowed),
        "it shows what it is"
    );
    let admitted = match allowed.url(url) {
        Ok(admitted) => admitted,
        Err(refusal) => return Outcome::of_sentence(&refusal.to_string()),
    };
    assert_eq!(Url::parse(admitted.as_str()).as_ref(), Ok(&admitted), "it is read as the same");
    // What the client connects to, in its own words.
    let request = reqwest::Request::new(http::Method::GET, admitted.clone());
    let request = http::Request::try_from(request).expect("a client can ask what is admitted");
    let host = admitted.host_str().unwrap();
    assert_eq!(request.uri().host(), Some(host), "{admitted}");
    assert_eq!(request.uri().port_u16(), admitted.port(), "{admitted}");
    assert!(!admitted.as_str().contains('@') || admitted.path().contains('@'), "{admitted}");
    assert!(admitted.query().is_none() && admitted.fragment().is_none());
    let loopback = admitted.scheme() == "http";
    if loopback {
        assert!(
            insecure && (host == "localhost" || host == "[::1]" || host.starts_with("127.")),
            "{admitted}"
        );
    } else {
        assert_eq!(admitted.scheme(), "https");
        let port = admitted.port().unwrap_or(443);
        let shown = allowed.to_string();
        assert!(
            shown.split(',').any(|pattern| naively_admits(pattern, host, port)),
            "{shown} for {admitted}"
        );
    }
    let api = ApiUrl::parse(url, &allowed).map(|api| is_admitted(&api.join("/v2"), &allowed));
    let server = AuthorizationServer::parse(url, &allowed);
    let server = server.map(|server| is_admitted(&server.for_any_client().token_url(), &allowed));
    Outcome::of((
        "admitted",
        loopback,
        admitted.port().is_some(),
        api.is_ok(),
        server.is_ok(),
        host.starts_with('['),
    ))
}

/// By labels from the end, as the documentation of the flag has it.
fn naively_admits(pattern: &str, host: &str, port: u16) -> bool {
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let (pattern, wanted) = match pattern.rsplit_once(':') {
        Some((front, number)) if !front.contains(':') || front.ends_with(']') => {
            (front, number.parse().unwrap())
        }
        _ => (pattern, 443),
    };
    if port != wanted {
        return false;
    }
    if !pattern.contains('*') {
        return bare(pattern).eq_ignore_ascii_case(&bare(host));
    }
    if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
        return false;
    }
    let (labels, host): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    let any_number = labels[0] == "*";
    let fits = |(label, wanted): (&&str, &&str)| {
        !label.is_empty() && (*wanted == "*" || label.eq_ignore_ascii_case(wanted))
    };
    (if any_number { host.len() >= labels.len() } else { host.len() == labels.len() })
        && host.iter().all(|label| !label.is_empty())
        && host.iter().rev().zip(labels.iter().rev()).all(fits)
}

const HOST_WORDS: &[&str] = &[
    "*",
    "*.",
    ".",
    ",",
    ":",
    ":443",
    ":8443",
    "https://",
    "http://",
    "//",
    "/\\",
    "@",
    "user:pw@",
    "?",
    "#",
    "%2e",
    "%00",
    "xn--",
    "\u{3002}",
    "\u{ff0e}",
    "\u{ff0f}",
    "\u{2100}",
    "\u{df}",
    "\u{130}",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "169.254.169.254",
    "localhost",
    "localhost.",
    "example.com",
    "hana.ondemand.com",
    "authentication",
    "/oauth/token",
    "/v2",
    "..",
    "http,",
];

#[test]
fn allowed_hosts() {
    let dictionary = HOST_WORDS;
    fuzz(&Target {
        name: "allowed_hosts",
        short: 2_000,
        syntax: Syntax::Bytes,
        dictionary,
        attempt: allowed_hosts_attempt,
    });
}
