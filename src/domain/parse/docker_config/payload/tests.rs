use super::*;
use crate::domain::parse::docker_config::text::Text;

fn login<'a>(username: &'a str, password: &'a str) -> Login<'a> {
    Login { username: Text::Borrowed(username), password: Text::Borrowed(password), disputed: false }
}

fn rendered(registry: &str, login: &Login<'_>) -> Result<Payload, TooLarge> {
    Payload::render(&BTreeMap::from([(registry, login)]), Vec::new())
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
fn the_logins_are_read_back_as_they_were() {
    let (one, other) = (login("_json_key", "{\"k\":\"\n\u{1}ä\\\"}"), login("token", "p"));
    let payload = Payload::render(&BTreeMap::from([("a.b", &one), ("c.d", &other)]), Vec::new()).unwrap();
    let mut logins = Vec::new();
    payload.for_each_login(|username, password| logins.push((username.to_owned(), password.to_owned())));
    let expected = [&one, &other].map(|login| (login.username.to_string(), login.password.to_string()));
    assert_eq!(logins, expected);
}

#[test]
fn debug_shows_the_registries_only() {
    let shown = format!("{:?}", rendered("ghcr.io", &login("token", "pass12")).unwrap());
    assert!(shown.contains("ghcr.io") && !shown.contains("pass12") && !shown.contains("cGFzczEy"), "{shown}");
}
