//! Service keys and bindings.

use serde_json::Value;
use testbed::simulator::binding_data;

use crate::client::{DEADLINE, simulator, token_with};

#[tokio::test]
async fn a_service_key_has_the_form_of_saps_and_works() {
    let (_simulator, tenant) = simulator().await;
    let key = tenant.service_key();
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("clientid"), text("clientsecret"));
    assert!(id.starts_with("sb-") && id.contains('!') && id.contains('|'), "{id}");
    assert_eq!(format!("sb-{}", text("appname")), id);
    assert!(secret.contains('$') && secret.ends_with('='), "the form of the secret");
    assert_eq!(text("identityzone"), "acme");
    assert_eq!(text("identityzoneid").len(), 36);
    assert_eq!(text("url"), tenant.authorization_server());
    assert_eq!(key["serviceurls"]["AI_API_URL"], tenant.api_url());
    assert_eq!(token_with(&tenant, &id, &secret).await.status, 200);
}

#[tokio::test]
async fn a_binding_is_flat() {
    let (_simulator, tenant) = simulator().await;
    let key = tenant.service_key();
    let binding = tenant.binding_data();
    assert_eq!(binding["clientid"], tenant.client_id());
    assert_eq!(binding["clientsecret"], tenant.client_secret());
    let urls: Value = serde_json::from_str(&binding["serviceurls"]).unwrap();
    assert_eq!(urls, key["serviceurls"]);
    assert_eq!(binding["label"], "aicore");
    let metadata: Value = serde_json::from_str(&binding[".metadata"]).unwrap();
    let properties = metadata["credentialProperties"].as_array().unwrap();
    assert_eq!(properties.len(), key.as_object().unwrap().len());
    for property in properties {
        let name = property["name"].as_str().unwrap();
        let format = if name == "serviceurls" { "json" } else { "text" };
        assert_eq!(property["format"], format, "{name}");
        assert!(binding.contains_key(name), "{name}");
    }
    assert_eq!(binding_data(&key, "acme"), binding);
}

#[tokio::test]
async fn nothing_that_is_shown_holds_a_credential() {
    let (_simulator, tenant) = simulator().await;
    let client = crate::client::Client::of(&tenant).await;
    tenant.put("ghcr-pull", "old");
    client.patch("s3cret").await;
    let entry = tenant.journal().wait_for(|entry| entry.applied, DEADLINE).await.unwrap();
    let shown = format!(
        "{tenant:?} {entry:?} {:?} {:?} {} {} {:?}",
        entry.payload,
        entry.headers,
        entry.to_line(),
        entry.to_json(),
        tenant.journal().entries(),
    );
    assert!(entry.payload.as_ref().unwrap().expose().contains("s3cret"));
    for credential in ["s3cret", &client.token, &tenant.client_secret()] {
        assert!(!shown.contains(credential), "{shown}");
    }
}
