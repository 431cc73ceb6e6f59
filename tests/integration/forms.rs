//! The forms in which credentials come, as their writers really write them.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};
use testbed::simulator::{KeyFormat, Tenant};

use crate::world::{Conditions, Login, World, operation::PATCH};

fn data<const N: usize>(entries: [(&str, String); N]) -> BTreeMap<String, String> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A service key in which every value is a string, as a binding with `secretRootKey` has it.
fn strings_only(tenant: &Tenant) -> Value {
    tenant
        .service_key()
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key.clone(), Value::from(text))
        })
        .collect()
}

fn container_metadata(key: &str) -> String {
    json!({ "credentialProperties": [{ "name": key, "container": true, "format": "json" }] }).to_string()
}

#[rstest]
#[case::flat(|tenant: &Tenant| tenant.binding_data())]
#[case::secret_key(|tenant: &Tenant| data([
    ("credentials", tenant.service_key().to_string()),
    ("instance_name", "my-aicore".to_owned()),
    ("plan", "extended".to_owned()),
    (".metadata", container_metadata("credentials")),
]))]
#[case::secret_root_key(|tenant: &Tenant| data([("root", strings_only(tenant).to_string())]))]
#[case::both(|tenant: &Tenant| data([(
    "root",
    json!({ "credentials": tenant.service_key().to_string(), "instance_name": "my-aicore" }).to_string(),
)]))]
#[case::crossplane(|tenant: &Tenant| {
    let mut flat = tenant.binding_data();
    flat.insert("__raw".to_owned(), tenant.service_key().to_string());
    flat
})]
#[case::file(|tenant: &Tenant| data([("key.json", tenant.service_key().to_string())]))]
#[case::environment_key(|tenant: &Tenant| data([("AICORE_SERVICE_KEY", tenant.service_key().to_string())]))]
#[case::environment(|tenant: &Tenant| data([
    ("AICORE_CLIENT_ID", tenant.client_id()),
    ("AICORE_CLIENT_SECRET", tenant.client_secret()),
    ("AICORE_AUTH_URL", format!("{}/oauth/token", tenant.authorization_server())),
    ("AICORE_BASE_URL", format!("{}/v2", tenant.api_url())),
]))]
#[tokio::test]
async fn a_service_key_is_recognised(#[case] form: fn(&Tenant) -> BTreeMap<String, String>) {
    let world = World::new("keyform").await;
    world.secret("key", "Opaque", form(world.tenant())).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let ready = world.wait_ready("pull").await;
    let status = ready.status.unwrap();
    assert_eq!(
        (status.api_url, status.authorization_server),
        (Some(world.api_url()), Some(world.authorization_server()))
    );
    world.check(&operator).await;
}

#[rstest]
#[case::pkcs1(KeyFormat::Pkcs1, false)]
#[case::pkcs8(KeyFormat::Pkcs8, false)]
#[case::line_breaks_written_out(KeyFormat::Pkcs8, true)]
#[tokio::test]
async fn a_certificate_gets_the_token(#[case] format: KeyFormat, #[case] written_out: bool) {
    let world = World::with_tls("mtls").await;
    let mut key = world.tenant().x509_service_key(format).unwrap();
    if written_out {
        for field in ["certificate", "key"] {
            key[field] = key[field].as_str().unwrap().replace('\n', "\\n").into();
        }
    }
    world.secret("key", "Opaque", data([("key.json", key.to_string())])).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator_trusting().await;
    let ready = world.wait_ready("pull").await;
    assert_eq!(ready.status.unwrap().authorization_server, Some(world.authorization_server()));

    // A certificate lives for days only: its successor is used with the same event, and the old one is refused.
    world.tenant().revoke_certificates();
    world.revoke_tokens();
    world
        .secret(
            "key",
            "Opaque",
            data([("key.json", world.tenant().x509_service_key(format).unwrap().to_string())]),
        )
        .await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    world.check(&operator).await;
}

#[tokio::test]
async fn moving_from_a_client_secret_to_a_certificate_is_no_change_of_tenant() {
    let world = World::with_tls("grant").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator_trusting().await;
    let before = world.wait_ready("pull").await.status.unwrap();
    let key = world.tenant().x509_service_key(KeyFormat::Pkcs8).unwrap();
    world.secret("key", "Opaque", data([("key.json", key.to_string())])).await;
    let after = world
        .wait_for("pull", "another digest", |resource| {
            resource.status.as_ref().unwrap().credentials_digest != before.credentials_digest
        })
        .await;
    assert_eq!(after.status.unwrap().authorization_server, before.authorization_server);
    world.check(&operator).await;
    assert!(!operator.log().iter().any(|line| line.contains("TenantChanged")));
}

#[tokio::test]
async fn an_untrusted_certificate_is_named() {
    let world = World::with_tls("untrusted").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.launch().with(&world.simulator_hosts()).start().await;
    let waiting = world.wait_reason("pull", "RemoteUnavailable").await;
    let message = &waiting.condition("Ready").message;
    assert!(message.contains("certificate"), "{message}");
    world.check(&operator).await;
}

#[rstest]
#[case::missing_fields(json!({ "clientid": "x" }), "clientsecret")]
#[case::not_allowed(
    json!({ "clientid": "x", "clientsecret": "s3cr3tCanary", "url": "https://evil.example",
        "serviceurls": { "AI_API_URL": "https://evil.example" } }),
    "evil.example"
)]
#[case::http(
    json!({ "clientid": "x", "clientsecret": "s3cr3tCanary", "url": "http://a.authentication.eu10.hana.ondemand.com",
        "serviceurls": { "AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com" } }),
    "starts with http://"
)]
#[tokio::test]
async fn an_unusable_service_key_is_refused_with_a_sentence(#[case] key: Value, #[case] part: &str) {
    let world = World::new("badkey").await;
    world.secret("key", "Opaque", data([("key.json", key.to_string())])).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let stalled = world.wait_reason("pull", "ServiceKeyInvalid").await;
    let message = &stalled.condition("Stalled").message;
    assert!(message.contains("Secret \"key\"") && message.contains(part), "{message}");
    assert_eq!(world.requests(), 0);
    world.service_key("key").await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn a_stale_binding_is_refused() {
    let world = World::synced("stale").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.label_secret("key", "services.cloud.sap.com/stale", "old-binding").await;
    let stalled = world.wait_reason("pull", "ServiceKeyInvalid").await;
    assert!(stalled.condition("Stalled").message.contains("stale"));
    world.check(&operator).await;
}

#[rstest]
#[case::basic_auth("kubernetes.io/basic-auth", json!({ "server": "registry.example.com" }), "username", "password")]
#[case::generator("Opaque", json!({ "server": "registry.example.com" }), "username", "password")]
#[case::own_keys("Opaque", json!({ "server": "registry.example.com", "usernameKey": "u", "passwordKey": "p" }), "u", "p")]
#[tokio::test]
async fn a_user_name_and_a_password_are_sent(
    #[case] type_: &str,
    #[case] reference: Value,
    #[case] username: &str,
    #[case] password: &str,
) {
    let world = World::new("basic").await;
    world.service_key("key").await;
    let secret = data([(username, "robot".to_owned()), (password, "s3cr3tCanary:with:colons".to_owned())]);
    world.secret("source", type_, secret).await;
    let mut reference = reference;
    reference["name"] = "source".into();
    world.resource("pull", json!({ "secretRef": reference })).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    assert_eq!(
        world.remote("pull").unwrap(),
        r#"{"auths":{"registry.example.com":{"password":"s3cr3tCanary:with:colons","username":"robot"}}}"#
    );
    world.check(&operator).await;
}

#[rstest]
#[case::dockercfg(
    "kubernetes.io/dockercfg",
    ".dockercfg",
    r#"{"ghcr.io":{"username":"robot","password":"s3cr3tCanary"}}"#
)]
#[case::any_type(
    "Opaque",
    ".dockerconfigjson",
    r#"{"auths":{"ghcr.io":{"username":"robot","password":"s3cr3tCanary"}}}"#
)]
#[case::auth_wins(
    "kubernetes.io/dockerconfigjson",
    ".dockerconfigjson",
    r#"{"auths":{"ghcr.io":{"username":"x","password":"y","auth":"cm9ib3Q6czNjcjN0Q2FuYXJ5"}}}"#
)]
#[case::any_case(
    "kubernetes.io/dockerconfigjson",
    ".dockerconfigjson",
    r#"{"Auths":{"GHCR.io":{"Auth":"cm9ib3Q6czNjcjN0Q2FuYXJ5Cg=="}}}"#
)]
#[case::broken_json_then_mended("Opaque", ".dockerconfigjson", "{\"auths\":{\"ghcr.io\"")]
#[tokio::test]
async fn a_docker_config_is_read_in_each_form(#[case] type_: &str, #[case] key: &str, #[case] content: &str) {
    let world = World::new("dockerform").await;
    world.service_key("key").await;
    world.preset_remote("pull", "{\"auths\":{\"old\":{}}}");
    world.secret("source", type_, data([(key, content.to_owned())])).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let good = r#"{"auths":{"ghcr.io":{"username":"robot","password":"s3cr3tCanary"}}}"#;
    if !content.ends_with('}') {
        let stalled = world.wait_reason("pull", "SecretInvalid").await;
        assert!(
            stalled.condition("Stalled").message.contains("line 1"),
            "{}",
            stalled.condition("Stalled").message
        );
        assert_eq!(world.remote("pull").unwrap(), "{\"auths\":{\"old\":{}}}");
        world.secret("source", type_, data([(key, good.to_owned())])).await;
    }
    world.wait_ready("pull").await;
    assert_eq!(
        world.remote("pull").unwrap(),
        r#"{"auths":{"ghcr.io":{"password":"s3cr3tCanary","username":"robot"}}}"#
    );
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_token_of_the_account_is_not_sent_and_that_is_said() {
    let world = World::new("tokencache").await;
    world.service_key("key").await;
    let login = json!({ "auth": "cm9ib3Q6czNjcjN0Q2FuYXJ5" });
    let cache = "https://index.docker.io/v1/refresh-token";
    let config = json!({ "auths": { "https://index.docker.io/v1/": login, cache: login } });
    world.raw_docker_secret("source", &config.to_string()).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let ready = world.wait_ready("pull").await;
    let said = &ready.condition("Ready").message;
    assert!(said.contains(&format!("; not sent: {cache:?}")), "{said}");
    assert_eq!(
        world.remote("pull").unwrap(),
        r#"{"auths":{"https://index.docker.io":{"password":"s3cr3tCanary","username":"robot"}}}"#
    );
    world.check(&operator).await;
}
