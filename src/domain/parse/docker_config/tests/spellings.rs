//! What the kubelet reads although it is spelled otherwise, and names of registries that it does not match.

use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case(r#"{"auths":{"ghcr.io":{"Username":"me","Password":"pw"}}}"#)]
#[case(r#"{"Auths":{"ghcr.io":{"AUTH":"bWU6cHc="}}}"#)]
#[case(r#"{"AUTHS":{"ghcr.io":{"Auth":"bWU6cHc=","USERNAME":"me"}}}"#)]
#[case::letters_that_fold(r#"{"authſ":{"ghcr.io":{"uſername":"me","paſsword":"pw"}}}"#)]
#[case::twice_alike(r#"{"auths":{"ghcr.io":{"auth":"bWU6cHc=","Auth":"bWU6cHc="}}}"#)]
#[case::entries_twice_alike(
    r#"{"auths":{"ghcr.io":{"auth":"bWU6cHc="}},"Auths":{"ghcr.io":{"username":"me","password":"pw"}}}"#
)]
fn names_of_fields_are_read_in_any_case(#[case] json: &str) {
    assert_eq!(sent(&config(json)), me_at("ghcr.io"));
}

#[rstest]
#[case(
    r#"{"auths":{"ghcr.io":{"auth":"bWU6cHc=","Auth":"eW91OnB3"}}}"#,
    r#"entry "ghcr.io" has two different values of "auth""#
)]
#[case(
    r#"{"auths":{"ghcr.io":{"auth":"bWU6cHc="}},"AUTHS":{"quay.io":{"auth":"bWU6cHc="}}}"#,
    r#""auths" occurs twice; merge its entries"#
)]
#[case(
    r#"{"Auths":{"ghcr.io":{"IdentityToken":"c4n4ry"}}}"#,
    r#"entry "ghcr.io" has only an identity token"#
)]
#[case(r#"{"Auths":{},"CredsStore":"desktop"}"#, r#"a credential store ("credsStore") keeps them"#)]
#[case(
    r#"{"Auths":{"gcr.io":{}},"credhelpers":{"gcr.io":"gcloud"}}"#,
    r#"a credential helper ("credHelpers") keeps them"#
)]
fn they_are_so_in_what_is_refused_too(#[case] json: &str, #[case] part: &str) {
    let said = refused(&config(json));
    assert!(said.contains(part), "{said}");
}

#[test]
fn old_configs_are_read_in_any_case_too() {
    let old = secret(
        "old",
        Some("kubernetes.io/dockercfg"),
        [(".dockercfg", r#"{"ghcr.io":{"Auth":"bWU6cHc="}}"#)],
    );
    assert_eq!(sent(&old), me_at("ghcr.io"));
}

#[rstest]
#[case::echo(json!({"auth": basic("me:pw\n")}))]
#[case::windows(json!({"auth": basic("me:pw\r\n")}))]
#[case::fields(json!({"username": "me\n", "password": "pw\n"}))]
#[case::byte_order_mark(json!({"auth": basic("\u{feff}me:pw\n")}))]
fn a_line_break_at_the_end_is_no_part_of_a_login(#[case] entry: serde_json::Value) {
    assert_eq!(sent(&auths(json!({"ghcr.io": entry}))), me_at("ghcr.io"));
}

#[rstest]
#[case::host_in_two_cases(json!({"GHCR.io": {"auth": basic("me:pw")}, "ghcr.io": {"auth": basic("me:pw")}}), "ghcr.io")]
#[case::host_in_upper_case(json!({"GHCR.IO": {"auth": basic("me:pw")}}), "ghcr.io")]
#[case::no_slash(json!({"https://harbor.example.com/v1": {"auth": basic("me:pw")}}), "harbor.example.com")]
#[case::full_domain_name(json!({"ghcr.io.": {"auth": basic("me:pw")}}), "ghcr.io")]
#[case::path_of_docker_hub(json!({"https://index.docker.io/v1/acme": {"auth": basic("me:pw")}}), "docker.io/acme")]
#[case::pattern(json!({"*.dkr.ecr.*.amazonaws.com": {"auth": basic("me:pw")}}), "*.dkr.ecr.*.amazonaws.com")]
fn a_registry_is_sent_as_images_have_it(#[case] entries: serde_json::Value, #[case] registry: &str) {
    assert_eq!(sent(&auths(entries)), me_at(registry));
}

#[test]
fn hosts_in_two_cases_with_two_logins_are_refused_with_both_names() {
    let said = refused(&auths(
        json!({"GHCR.io": {"auth": basic("me:c4n4ry")}, "ghcr.io": {"auth": basic("me:pw")}}),
    ));
    assert!(said.contains(r#"entries "GHCR.io" and "ghcr.io" mean the same registry"#), "{said}");
}

#[rstest]
#[case("<your-registry>", "it is a placeholder that no tool has filled in")]
#[case("${REGISTRY}", "it is a placeholder that no tool has filled in")]
#[case("oci://ghcr.io/acme", r#"it starts with "oci://", and only https:// and http:// are understood"#)]
#[case("ghcr.io,quay.io", "it names more than one")]
#[case("ghcr.io quay.io", "there are blanks or control characters in it")]
#[case("ghcr.io/acme/app:1.0", "it is the name of an image with a tag or digest")]
#[case("myregistry", "it has neither a dot nor a port, so that it is taken for a part of Docker Hub")]
#[case("my_registry.example.com:5000", r#"it has "_" in it, which no image's name has"#)]
fn a_name_that_no_image_has_is_refused(#[case] name: &str, #[case] why: &str) {
    assert_eq!(
        refused(&auths(json!({name: {"auth": basic("me:pw")}}))),
        format!(
            "Secret \"ghcr-pull\", key \".dockerconfigjson\": entry \"{name}\" is not the name of a registry: {why}; write \
             the host of a registry, and a path if need be, as images have it, for example \"ghcr.io\" or \"ghcr.io/acme\"."
        )
    );
    let login = secret("reg", None, [("username", "me"), ("password", "pw")]);
    assert_eq!(
        refused_for(&login, &Selection { server: Some(name), ..Selection::default() }),
        format!(
            "Secret \"reg\": spec.secretRef.server \"{name}\" is not the name of a registry: {why}; give its host, for \
             example \"ghcr.io\"."
        )
    );
}

#[test]
fn a_password_in_a_name_is_not_shown() {
    let said = refused(&auths(json!({"https://me:c4n4ry@ghcr.io": {"auth": basic("me:pw")}})));
    assert!(
        said.contains(r#"entry "ghcr.io" is not the name of a registry: there is a user name"#),
        "{said}"
    );
    assert!(!said.contains("c4n4ry"), "{said}");
}

#[rstest]
#[case::user(json!({"auth": basic("<user>:c4n4ry")}), "has a user name that is a template's placeholder, which no tool has filled in")]
#[case::password(json!({"username": "me", "password": "${c4n4ry}"}), "has a password that is a template's placeholder, which no tool has filled in")]
#[case::token(json!({"auth": basic("<token>:c4n4ry")}), "has only an identity token, which AI Core cannot use")]
#[case::token_as_field(json!({"username": "<token>", "password": "c4n4ry"}), "has only an identity token, which AI Core cannot use")]
#[case::utf16(json!({"auth": STANDARD.encode(b"m\0e\0:\0c\0") }), "has a user name with a zero byte in it, as UTF-16 text has, which Windows PowerShell makes; encode it as UTF-8")]
#[case::header(json!({"auth": format!("Basic {}", basic("me:c4n4ry"))}), r#"has an "auth" that starts with "Basic"; leave that word out"#)]
#[case::plain(json!({"auth": "me:c4n4ry"}), r#"has an "auth" that is user:password as it is; encode it in base64"#)]
#[case::twice(json!({"auth": basic(&basic("me:c4n4ry"))}), r#"has an "auth" that is base64-encoded twice"#)]
fn a_login_that_no_registry_takes_is_refused(#[case] entry: serde_json::Value, #[case] why: &str) {
    let said = refused(&auths(json!({"ghcr.io": entry})));
    assert!(said.contains(&format!(r#"entry "ghcr.io" {why}; store a user name"#)), "{said}");
    assert!(!said.contains("c4n4ry"), "{said}");
}

#[rstest]
#[case("<token>", "c4n4ry", "has only an identity token")]
#[case("<user>", "c4n4ry", "has a user name that is a template's placeholder")]
#[case("me", "<c4n4ry>", "has a password that is a template's placeholder")]
fn so_is_one_under_keys_of_its_own(#[case] username: &str, #[case] password: &str, #[case] why: &str) {
    let data = secret("reg", None, [("username", username), ("password", password)]);
    let said = refused_for(&data, &Selection { server: Some("ghcr.io"), ..Selection::default() });
    assert!(
        said.starts_with(&format!(r#"Secret "reg": what stands under "username" and "password" {why}"#)),
        "{said}"
    );
    assert!(!said.contains("c4n4ry"), "{said}");
}

/// For three hours the registry takes a token of the account as the password of this user.
#[test]
fn the_nil_user_of_azure_has_a_login_like_any_other() {
    let user = "00000000-0000-0000-0000-000000000000";
    let entry = json!({"auth": basic(&format!("{user}:made.up.token")), "identitytoken": "t"});
    assert!(sent(&auths(json!({"acme.azurecr.io": entry}))).contains(user));
}
