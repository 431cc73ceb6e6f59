//! What the operations answer when they succeed, and what they do.

use reqwest::Method;
use serde_json::json;

use crate::{
    client::{Client, PULL, QUOTA, SECRETS, docker_config, named, simulator},
    contract::CONTRACT,
};

const ALL: &str = "/admin/dockerRegistrySecrets";
const ONE: &str = "/admin/dockerRegistrySecrets/{dockerRegistryName}";

#[tokio::test]
async fn a_secret_is_created_with_exactly_the_content_that_was_sent() {
    let (_simulator, tenant) = simulator().await;
    let config = "{ \"auths\" : {\"ghcr.io\":{}}}\n\u{e4}";
    let reply = Client::of(&tenant).await.post(&named("ghcr-pull", config)).await;
    let body = CONTRACT.check(&Method::POST, ALL, &reply, "202");
    assert_eq!(body, json!({"message": "Secret has been created"}));
    assert_eq!(tenant.secrets()["ghcr-pull"], config);
}

#[tokio::test]
async fn a_secret_is_replaced() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    let reply = Client::of(&tenant).await.patch("new").await;
    let body = CONTRACT.check(&Method::PATCH, ONE, &reply, "202");
    assert_eq!(body, json!({"id": "ghcr-pull", "message": "Secret has been modified"}));
    assert_eq!(tenant.secrets()["ghcr-pull"], docker_config("new"));
}

#[tokio::test]
async fn a_secret_is_deleted() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "old");
    tenant.put("other", "stays");
    let reply = Client::of(&tenant).await.delete(PULL).await;
    let body = CONTRACT.check(&Method::DELETE, ONE, &reply, "202");
    assert_eq!(body, json!({"id": "ghcr-pull", "message": "Docker Registry Secret has been deleted"}));
    assert_eq!(tenant.secrets().into_keys().collect::<Vec<_>>(), ["other"]);
}

#[tokio::test]
async fn reading_gives_names_only() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", docker_config("hidden"));
    let client = Client::of(&tenant).await;
    let one = CONTRACT.check(&Method::GET, ONE, &client.get(PULL).await, "200");
    assert_eq!(one, json!({"name": "ghcr-pull"}));
    let all = CONTRACT.check(&Method::GET, ALL, &client.get(SECRETS).await, "200");
    assert_eq!(all, json!({"count": 1, "resources": [{"name": "ghcr-pull"}]}));
}

#[rstest::rstest]
#[case("", 3, &["a1", "b1", "c1"])]
#[case("?$top=2", 2, &["a1", "b1"])]
#[case("?$top=2&$count=true", 3, &["a1", "b1"])]
#[case("?$skip=1", 2, &["b1", "c1"])]
#[case("?$skip=1&$top=1&$count=false", 1, &["b1"])]
#[case("?%24skip=7", 0, &[])]
#[case("?$top=0&$count=true", 3, &[])]
#[tokio::test]
async fn the_list_has_pages(#[case] query: &str, #[case] count: usize, #[case] names: &[&str]) {
    let (_simulator, tenant) = simulator().await;
    for name in ["c1", "a1", "b1"] {
        tenant.put(name, "");
    }
    let reply = Client::of(&tenant).await.get(&format!("{SECRETS}{query}")).await;
    let body = CONTRACT.check(&Method::GET, ALL, &reply, "200");
    let names: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    assert_eq!(body, json!({"count": count, "resources": names}));
}

#[rstest::rstest]
#[case("", json!({"quota": {"maxCount": 50}, "usage": {"count": 1}}))]
#[case("?quotaOnly=false", json!({"quota": {"maxCount": 50}, "usage": {"count": 1}}))]
#[case("?quotaOnly=true", json!({"quota": {"maxCount": 50}}))]
#[tokio::test]
async fn the_quota_is_told(#[case] query: &str, #[case] expected: serde_json::Value) {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "");
    let reply = Client::of(&tenant).await.get(&format!("{QUOTA}{query}")).await;
    let body = CONTRACT.check(&Method::GET, "/admin/resourceQuota/dockerRegistrySecrets", &reply, "200");
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_secret_can_be_removed_behind_the_api() {
    let (_simulator, tenant) = simulator().await;
    tenant.put("ghcr-pull", "");
    let client = Client::of(&tenant).await;
    assert_eq!(client.get(PULL).await.status, 200);
    tenant.remove("ghcr-pull");
    assert_eq!(client.get(PULL).await.status, 404);
}

#[tokio::test]
async fn tenants_share_an_api_url_but_no_secrets() {
    let (simulator, acme) = simulator().await;
    let beta = simulator.tenant("beta");
    assert_eq!(acme.api_url(), beta.api_url());
    assert_ne!(acme.authorization_server(), beta.authorization_server());
    assert_ne!(acme.client_id(), beta.client_id());
    let reply = Client::of(&acme).await.post(&named("ghcr-pull", "acme's")).await;
    assert_eq!(reply.status, 202);
    assert!(beta.secrets().is_empty());
    assert_eq!(Client::of(&beta).await.get(PULL).await.status, 404);
}

#[tokio::test]
async fn a_tenant_can_have_an_api_url_of_its_own() {
    let (simulator, acme) = simulator().await;
    acme.configure(|options| options.own_api_url = true);
    assert_ne!(acme.api_url(), simulator.tenant("beta").api_url());
    acme.put("ghcr-pull", "");
    let mut client = Client::of(&acme).await;
    assert_eq!(client.get(PULL).await.status, 200);
    client.token = Client::of(&simulator.tenant("beta")).await.token;
    assert_eq!(client.get(PULL).await.status, 401, "another tenant's token");
}
