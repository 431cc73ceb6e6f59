use std::sync::Arc;

use rstest::rstest;

use super::*;
use crate::{
    aicore::{
        error::{Error, Server},
        exchange::send,
        pool::{Pool, RequestSettings},
        redact::Sent,
    },
    domain::tools::bucket::Rate,
    fence::Fence,
    metrics::Metrics,
};

pub(in crate::aicore) fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
    Proxies::from_environment(|name| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    })
    .map_err(|error| error.to_string())
}

#[rstest]
#[case(&[], "none", None)]
#[case(&[("HTTPS_PROXY", "http://u:s3cr3t@p:3128")], "http://p:3128 (HTTPS_PROXY)", Some("http://u:s3cr3t@p:3128/"))]
#[case(&[("https_proxy", "p:3128"), ("ALL_PROXY", "http://q")], "http://p:3128 (https_proxy)", Some("http://p:3128/"))]
#[case(&[("ALL_PROXY", "http://q:3128")], "http://q:3128 (ALL_PROXY)", Some("http://q:3128/"))]
#[case(&[("all_proxy", "socks5://q")], "socks5://q:1080 (all_proxy)", Some("socks5://q:1080/"))]
#[case(&[("HTTP_PROXY", "http://q:3128")], "none", None)]
#[case(&[("HTTPS_PROXY", "http://p:3128"), ("NO_PROXY", ".example.com")], "http://p:3128 (HTTPS_PROXY)", None)]
fn requests_by_https_go_through_the_proxy_of_the_environment(
    #[case] variables: &[(&str, &str)],
    #[case] shown: &str,
    #[case] uri: Option<&str>,
) {
    let proxies = proxies(variables).unwrap();
    assert_eq!(proxies.to_string(), shown);
    assert!(!format!("{proxies:?}").contains("s3cr3t"));
    let url = "https://api.example.com/v2".parse().unwrap();
    assert_eq!(proxies.proxy_for(&url).map(|proxy| proxy.uri().to_string()).as_deref(), uri);
}

#[rstest]
#[case("HTTPS_PROXY", "ftp://x", "HTTPS_PROXY: a proxy is reached by http, https or socks5, not \"ftp\"")]
#[case("all_proxy", "ftp://x", "all_proxy: a proxy is reached by http, https or socks5, not \"ftp\"")]
fn a_proxy_that_cannot_be_used_is_refused(#[case] name: &str, #[case] value: &str, #[case] sentence: &str) {
    assert_eq!(proxies(&[(name, value)]).unwrap_err(), sentence);
}

pub(in crate::aicore) async fn failure(proxies: Proxies, roots: Option<&str>, url: &str) -> Error {
    // An earlier test may have installed it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = RequestSettings {
        request_timeout: Duration::from_secs(15),
        tenant_rate: Rate::new(1.0, 1),
        extra_roots_pem: roots.map(|roots| roots.as_bytes().to_vec()),
        proxies,
    };
    let metrics = Arc::new(Metrics::new());
    let pool = Pool::new(settings, Fence::always_open(), Arc::clone(&metrics)).unwrap();
    let failed = send(Server::Api, pool.http().get(url), pool.way(), &metrics).await.err().unwrap();
    failed.checked(&Sent { secrets: &[], names: &[], payload: None })
}
