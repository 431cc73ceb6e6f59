//! What holds for every input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Stands in every value that is secret, never in a name.
const CANARY: &str = "c4n4ry";

fn text() -> impl Strategy<Value = String> {
    "[^:\\x00]{0,3}".prop_map(|text| format!("{CANARY}{}", text.trim_end_matches(['\r', '\n'])))
}

/// Registry → user name and password.
fn logins() -> impl Strategy<Value = BTreeMap<String, (String, String)>> {
    prop::collection::btree_map(
        "[a-z]{1,6}\\.[a-z]{2}(:[1-9][0-9]{1,3})?(/[a-z]{3,5})?",
        (text(), text()),
        1..5,
    )
}

/// JSON with the keys of docker configs in arbitrary places.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        text().prop_map(|text| STANDARD.encode(text).into()),
        text().prop_map(|text| STANDARD.encode(format!("{text}:{text}")).into()),
    ];
    let key = prop_oneof![
        Just("auths"),
        Just("auth"),
        Just("Auth"),
        Just("AUTHS"),
        Just(".dockerconfigjson"),
        Just("data"),
        Just("kind"),
        Just("https://index.docker.io/v1/access-token"),
        Just("username"),
        Just("password"),
        Just("identitytoken"),
        Just("registrytoken"),
        Just("credsStore"),
        Just("credHelpers"),
        Just("ghcr.io"),
        Just("https://ghcr.io/"),
        Just("docker.io"),
        Just(""),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Nothing that `Display` and `Debug` show holds a secret value, encoded or not.
fn check_no_leak(secret: &SecretData, selection: &Selection<'_>) -> Result<(), TestCaseError> {
    let shown = match payload(secret, selection) {
        Ok(payload) => format!("{payload:?} {:?}", payload.remarks()),
        Err(invalid) => format!("{invalid} {invalid:?}"),
    };
    let encoded = STANDARD_NO_PAD.encode(CANARY);
    prop_assert!(!shown.contains(CANARY) && !shown.contains(&encoded[..6]), "{}", shown);
    Ok(())
}

proptest! {
    #[test]
    fn what_is_read_is_what_is_sent(logins in logins()) {
        let entry = |(user, password): &(String, String)| json!({"username": user, "password": password});
        let entries: BTreeMap<_, _> = logins.iter().map(|(registry, login)| (registry.clone(), entry(login))).collect();
        let payload = payload(&auths(json!(entries)), &Selection::default()).unwrap();
        prop_assert_eq!(payload.registries(), logins.keys().cloned().collect::<Vec<_>>());
        let sent: Value = serde_json::from_str(payload.expose()).unwrap();
        prop_assert_eq!(&sent, &json!({"auths": entries}));
        prop_assert_eq!(super::sent(&config(payload.expose())), payload.expose(), "reading it again changes nothing");
    }

    #[test]
    fn the_same_meaning_gives_the_same_bytes(logins in logins(), order in any::<u64>()) {
        let plain: Vec<_> = logins.iter().map(|(registry, (user, password))| {
            (registry, json!({"username": user, "password": password}))
        }).collect();
        let mut spelled: Vec<_> = logins.iter().map(|(registry, (user, password))| {
            (registry, json!({"x": order, "password": "other", "auth": STANDARD_NO_PAD.encode(format!("{user}:{password}"))}))
        }).collect();
        spelled.rotate_left(usize::try_from(order % 5).unwrap() % logins.len());
        let render = |entries: &[(&String, Value)]| {
            let entries: Vec<_> = entries.iter().map(|(registry, entry)| format!("{}: {entry}", json!(registry))).collect();
            format!("{{{}}}", entries.join(",\n "))
        };
        prop_assert_eq!(sent(&auths(render(&plain))), sent(&auths(render(&spelled))));
    }

    #[test]
    fn a_user_name_and_password_give_the_same_as_an_entry(user in text(), password in text()) {
        let entry = auths(json!({"ghcr.io": {"username": user, "password": password}}));
        let data = secret("reg", None, [("username", user), ("password", password)]);
        let selection = Selection { server: Some("ghcr.io"), ..Selection::default() };
        prop_assert_eq!(sent_for(&data, &selection), sent(&entry));
    }

    #[test]
    fn no_json_panics_or_leaks(json in json(), registries in prop::collection::vec("ghcr.io|docker.io|x.test", 0..3)) {
        let selection = Selection { registries: Some(&registries), ..Selection::default() };
        check_no_leak(&config(&json), &selection)?;
        check_no_leak(&auths(&json), &selection)?;
        check_no_leak(&auths(json!({"ghcr.io": json})), &selection)?;
        check_no_leak(&secret("s", Some("kubernetes.io/dockercfg"), [(".dockercfg", json.to_string())]), &selection)?;
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), server in any::<Option<String>>()) {
        let data = secret("s", None, [(".dockerconfigjson", &bytes), ("username", &bytes), ("password", &bytes)]);
        let _ = payload(&data, &Selection { server: server.as_deref(), ..Selection::default() });
    }
}
