use std::sync::Arc;

use rstest::rstest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

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

fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
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

async fn failure(proxies: Proxies, url: &str) -> Error {
    // An earlier test may have installed it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = RequestSettings {
        request_timeout: Duration::from_secs(15),
        tenant_rate: Rate::new(1.0, 1),
        extra_roots_pem: None,
        proxies,
    };
    let metrics = Arc::new(Metrics::new());
    let pool = Pool::new(settings, Fence::always_open(), Arc::clone(&metrics)).unwrap();
    let failed = send(Server::Api, pool.http().get(url), pool.way(), &metrics).await.err().unwrap();
    failed.checked(&Sent { secrets: &[], names: &[], payload: None })
}

#[rstest]
#[case("403 Forbidden", "the proxy does not let the request through")]
#[case("407 Proxy Authentication Required", "the proxy asks for a user name and a password (HTTP 407)")]
#[tokio::test]
async fn a_proxy_that_refuses_is_named(#[case] status: &'static str, #[case] cause: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let proxies = proxies(&[("HTTPS_PROXY", &format!("http://u:s3cr3t@{address}"))]).unwrap();
    let error = failure(proxies, "https://api.example.invalid/v2").await;
    assert_eq!(
        error.to_string(),
        format!(
            "AI Core at api.example.invalid could not be reached through the proxy http://{address} (HTTPS_PROXY): {cause}"
        )
    );
    assert!(proxy.await.unwrap().contains("proxy-authorization: Basic dTpzM2NyM3Q="), "the login is sent");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told_as_such() {
    // No label has more than 63 characters, so that no server is asked.
    let host = format!("{}.invalid", "a".repeat(64));
    let error = failure(Proxies::default(), &format!("http://{host}/v2")).await;
    assert_eq!(
        error.to_string(),
        format!("AI Core at {host} could not be reached: its name cannot be resolved")
    );
}
