//! An `auth` under a key of its own.

use super::*;

/// As the generator for Quay writes it.
fn of_quay(registry: &str, auth: &str) -> SecretData {
    secret("quay", Some("Opaque"), [("registry", registry), ("auth", auth), ("expiry", "1795683600")])
}

fn for_server(server: &'static str) -> Selection<'static> {
    Selection { server: Some(server), ..Selection::default() }
}

#[rstest]
#[case::as_external_secrets_writes_it("quay.io", &basic("me:pw"))]
#[case::with_line_breaks("quay.io\n", "bWU6\ncHc=\n")]
#[case::unpadded("quay.io", &STANDARD_NO_PAD.encode("me:pw"))]
fn is_for_the_registry_beside_it(#[case] registry: &str, #[case] auth: &str) {
    assert_eq!(sent(&of_quay(registry, auth)), me_at("quay.io"));
}

#[test]
fn a_server_counts_for_more_than_the_registry_beside_it() {
    let secret = of_quay("quay.io", &basic("me:pw"));
    assert_eq!(sent_for(&secret, &for_server("quay.example.com")), me_at("quay.example.com"));
}

/// As the generator for Cloudsmith writes it.
#[test]
fn without_a_registry_beside_it_needs_a_server() {
    let secret = secret("smith", None, [("auth", basic("me:pw")), ("expiry", "1795683600".to_owned())]);
    assert_eq!(sent_for(&secret, &for_server("docker.cloudsmith.io")), me_at("docker.cloudsmith.io"));
    assert_eq!(
        refused(&secret),
        r#"Secret "smith": it has an "auth" but nothing says for which registry; set spec.secretRef.server."#
    );
}

#[test]
fn what_a_server_asks_for_and_a_docker_config_come_first() {
    let other = basic("other:other");
    let login = secret("reg", None, [("auth", &*other), ("username", "me"), ("password", "pw")]);
    assert_eq!(sent_for(&login, &for_server("ghcr.io")), me_at("ghcr.io"));
    let named = secret("reg", None, [("auth", &*other), ("u", "me"), ("p", "pw")]);
    let keys = Selection { username_key: Some("u"), password_key: Some("p"), ..for_server("ghcr.io") };
    assert_eq!(sent_for(&named, &keys), me_at("ghcr.io"));
    let config = json!({"auths": {"ghcr.io": {"username": "me", "password": "pw"}}}).to_string();
    let beside =
        secret("reg", None, [("auth", &*other), ("registry", "quay.io"), (".dockerconfigjson", &*config)]);
    assert_eq!(sent(&beside), me_at("ghcr.io"));
}

#[rstest]
#[case::token(
    "quay.io",
    "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    r#"key "auth": entry "quay.io" has an "auth" that is an access token"#
)]
#[case::not_encoded("quay.io", "me:pw", r#"has an "auth" that is user:password as it is"#)]
#[case::twice("quay.io", &basic(&basic("me:pw")), "base64-encoded twice")]
#[case::no_password("quay.io", &basic("me:"), "has a user name but no password")]
#[case::no_user("quay.io", &basic(":pw"), "has a password but no user name")]
#[case::nothing("quay.io", "", r#"has an "auth" that is not user:password when decoded"#)]
#[case::template("quay.io", &basic("me:${TOKEN}"), "has a password that")]
#[case::no_registry("", &basic("me:pw"), r#"what stands under "registry", "" is not the name of a registry: it names no host"#)]
#[case::ecr_key("1.dkr.ecr.eu-west-1.amazonaws.com", &basic("AKIAIOSFODNN7EXAMPLE:pw"), "has an access key of Amazon")]
fn is_judged_as_that_of_an_entry(#[case] registry: &str, #[case] auth: &str, #[case] why: &str) {
    let said = refused(&of_quay(registry, auth));
    assert!(said.contains(why), "{said}");
    assert!(!said.contains("pw") && !said.contains("eyJ"), "{said}");
}

#[test]
fn must_be_text_and_be_selected() {
    let data: [(_, &[u8]); 2] = [("auth", b"\xff"), ("registry", b"quay.io")];
    assert_eq!(
        refused(&secret("reg", None, data)),
        r#"Secret "reg", key "auth": the value is not UTF-8 text."#
    );
    let registries = ["ghcr.io".to_owned()];
    let selection = Selection { registries: Some(&registries), ..Selection::default() };
    let said = refused_for(&of_quay("quay.io", &basic("me:pw")), &selection);
    assert!(
        said.contains(r#"no entry matches "ghcr.io" of spec.registries; the entries are "quay.io""#),
        "{said}"
    );
}
