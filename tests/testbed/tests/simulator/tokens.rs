//! The token endpoint, and the life of tokens.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Certificate, Identity, header::AUTHORIZATION};
use serde_json::{Value, json};
use testbed::simulator::{Fault, Flaw, KeyFormat, Operation, Options, Simulator, Tenant};
use url::form_urlencoded::byte_serialize;

use crate::client::{Client, Reply, SECRETS, http, simulator, token, token_request, token_with};

#[tokio::test]
async fn a_token_is_issued_and_works() {
    let (_simulator, tenant) = simulator().await;
    let reply = token(&tenant).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.content_type.as_deref(), Some("application/json"));
    let body = reply.json();
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 7199);
    assert_ne!(body["access_token"], token(&tenant).await.json()["access_token"]);
    tenant.configure(|options| options.token_mark = "mark".to_owned());
    assert!(token(&tenant).await.json()["access_token"].as_str().unwrap().starts_with("mark"));
    assert_eq!(Client::of(&tenant).await.get(SECRETS).await.status, 200);
}

#[rstest::rstest]
#[case::as_written(false)]
#[case::form_encoded(true)]
#[tokio::test]
async fn http_basic_is_accepted(#[case] encoded: bool) {
    let (_simulator, tenant) = simulator().await;
    let encode = |text: String| {
        if encoded { byte_serialize(text.as_bytes()).collect() } else { text }
    };
    let pair = format!("{}:{}", encode(tenant.client_id()), encode(tenant.client_secret()));
    let ask = |pair: &str| {
        let form = token_request(&tenant).form(&[("grant_type", "client_credentials")]);
        Reply::of(form.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair))))
    };
    assert_eq!(ask(&pair).await.unwrap().status, 200);
    assert_eq!(ask(&(pair + "x")).await.unwrap().status, 401);
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_the_form_of_uaa() {
    let (simulator, tenant) = simulator().await;
    let beta = simulator.tenant("beta");
    for (id, secret) in [
        (tenant.client_id(), "wrong".to_owned()),
        ("wrong".to_owned(), tenant.client_secret()),
        (beta.client_id(), beta.client_secret()),
        (String::new(), String::new()),
    ] {
        let reply = token_with(&tenant, &id, &secret).await;
        assert_eq!(reply.status, 401);
        let expected = json!({"error": "unauthorized", "error_description": "Bad credentials"});
        assert_eq!(reply.json(), expected);
    }
}

#[rstest::rstest]
#[case("application/x-www-form-urlencoded", "client_id={id}&client_secret={secret}", "invalid_request")]
#[case(
    "application/x-www-form-urlencoded",
    "grant_type=password&client_id={id}&client_secret={secret}",
    "unsupported_grant_type"
)]
#[case(
    "text/plain",
    "grant_type=client_credentials&client_id={id}&client_secret={secret}",
    "invalid_request"
)]
#[tokio::test]
async fn another_grant_or_form_is_a_bad_request(
    #[case] content_type: &str,
    #[case] body: &str,
    #[case] error: &str,
) {
    let (_simulator, tenant) = simulator().await;
    let encode = |text: String| byte_serialize(text.as_bytes()).collect::<String>();
    let body = body
        .replace("{id}", &encode(tenant.client_id()))
        .replace("{secret}", &encode(tenant.client_secret()));
    let request = token_request(&tenant).header("Content-Type", content_type);
    let reply = Reply::of(request.body(body)).await.unwrap();
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"], error);
}

#[tokio::test]
async fn a_token_works_until_it_expires() {
    let (_simulator, tenant) = simulator().await;
    tenant.configure(|options| options.token_lifetime = Duration::from_mins(1));
    assert_eq!(token(&tenant).await.json()["expires_in"], 60);
    let client = Client::of(&tenant).await;
    pass(Duration::from_secs(50)).await;
    assert_eq!(client.get(SECRETS).await.status, 200);
    pass(Duration::from_secs(11)).await;
    assert_eq!(client.get(SECRETS).await.status, 401);
    assert_eq!(Client::of(&tenant).await.get(SECRETS).await.status, 200);
}

/// Lets time pass for the simulator, which runs on this thread.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_rotated_secret_is_refused_and_tokens_live_on() {
    let (_simulator, tenant) = simulator().await;
    let (id, old) = (tenant.client_id(), tenant.client_secret());
    let client = Client::of(&tenant).await;
    tenant.rotate_secret("new");
    assert_eq!(token_with(&tenant, &id, &old).await.status, 401);
    assert_eq!(token_with(&tenant, &id, "new").await.status, 200);
    assert_eq!(client.get(SECRETS).await.status, 200);
    assert_eq!(tenant.service_key()["clientsecret"], "new");
    tenant.rotate_secret_and_keep_old("newer");
    assert_eq!(token_with(&tenant, &id, "new").await.status, 200);
    assert_eq!(token_with(&tenant, &id, "newer").await.status, 200);
    assert_eq!(token_with(&tenant, &id, &old).await.status, 401);
    tenant.rotate_secret("newest");
    assert_eq!(token_with(&tenant, &id, "new").await.status, 401);
}

#[tokio::test]
async fn revoking_ends_the_tokens_of_one_tenant() {
    let (simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let beta = Client::of(&simulator.tenant("beta")).await;
    tenant.revoke_tokens();
    assert_eq!(client.get(SECRETS).await.status, 401);
    assert_eq!(beta.get(SECRETS).await.status, 200);
    assert_eq!(Client::of(&tenant).await.get(SECRETS).await.status, 200);
}

#[tokio::test]
async fn the_journal_tells_which_token_was_used() {
    let (_simulator, tenant) = simulator().await;
    let old = Client::of(&tenant).await;
    let new = Client::of(&tenant).await;
    new.get(SECRETS).await;
    tenant.revoke_tokens();
    old.get(SECRETS).await;
    let told: Vec<_> =
        tenant.journal().entries().iter().map(|entry| (entry.operation, entry.token)).collect();
    let (token, list) = (Operation::Token, Operation::List);
    assert_eq!(told, [(token, Some(1)), (token, Some(2)), (list, Some(2)), (list, Some(1))]);
}

#[tokio::test]
async fn the_token_endpoint_has_faults_of_its_own() {
    let (_simulator, tenant) = simulator().await;
    tenant.faults().next(1, Operation::Token, Fault::malformed_token());
    tenant.faults().next(1, Operation::Token, Fault::html(503, "<h1>down</h1>"));
    tenant.faults().next(1, Operation::Token, Fault::oauth_error(400, "invalid_client", "gone"));
    let malformed = token(&tenant).await;
    assert_eq!((malformed.status.as_u16(), malformed.json().get("access_token")), (200, None));
    assert_eq!(token(&tenant).await.body, "<h1>down</h1>");
    assert_eq!(token(&tenant).await.json()["error"], "invalid_client");
    assert_eq!(token(&tenant).await.status, 200);
    let numbers: Vec<_> = tenant.journal().token_requests().iter().map(|entry| entry.token).collect();
    assert_eq!(numbers, [None, None, None, Some(1)]);
}

async fn with_tls() -> (Simulator, Tenant) {
    let options = Options { tls: true, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let tenant = simulator.tenant("acme");
    (simulator, tenant)
}

fn trusting(simulator: &Simulator) -> reqwest::ClientBuilder {
    let ca = Certificate::from_pem(simulator.ca_pem().unwrap().as_bytes()).unwrap();
    reqwest::Client::builder().no_proxy().tls_certs_only([ca])
}

fn identified(simulator: &Simulator, key: &Value) -> reqwest::Client {
    let pem = format!("{}{}", key["certificate"].as_str().unwrap(), key["key"].as_str().unwrap());
    let identity = Identity::from_pem(pem.as_bytes()).unwrap();
    trusting(simulator).identity(identity).build().unwrap()
}

async fn certified_token(client: &reqwest::Client, key: &Value) -> reqwest::Result<Reply> {
    let url = format!("{}/oauth/token", key["certurl"].as_str().unwrap());
    let form = [("grant_type", "client_credentials"), ("client_id", key["clientid"].as_str().unwrap())];
    Reply::of(client.post(url).form(&form)).await
}

#[tokio::test]
async fn https_needs_trust_in_the_simulators_authority() {
    let (simulator, tenant) = with_tls().await;
    assert!(tenant.api_url().starts_with("https://127.0.0.1:"));
    assert!(tenant.authorization_server().starts_with("https://"));
    let url = format!("{}{SECRETS}", tenant.api_url());
    let reply = Reply::of(trusting(&simulator).build().unwrap().get(&url)).await.unwrap();
    assert_eq!(reply.status, 401);
    Reply::of(http().get(&url)).await.unwrap_err();
}

#[tokio::test]
async fn a_flawed_certificate_is_refused_by_the_handshake() {
    for tls_1_2_only in [false, true] {
        let options = Options { tls: true, tls_1_2_only, ..Options::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let tenant = simulator.tenant("acme");
        for flaw in [Flaw::Ended, Flaw::UnknownIssuer] {
            let key = tenant.flawed_x509_service_key(flaw).unwrap();
            let error = certified_token(&identified(&simulator, &key), &key).await.err().unwrap();
            assert!(!error.is_timeout(), "{error:?}");
        }
        assert_eq!(tenant.journal().entries().len(), 0);
    }
}

#[rstest::rstest]
#[case(KeyFormat::Pkcs1, "-----BEGIN RSA PRIVATE KEY-----\n")]
#[case(KeyFormat::Pkcs8, "-----BEGIN PRIVATE KEY-----\n")]
#[tokio::test]
async fn a_certificate_gives_a_token(#[case] format: KeyFormat, #[case] begin: &str) {
    let (simulator, tenant) = with_tls().await;
    let key = tenant.x509_service_key(format).unwrap();
    assert!(key["key"].as_str().unwrap().starts_with(begin));
    assert_eq!(key["credential-type"], "x509");
    assert_eq!(key.get("clientsecret"), None);
    assert_eq!(key["certurl"], key["url"]);
    let client = identified(&simulator, &key);
    let reply = certified_token(&client, &key).await.unwrap();
    assert_eq!(reply.status, 200);
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let list = client.get(format!("{}{SECRETS}", tenant.api_url()));
    assert_eq!(Reply::of(list.bearer_auth(token)).await.unwrap().status, 200);
}

#[tokio::test]
async fn without_its_certificate_there_is_no_token() {
    let (simulator, tenant) = with_tls().await;
    let key = tenant.x509_service_key(KeyFormat::Pkcs8).unwrap();
    let anonymous = trusting(&simulator).build().unwrap();
    assert_eq!(certified_token(&anonymous, &key).await.unwrap().status, 401);
    let other = simulator.tenant("beta").x509_service_key(KeyFormat::Pkcs8).unwrap();
    let reply = certified_token(&identified(&simulator, &other), &key).await.unwrap();
    assert_eq!(reply.status, 401, "another tenant's certificate");
    tenant.revoke_certificates();
    let reply = certified_token(&identified(&simulator, &key), &key).await.unwrap();
    assert_eq!(reply.status, 401, "revoked");
}

#[tokio::test]
async fn certificates_need_tls() {
    let (simulator, tenant) = simulator().await;
    assert!(tenant.x509_service_key(KeyFormat::Pkcs1).is_err());
    assert_eq!(simulator.ca_pem(), None);
}
