use super::*;
use crate::domain::docker_config::text::Text;

fn login<'a>(username: &'a str, password: &'a str) -> Login<'a> {
    Login { username: Text::Borrowed(username), password: Text::Borrowed(password), disputed: false }
}

fn rendered(registry: &str, login: &Login<'_>) -> Result<Payload, TooLarge> {
    Payload::render(&BTreeMap::from([(registry, login)]), Vec::new())
}

fn sensitive(login: &Login<'_>) -> Vec<String> {
    let payload = rendered("ghcr.io", login).unwrap();
    payload.sensitive().map(str::to_owned).collect()
}

#[test]
fn exactly_one_mebibyte_is_sent_and_one_byte_more_is_not() {
    let around = r#"{"auths":{"ghcr.io":{"password":"","username":"me"}}}"#.len();
    let password = "x".repeat(1_048_576 - around);
    let fits = login("me", &password);
    let payload = rendered("ghcr.io", &fits).unwrap();
    assert_eq!(payload.expose().len(), 1_048_576);
    let password = "x".repeat(1_048_577 - around);
    let too_large = login("me", &password);
    assert_eq!(
        rendered("ghcr.io", &too_large).map(|_| ()).unwrap_err().to_string(),
        "the docker config would have 1048577 bytes, more than the 1048576 that a Kubernetes Secret holds; send fewer \
         entries with spec.registries"
    );
}

#[test]
fn passwords_and_their_encodings_are_sensitive_and_user_names_are_not() {
    assert_eq!(
        sensitive(&login("token", "p")),
        ["dG9rZW46cA==", "dG9rZW46cA", "cA==", "cA", "p"],
        "longest first, each once"
    );
}

#[test]
fn a_password_is_sensitive_as_it_stands_in_the_config_and_in_the_request() {
    let values = sensitive(&login("_json_key", "{\"k\":\"\n\"}"));
    for form in ["{\"k\":\"\n\"}", r#"{\"k\":\"\n\"}"#, r#"{\\\"k\\\":\\\"\\n\\\"}"#] {
        assert!(values.iter().any(|value| value == form), "{form} in {values:?}");
    }
    assert_eq!(values.len(), 6, "and the base64 forms");
}

#[test]
fn equal_passwords_are_named_once() {
    let (one, other) = (login("aaaa", "pass12"), login("bbbb", "pass12"));
    let payload = Payload::render(&BTreeMap::from([("a.b", &one), ("c.d", &other)]), Vec::new()).unwrap();
    let values: Vec<_> = payload.sensitive().collect();
    assert_eq!(
        values,
        ["YWFhYTpwYXNzMTI=", "YmJiYjpwYXNzMTI=", "YWFhYTpwYXNzMTI", "YmJiYjpwYXNzMTI", "cGFzczEy", "pass12"]
    );
}

#[test]
fn debug_shows_the_registries_only() {
    let shown = format!("{:?}", rendered("ghcr.io", &login("token", "pass12")).unwrap());
    assert!(shown.contains("ghcr.io") && !shown.contains("pass12") && !shown.contains("cGFzczEy"), "{shown}");
}
