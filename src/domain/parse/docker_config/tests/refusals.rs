//! Every reason not to send anything, word by word.

use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case::no_user(&[("password", "pw")], r#"Secret "reg": it has no key "username" (spec.secretRef.usernameKey), which spec.secretRef.server asks for; it has the key "password"."#)]
#[case::no_password(&[("username", "me")], r#"Secret "reg": it has no key "password" (spec.secretRef.passwordKey), which spec.secretRef.server asks for; it has the key "username"."#)]
#[case::empty_user(&[("password", "pw"), ("username", "")], r#"Secret "reg", key "username": the value is empty."#)]
#[case::blank_password(&[("password", "\r\n"), ("username", "me")], r#"Secret "reg", key "password": the value is empty."#)]
#[case::docker_config(&[(".dockercfg", "{}")], r#"Secret "reg": it has no key "username" (spec.secretRef.usernameKey), which spec.secretRef.server asks for; it has the key ".dockercfg"; to send its ".dockercfg", remove spec.secretRef.server."#)]
fn says_what_a_server_misses(#[case] data: &[(&'static str, &str)], #[case] message: &str) {
    let selection = Selection { server: Some("ghcr.io"), ..Selection::default() };
    assert_eq!(refused_for(&secret("reg", None, data.iter().copied()), &selection), message);
}

#[test]
fn a_user_name_must_be_text() {
    let data: [(_, &[u8]); 2] = [("username", b"\xff"), ("password", b"pw")];
    assert_eq!(
        refused_for(&secret("reg", None, data), &Selection { server: Some("a.b"), ..Selection::default() }),
        r#"Secret "reg", key "username": the value is not UTF-8 text."#
    );
}

#[rstest]
#[case::empty("", r#""""#, "it names no host")]
#[case::blank(" ", r#""""#, "it names no host")]
#[case::password("me:pw@ghcr.io", r#""ghcr.io""#, "there is a user name or password in front of the host")]
fn a_server_must_name_a_registry(#[case] server: &str, #[case] shown: &str, #[case] why: &str) {
    assert_eq!(
        refused_for(
            &secret("reg", None, [("username", "me"), ("password", "pw")]),
            &Selection { server: Some(server), ..Selection::default() }
        ),
        format!(
            "Secret \"reg\": spec.secretRef.server {shown} is not the name of a registry: {why}; give its host, for \
             example \"ghcr.io\"."
        )
    );
}

#[rstest]
#[case(Some("u"), None)]
#[case(None, Some("p"))]
fn keys_without_a_server_are_refused(#[case] username_key: Option<&str>, #[case] password_key: Option<&str>) {
    assert_eq!(
        refused_for(&auths("{}"), &Selection { username_key, password_key, ..Selection::default() }),
        "Secret \"ghcr-pull\": spec.secretRef.usernameKey and passwordKey need spec.secretRef.server, the registry \
         that the user name and password are for."
    );
}

#[rstest]
#[case::user_and_password(
    secret("reg", Some("Opaque"), [("username", "me"), ("password", "pw")]),
    r#"Secret "reg": it has a user name and a password ("username" and "password") but nothing says for which registry; set spec.secretRef.server."#
)]
#[case::something_else(
    secret("reg", Some("Opaque"), [("username", "me"), ("token", "pw")]),
    r#"Secret "reg": it has no key ".dockerconfigjson", and no spec.secretRef.server asks for a user name and a password; it has the keys "token" and "username"."#
)]
#[case::key_of_the_type(secret("reg", JSON_TYPE, [("a", "b")]), r#"Secret "reg": it has no key ".dockerconfigjson"; it has the key "a"."#)]
#[case::key_of_the_old_type(
    secret::<&str>("reg", Some("kubernetes.io/dockercfg"), []),
    r#"Secret "reg": it has no key ".dockercfg"; it is empty."#
)]
#[case::no_auths(config("{}"), r#"Secret "ghcr-pull", key ".dockerconfigjson": it has no entry for any registry: "auths" is missing; store a user name and a password or access token for each registry."#)]
#[case::empty_auths(auths("{}"), r#"Secret "ghcr-pull", key ".dockerconfigjson": it has no entry for any registry: "auths" is empty; store a user name and a password or access token for each registry."#)]
#[case::null_auths(auths("null"), r#"Secret "ghcr-pull", key ".dockerconfigjson": it has no entry for any registry: "auths" is null; store a user name and a password or access token for each registry."#)]
#[case::store_only(
    config(r#"{"auths":{},"credsStore":"desktop","credHelpers":{}}"#),
    r#"Secret "ghcr-pull", key ".dockerconfigjson": it has no entry for any registry, because a credential store ("credsStore") keeps them, which AI Core cannot ask; store a user name and a password or access token for each registry."#
)]
#[case::helpers_only(
    config(r#"{"credHelpers":{"gcr.io":"gcloud"},"credsStore":"desktop"}"#),
    r#"Secret "ghcr-pull", key ".dockerconfigjson": it has no entry for any registry, because a credential helper ("credHelpers") keeps them, which AI Core cannot ask; store a user name and a password or access token for each registry."#
)]
#[case::empty_store(config(r#"{"credsStore":""}"#), r#"Secret "ghcr-pull", key ".dockerconfigjson": it has no entry for any registry: "auths" is missing, and what is there is "credsStore"; store a docker config, {"auths": {"ghcr.io": {"username": "…", "password": "…"}}}."#)]
#[case::empty_old_config(
    secret("reg", Some("kubernetes.io/dockercfg"), [(".dockercfg", "{}")]),
    r#"Secret "reg", key ".dockercfg": it has no entry for any registry; store a user name and a password or access token for each registry."#
)]
#[case::auths_is_a_list(
    auths("[]"),
    r#"Secret "ghcr-pull", key ".dockerconfigjson": "auths" is not a JSON object but a list; store a docker config, {"auths": {"ghcr.io": {"username": "…", "password": "…"}}}."#
)]
#[case::auths_twice(
    config(r#"{"auths":{"a.b":{"auth":"c4n4ry"}},"auths":{}}"#),
    r#"Secret "ghcr-pull", key ".dockerconfigjson": "auths" occurs twice; merge its entries."#
)]
#[case::a_list(
    config("[]"),
    r#"Secret "ghcr-pull", key ".dockerconfigjson": the value is a JSON list and not a JSON object; store a docker config, {"auths": {"ghcr.io": {"username": "…", "password": "…"}}}."#
)]
#[case::a_text(
    config(r#""c4n4ry""#),
    r#"Secret "ghcr-pull", key ".dockerconfigjson": the value is not a JSON object; store a docker config, {"auths": {"ghcr.io": {"username": "…", "password": "…"}}}."#
)]
#[case::no_json(
    config("{\n c4n4ry"),
    r#"Secret "ghcr-pull", key ".dockerconfigjson": the value is not valid JSON (line 2, column 2): a name is not in double quotes; store a docker config, {"auths": {"ghcr.io": {"username": "…", "password": "…"}}}."#
)]
#[case::empty(config(""), r#"Secret "ghcr-pull", key ".dockerconfigjson": the value is empty; store a docker config, {"auths": {"ghcr.io": {"username": "…", "password": "…"}}}."#)]
fn says_why_there_is_no_entry(#[case] secret: SecretData, #[case] message: &str) {
    assert_eq!(refused(&secret), message);
}

#[rstest]
#[case::identity_token(json!({"identitytoken": "c4n4ry"}), "has only an identity token, which AI Core cannot use")]
#[case::azure(
    json!({"auth": basic("00000000-0000-0000-0000-000000000000:"), "identitytoken": "c4n4ry"}),
    "has only an identity token, which AI Core cannot use"
)]
#[case::registry_token(json!({"registrytoken": "c4n4ry"}), "has only a registry token, which AI Core cannot use")]
#[case::both_tokens(
    json!({"registrytoken": "c4n4ry", "identitytoken": "c4n4ry"}),
    "has only an identity token, which AI Core cannot use"
)]
#[case::empty(json!({}), "has no user name and no password")]
#[case::empty_token(json!({"identitytoken": "", "registrytoken": ""}), "has no user name and no password")]
#[case::colon_only(json!({"auth": basic(":")}), "has no user name and no password")]
#[case::no_password(json!({"username": "me"}), "has a user name but no password")]
#[case::no_password_in_auth(json!({"auth": basic("me:"), "password": "c4n4ry"}), "has a user name but no password")]
#[case::no_username(json!({"username": "", "password": "c4n4ry"}), "has a password but no user name")]
#[case::no_username_in_auth(json!({"auth": basic(":c4n4ry")}), "has a password but no user name")]
#[case::not_base64(json!({"auth": "c4n4ry!", "username": "me", "password": "pw"}), r#"has an "auth" that is not base64"#)]
#[case::url_safe_base64(json!({"auth": "bWU6Pz8_"}), r#"has an "auth" that is base64url, which nodes cannot read; encode it in standard base64 (with + and /)"#)]
#[case::blank_inside(json!({"auth": "bWU6 cHc="}), r#"has an "auth" that is not base64"#)]
#[case::not_utf8(json!({"auth": STANDARD.encode(b"me:\xff")}), r#"has an "auth" that is not UTF-8 text when decoded"#)]
#[case::no_colon(json!({"auth": basic("c4n4ry")}), r#"has an "auth" that is not user:password when decoded"#)]
#[case::auth_is_a_number(json!({"auth": 1}), r#"has a value of "auth" that is not text"#)]
#[case::username_is_a_number(json!({"username": 1, "password": "c4n4ry"}), r#"has a value of "username" that is not text"#)]
#[case::password_is_a_list(json!({"username": "me", "password": ["c4n4ry"]}), r#"has a value of "password" that is not text"#)]
#[case::text(json!("c4n4ry"), "is not a JSON object")]
fn says_why_an_entry_is_unusable(#[case] entry: serde_json::Value, #[case] why: &str) {
    let cure = "store a user name and a password or access token for it";
    assert_eq!(
        refused(&auths(json!({"ghcr.io": entry}))),
        format!(r#"Secret "ghcr-pull", key ".dockerconfigjson": entry "ghcr.io" {why}; {cure}."#)
    );
    let beside_another = auths(json!({"ghcr.io": entry, "a.test": {"username": "me", "password": "pw"}}));
    let leave_out = "or leave the entry out with spec.registries";
    assert_eq!(
        refused(&beside_another),
        format!(
            r#"Secret "ghcr-pull", key ".dockerconfigjson": entry "ghcr.io" {why}; {cure}, {leave_out}."#
        )
    );
    let registries = ["a.test".to_owned()];
    let selection = Selection { registries: Some(&registries), ..Selection::default() };
    assert_eq!(sent_for(&beside_another, &selection), me_at("a.test"), "only selected entries are judged");
}

#[rstest]
#[case::store(
    r#"{"auths":{"https://index.docker.io/v1/":{}},"credsStore":"desktop"}"#,
    r#"entry "https://index.docker.io/v1/" has no user name and no password, because a credential store ("credsStore") keeps them, which AI Core cannot ask"#
)]
#[case::helper(
    r#"{"auths":{"https://gcr.io":{}},"credHelpers":{"gcr.io":"gcloud"},"credsStore":"desktop"}"#,
    r#"entry "https://gcr.io" has no user name and no password, because a credential helper ("credHelpers") keeps them, which AI Core cannot ask"#
)]
#[case::helper_of_another(
    r#"{"auths":{"ghcr.io":{}},"credHelpers":{"gcr.io":"gcloud"}}"#,
    r#"entry "ghcr.io" has no user name and no password"#
)]
#[case::twice(
    r#"{"auths":{"ghcr.io":{"username":"me","password":"c4n4ry","password":"other"}}}"#,
    r#"entry "ghcr.io" has two different values of "password""#
)]
fn says_more_when_it_knows_more(#[case] json: &str, #[case] what: &str) {
    assert_eq!(
        refused(&config(json)),
        format!(
            "Secret \"ghcr-pull\", key \".dockerconfigjson\": {what}; store a user name and a password or access \
             token for it."
        )
    );
}

#[test]
fn all_unusable_entries_are_named() {
    assert_eq!(
        refused(&auths(
            json!({"c.test": {}, "b.test": {"identitytoken": "t"}, "a.test": {"auth": basic("me:pw")}, "d.test": 1})
        )),
        "Secret \"ghcr-pull\", key \".dockerconfigjson\": entry \"b.test\" has only an identity token, which AI Core \
         cannot use (unusable too: \"c.test\" and \"d.test\"); store a user name and a password or access token for it, or \
         leave the entry out with spec.registries."
    );
}

#[test]
fn a_registry_that_matches_nothing_is_an_error_that_names_what_is_there() {
    let me = json!({"username": "me", "password": "pw"});
    let secret = config(
        json!({"auths": {"ghcr.io": me, "u:c4n4ry@quay.io": me}, "credHelpers": {"gcr.io": "gcloud"}}),
    );
    let refused = |registries: &[&str]| {
        let registries: Vec<_> = registries.iter().map(ToString::to_string).collect();
        refused_for(&secret, &Selection { registries: Some(&registries), ..Selection::default() })
    };
    assert_eq!(
        refused(&["ghcr.io", "ghcr.io/acme", "a.b"]),
        "Secret \"ghcr-pull\", key \".dockerconfigjson\": no entry matches \"ghcr.io/acme\" and \"a.b\" of \
         spec.registries; the entries are \"ghcr.io\" and \"quay.io\"."
    );
    assert_eq!(
        refused(&["https://gcr.io"]),
        "Secret \"ghcr-pull\", key \".dockerconfigjson\": no entry matches \"https://gcr.io\" of spec.registries, \
         whose credential is in a credential helper that AI Core cannot ask; the entries are \"ghcr.io\" and \
         \"quay.io\"."
    );
}

#[test]
fn registries_are_checked_against_the_server_too() {
    let secret = secret("reg", None, [("username", "me"), ("password", "pw")]);
    let registries = ["quay.io".to_owned()];
    let selection =
        Selection { server: Some("ghcr.io"), registries: Some(&registries), ..Selection::default() };
    assert_eq!(
        refused_for(&secret, &selection),
        "Secret \"reg\", key \"password\": no entry matches \"quay.io\" of spec.registries; the entries are \"ghcr.io\"."
    );
}

#[rstest]
#[case::password(
    r#"{"docker.io":{"auth":"bWU6cHc="},"index.docker.io":{"username":"me","password":"PW"}}"#,
    "docker.io",
    "index.docker.io"
)]
#[case::username(
    r#"{"ghcr.io":{"auth":"bWU6cHc="},"GHCR.io":{"username":"ME","password":"pw"}}"#,
    "GHCR.io",
    "ghcr.io"
)]
#[case::same_key(
    r#"{"ghcr.io":{"auth":"bWU6cHc="},"ghcr.io":{"username":"me","password":"PW"}}"#,
    "ghcr.io",
    "ghcr.io"
)]
fn duplicates_with_two_credentials_are_refused(
    #[case] entries: &str,
    #[case] one: &str,
    #[case] other: &str,
) {
    assert_eq!(
        refused(&auths(entries)),
        format!(
            "Secret \"ghcr-pull\", key \".dockerconfigjson\": entries \"{one}\" and \"{other}\" mean the same \
             registry but have different credentials; keep one of them."
        )
    );
}
