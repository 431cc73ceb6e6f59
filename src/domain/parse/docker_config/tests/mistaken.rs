//! What people store instead of a docker config, and what they are told.

use rstest::rstest;
use serde_json::json;

use super::*;

fn opaque(value: impl AsRef<[u8]>) -> SecretData {
    secret("reg", Some("Opaque"), [(".dockerconfigjson", value)])
}

fn good() -> serde_json::Value {
    json!({"auths": {"ghcr.io": {"username": "c4n4ry", "password": "c4n4ry"}}})
}

#[rstest]
#[case::text_of_json(json!(good().to_string()).to_string(), "the JSON stands as a text in JSON, in quotes and with backslashes")]
#[case::null("null", "the value is null")]
#[case::list(json!([good()]).to_string(), "the value is a JSON list")]
#[case::base64_twice(basic(&good().to_string()), "a docker config that is base64-encoded twice")]
#[case::auth_alone(basic("c4n4ry:c4n4ry"), "the value is user:password in base64")]
#[case::ecr_password(
    basic(r#"{"payload":"c4n4ry","datakey":"c4n4ry","version":"2"}"#),
    "a password of Amazon ECR alone"
)]
#[case::token("eyJhbGciOiJSUzI1NiJ9.eyJjNG40cnkiOjF9.c4n4ry", "an access token alone")]
#[case::single_quotes(format!("'{}'\n", good()), "the value stands in quotes")]
#[case::python("{'auths': {'ghcr.io': {'auth': 'c4n4ry'}}}", "in single quotes; JSON has double quotes")]
#[case::line_in_front(format!("Login Succeeded c4n4ry\n{}", good()), "other text in front of the JSON")]
#[case::yaml("auths:\n  ghcr.io:\n    auth: c4n4ry\n", "the value is YAML; store the docker config as JSON")]
#[case::placeholder("{{ .c4n4ry }}", "the value is a placeholder that no tool has filled in")]
#[case::vault_plugin(
    "<path:secret/data/c4n4ry#config>",
    "the value is a placeholder that no tool has filled in"
)]
#[case::empty("\n", "the value is empty; store a docker config")]
#[case::something_else("c4n4ry!", "the value is not valid JSON (line 1, column 1); store a docker config")]
#[case::cut_off(r#"{"auths": {"ghcr.io": {"auth": "c4n4ry"#, "the JSON ends too early (line 1, column")]
fn what_is_no_json_object_is_recognised(#[case] value: impl AsRef<[u8]>, #[case] part: &str) {
    let said = refused(&opaque(value));
    assert!(said.starts_with(r#"Secret "reg", key ".dockerconfigjson": "#), "{said}");
    assert!(said.contains(part), "{said}");
    assert!(!said.contains("c4n4ry") && !said.contains("YzRuNHJ5"), "{said}");
}

#[rstest]
#[case::utf16(&b"\xff\xfe{\0}\0"[..], "UTF-16 text, as Windows PowerShell writes it; save it as UTF-8")]
#[case::gzip(&b"\x1f\x8b\x08\0c4n4ry"[..], "a compressed file; store what is in it")]
#[case::binary(&b"c4n4ry\xff"[..], "the value is not UTF-8 text; store a docker config")]
fn bytes_are_recognised(#[case] value: &[u8], #[case] part: &str) {
    let said = refused(&opaque(value));
    assert!(said.contains(part) && !said.contains("c4n4ry"), "{said}");
}

#[rstest]
#[case::as_text(json!({"value": good().to_string()}), r#""auths" is missing; the whole docker config stands under "value", as a text: store only that"#)]
#[case::as_object(json!({"docker-config": good()}), r#"the whole docker config stands under "docker-config": store only that"#)]
#[case::key_again(json!({".dockerconfigjson": good().to_string()}), r#"the whole docker config stands under ".dockerconfigjson", as a text"#)]
#[case::request(
    json!({"name": "x", "data": {".dockerconfigjson": good().to_string()}}),
    r#"the body of a request to AI Core; store only the text that is under ".dockerconfigjson" of its "data""#
)]
#[case::request_with_an_object(
    json!({"data": {".dockerconfigjson": good()}}),
    r#"the body of a request to AI Core; store only the text that is under ".dockerconfigjson" of its "data""#
)]
#[case::manifest(
    json!({"apiVersion": "v1", "kind": "Secret", "data": {".dockerconfigjson": basic(&good().to_string())}}),
    "the manifest of a Kubernetes Secret; apply that, or store what is under \".dockerconfigjson\" in it, decoded"
)]
#[case::list_of_manifests(json!({"apiVersion": "v1", "kind": "List", "items": []}), "the manifest of a Kubernetes object")]
#[case::old_form(
    json!({"ghcr.io": {"auth": basic("c4n4ry:c4n4ry"), "email": "c4n4ry"}}),
    r#"its entries, such as "ghcr.io", must stand under "auths""#
)]
#[case::old_form_in_upper_case(json!({"ghcr.io": {"Username": "c4n4ry"}}), r#"such as "ghcr.io", must stand under "auths""#)]
#[case::login(
    json!({"username": "c4n4ry", "password": "c4n4ry"}),
    r#"nothing says for which registry the login ("password" and "username") is"#
)]
#[case::google(
    json!({"type": "service_account", "private_key": "c4n4ry", "client_email": "c4n4ry"}),
    "the key of a Google service account; store a docker config in which it is the password"
)]
#[case::service_key(json!({"clientid": "c4n4ry", "clientsecret": "c4n4ry"}), "an AI Core service key, which belongs into the Secret of spec.aiCoreSecretRef")]
#[case::ecr(json!({"authorizationData": [{"authorizationToken": "c4n4ry"}]}), "the answer of Amazon ECR")]
#[case::unknown(
    json!({"a": "c4n4ry", "b": 1}),
    r#"it has no entry for any registry: "auths" is missing, and what is there is "a" and "b""#
)]
#[case::auths_as_text(json!({"auths": good()["auths"].to_string()}), r#""auths" is not a JSON object but the JSON text of one"#)]
#[case::auths_is_text(json!({"auths": "c4n4ry"}), r#""auths" is not a JSON object but a text"#)]
#[case::auths_is_a_number(json!({"auths": 1}), r#""auths" is not a JSON object but something else"#)]
#[case::no_registry(
    json!({"auths": {"auth": basic("c4n4ry:c4n4ry")}}),
    r#"a user name, password or "auth" stands where the name of a registry should be"#
)]
fn what_has_no_entries_is_recognised(#[case] value: serde_json::Value, #[case] part: &str) {
    let said = refused(&config(&value));
    assert!(said.contains(part), "{said}");
    assert!(!said.contains("c4n4ry") && !said.contains("YzRuNHJ5"), "{said}");
}

#[rstest]
#[case::new_form(
    good(),
    r#"it has the entries under "auths", which is the form of ".dockerconfigjson"; store it under that key"#
)]
#[case::empty(json!({"auths": {}}), r#"it has the entries under "auths""#)]
#[case::no_registry(json!({"auth": basic("c4n4ry:c4n4ry")}), "stands where the name of a registry should be")]
fn the_old_form_is_told_from_the_new_one(#[case] value: serde_json::Value, #[case] part: &str) {
    let said = refused(&secret("old", Some("kubernetes.io/dockercfg"), [(".dockercfg", value.to_string())]));
    assert!(said.contains(part) && !said.contains("c4n4ry"), "{said}");
}

#[test]
fn a_docker_config_under_another_key_is_found() {
    assert_eq!(
        refused(&secret("reg", Some("Opaque"), [("a", "b".to_owned()), ("auth.json", good().to_string())])),
        r#"Secret "reg": it has no key ".dockerconfigjson"; "auth.json" holds a docker config: store it under ".dockerconfigjson"."#
    );
    assert_eq!(
        refused(&secret("reg", JSON_TYPE, [("config.json", good().to_string())])),
        r#"Secret "reg": it has no key ".dockerconfigjson"; it has the key "config.json"; "config.json" holds a docker config: store it under ".dockerconfigjson"."#
    );
}

#[test]
fn the_options_of_kubectl_are_no_keys() {
    let keys = ["docker-server", "docker-username", "docker-password"];
    let said = refused(&secret("reg", Some("Opaque"), keys.map(|key| (key, "c4n4ry"))));
    assert!(
        said.contains("it has the options of \"kubectl create secret docker-registry\" as keys"),
        "{said}"
    );
    assert!(!said.contains("c4n4ry"), "{said}");
}
