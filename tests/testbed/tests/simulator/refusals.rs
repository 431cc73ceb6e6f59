//! What the operations refuse, and how.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testbed::simulator::{Fault, Matcher, PatchType};

use crate::{
    client::{
        Client, JSON, MERGE_PATCH, PULL, QUOTA, Reply, SECRETS, content, docker_config, named, simulator,
    },
    contract::CONTRACT,
};

const ALL: &str = "/admin/dockerRegistrySecrets";
const ONE: &str = "/admin/dockerRegistrySecrets/{dockerRegistryName}";

/// Checks an error of the declared form that names its path.
#[track_caller]
fn check_error(method: &Method, path: &str, reply: &Reply, declared: &str, target: &str) {
    let error = &CONTRACT.check(method, path, reply, declared)["error"];
    let code = error["code"].as_str().unwrap();
    assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert_eq!(error["requestId"].as_str().unwrap().len(), 36);
    assert_eq!(error["target"], target);
}

#[tokio::test]
async fn a_missing_secret_is_not_found() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    check_error(&Method::GET, ONE, &client.get(PULL).await, "404", PULL);
    check_error(&Method::DELETE, ONE, &client.delete(PULL).await, "404", PULL);
    check_error(&Method::PATCH, ONE, &client.patch("new").await, "404", PULL);
    assert!(tenant.secrets().is_empty(), "PATCH creates nothing");
}

#[rstest::rstest]
#[case("a")]
#[case("a_b")]
#[case("a__bc")]
#[case("-ab")]
#[case("Upper")]
#[case("with%20space")]
#[case("x234567890123456789012345678901234567890123456789012345678901234")]
#[tokio::test]
async fn a_name_outside_the_rule_is_refused(#[case] name: &str) {
    let (_simulator, tenant) = simulator().await;
    tenant.put(name, "old");
    let client = Client::of(&tenant).await;
    let path = format!("{SECRETS}/{name}");
    check_error(&Method::GET, ONE, &client.get(&path).await, "400", &path);
    check_error(&Method::DELETE, ONE, &client.delete(&path).await, "400", &path);
    let body = content("new").to_string();
    let reply = client.send(Method::PATCH, &path, MERGE_PATCH, body).await;
    check_error(&Method::PATCH, ONE, &reply, "400", &path);
    tenant.remove(name);
    check_error(&Method::POST, ALL, &client.post(&named(name, "new")).await, "400", SECRETS);
    assert!(tenant.secrets().is_empty());
}

#[rstest::rstest]
#[case("ab")]
#[case("a_bc")]
#[case("a.-b")]
#[case("x23456789012345678901234567890123456789012345678901234567890123")]
#[tokio::test]
async fn a_name_by_the_rule_is_accepted(#[case] name: &str) {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    assert_eq!(client.post(&named(name, "new")).await.status, 202);
    assert_eq!(client.get(&format!("{SECRETS}/{name}")).await.status, 200);
}

#[rstest::rstest]
#[case::not_json("{")]
#[case::no_object("[]")]
#[case::no_data("{}")]
#[case::data_is_a_string(r#"{"data":"x"}"#)]
#[case::no_config(r#"{"data":{}}"#)]
#[case::config_is_an_object(r#"{"data":{".dockerconfigjson":{"auths":{}}}}"#)]
#[case::more_data(r#"{"data":{".dockerconfigjson":"new","other":"x"}}"#)]
#[tokio::test]
async fn a_body_of_another_form_is_refused(#[case] body: &str) {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let reply = client.send(Method::PATCH, PULL, MERGE_PATCH, body.to_owned()).await;
    check_error(&Method::PATCH, ONE, &reply, "400", PULL);
    let body = body.replacen('{', r#"{"name":"other","#, 1).replace(",}", "}");
    let reply = client.send(Method::POST, SECRETS, JSON, body).await;
    check_error(&Method::POST, ALL, &reply, "400", SECRETS);
    assert_eq!(tenant.secrets().into_iter().collect::<Vec<_>>(), [("ghcr-pull".into(), "old".into())]);
}

#[tokio::test]
async fn a_name_must_be_a_string_and_be_there() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    for body in [content("new"), json!({"name": 1, "data": {".dockerconfigjson": "new"}})] {
        check_error(&Method::POST, ALL, &client.post(&body).await, "400", SECRETS);
    }
    assert!(tenant.secrets().is_empty());
}

#[tokio::test]
async fn other_keys_beside_data_are_not_forbidden() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let body = named("ghcr-pull", "new").to_string();
    let reply = client.send(Method::PATCH, PULL, MERGE_PATCH, body).await;
    assert_eq!(reply.status, 202);
    assert_eq!(tenant.secrets()["ghcr-pull"], "new");
}

#[rstest::rstest]
#[case("$top=-1")]
#[case("$skip=many")]
#[case("$count=1")]
#[tokio::test]
async fn a_parameter_of_another_type_is_refused(#[case] query: &str) {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let reply = client.get(&format!("{SECRETS}?{query}")).await;
    check_error(&Method::GET, ALL, &reply, "400", SECRETS);
}

#[rstest::rstest]
#[case(PatchType::MergePatch, MERGE_PATCH, 202)]
#[case(PatchType::MergePatch, "Application/Merge-Patch+JSON; charset=utf-8", 202)]
#[case(PatchType::MergePatch, JSON, 415)]
#[case(PatchType::Json, MERGE_PATCH, 415)]
#[case(PatchType::Json, JSON, 202)]
#[case(PatchType::Both, MERGE_PATCH, 202)]
#[case(PatchType::Both, JSON, 202)]
#[case(PatchType::Both, "text/plain", 415)]
#[tokio::test]
async fn patch_is_strict_about_its_content_type(
    #[case] mode: PatchType,
    #[case] content_type: &str,
    #[case] status: u16,
) {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    tenant.configure(|options| options.patch_type = mode);
    let client = Client::of(&tenant).await;
    let body = content("new").to_string();
    let reply = client.send(Method::PATCH, PULL, content_type, body).await;
    assert_eq!(reply.status, status);
    let stored = if status == 202 { "new" } else { "old" };
    assert_eq!(tenant.secrets()["ghcr-pull"], stored);
}

#[tokio::test]
async fn post_takes_json_only() {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let body = named("ghcr-pull", "new").to_string();
    let reply = client.send(Method::POST, SECRETS, MERGE_PATCH, body).await;
    assert_eq!(reply.status, 415);
    check_error(&Method::POST, ALL, &reply, "default", SECRETS);
    assert!(tenant.secrets().is_empty());
}

#[tokio::test]
async fn an_existing_name_is_not_created_again() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let reply = client.post(&named("ghcr-pull", "new")).await;
    assert_eq!(reply.status, 409);
    check_error(&Method::POST, ALL, &reply, "default", SECRETS);
    tenant.configure(|options| options.exists_status = StatusCode::BAD_REQUEST);
    let reply = client.post(&named("ghcr-pull", "new")).await;
    check_error(&Method::POST, ALL, &reply, "400", SECRETS);
    assert_eq!(tenant.secrets()["ghcr-pull"], "old");
}

#[tokio::test]
async fn the_quota_limits_creation_only() {
    let (_simulator, tenant) = simulator().await;
    tenant.configure(|options| options.quota = 1);
    let client = Client::of(&tenant).await;
    assert_eq!(client.post(&named("ghcr-pull", "first")).await.status, 202);
    let reply = client.post(&named("second", "second")).await;
    check_error(&Method::POST, ALL, &reply, "400", SECRETS);
    assert!(reply.error_message().contains("quota"), "{reply:?}");
    assert_eq!(client.patch("new").await.status, 202);
    assert_eq!(client.get(QUOTA).await.json()["usage"]["count"], 1);
    tenant.configure(|options| options.quota_status = StatusCode::FORBIDDEN);
    assert_eq!(client.post(&named("second", "second")).await.status, 403);
    assert_eq!(client.delete(PULL).await.status, 202);
    assert_eq!(client.post(&named("second", "second")).await.status, 202);
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_too_large() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let client = Client::of(&tenant).await;
    let around = content("").to_string().len();
    let fits = "x".repeat(1024 * 1024 - around);
    for (config, status) in [(fits.clone() + "x", 413), ("x".repeat(8 << 20), 413), (fits, 202)] {
        let body = content(&config).to_string();
        let reply = client.send(Method::PATCH, PULL, MERGE_PATCH, body).await;
        assert_eq!(reply.status, status);
    }
}

#[rstest::rstest]
#[case(Method::GET, "/", 404)]
#[case(Method::GET, "/v2/admin/secrets", 404)]
#[case(Method::GET, "/admin/dockerRegistrySecrets", 404)]
#[case(Method::GET, "/v2/admin/dockerRegistrySecrets/a/b", 404)]
#[case(Method::GET, "/api/nobody/v2/admin/dockerRegistrySecrets", 404)]
#[case(Method::POST, "/uaa/nobody/oauth/token", 404)]
#[case(Method::POST, "/api/acme/oauth/token", 404)]
#[case(Method::GET, "/uaa/acme/v2/admin/dockerRegistrySecrets", 404)]
#[case(Method::PUT, PULL, 405)]
#[tokio::test]
async fn other_paths_and_methods_do_not_exist(
    #[case] method: Method,
    #[case] path: &str,
    #[case] status: u16,
) {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    let reply = Reply::of(client.request(method, path)).await.unwrap();
    assert_eq!(reply.status, status);
    let error = &reply.json()["error"];
    assert_eq!(error["target"], path);
    assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
}

/// The document declares JSON here too; the gateway in front of the API is what answers.
#[tokio::test]
async fn without_a_good_token_the_gateway_answers_in_plain_text() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let mut client = Client::of(&tenant).await;
    client.token = "unknown".to_owned();
    let replies = [
        client.get(SECRETS).await,
        client.get(PULL).await,
        client.patch("new").await,
        client.delete(PULL).await,
        client.post(&named("other", "new")).await,
        client.get(QUOTA).await,
        Reply::of(crate::client::http().get(format!("{}{PULL}", tenant.api_url()))).await.unwrap(),
    ];
    for reply in replies {
        assert_eq!(reply.status, 401);
        assert_eq!(reply.content_type.as_deref(), Some("text/plain; charset=utf-8"));
        assert_eq!(reply.body, "Unauthorized");
    }
    assert_eq!(tenant.secrets()["ghcr-pull"], "old");
    assert_eq!(tenant.secrets().len(), 1);
}

#[rstest::rstest]
#[case(403)]
#[case(500)]
#[tokio::test]
async fn scripted_errors_have_the_declared_form(#[case] status: u16) {
    let (_simulator, tenant) = simulator().await;
    let client = Client::of(&tenant).await;
    tenant.faults().always(Matcher::any(), Fault::status(status));
    let body: Value = named("ghcr-pull", &docker_config("new"));
    for (method, path, target, reply) in [
        (Method::GET, ALL, SECRETS, client.get(SECRETS).await),
        (Method::POST, ALL, SECRETS, client.post(&body).await),
        (Method::GET, ONE, PULL, client.get(PULL).await),
        (Method::PATCH, ONE, PULL, client.patch("new").await),
        (Method::DELETE, ONE, PULL, client.delete(PULL).await),
        (Method::GET, "/admin/resourceQuota/dockerRegistrySecrets", QUOTA, client.get(QUOTA).await),
    ] {
        assert_eq!(reply.status, status);
        check_error(&method, path, &reply, "default", target);
    }
}
