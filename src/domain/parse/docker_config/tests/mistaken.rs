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

/// A megabyte of each: what was read again from each line on would not end.
#[rstest]
#[case::braces(format!("x\n{}", "{\"k\":\n".repeat(150_000)))]
#[case::lists(format!("x\n{}", "{\"k\":[\n".repeat(130_000)))]
#[case::lone_braces("{\n".repeat(500_000))]
#[case::brackets("[".repeat(1_000_000))]
#[case::bracket_lines("[\n".repeat(500_000))]
#[case::quotes("\"".repeat(1_000_000))]
#[case::quote_lines("\"\n".repeat(500_000))]
#[case::backslashes("\\".repeat(1_000_000))]
#[case::text_of_backslashes(format!("\"{}\"", "\\\\".repeat(500_000)))]
#[case::colons("a:\n".repeat(330_000))]
#[case::dots("eyJ.".repeat(250_000))]
#[case::deep(format!("x\n{}", "{\"k\":".repeat(200_000)))]
#[case::base64("QUJD".repeat(250_000))]
#[case::base64_again(basic(&basic(&"a".repeat(500_000))))]
#[case::assignments("A=b\n".repeat(250_000))]
#[case::names(format!("{{{}\"x\":1}}", "\"k\":\"{}\",".repeat(100_000)))]
#[case::auths(format!("{{{}\"x\":1}}", "\"auths\":{\"h.io\":{\"auth\":\"!\"}},".repeat(25_000)))]
#[case::near_duplicates(format!("{{\"auths\":{{{}\"x.io\":{{}}}}}}", "\"h.io\":{\"auth\":\"YTpi\"},\"h.io//\":{\"auth\":\"YTpj\"},".repeat(15_000)))]
#[case::at_signs(format!("{{\"auths\":{{\"{}\":{{}}}}}}", "@".repeat(900_000)))]
fn each_byte_is_read_a_few_times_at_most(#[case] value: String) {
    assert!(refused(&opaque(&value)).len() < 2_500);
    assert!(refused(&opaque(value.get(..200_000).unwrap_or(&value))).len() < 2_500, "what is looked into");
}

#[rstest]
#[case::html("<!DOCTYPE html><html>c4n4ry</html>", "a page of the web")]
#[case::env("USER=c4n4ry\nPASSWORD=c4n4ry\n", "a file of environment variables")]
#[case::github("ghp_c4n4ryc4n4ryc4n4ry", "an access token alone")]
#[case::gitlab("glpat-c4n4ry", "an access token alone")]
#[case::netrc("machine ghcr.io login me password c4n4ry", "a netrc file")]
#[case::npmrc("//ghcr.io/:_authToken=c4n4ry", "an npmrc file")]
#[case::toml("[auths.\"ghcr.io\"]\nusername=\"c4n4ry\"\n", "the value is TOML")]
#[case::secret("apiVersion: v1\nkind: Secret\n", "the YAML of a Kubernetes Secret")]
#[case::command("docker login -u AWS -p c4n4ry ghcr.io", "a command to log in")]
#[case::login("me:c4n4ry", "the value is user:password")]
#[case::path("/home/c4n4ry/.docker/config.json", "the path of a file")]
#[case::pgp("-----BEGIN PGP MESSAGE-----\nc4n4ry", "an encrypted file")]
#[case::escaped("{\\\"auths\\\":{}}", "a backslash stands in front of the quotes")]
#[case::typographic("{\u{201c}auths\u{201d}:{}}", "typographic quotes")]
#[case::blanks("{\u{a0}\"auths\":{}}", "no-break spaces")]
#[case::sops("ENC[AES256_GCM,data:c4n4ry,type:str]", "the value is still encrypted")]
fn files_of_other_kinds_are_named(#[case] value: &str, #[case] part: &str) {
    let said = refused(&opaque(value));
    assert!(said.contains(part), "{said}");
    assert!(!said.contains("c4n4ry"), "{said}");
}

/// What stands in the place of a name can be the secret.
#[rstest]
#[case(json!({"auths": {"me:C4n4ry-99": {"auth": "x"}}}))]
#[case(json!({"auths": {"ghp_C4n4ry99": {"username": "me"}}}))]
#[case(json!({"auths": {"Authorization: Basic C4n4ry99": {}}}))]
#[case(json!({"auths": {"https://me:C4n4ry-99ghcr.io": {"auth": "x"}}}))]
#[case(json!({"auths": {"ghp_C4n4ry99": {}, "ghcr.io": {"username": "me"}}}))]
#[case(json!({"ghp_C4n4ry99": "ghcr.io"}))]
#[case(json!({"C4n4ry99": good()}))]
#[case(json!({"me:C4n4ry99": {"auth": "x"}}))]
fn secrets_in_the_place_of_names_are_not_shown(#[case] value: serde_json::Value) {
    let said = refused(&config(&value));
    assert!(!said.contains("C4n4ry") && said.contains('…') | said.contains("is not shown"), "{said}");
}

#[rstest]
#[case::ecr(json!({"auth": basic(r#"{"payload":"c4n4ry","datakey":"x"}"#)}), "the password of Amazon ECR alone; encode AWS:<password>")]
#[case::object(json!({"auth": basic(r#"{"username":"me","password":"c4n4ry"}"#)}), "JSON in base64")]
#[case::config(json!({"auth": basic(&good().to_string())}), "a whole docker config in base64")]
#[case::token(json!({"auth": "ghp_c4n4ryc4n4ry"}), "an access token")]
#[case::bearer(json!({"auth": "Bearer c4n4ry"}), "starts with \"Bearer\"")]
#[case::padded(json!({"auth": "bWU6cHc9PQ===="}), "a wrong number of =")]
#[case::shell(json!({"auth": basic("$USER:$PASSWORD")}), "a template's placeholder")]
#[case::null(json!({"auth": basic("null:null")}), "when there is no value")]
#[case::quotes(json!({"auth": basic("\"me\":\"c4n4ry\"")}), "a user name in quotes")]
#[case::passwd(json!({"username": "me", "passwd": "c4n4ry"}), "has \"passwd\", which nobody reads; its name is \"password\"")]
#[case::google_path(json!({"username": "_json_key", "password": "key.json"}), "a password that is not a JSON object")]
#[case::google_raw(json!({"username": "_json_key_base64", "password": "{}"}), "a password that is the JSON itself")]
fn forms_of_a_login_are_named(#[case] entry: serde_json::Value, #[case] part: &str) {
    let said = refused(&auths(json!({"ghcr.io": entry})));
    assert!(said.contains(part) && !said.contains("c4n4ry"), "{said}");
}

#[rstest]
#[case::config("me", &good().to_string(), "a whole docker config and not a password")]
#[case::quotes("\"me\"", "c4n4ry", "a user name in quotes")]
#[case::encoded("bWU=", "c2VjcmV0", "base64; store them as they are")]
#[case::colon("a:b", "c4n4ry", "a user name with a colon")]
fn forms_under_keys_of_their_own_are_named(#[case] user: &str, #[case] password: &str, #[case] part: &str) {
    let data = secret("reg", None, [("username", user), ("password", password)]);
    let said = refused_for(&data, &Selection { server: Some("ghcr.io"), ..Selection::default() });
    assert!(said.contains(part) && !said.contains("c4n4ry"), "{said}");
}
