//! What is said of each thing that can be wrong on the way, over real connections on this machine where that can be had.

use std::net::SocketAddr;

use rstest::rstest;
use testbed::simulator::{Options, ServerFlaw, Simulator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::aicore::way::{
    Proxies,
    tests::{failure, proxies},
};

/// Answers one connection after its request.
async fn server<F: Future<Output = ()> + Send>(
    answer: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        answer(stream).await;
    });
    address
}

async fn head(stream: &mut TcpStream) -> String {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        asked.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(asked).unwrap()
}

/// An address where nothing listens.
async fn deserted() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn directly(scheme: &str, address: SocketAddr) -> String {
    failure(Proxies::default(), None, &format!("{scheme}://{address}/v2")).await.to_string()
}

async fn through_proxy(proxy: &str) -> String {
    let proxies = proxies(&[("HTTPS_PROXY", proxy)]).unwrap();
    failure(proxies, None, "https://api.example.invalid/v2").await.to_string()
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_told_as_such() {
    let address = deserted().await;
    assert_eq!(
        directly("https", address).await,
        format!(
            "AI Core at {address} could not be reached: nothing takes connections there (connection refused); check host and \
             port in the service key"
        )
    );
}

#[tokio::test]
async fn a_connection_that_ends_without_an_answer_is_told_as_such() {
    let address = server(async |mut stream| drop(head(&mut stream).await)).await;
    assert_eq!(
        directly("http", address).await,
        format!(
            "AI Core at {address} could not be reached: the connection was closed before there was an answer"
        )
    );
    let address = server(async |mut stream| drop(stream.read_u8().await)).await;
    assert_eq!(
        directly("https", address).await,
        format!(
            "AI Core at {address} could not be reached: the connection was closed before there was an answer"
        )
    );
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_as_such() {
    let address = server(async |mut stream| {
        let _ = stream.read_u8().await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    assert_eq!(
        directly("https", address).await,
        format!(
            "AI Core at {address} could not be reached: what answers there does not speak TLS; check host and port in the \
             service key"
        )
    );
}

#[tokio::test]
async fn a_handshake_that_the_server_ends_is_told_with_its_alert() {
    let address = server(async |mut stream| {
        let _ = stream.read_u8().await;
        // A fatal alert: handshake_failure (RFC 8446 §6).
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    assert_eq!(
        directly("https", address).await,
        format!(
            "AI Core at {address} could not be reached: it ended the TLS handshake with the alert HandshakeFailure"
        )
    );
}

/// To be silent before there is a connection, and after.
#[rstest]
#[case::to_connect(
    "https",
    "could not be reached: no connection within 5 s; check whether a firewall or a NetworkPolicy drops what is sent there, and \
     whether a proxy is needed (proxy.https of the chart)"
)]
#[case::to_answer("http", "did not answer within 15 s")]
#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_waited_for_a_while(#[case] scheme: &str, #[case] said: &str) {
    let address = server(async |mut stream| drop(stream.read_to_end(&mut Vec::new()).await)).await;
    assert_eq!(directly(scheme, address).await, format!("AI Core at {address} {said}"));
}

const UNKNOWN_ISSUER: &str = "is signed by an authority that is not trusted; where a private authority or a proxy has signed \
                              it, name that authority in caBundle of the chart (--ca-bundle)";

/// Who is trusted beside the authorities of the system.
#[derive(Clone, Copy, Debug)]
enum Roots {
    /// Nobody.
    Ours,
    /// An authority of the name of the server's, as one has it that was set up again.
    OfTheSameName,
    /// The server's.
    Its,
}

#[rstest]
#[case::unknown_issuer(None, Roots::Ours, UNKNOWN_ISSUER)]
#[case::authority_of_the_same_name(None, Roots::OfTheSameName, UNKNOWN_ISSUER)]
#[case::ended(
    Some(ServerFlaw::Ended),
    Roots::Its,
    "has expired; who runs the server has to renew it, unless the clock here is wrong"
)]
#[case::not_yet(Some(ServerFlaw::NotYetValid), Roots::Its, "is not valid yet; check the clock here")]
#[case::other_name(
    Some(ServerFlaw::OtherName),
    Roots::Its,
    "is for another host name; check the host in the service key, and whether something else answers in its place"
)]
#[tokio::test]
async fn a_certificate_that_is_not_accepted_says_what_is_wrong_with_it(
    #[case] server_flaw: Option<ServerFlaw>,
    #[case] roots: Roots,
    #[case] sentence: &str,
) {
    let options = Options { tls: true, server_flaw, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let other = Simulator::start(Options { tls: true, ..Options::default() }).await.unwrap();
    let roots = match roots {
        Roots::Ours => None,
        Roots::OfTheSameName => other.ca_pem(),
        Roots::Its => simulator.ca_pem(),
    };
    let url =
        simulator.tenant("acme").service_key()["serviceurls"]["AI_API_URL"].as_str().unwrap().to_owned();
    let error = failure(Proxies::default(), roots, &url).await.to_string();
    let expected = format!("could not be reached: its TLS certificate {sentence}");
    assert!(error.ends_with(&expected), "{error}");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told_with_what_the_resolver_says() {
    // No label has more than 63 characters, so that no server is asked.
    let host = format!("{}.invalid", "a".repeat(64));
    let error = failure(Proxies::default(), None, &format!("http://{host}/v2")).await.to_string();
    let said = error
        .strip_prefix(&format!(
            "AI Core at {host} could not be reached: its name cannot be resolved (the resolver says \""
        ))
        .unwrap_or_else(|| panic!("{error}"));
    let (answer, cure) = said.split_once("\"); ").unwrap();
    assert!(!answer.is_empty() && !answer.contains("lookup address"), "{answer}");
    assert_eq!(cure, "check the host in the service key, and that DNS knows it from here");

    let error = through_proxy(&format!("http://{host}:3128")).await;
    let expected = format!(
        "AI Core at api.example.invalid could not be reached through the proxy http://{host}:3128 (HTTPS_PROXY): the name of \
         the proxy cannot be resolved (the resolver says \"{answer}\"); check the proxy's address"
    );
    assert_eq!(error, expected);
}

/// Hosts are shown in small letters, as they are compared, however the service key has them, and not with a capital in front.
#[tokio::test]
async fn a_host_is_shown_in_small_letters_wherever_it_stands() {
    let port = deserted().await.port();
    let error = failure(Proxies::default(), None, &format!("http://LocalHost:{port}/v2")).await;
    let message = error.message("Secret \"key\"");
    assert!(message.starts_with(&format!("AI Core at localhost:{port} could not be reached: ")), "{message}");
}

#[rstest]
#[case("403 Forbidden", "the proxy does not let the request through; have it allow the host")]
#[case(
    "407 Proxy Authentication Required",
    "the proxy asks for a user name and a password (HTTP 407); write them into its address"
)]
#[tokio::test]
async fn a_proxy_that_refuses_is_named(#[case] status: &'static str, #[case] cause: &str) {
    let (said, asked) = tokio::sync::oneshot::channel();
    let address = server(async move |mut stream| {
        said.send(head(&mut stream).await).unwrap();
        stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.unwrap();
    })
    .await;
    assert_eq!(
        through_proxy(&format!("http://u:s3cr3t@{address}")).await,
        format!(
            "AI Core at api.example.invalid could not be reached through the proxy http://{address} (HTTPS_PROXY): {cause}"
        )
    );
    assert!(asked.await.unwrap().contains("proxy-authorization: Basic dTpzM2NyM3Q="), "the login is sent");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_goes_away_is_told_as_such() {
    let address = deserted().await;
    let error = through_proxy(&format!("http://{address}")).await;
    assert!(
        error.ends_with(
            ": the proxy takes no connections (connection refused); check its address, and whether it runs"
        ),
        "{error}"
    );
    let address = server(async |mut stream| drop(head(&mut stream).await)).await;
    let error = through_proxy(&format!("http://{address}")).await;
    assert!(error.ends_with("(HTTPS_PROXY): the proxy closed the connection"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_says_nothing_is_waited_for_a_while() {
    let address = server(async |mut stream| drop(stream.read_to_end(&mut Vec::new()).await)).await;
    let error = through_proxy(&format!("http://{address}")).await;
    assert!(
        error.ends_with(
            ": no connection within 5 s; check whether the proxy can be reached from here, and the host from the proxy"
        ),
        "{error}"
    );
}

/// A cause as the HTTP client nests it, of those that cannot be brought about here.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Nested {
    text: &'static str,
    source: io::Error,
}

#[rstest]
#[case::glibc("Temporary failure in name resolution", false)]
#[case::musl("Try again", false)]
#[case::by_proxy("Temporary failure in name resolution", true)]
fn a_dns_server_that_does_not_answer_is_told_from_a_name_that_is_not_known(
    #[case] says: &str,
    #[case] by_proxy: bool,
) {
    let source = io::Error::other(format!("failed to lookup address information: {says}"));
    let fault = Fault::of(&Nested { text: "dns error", source }, by_proxy).unwrap().to_string();
    let name = if by_proxy { "the name of the proxy" } else { "its name" };
    assert_eq!(
        fault,
        format!(
            "{name} cannot be resolved, because no DNS server answers (the resolver says {says:?}); check the cluster's DNS, and \
             that a NetworkPolicy lets the operator reach it (networkPolicy.dnsPorts of the chart)"
        )
    );
}

#[rstest]
#[case(io::ErrorKind::NetworkUnreachable)]
#[case(io::ErrorKind::HostUnreachable)]
fn a_network_that_knows_no_way_is_told_as_such(#[case] kind: io::ErrorKind) {
    let error = Nested { text: "tcp connect error", source: kind.into() };
    assert!(Fault::of(&error, false).unwrap().to_string().starts_with("there is no route to it; check"));
    assert_eq!(
        Fault::of(&error, true).unwrap().to_string(),
        "there is no route to the proxy; check its address"
    );
}

#[test]
fn what_is_none_of_these_is_left_to_the_words_of_the_library() {
    let error = Nested { text: "something else", source: io::ErrorKind::InvalidData.into() };
    assert_eq!(Fault::of(&error, false), None);
}

/// Who reads a sentence looks for the value that it names.
#[test]
fn the_values_of_the_chart_that_are_named_exist() {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/aicore-registry-operator/values.yaml");
    let values: serde_json::Value = serde_saphyr::from_str(&std::fs::read_to_string(chart).unwrap()).unwrap();
    let what = [
        What::NoDns(String::new()),
        What::NoRoute,
        What::NoConnection,
        What::Certificate(Untrusted::UnknownIssuer),
    ];
    for what in what {
        let sentence = Fault { what, by_proxy: false }.to_string();
        let before = sentence.split(" of the chart").next().unwrap();
        let value = before.rsplit([' ', '(']).next().unwrap();
        let found = value.split('.').try_fold(&values, |values, name| values.get(name));
        assert!(sentence.contains(" of the chart") && found.is_some(), "{value}: {sentence}");
    }
}
