use std::path::Path;

use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;

const CERTIFICATE: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

/// A kubeconfig with one of each, read as the only file.
async fn find(file: &str, cluster: Value, user: Value) -> Result<Access, String> {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "k", "cluster": cluster }],
        "users": [{ "name": "u", "user": user }],
        "contexts": [{ "name": "c", "context": { "cluster": "k", "user": "u" } }],
    });
    text(file, config.to_string().as_bytes()).await
}

async fn text(name: &str, text: &[u8]) -> Result<Access, String> {
    let path = std::env::temp_dir().join(format!("kubeconfig-{name}-{}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let choice = Choice { file: Some(path.clone()), ..Choice::default() };
    let found = Access::find(&choice).await.map_err(|error| error.to_string());
    std::fs::remove_file(path).unwrap();
    found
}

#[rstest]
#[case::no_server(json!({}), json!({}), "cluster \"k\" in kubeconfig /", "it has no server")]
#[case::server(json!({ "server": "ftp://x" }), json!({}), "cluster \"k\"", "server \"ftp://x\" is not a URL")]
#[case::authority(json!({ "server": "https://x", "certificate-authority": "nowhere.crt" }), json!({}), "cluster \"k\"",
    "certificate-authority nowhere.crt: there is no such file")]
#[case::authority_data(json!({ "server": "https://x", "certificate-authority-data": "{" }), json!({}), "cluster \"k\"",
    "certificate-authority-data is not base64")]
#[case::authority_empty(json!({ "server": "https://x", "certificate-authority-data": "eA==" }), json!({}), "cluster \"k\"",
    "certificate-authority-data holds no certificate")]
#[case::proxy(json!({ "server": "https://x", "proxy-url": "p:3128" }), json!({}), "cluster \"k\"", "proxy-url: ")]
#[case::half(json!({ "server": "https://x" }), json!({ "client-certificate-data": CERTIFICATE }), "user \"u\"",
    "a client-certificate and no client-key")]
#[case::key(json!({ "server": "https://x" }), json!({ "client-certificate-data": CERTIFICATE, "client-key-data": "eA==" }),
    "user \"u\"", "not a private key in PEM form")]
#[case::token(json!({ "server": "https://x" }), json!({ "tokenFile": "nowhere" }), "user \"u\"", "nowhere: it cannot be read")]
#[case::gcp(json!({ "server": "https://x" }), json!({ "auth-provider": { "name": "gcp" } }), "user \"u\"",
    "use the exec plugin gke-gcloud-auth-plugin")]
#[case::azure(json!({ "server": "https://x" }), json!({ "auth-provider": { "name": "azure" } }), "user \"u\"", "kubelogin")]
#[case::oidc(json!({ "server": "https://x" }), json!({ "auth-provider": { "name": "oidc" } }), "user \"u\"", "no id-token")]
#[case::provider(json!({ "server": "https://x" }), json!({ "auth-provider": { "name": "x" } }), "user \"u\"",
    "auth-provider \"x\" is not known")]
#[case::exec(json!({ "server": "https://x" }), json!({ "exec": { "apiVersion": "v9" } }), "user \"u\"", "exec.apiVersion \"v9\"")]
#[tokio::test]
async fn what_is_wrong_is_named(
    #[case] cluster: Value,
    #[case] user: Value,
    #[case] start: &str,
    #[case] part: &str,
) {
    let name = format!("wrong-{}-{}", cluster.to_string().len(), user.to_string().len());
    let sentence = find(&name, cluster, user).await.unwrap_err();
    assert!(sentence.starts_with(start) && sentence.contains(part), "{sentence}");
}

#[rstest]
#[case::yaml(b"users: [{name: s3cr3t, user: {token: s3cr3t".as_slice(), "is not a kubeconfig (see line 1, column")]
#[case::typed(b"users:\n- name: u\n  user: s3cr3t\n", "is not a kubeconfig (see line 3, column")]
#[case::binary(b"\xff\xff", "is not UTF-8 text")]
#[case::no_context(b"apiVersion: v1\n", "has no current-context")]
#[tokio::test]
async fn a_file_that_is_none_is_named_and_not_shown(#[case] content: &[u8], #[case] part: &str) {
    let sentence = text(&format!("none-{}", content.len()), content).await.unwrap_err();
    assert!(sentence.contains(part) && !sentence.contains("s3cr3t"), "{sentence}");
}

#[tokio::test]
async fn an_empty_field_counts_as_none() {
    let cluster = json!({
        "server": "https://x", "certificate-authority": "", "certificate-authority-data": "", "tls-server-name": "", "proxy-url": "",
    });
    let user = json!({
        "token": "t0k3n", "tokenFile": "", "client-certificate": "", "client-key-data": "", "username": "", "as": "",
    });
    let access = find("empty", cluster, user).await.unwrap();
    let auth = &access.config.auth_info;
    assert_eq!(auth.token.as_ref().map(ExposeSecret::expose_secret), Some("t0k3n"));
    assert!(access.tokens.is_none() && auth.impersonate.is_none());
    assert!(access.config.root_cert.is_none() && access.config.tls_server_name.is_none());
    assert!(access.config.proxy_url.is_none());
}

#[tokio::test]
async fn fields_are_taken_over() {
    let cluster = json!({
        "server": "x.example:6443/path", "insecure-skip-tls-verify": true, "tls-server-name": "y", "proxy-url": "socks5://p",
    });
    let user = json!({ "username": "me", "password": "pw", "as": "other", "as-groups": ["g"] });
    let access = find("fields", cluster, user).await.unwrap();
    let config = &access.config;
    assert_eq!(config.cluster_url.to_string(), "https://x.example:6443/path");
    assert!(config.accept_invalid_certs);
    assert_eq!(config.tls_server_name.as_deref(), Some("y"));
    assert_eq!(config.proxy_url.as_ref().map(ToString::to_string).as_deref(), Some("socks5://p:1080/"));
    assert_eq!(config.auth_info.username.as_deref(), Some("me"));
    assert_eq!(config.auth_info.impersonate.as_deref(), Some("other"));
    assert_eq!(config.auth_info.impersonate_groups, Some(vec!["g".to_owned()]));
    let plain = find("plain", json!({ "server": "x:8080" }), json!({})).await.unwrap();
    assert_eq!(plain.config.cluster_url.to_string(), "http://x:8080/");
}

/// As PowerShell writes files.
#[tokio::test]
async fn utf_16_is_read() {
    let config = "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\nclusters: [{name: k, cluster: {server: http://x}}]";
    let little: Vec<u8> =
        [0xfeff].into_iter().chain(config.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert!(text("utf16le", &little).await.is_ok());
    let big: Vec<u8> = [0xfeff].into_iter().chain(config.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    assert!(text("utf16be", &big).await.is_ok());
    assert!(text("bom", format!("\u{feff}{config}").as_bytes()).await.is_ok());
}

#[tokio::test]
async fn a_file_without_an_end_is_not_read_to_it() {
    let choice = Choice { file: Some(Path::new("/dev/zero").to_owned()), ..Choice::default() };
    let sentence = Access::find(&choice).await.unwrap_err().to_string();
    assert_eq!(sentence, "--kubeconfig: /dev/zero: it is longer than 10 MiB");
}
