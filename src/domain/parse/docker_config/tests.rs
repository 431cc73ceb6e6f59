#![expect(clippy::needless_pass_by_value, reason = "inputs are written in place")]

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::domain::parse::secret_data::tests::secret;

mod bare_auth;
mod bounds;
mod cases;
mod mistaken;
mod properties;
mod refusals;
mod spellings;

const JSON_TYPE: Option<&str> = Some("kubernetes.io/dockerconfigjson");

fn config(json: impl ToString) -> SecretData {
    secret("ghcr-pull", JSON_TYPE, [(".dockerconfigjson", json.to_string())])
}

/// A config with these entries of `auths`.
fn auths(entries: impl ToString) -> SecretData {
    config(format!(r#"{{"auths":{}}}"#, entries.to_string()))
}

fn sent(secret: &SecretData) -> String {
    sent_for(secret, &Selection::default())
}

fn sent_for(secret: &SecretData, selection: &Selection<'_>) -> String {
    match payload(secret, selection) {
        Ok(payload) => payload.expose().to_owned(),
        Err(invalid) => panic!("{invalid}"),
    }
}

fn refused(secret: &SecretData) -> String {
    refused_for(secret, &Selection::default())
}

fn refused_for(secret: &SecretData, selection: &Selection<'_>) -> String {
    payload(secret, selection).map(|payload| payload.registries().to_vec()).unwrap_err().to_string()
}

fn basic(text: &str) -> String {
    STANDARD.encode(text)
}

/// What is sent for user `me` and password `pw` of one registry.
fn me_at(registry: &str) -> String {
    format!(r#"{{"auths":{{"{registry}":{{"password":"pw","username":"me"}}}}}}"#)
}

#[rstest]
#[case::auth(json!({"auth": basic("me:pw")}))]
#[case::unpadded(json!({"auth": STANDARD_NO_PAD.encode("me:pw")}))]
#[case::wrapped_lines(json!({"auth": "bWU6\r\ncHc=\n"}))]
#[case::trailing_bits(json!({"auth": "bWU6cHd="}))]
#[case::fields(json!({"username": "me", "password": "pw"}))]
#[case::auth_wins(json!({"username": "other", "password": "other", "auth": basic("me:pw")}))]
#[case::empty_auth(json!({"username": "me", "password": "pw", "auth": ""}))]
#[case::null_auth(json!({"username": "me", "password": "pw", "auth": null}))]
#[case::kubectl(json!({"username": "me", "password": "pw", "email": "me@x.test", "auth": basic("me:pw")}))]
#[case::tokens_beside(json!({"auth": basic("me:pw"), "identitytoken": "t", "registrytoken": "t", "x": 1}))]
fn every_form_of_an_entry_gives_the_same_bytes(#[case] entry: serde_json::Value) {
    assert_eq!(sent(&auths(json!({"ghcr.io": entry}))), me_at("ghcr.io"));
    let old = secret(
        "old",
        Some("kubernetes.io/dockercfg"),
        [(".dockercfg", json!({"ghcr.io": entry}).to_string())],
    );
    assert_eq!(sent(&old), me_at("ghcr.io"));
}

#[test]
fn a_password_may_hold_colons_quotes_and_line_breaks() {
    assert_eq!(
        sent(&auths(json!({"ghcr.io": {"auth": basic("me:a:b\"\n:")}}))),
        r#"{"auths":{"ghcr.io":{"password":"a:b\"\n:","username":"me"}}}"#
    );
}

#[test]
fn entries_are_sorted_and_docker_hub_has_one_key() {
    let me = json!({"username": "me", "password": "pw"});
    let payload = payload(
        &auths(json!({"quay.io": me, "https://ghcr.io/v1/": me, "https://index.docker.io/v1/": me})),
        &Selection::default(),
    )
    .unwrap();
    assert_eq!(payload.registries(), ["https://ghcr.io/v1/", "https://index.docker.io", "quay.io"]);
    assert_eq!(
        payload.expose(),
        r#"{"auths":{"https://ghcr.io/v1/":{"password":"pw","username":"me"},"https://index.docker.io":{"password":"pw","username":"me"},"quay.io":{"password":"pw","username":"me"}}}"#
    );
}

#[rstest]
#[case::opaque(Some("Opaque"), ".dockerconfigjson")]
#[case::no_type(None, ".dockerconfigjson")]
#[case::old_key(Some("Opaque"), ".dockercfg")]
fn the_key_counts_when_the_type_says_nothing(#[case] type_: Option<&str>, #[case] key: &'static str) {
    let entries = r#"{"ghcr.io":{"username":"me","password":"pw"}}"#;
    let value = if key == ".dockercfg" { entries.to_owned() } else { format!(r#"{{"auths":{entries}}}"#) };
    assert_eq!(sent(&secret("s", type_, [(key, value), ("other", "x".to_owned())])), me_at("ghcr.io"));
}

#[test]
fn the_type_counts_when_both_keys_are_there() {
    let data = [
        (".dockercfg", r#"{"old.test":{"username":"me","password":"pw"}}"#),
        (".dockerconfigjson", r#"{"auths":{"new.test":{"username":"me","password":"pw"}}}"#),
    ];
    assert_eq!(sent(&secret("s", Some("kubernetes.io/dockercfg"), data)), me_at("old.test"));
    assert_eq!(sent(&secret("s", JSON_TYPE, data)), me_at("new.test"));
    assert_eq!(sent(&secret("s", None, data)), me_at("new.test"));
}

#[rstest]
#[case::basic_auth(Some("kubernetes.io/basic-auth"), "username", "password", None, None)]
#[case::opaque(Some("Opaque"), "user", "token", Some("user"), Some("token"))]
fn a_user_name_and_a_password(
    #[case] type_: Option<&str>,
    #[case] username: &'static str,
    #[case] password: &'static str,
    #[case] username_key: Option<&str>,
    #[case] password_key: Option<&str>,
) {
    let secret = secret("reg", type_, [(username, "me\n"), (password, "pw\r\n"), ("expires_at", "1")]);
    let selection = Selection { server: Some(" ghcr.io "), username_key, password_key, registries: None };
    assert_eq!(sent_for(&secret, &selection), me_at("ghcr.io"));
    let hub = Selection { server: Some("docker.io"), ..selection };
    assert_eq!(sent_for(&secret, &hub), me_at("https://index.docker.io"));
}

#[test]
fn a_server_asks_for_user_name_and_password_even_beside_a_docker_config() {
    let both = secret(
        "both",
        JSON_TYPE,
        [(".dockerconfigjson", r#"{"auths":{}}"#), ("username", "me"), ("password", "pw")],
    );
    let selection = Selection { server: Some("ghcr.io"), ..Selection::default() };
    assert_eq!(sent_for(&both, &selection), me_at("ghcr.io"));
}

#[test]
fn helpers_do_not_matter_beside_usable_entries() {
    let me = json!({"username": "me", "password": "pw"});
    let secret = config(
        json!({"auths": {"ghcr.io": me}, "credsStore": "desktop", "credHelpers": {"gcr.io": "gcloud"}}),
    );
    assert_eq!(sent(&secret), me_at("ghcr.io"));
}

#[test]
fn registries_select_by_registry_not_by_spelling() {
    let me = json!({"username": "me", "password": "pw"});
    let secret = auths(json!({"https://ghcr.io/v2/": me, "quay.io": me, "hub.docker.com": me, "x.test": {}}));
    let registries = ["GHCR.io".to_owned(), "docker.io/".to_owned(), "ghcr.io".to_owned()];
    let payload =
        payload(&secret, &Selection { registries: Some(&registries), ..Selection::default() }).unwrap();
    assert_eq!(payload.registries(), ["https://ghcr.io/v2/", "https://index.docker.io"]);
}

#[test]
fn an_empty_list_of_registries_selects_all() {
    let selection = Selection { registries: Some(&[]), ..Selection::default() };
    assert_eq!(sent_for(&auths(json!({"a.b": {"auth": basic("me:pw")}})), &selection), me_at("a.b"));
}

#[rstest]
#[case::same_key(r#"{"ghcr.io":{"auth":"bWU6cHc="},"ghcr.io":{"username":"me","password":"pw"}}"#, "ghcr.io")]
#[case::spellings(
    r#"{"https://ghcr.io":{"auth":"bWU6cHc="},"ghcr.io/":{"auth":"bWU6cHc="},"ghcr.io":{"auth":"bWU6cHc"}}"#,
    "ghcr.io"
)]
#[case::case(r#"{"GHCR.io":{"auth":"bWU6cHc="},"ghcr.io":{"auth":"bWU6cHc="}}"#, "ghcr.io")]
#[case::first_in_order(
    r#"{"https://ghcr.io/v2/":{"auth":"bWU6cHc="},"https://ghcr.io":{"auth":"bWU6cHc="}}"#,
    "https://ghcr.io"
)]
#[case::hub(
    r#"{"docker.io":{"auth":"bWU6cHc="},"index.docker.io":{"auth":"bWU6cHc="}}"#,
    "https://index.docker.io"
)]
fn duplicates_with_one_credential_become_one_entry(#[case] entries: &str, #[case] registry: &str) {
    assert_eq!(sent(&auths(entries)), me_at(registry));
}
