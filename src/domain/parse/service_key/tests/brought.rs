//! What people bring: service keys as other programs, SDKs and documentation leave them in a Secret.

use super::*;

/// SAP's form of a client secret has a `$` in it.
const SECRET: &str = "made-up$secret=";

fn env(pairs: &[(&'static str, &str)]) -> SecretData {
    secret("aicore-key", None, pairs.iter().copied())
}

fn named(quote: &str) -> [(&'static str, String); 4] {
    let quoted = |text: &str| format!("{quote}{text}{quote}");
    [
        ("AICORE_CLIENT_ID", quoted(CLIENT_ID)),
        ("AICORE_CLIENT_SECRET", quoted(SECRET)),
        ("AICORE_AUTH_URL", quoted(AUTH_URL)),
        ("AICORE_BASE_URL", quoted(API_URL)),
    ]
}

/// `kubectl create secret --from-env-file` keeps the quotes of an `.env` file.
#[rstest]
fn an_env_file_in_quotes(#[values("\"", "'", "`")] quote: &str) {
    let why = "begins and ends with a quote, which is no part of it (kubectl keeps the quotes of --from-env-file); store \
               it without";
    assert_eq!(
        refused(&secret("aicore-key", None, named(quote))),
        format!("Secret \"aicore-key\": \"AICORE_CLIENT_ID\" {why}; \"AICORE_CLIENT_SECRET\" {why}.")
    );
}

#[test]
fn only_the_client_secret_in_quotes() {
    let mut pairs = named("");
    pairs[1].1 = format!("'{SECRET}'");
    let message = refused(&secret("aicore-key", None, pairs));
    assert!(message.contains("\"AICORE_CLIENT_SECRET\" begins and ends with a quote"), "{message}");
    assert!(!message.contains("made-up"), "{message}");
}

/// Quotes around a URL cannot be part of it.
#[rstest]
#[case("\"", "\"")]
#[case("'", "'")]
#[case("\u{201c}", "\u{201d}")]
fn urls_in_quotes_are_read(#[case] open: &str, #[case] close: &str) {
    let quoted = |url: &str| format!("{open}{url}{close}");
    let json = with(
        client_secret_key(),
        json!({"url": quoted(AUTH_URL), "serviceurls": {"AI_API_URL": quoted(API_URL)}}),
    );
    assert_is_client_secret_key(&read(&file(&json)));
    assert_is_client_secret_key(&read(&flat(&json)));
}

#[test]
fn a_service_key_in_quotes_and_as_powershell_and_the_cf_cli_write_it() {
    let json = client_secret_key().to_string();
    assert_is_client_secret_key(&read(&env(&[("AICORE_SERVICE_KEY", &format!("'{json}'"))])));
    let cf = format!(
        "Getting key key for service instance my-aicore as user@example.com...\n\n{}\n",
        json!({"credentials": client_secret_key()})
    );
    assert_is_client_secret_key(&read(&env(&[("key.json", &cf)])));
    let utf16: Vec<u8> = format!("\u{feff}{json}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_is_client_secret_key(&read(&secret("aicore-key", None, [("key.json", utf16)])));
    assert_is_client_secret_key(&read(&flat(&with(
        client_secret_key(),
        json!({"serviceurls": format!("'{}'", json!({"AI_API_URL": API_URL}))}),
    ))));
}

#[test]
fn a_python_dictionary_is_called_that() {
    let python = client_secret_key().to_string().replace('"', "'");
    assert_eq!(
        refused(&env(&[("AICORE_SERVICE_KEY", &python)])),
        "Secret \"aicore-key\", key \"AICORE_SERVICE_KEY\": names and values stand in single quotes, as Python prints a \
         dictionary; JSON has double quotes (json.dumps writes it); it must hold an AI Core service key as JSON."
    );
}

fn other_tenant() -> Value {
    with(
        client_secret_key(),
        json!({
            "clientid": "sb-2222!b2|aicore!b540", "url": "https://staging.authentication.eu10.hana.ondemand.com",
            "serviceurls": {"AI_API_URL": "https://api.ai.staging.eu-central-1.aws.ml.hana.ondemand.com"}
        }),
    )
}

/// Every form beside every other form, with another key in it.
#[test]
fn of_two_different_service_keys_none_is_chosen() {
    let forms = |key: &Value| -> Vec<(&'static str, BTreeMap<String, String>)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let one = |name: &str, value: &Value| BTreeMap::from([(name.to_owned(), value.to_string())]);
        let member = |name: &str| text(&key[name]);
        vec![
            ("flat", members(key.clone()).iter().map(|(name, value)| (name.clone(), text(value))).collect()),
            (
                "environment",
                [
                    ("AICORE_CLIENT_ID", member("clientid")),
                    ("AICORE_CLIENT_SECRET", member("clientsecret")),
                    ("AICORE_AUTH_URL", member("url")),
                    ("AICORE_BASE_URL", text(&key["serviceurls"]["AI_API_URL"])),
                ]
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
            ),
            ("file", one("key.json", key)),
            ("any name", one("prod.json", key)),
            ("environment file", one("AICORE_SERVICE_KEY", key)),
            ("nested", one("root", &all_text(json!({"credentials": key, "plan": "extended"})))),
            (
                "raw",
                one("_raw", &json!({"data": {"aicore_key": key.to_string()}, "metadata": {"version": 1}})),
            ),
            (
                "VCAP_SERVICES",
                one("VCAP_SERVICES", &json!({"aicore": [{"label": "aicore", "credentials": key}]})),
            ),
        ]
    };
    let all = |data: [&BTreeMap<String, String>; 2]| {
        let data = data
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), Zeroizing::new(value.clone().into_bytes())));
        SecretData::new("aicore-key", None, false, data.collect())
    };
    for (name, first) in forms(&client_secret_key()) {
        for (other_name, second) in forms(&other_tenant()) {
            if name != other_name {
                let message = refused(&all([&first, &second]));
                assert!(message.contains("more than one"), "{name} and {other_name}: {message}");
                assert!(message.contains("spec.aiCoreSecretRef.key"), "{name} and {other_name}: {message}");
            }
        }
        for (other_name, second) in forms(&client_secret_key()) {
            let key = parse(&all([&first, &second]), None, &default_hosts());
            assert_is_client_secret_key(&key.unwrap_or_else(|why| panic!("{name} and {other_name}: {why}")));
        }
    }
}

#[test]
fn the_other_tenants_variables_beside_a_service_key_are_named() {
    let mut pairs: Vec<_> = named("").into();
    pairs.push(("AICORE_SERVICE_KEY", other_tenant().to_string()));
    let both = secret("aicore-key", None, pairs);
    assert_eq!(
        refused(&both),
        "Secret \"aicore-key\": it holds more than one service key, and they differ (see the keys \"AICORE_CLIENT_ID\" and \
         \"AICORE_SERVICE_KEY\"); keep one, or store one as JSON and name its key with spec.aiCoreSecretRef.key."
    );
    assert_eq!(read_from(&both, Some("AICORE_SERVICE_KEY")).client_id(), "sb-2222!b2|aicore!b540");
}

#[test]
fn a_certificate_beside_a_client_secret_in_another_place_is_another_service_key() {
    let both = env(&[("a.json", &client_secret_key().to_string()), ("b.json", &x509_key().to_string())]);
    assert!(refused(&both).contains("more than one key holds a service key (\"a.json\" and \"b.json\")"));
}

/// Two names for one field in one object.
#[rstest]
#[case(json!({"client_id": "other"}), r#""clientid" and "client_id" have different values; keep one"#)]
#[case(json!({"client_secret": "c4n4ry"}), r#""clientsecret" and "client_secret" have different values; keep one"#)]
#[case(json!({"auth_url": "https://b.authentication.eu10.hana.ondemand.com"}), r#""url" and "auth_url" have different values; keep one"#)]
#[case(json!({"AI_API_URL": "https://api.ai.x.y.z.ml.hana.ondemand.com"}), r#""serviceurls.AI_API_URL" and "AI_API_URL" have different values; keep one"#)]
fn two_names_of_a_field_must_agree(#[case] more: Value, #[case] what: &str) {
    let json = with(client_secret_key(), more);
    assert_eq!(refused(&file(&json)), format!(r#"Secret "aicore-key", key "key.json": {what}."#));
    assert_eq!(refused(&flat(&json)), format!(r#"Secret "aicore-key": {what}."#));
}

#[test]
fn two_names_of_a_field_may_agree() {
    let json = with(
        client_secret_key(),
        json!({"client_id": CLIENT_ID, "token_url": format!("{AUTH_URL}/oauth/token"), "AI_API_URL": format!("{API_URL}/v2/")}),
    );
    assert_is_client_secret_key(&read(&file(&json)));
}

#[test]
fn variables_of_an_sdk_beside_names_that_are_found_everywhere() {
    let mut pairs: Vec<_> = named("").into();
    pairs.extend([
        ("url", "https://db.example".to_owned()),
        ("key", "x".to_owned()),
        ("AICORE_RESOURCE_GROUP", "x".to_owned()),
    ]);
    assert_eq!(read(&secret("s", None, pairs)).authorization_server().to_string(), AUTH_URL);
}

fn vcap(aicore: &Value) -> String {
    let client =
        json!({"clientid": "sb-app!t1", "clientsecret": "made-up-2", "url": AUTH_URL, "xsappname": "app!t1"});
    json!({
        "xsuaa": [{"label": "xsuaa", "name": "app-auth", "credentials": client}],
        "destination": [{"label": "destination", "name": "dest", "credentials": client}],
        "ml": [{"label": "ml", "credentials": {"clientid": "x", "serviceurls": {"OTHER_URL": "https://x.example"}}}],
        "aicore": aicore,
    })
    .to_string()
}

#[test]
fn vcap_services_give_their_aicore_binding() {
    let binding = json!([{"label": "aicore", "name": "my-aicore", "credentials": client_secret_key()}]);
    let services = vcap(&binding);
    assert_is_client_secret_key(&read(&env(&[("VCAP_SERVICES", &services)])));
    let beside = env(&[("VCAP_SERVICES", &services), ("other.json", &other_tenant().to_string())]);
    assert_is_client_secret_key(&read_from(&beside, Some("VCAP_SERVICES")));
    let two = vcap(&json!([{"credentials": client_secret_key()}, {"credentials": other_tenant()}]));
    assert_eq!(
        refused(&env(&[("VCAP_SERVICES", &two)])),
        "Secret \"aicore-key\", key \"VCAP_SERVICES\": it holds more than one service key; keep one, or store one in a key of \
         its own and name that with spec.aiCoreSecretRef.key."
    );
    let none = refused(&env(&[("VCAP_SERVICES", &vcap(&json!([])))]));
    assert!(none.contains("none of them is of SAP AI Core"), "{none}");
}

/// A user-provided service counts by what it holds.
#[test]
fn a_user_provided_binding_of_ai_core_is_found() {
    let services = json!({"user-provided": [{"label": "user-provided", "name": "ai", "credentials": client_secret_key()}]});
    assert_is_client_secret_key(&read(&env(&[("VCAP_SERVICES", &services.to_string())])));
}

#[test]
fn a_certificate_of_ones_own_lacks_its_key() {
    assert_eq!(
        refused(&file(with(x509_key(), json!({"key": null})))),
        "Secret \"aicore-key\", key \"key.json\": \"key\" is missing; SAP hands out the service key for a certificate of your \
         own without its private key: add that beside the certificate (PEM, not encrypted)."
    );
}

#[rstest]
#[case(json!({"clientid": "<client-id>"}), r#""clientid" is a placeholder that nothing has filled in"#)]
#[case(json!({"clientsecret": "${AICORE_CLIENT_SECRET}"}), r#""clientsecret" is a placeholder that nothing has filled in"#)]
#[case(json!({"clientsecret": "made\\$up="}), r#""clientsecret" has a backslash in front of $, as in a shell script; store it without"#)]
#[case(json!({"clientsecret": "00000000-0000-0000-0000-000000000000$$YQ=="}), r#""clientsecret" has $$, as files have that replace variables; store it with one $"#)]
#[case(json!({"clientsecret": "a\nb"}), r#""clientsecret" has a line break or a control character inside; store it again"#)]
#[case(json!({"clientid": "x".repeat(513)}), r#""clientid" is longer than 512 bytes, which that of a service key never is"#)]
#[case(json!({"url": "https://<subdomain>.authentication.eu10.hana.ondemand.com"}), r#""url" is a placeholder that nothing has filled in"#)]
#[case(json!({"url": format!("https://a.authentication.eu10.hana.ondemand.com/{}", "x".repeat(1024))}), r#""url" is longer than 1024 bytes, which no URL of a service key is"#)]
#[case(json!({"serviceurls": {"AI_API_URL": format!("{API_URL}/v2/inference/deployments/d1")}}), r#""serviceurls.AI_API_URL" is the URL of a deployment or has an encoded path; write the URL of AI Core's API, which has no path but /v2"#)]
#[case(json!({"url": "https://evil.authentication.eu10.hana.ondemand.com:8443"}), r#""url" points to port 8443 of host "evil.authentication.eu10.hana.ondemand.com", where the operator may not connect to; leave the port out, or have the operator's administrator add "evil.authentication.eu10.hana.ondemand.com:8443" to --allowed-hosts"#)]
fn odd_values_are_named(#[case] changes: Value, #[case] what: &str) {
    let json = with(client_secret_key(), changes);
    assert_eq!(refused(&file(&json)), format!(r#"Secret "aicore-key", key "key.json": {what}."#));
}

#[test]
fn the_validity_is_that_of_the_clients_own_certificate() {
    use crate::domain::parse::certificate::tests::{LEAF, MIDDLE, ROOT};
    let end =
        |chain: String| read(&file(with(x509_key(), json!({"certificate": chain})))).certificate_not_after();
    let leaf = Some("2026-03-01T00:00:00Z".parse().unwrap());
    assert_eq!(end(format!("{LEAF}{MIDDLE}")), leaf);
    assert_eq!(end(format!("{ROOT}{MIDDLE}{LEAF}")), leaf);
    assert_eq!(end(block("CERTIFICATE", "AAAA")), None);
    assert_eq!(read(&file(client_secret_key())).certificate_not_after(), None);
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

/// Deeper than a service key is searched for.
fn buried(json: &Value) -> Value {
    (0..8).fold(json.clone(), |inner, _| json!({ "x": [inner] }))
}

/// In a form that no service key is taken from, but that the owner of the Secret may have meant.
#[test]
fn what_may_be_another_service_key_is_not_passed_over() {
    let other = with(client_secret_key(), json!({"clientid": "other"}));
    let camel = with(other.clone(), json!({"serviceurls": null, "serviceUrls": other["serviceurls"]}));
    for (name, value) in [
        ("base64", base64(other.to_string())),
        ("base64 twice", base64(base64(other.to_string()))),
        ("base64 of gzip", base64(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab")),
        ("deep", buried(&other).to_string()),
        ("deep in base64", base64(buried(&other).to_string())),
        ("large", with(other.clone(), json!({"x": "y".repeat(300_000)})).to_string()),
        ("camel case", camel.to_string()),
    ] {
        let keys = [("key.json", client_secret_key().to_string()), ("second", value)];
        let both = secret("aicore-key", None, keys);
        let message = refused(&both);
        assert!(message.contains("second") && !message.contains("other\""), "{name}: {message}");
        assert_is_client_secret_key(&read_from(&both, Some("key.json")));
        if name != "large" {
            assert!(message.contains("spec.aiCoreSecretRef.key (it has the keys"), "{name}: {message}");
        }
    }
    let metadata = [("key.json", client_secret_key().to_string()), (".metadata", other.to_string())];
    assert!(refused(&secret("aicore-key", None, metadata)).contains(".metadata"));
}

#[test]
fn what_says_the_same_in_whatever_form_is_no_other() {
    let key = client_secret_key();
    for value in [base64(key.to_string()), buried(&key).to_string(), base64("hello"), "x".repeat(300_000)] {
        let both = secret("aicore-key", None, [("key.json", key.to_string()), ("second", value)]);
        assert_is_client_secret_key(&read(&both));
    }
}
