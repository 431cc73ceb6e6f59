//! The token endpoint of a simulated authorization server.

mod outages;

use rstest::rstest;
use testbed::simulator::{
    Fault, Flaw, KeyFormat, Operation::Token as TOKEN, Options, RetryAfter, Simulator, Tenant,
};

use super::*;
use crate::{
    aicore::{
        error::{ClientCertificate, ErrorDetails, Message, WithoutToken},
        pool::{Connection, Pool, RequestSettings},
        way::Proxies,
    },
    domain::{
        decide::reason::Reason,
        parse::{allowed_hosts::AllowedHosts, secret_data::tests::secret, service_key},
        tools::bucket::Rate,
    },
    fence::Fence,
    metrics::Metrics,
};

pub(in crate::aicore) async fn simulator(tls_1_2_only: bool) -> (Simulator, Tenant) {
    let options = Options { tls: true, tls_1_2_only, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let tenant = simulator.tenant("acme");
    (simulator, tenant)
}

pub(in crate::aicore) fn connect(roots: Option<&str>, service_key: &serde_json::Value) -> Arc<Connection> {
    connect_with(roots, Rate::new(1000.0, 1000), service_key)
}

/// At so many requests a second, one at once.
pub(in crate::aicore) fn connect_at(per_second: f64, service_key: &serde_json::Value) -> Arc<Connection> {
    connect_with(None, Rate::new(per_second, 1), service_key)
}

fn connect_with(roots: Option<&str>, tenant_rate: Rate, service_key: &serde_json::Value) -> Arc<Connection> {
    let pool = a_pool(roots, tenant_rate);
    connect_in(&pool, service_key)
}

pub(in crate::aicore) fn a_pool(roots: Option<&str>, tenant_rate: Rate) -> Pool {
    // An earlier test may have installed it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = RequestSettings {
        request_timeout: Duration::from_secs(15),
        tenant_rate,
        extra_roots_pem: roots.map(|roots| roots.as_bytes().to_vec()),
        proxies: Proxies::default(),
    };
    Pool::new(settings, Fence::always_open(), Arc::new(Metrics::new())).unwrap()
}

pub(in crate::aicore) fn connect_in(pool: &Pool, service_key: &serde_json::Value) -> Arc<Connection> {
    let secret = secret("key", None, [("key.json", service_key.to_string())]);
    let urls = ["/url", "/certurl", "/serviceurls/AI_API_URL"];
    let urls = urls.iter().filter_map(|field| service_key.pointer(field)?.as_str());
    let hosts: Vec<&str> = urls.filter_map(|url| url.strip_prefix("https://")?.split('/').next()).collect();
    let hosts = if hosts.is_empty() { "127.0.0.1".to_owned() } else { hosts.join(",") };
    let allowed = AllowedHosts::parse(&hosts, true).unwrap();
    pool.connect(&service_key::parse(&secret, None, &allowed).unwrap()).unwrap()
}

fn patient(connection: &Connection) -> impl Future<Output = Result<Arc<Token>, Error>> {
    connection.tokens.get(Insistence::Patient)
}

async fn refused(connection: &Connection) -> Error {
    patient(connection).await.err().unwrap()
}

fn asked(tenant: &Tenant) -> usize {
    tenant.journal().token_requests().len()
}

/// In TLS 1.2 the alert ends the handshake, in TLS 1.3 it comes in place of an answer.
#[rstest]
#[tokio::test]
async fn a_certificate_that_the_handshake_refuses_is_a_matter_of_the_service_key(
    #[values(false, true)] tls_1_2_only: bool,
    #[values(Flaw::Ended, Flaw::UnknownIssuer)] flaw: Flaw,
) {
    let (simulator, tenant) = simulator(tls_1_2_only).await;
    let connection = connect(simulator.ca_pem(), &tenant.flawed_x509_service_key(flaw).unwrap());
    let error = refused(&connection).await;
    let Error::CertificateRefused { host, certificate, why } = &error else { panic!("{error}") };
    assert!(host.starts_with("127.0.0.1:"), "{host}");
    match flaw {
        Flaw::Ended => {
            let end = "2026-01-02T00:00:00Z".parse().unwrap();
            assert_eq!((certificate, *why), (&ClientCertificate::Ended(end), Some("it has expired")));
            assert!(error.to_string().contains("ended on 2026-01-02"), "{error}");
        }
        Flaw::UnknownIssuer => {
            assert!(matches!(certificate, ClientCertificate::Until(Some(_))), "{certificate:?}");
            assert_eq!(*why, Some("its issuer is not known there"));
        }
    }
    assert_eq!(error.reason(), Reason::AuthenticationFailed);
    // It stands for all who share the key, without another connection.
    drop(simulator);
    assert_eq!(refused(&connection).await, error);
}

#[tokio::test]
async fn a_sound_certificate_gets_a_token() {
    for tls_1_2_only in [false, true] {
        let (simulator, tenant) = simulator(tls_1_2_only).await;
        for format in [KeyFormat::Pkcs1, KeyFormat::Pkcs8] {
            let connection = connect(simulator.ca_pem(), &tenant.x509_service_key(format).unwrap());
            assert!(patient(&connection).await.is_ok());
        }
    }
}

/// A certificate of the server that is not trusted here is no fault of the service key.
#[tokio::test]
async fn an_untrusted_server_points_to_the_ca_bundle() {
    let (_simulator, tenant) = simulator(false).await;
    let (other, _) = simulator(false).await;
    for key in [tenant.service_key(), tenant.x509_service_key(KeyFormat::Pkcs8).unwrap()] {
        let error = refused(&connect(other.ca_pem(), &key)).await;
        assert_eq!(error.reason(), Reason::RemoteUnavailable);
        let sentence = error.to_string();
        assert!(sentence.contains("127.0.0.1:") && sentence.contains("--ca-bundle"), "{sentence}");
    }
}

/// What another try cannot mend is asked once for all who share the key.
#[rstest]
#[tokio::test]
async fn a_final_refusal_is_one_request(#[values(302, 400, 401, 403, 404, 405, 410, 415)] status: u16) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    tenant.faults().always(TOKEN, Fault::json(status, &serde_json::json!({})));
    let connection = connect(None, &tenant.service_key());
    let first = refused(&connection).await;
    for _ in 0..20 {
        assert_eq!(refused(&connection).await, first);
    }
    assert_eq!(asked(&tenant), 1);
    // A user who asks for an attempt gets one.
    assert!(connection.tokens.get(Insistence::Forced).await.is_err());
    assert_eq!(asked(&tenant), 2);
}

/// As when a resource is deleted and created again, and again.
#[tokio::test]
async fn a_refusal_stands_although_nobody_uses_the_key_meanwhile() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let refused_key = tenant.service_key();
    tenant.rotate_secret("another-one$=");
    let pool = a_pool(None, Rate::new(1000.0, 1000));
    let first = refused(&connect_in(&pool, &refused_key)).await;
    for _ in 0..10 {
        assert_eq!(refused(&connect_in(&pool, &refused_key)).await, first);
    }
    assert_eq!(asked(&tenant), 1);
    let good = connect_in(&pool, &tenant.service_key());
    assert!(good.tokens.get(Insistence::Patient).await.is_ok(), "another key is another one");
}

/// The wait of a resource that is being deleted counts from the beginning of its pass, and the refusal came later than that.
#[tokio::test]
async fn a_resource_that_is_being_deleted_asks_again_when_it_looks_again() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    tenant.faults().next(1, TOKEN, Fault::status(404));
    let connection = connect(None, &tenant.service_key());
    let deleting = || connection.tokens.get(Insistence::Deleting);
    let began = Instant::now();
    for _ in 0..2 {
        assert_eq!(deleting().await.err().unwrap().reason(), Reason::AuthenticationFailed);
    }
    assert_eq!(asked(&tenant), 1);
    tokio::time::pause();
    tokio::time::advance(LONGEST_WHILE_DELETING.saturating_sub(began.elapsed())).await;
    tokio::time::resume();
    assert!(deleting().await.is_ok());
    assert_eq!(asked(&tenant), 2);
}

/// A server that is in trouble, or too busy, is asked again; at once when a user asks for an attempt, unless it asks for a pause.
#[tokio::test]
async fn what_passes_is_asked_again() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    for (number, fault) in [
        Fault::status(408),
        Fault::status(503),
        Fault::cut(),
        Fault::malformed_token(),
        Fault::rate_limited(RetryAfter::Seconds(0)),
        Fault::rate_limited(RetryAfter::Seconds(60)),
    ]
    .into_iter()
    .enumerate()
    {
        tenant.faults().next(1, TOKEN, fault);
        let error = connection.tokens.get(Insistence::Forced).await.err().unwrap();
        assert_ne!(error.reason(), Reason::AuthenticationFailed);
        assert_eq!(asked(&tenant), number + 1);
    }
    assert_eq!(refused(&connection).await.reason(), Reason::RateLimited);
    assert_eq!(asked(&tenant), 6, "the server asked for a minute");
}

#[tokio::test]
async fn what_an_answer_without_a_token_says_is_shown() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    let say = async |description: &str| {
        tenant.faults().next(1, TOKEN, Fault::oauth_error(200, "invalid_client", description));
        connection.tokens.get(Insistence::Forced).await.err().unwrap()
    };
    let error = say("Application is not found").await;
    assert_eq!(error.reason(), Reason::RemoteUnavailable);
    assert!(
        error
            .to_string()
            .ends_with("an error instead of a token (error code invalid_client): Application is not found"),
        "{error}"
    );
    let secret = tenant.client_secret();
    let error = say(&format!("client secret {secret} is wrong")).await;
    let Error::UnreadableToken { cause: WithoutToken::ErrorInstead(ErrorDetails { message, .. }), .. } =
        &error
    else {
        panic!("{error}")
    };
    assert_eq!(*message, Message::Withheld);
    assert!(!error.to_string().contains(&secret));
}

#[tokio::test]
async fn a_life_in_words_does_not_make_a_token_unusable() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let connection = connect(None, &tenant.service_key());
    let answer = serde_json::json!({ "access_token": "abc", "expires_in": "3599.5", "token_type": "Bearer" });
    tenant.faults().next(1, TOKEN, Fault::json(200, &answer));
    for _ in 0..3 {
        assert_eq!(patient(&connection).await.unwrap().expose(), "abc");
    }
    assert_eq!(asked(&tenant), 1);
}

/// All who share the key share the backoff, and the error meanwhile; it ends by itself.
#[rstest]
#[tokio::test]
async fn a_failure_that_passes_is_not_asked_for_by_each_resource(#[values(200, 500, 0)] status: u16) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    let fault = match status {
        0 => Fault::cut(),
        200 => Fault::oauth_error(200, "invalid_client", "Bad credentials"),
        status => Fault::status(status),
    };
    tenant.faults().next(4, TOKEN, fault);
    let connection = connect(None, &tenant.service_key());
    let (mut answers, mut unanswered) = (Vec::new(), 0);
    let deadline = Instant::now() + Duration::from_secs(30);
    while answers.len() < 5 {
        assert!(Instant::now() < deadline, "{answers:?}");
        let failed = patient(&connection).await.is_err();
        if failed && answers.last() == Some(&asked(&tenant)) {
            unanswered += 1;
        } else {
            answers.push(asked(&tenant));
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(answers, [1, 2, 3, 4, 5]);
    assert!(unanswered > 20, "{unanswered}");
}

/// With one for each tenant, or for each X.509 certificate, unused connections would add up.
#[tokio::test]
async fn the_connection_to_an_authorization_server_is_closed_after_the_answer() {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let mut key = simulator.tenant("acme").service_key();
    key["url"] = format!("http://{}", listener.local_addr().unwrap()).into();
    let connection = connect(None, &key);
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("client_secret=") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"access_token\":\"abc\"}";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream
    };
    let (token, mut stream) = tokio::join!(patient(&connection), server);
    assert!(token.is_ok());
    let mut rest = Vec::new();
    let closed = stream.read_to_end(&mut rest);
    assert!(tokio::time::timeout(Duration::from_secs(30), closed).await.is_ok(), "it is kept");
}

/// Whoever only hears of it has learnt nothing about the server.
#[rstest]
#[case::granted(None)]
#[case::refused(Some(401))]
#[tokio::test]
async fn one_of_all_who_need_a_token_has_asked_for_it(#[case] refused: Option<u16>) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let tenant = simulator.tenant("acme");
    if let Some(status) = refused {
        tenant.faults().always(TOKEN, Fault::json(status, &serde_json::json!({})));
    }
    let connection = connect(None, &tenant.service_key());
    let authorize = || connection.authorize(Insistence::Patient);
    let mut at_once: Vec<_> = futures::future::join_all((0..3).map(|_| authorize())).await;
    at_once.push(authorize().await);
    let origins: Vec<_> = at_once.iter().map(|authorization| authorization.origin).collect();
    assert_eq!(origins, [Origin::Asked, Origin::Kept, Origin::Kept, Origin::Kept]);
    assert!(at_once.iter().all(|authorization| authorization.result.is_err() == refused.is_some()));
    assert_eq!(asked(&tenant), 1);
}
