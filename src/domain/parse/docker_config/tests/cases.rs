//! Secrets as people reported them in public, with made-up values.

use rstest::rstest;

use super::*;

const MADE_UP: [&str; 3] = ["made-up", "madeup", "bWFkZS11cC1wdw"];

fn of_type(type_: &str, key: &'static str, value: &str) -> SecretData {
    secret("reg", Some(type_), [(key, value)])
}

#[rstest]
#[case::auth_ends_in_newline(
    r#"{"auths": {"registry.example.com": {"auth": "cHVsbGVyOm1hZGUtdXAtcHcK"}}}"#,
    r#"{"auths":{"registry.example.com":{"password":"made-up-pw","username":"puller"}}}"#
)]
#[case::key_that_no_image_matches(
    r#"{"auths": {"https://harbor.example.com/v1": {"auth": "cHVsbGVyOm1hZGUtdXAtcHc="}}}"#,
    r#"{"auths":{"harbor.example.com":{"password":"made-up-pw","username":"puller"}}}"#
)]
#[case::docker_web_login_token_cache(
    r#"{"auths": {"https://index.docker.io/v1/": {"auth": "cHVsbGVyOmRja3JfcGF0X21hZGV1cA=="}, "https://index.docker.io/v1/access-token": {"auth": "cHVsbGVyOm1hZGV1cC5qd3QuYWNjZXNz"}, "https://index.docker.io/v1/refresh-token": {"auth": "cHVsbGVyOnYxLm1hZGV1cHJlZnJlc2guLm1hZGV1cGNsaWVudA=="}}}"#,
    r#"{"auths":{"https://index.docker.io":{"password":"dckr_pat_madeup","username":"puller"}}}"#
)]
fn what_can_be_meant_in_one_way_only_is_sent(#[case] value: &str, #[case] expected: &str) {
    assert_eq!(sent(&of_type("kubernetes.io/dockerconfigjson", ".dockerconfigjson", value)), expected);
}

#[rstest]
#[case::auth_disagrees_placeholders(
    "kubernetes.io/dockerconfigjson", ".dockerconfigjson",
    r#"{"auths": {"registry.example.com": {"username": "puller", "password": "made-up-pw", "auth": "PHVzZXI+OjxwYXNzd29yZD4="}}}"#,
    r#"entry "registry.example.com" has a user name that is a template's placeholder"#
)]
#[case::config_wrapped_in_value(
    "kubernetes.io/dockerconfigjson", ".dockerconfigjson",
    r#"{"value": "{\"auths\": {\"registry.example.com\": {\"username\": \"puller\", \"password\": \"made-up-pw\"}}}"}"#,
    r#""auths" is missing; the whole docker config stands under "value", as a text"#
)]
#[case::new_config_under_old_key(
    "kubernetes.io/dockercfg",
    ".dockercfg",
    r#"{"auths": {"https://index.docker.io/v1/": {"auth": "cHVsbGVyOm1hZGUtdXAtcHc="}}}"#,
    r#"it has the entries under "auths", which is the form of ".dockerconfigjson""#
)]
#[case::old_config_under_new_key(
    "kubernetes.io/dockerconfigjson",
    ".dockerconfigjson",
    r#"{"https://index.docker.io/v1/": {"auth": "cHVsbGVyOm1hZGUtdXAtcHc=", "email": "a@example.com"}}"#,
    r#"its entries, such as "https://index.docker.io/v1/", must stand under "auths""#
)]
#[case::ai_core_request_body_as_config(
    "kubernetes.io/dockerconfigjson", ".dockerconfigjson",
    r#"{"name": "docker-secret", "data": {".dockerconfigjson": "{\"auths\": {\"https://index.docker.io\": {\"username\": \"puller\", \"password\": \"made-up-pw\"}}}"}}"#,
    "the value is the body of a request to AI Core"
)]
#[case::token_user_of_credential_helper(
    "kubernetes.io/dockerconfigjson",
    ".dockerconfigjson",
    r#"{"auths": {"acme.azurecr.io": {"auth": "PHRva2VuPjptYWRldXAucmVmcmVzaC50b2tlbg=="}}}"#,
    r#"entry "acme.azurecr.io" has only an identity token, which AI Core cannot use"#
)]
#[case::json_as_json_text(
    "Opaque",
    ".dockerconfigjson",
    r#""{\"auths\": {\"ghcr.io\": {\"username\": \"puller\", \"password\": \"made-up-pw\"}}}""#,
    "the JSON stands as a text in JSON"
)]
#[case::google_key_pasted_raw(
    "Opaque",
    ".dockerconfigjson",
    "{\"auths\":{\"https://europe-docker.pkg.dev\":{\"username\":\"_json_key\",\"password\":\"{\n  \"type\": \"service_account\",\n  \"private_key\": \"made-up\"\n}\"}}}",
    "the value is not valid JSON (line 2, column 0): a text in quotes has a line break or tab in it"
)]
#[case::kaniko_config_json_key(
    "Opaque",
    "config.json",
    r#"{"auths": {"https://index.docker.io/v1/": {"auth": "cHVsbGVyOm1hZGUtdXAtcHc="}}}"#,
    r#""config.json" holds a docker config: store it under ".dockerconfigjson""#
)]
#[case::replicator_placeholder(
    "kubernetes.io/dockerconfigjson",
    ".dockerconfigjson",
    "{}",
    r#"it has no entry for any registry: "auths" is missing"#
)]
fn what_cannot_work_is_named(
    #[case] type_: &str,
    #[case] key: &'static str,
    #[case] value: &str,
    #[case] part: &str,
) {
    let said = refused(&of_type(type_, key, value));
    assert!(said.contains(part), "{said}");
    assert!(MADE_UP.iter().all(|value| !said.contains(value)), "{said}");
}

#[test]
fn oci_url_as_server() {
    let login = secret("reg", Some("Opaque"), [("username", "puller"), ("password", "made-up-pw")]);
    let selection = Selection { server: Some("oci://ghcr.io/acme"), ..Selection::default() };
    assert_eq!(
        refused_for(&login, &selection),
        "Secret \"reg\": spec.secretRef.server \"oci://ghcr.io/acme\" is not the name of a registry: it starts with \
         \"oci://\", and only https:// and http:// are understood; give its host, for example \"ghcr.io\"."
    );
}

/// A token cache is no registry, and what is left out is said.
#[test]
fn tokens_of_the_account_stay_in_the_cluster() {
    let hub = r#""https://index.docker.io/v1/":{"auth":"bWU6cHc="}"#;
    let cache = r#""https://index.docker.io/v1/refresh-token":{"auth":"bWU6YzRuNHJ5"}"#;
    let both = payload(&auths(format!("{{{hub},{cache}}}")), &Selection::default()).unwrap();
    assert_eq!(both.registries(), ["https://index.docker.io"]);
    assert_eq!(
        both.remarks(),
        [
            "not sent: \"https://index.docker.io/v1/refresh-token\", where the docker program keeps tokens of the account"
        ]
    );
    assert!(!both.expose().contains("c4n4ry"));
    let registries = ["docker.io".to_owned()];
    let chosen = Selection { registries: Some(&registries), ..Selection::default() };
    assert_eq!(payload(&auths(format!("{{{hub},{cache}}}")), &chosen).unwrap().remarks(), [""; 0]);
    assert!(refused(&auths(format!("{{{cache}}}"))).contains("it has no entry for any registry"));
    let registries = ["docker.io".to_owned(), "https://index.docker.io/v1/refresh-token".to_owned()];
    let said = refused_for(
        &auths(format!("{{{hub},{cache}}}")),
        &Selection { registries: Some(&registries), ..Selection::default() },
    );
    assert!(
        said.contains("\"https://index.docker.io/v1/refresh-token\" of spec.registries holds a token"),
        "{said}"
    );
}

/// As on a node, `auth` wins; that it does is said.
#[test]
fn an_auth_that_differs_from_the_fields_is_sent_and_said() {
    let differing = r#"{"ghcr.io":{"auth":"bWU6cHc=","username":"me","password":"c4n4ry"},"quay.io":{"auth":"bWU6cHc=","username":"me"}}"#;
    let payload = payload(&auths(differing), &Selection::default()).unwrap();
    assert_eq!(
        payload.remarks(),
        [
            "\"auth\" of \"ghcr.io\" differs from \"username\" or \"password\", and is what is sent, as nodes use it"
        ]
    );
    assert!(!payload.expose().contains("c4n4ry"));
}

#[test]
fn what_is_said_says_no_remark_of_an_ordinary_config() {
    let ordinary = auths(r#"{"ghcr.io":{"auth":"bWU6cHcK","username":"me","password":"pw"}}"#);
    assert_eq!(payload(&ordinary, &Selection::default()).unwrap().remarks(), [""; 0]);
}
