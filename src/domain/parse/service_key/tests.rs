#![expect(clippy::needless_pass_by_value, reason = "inputs are written in place")]

use std::collections::BTreeMap;

use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::domain::parse::{
    allowed_hosts::tests::default_hosts, pem::tests::block, secret_data::tests::secret,
};

mod brought;
mod mistaken;
mod properties;

const CLIENT_ID: &str = "sb-7ce4!b505946|aicore!b540";
const CLIENT_SECRET: &str = "c4n4ry$=";
const API_URL: &str = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com";
const AUTH_URL: &str = "https://my-subdomain.authentication.eu10.hana.ondemand.com";
const CERT_URL: &str = "https://my-subdomain.authentication.cert.eu10.hana.ondemand.com";

/// As the BTP cockpit shows it.
fn client_secret_key() -> Value {
    json!({
        "appname": "7ce4!b505946|aicore!b540",
        "clientid": CLIENT_ID,
        "clientsecret": CLIENT_SECRET,
        "identityzone": "my-subdomain",
        "identityzoneid": "a5a4",
        "serviceurls": {"AI_API_URL": API_URL},
        "url": AUTH_URL,
    })
}

fn x509_key() -> Value {
    json!({
        "clientid": CLIENT_ID,
        "certificate": format!("{}{}", block("CERTIFICATE", "AAAA"), block("CERTIFICATE", "BBBB")),
        "key": block("RSA PRIVATE KEY", "c4n4ry"),
        "certurl": CERT_URL,
        "credential-type": "x509",
        "serviceurls": {"AI_API_URL": API_URL},
        "url": AUTH_URL,
    })
}

/// `json` with `changes`; null removes.
fn with(mut json: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => json.as_object_mut().unwrap().remove(key),
            value => json.as_object_mut().unwrap().insert(key.clone(), value.clone()),
        };
    }
    json
}

/// One Secret key per member, texts as they are and the rest as JSON text.
fn flat(json: &Value) -> SecretData {
    let data = json.as_object().unwrap().iter().map(|(key, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key.clone(), Zeroizing::new(value.into_bytes()))
    });
    SecretData::new("aicore-key", None, false, data.collect())
}

fn file(json: impl ToString) -> SecretData {
    secret("aicore-key", None, [("key.json", json.to_string())])
}

fn read(secret: &SecretData) -> ServiceKey {
    read_from(secret, None)
}

fn read_from(secret: &SecretData, key: Option<&str>) -> ServiceKey {
    parse(secret, key, &default_hosts()).unwrap_or_else(|invalid| panic!("{invalid}"))
}

fn refused(secret: &SecretData) -> String {
    parse(secret, None, &default_hosts()).map(|key| key.tenant()).unwrap_err().to_string()
}

fn assert_is_client_secret_key(key: &ServiceKey) {
    assert_eq!(key.client_id(), CLIENT_ID);
    assert_eq!(key.api_url().to_string(), API_URL);
    assert_eq!(key.authorization_server().to_string(), AUTH_URL);
    assert_eq!(key.token_url().as_str(), format!("{AUTH_URL}/oauth/token"));
    assert!(matches!(key.grant(), Grant::ClientSecret(_)));
    assert_eq!(key.hmac_key().expose_secret(), CLIENT_SECRET);
}

fn members(json: Value) -> BTreeMap<String, Value> {
    json.as_object().unwrap().clone().into_iter().collect()
}

/// Every member of `json` as text, as the SAP BTP service operator writes a `secretRootKey`.
fn all_text(json: Value) -> Value {
    members(json)
        .into_iter()
        .map(|(key, value)| {
            (key, Value::from(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        })
        .collect()
}

fn instance() -> Value {
    json!({"instance_name": "my-aicore", "instance_guid": "1", "plan": "extended", "label": "aicore", "type": "aicore"})
}

#[rstest]
#[case::file(file(client_secret_key()))]
#[case::file_under_any_name(secret("s", None, [("anything", client_secret_key().to_string())]))]
#[case::file_named_key(secret("s", None, [("key", client_secret_key().to_string())]))]
#[case::environment_file(secret("s", None, [("AICORE_SERVICE_KEY", client_secret_key().to_string()), ("AICORE_RESOURCE_GROUP", "default".to_owned())]))]
#[case::cloud_foundry_output(file(json!({"credentials": client_secret_key()})))]
#[case::flat_binding(flat(&with(with(client_secret_key(), instance()), json!({
    ".metadata": {"credentialProperties": [{"name": "clientid", "format": "text"}, {"name": "serviceurls", "format": "json"}]}
}))))]
#[case::secret_key(flat(&with(instance(), json!({
    "credentials": client_secret_key(),
    ".metadata": {"credentialProperties": [{"name": "credentials", "container": true, "format": "json"}]}
}))))]
#[case::secret_key_of_any_name(flat(&with(instance(), json!({
    "mine": client_secret_key(),
    ".metadata": {"credentialProperties": [{"name": "mine", "container": true, "format": "json"}]}
}))))]
#[case::secret_root_key(secret("s", None, [("root", all_text(with(client_secret_key(), instance())).to_string())]))]
#[case::secret_key_and_root_key(secret("s", None, [("root", all_text(with(instance(), json!({"mine": client_secret_key()}))).to_string())]))]
#[case::crossplane(flat(&with(client_secret_key(), json!({"__raw": client_secret_key()}))))]
#[case::crossplane_raw_only(flat(&json!({"__raw": client_secret_key(), "x": "y"})))]
#[case::environment(flat(&json!({
    "AICORE_CLIENT_ID": CLIENT_ID, "AICORE_CLIENT_SECRET": CLIENT_SECRET, "AICORE_AUTH_URL": AUTH_URL, "AICORE_BASE_URL": API_URL,
    "AICORE_RESOURCE_GROUP": "default"
})))]
#[case::environment_with_paths(flat(&json!({
    "AICORE_CLIENT_ID": CLIENT_ID, "AICORE_CLIENT_SECRET": CLIENT_SECRET,
    "AICORE_AUTH_URL": format!("{AUTH_URL}/oauth/token"), "AICORE_BASE_URL": format!("{API_URL}/v2")
})))]
#[case::sdk_config_file(file(json!({
    "AICORE_CLIENT_ID": CLIENT_ID, "AICORE_CLIENT_SECRET": CLIENT_SECRET, "AICORE_AUTH_URL": AUTH_URL, "AICORE_BASE_URL": API_URL
})))]
#[case::snake_case(flat(&json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "auth_url": AUTH_URL, "base_url": API_URL})))]
#[case::snake_case_with_token_url(flat(&json!({
    "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "token_url": format!("{AUTH_URL}/oauth/token"), "ai_api_url": API_URL
})))]
#[case::camel_case(file(json!({"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "authUrl": AUTH_URL, "baseUrl": API_URL})))]
#[case::api_url_outside(file(with(client_secret_key(), json!({"serviceurls": null, "AI_API_URL": API_URL}))))]
#[case::empty_service_urls(file(with(client_secret_key(), json!({"serviceurls": {}, "AI_API_URL": API_URL}))))]
#[case::old_and_new_api_url(file(with(client_secret_key(), json!({"serviceurls": {"ML_API_URL": "x", "AI_API_URL": API_URL}}))))]
#[case::old_inside_and_new_outside(file(with(client_secret_key(), json!({"serviceurls": {"ML_API_URL": "x"}, "AI_API_URL": API_URL}))))]
#[case::v2_and_slashes(file(with(client_secret_key(), json!({"serviceurls": {"AI_API_URL": format!(" {API_URL}/v2/\n")}, "url": format!("{AUTH_URL}/ ")}))))]
#[case::line_breaks_of_an_editor(flat(&with(client_secret_key(), json!({
    "clientid": format!("{CLIENT_ID} \n"), "clientsecret": format!("{CLIENT_SECRET}\r\n"), "url": format!("{AUTH_URL}\n")
}))))]
#[case::certificate_without_key(file(with(client_secret_key(), json!({"certificate": "x", "certurl": CERT_URL}))))]
#[case::null_certificate(file(with(client_secret_key(), json!({"certificate": "", "key": "", "certurl": ""}))))]
fn a_client_secret_in_every_form(#[case] secret: SecretData) {
    assert_is_client_secret_key(&read(&secret));
}

#[test]
fn a_named_key_wins() {
    let other = with(client_secret_key(), json!({"clientid": "other"}));
    let secret = flat(&with(other.clone(), json!({"mine": client_secret_key(), "credentials": other})));
    assert_is_client_secret_key(&read_from(&secret, Some("mine")));
    assert_eq!(read_from(&secret, Some("credentials")).client_id(), "other");
    assert!(refused(&secret).contains("more than one service key"));
}

#[rstest]
#[case::file(file(x509_key()))]
#[case::flat(flat(&x509_key()))]
#[case::beside_a_secret(file(with(x509_key(), json!({"clientsecret": "other"}))))]
#[case::literal_line_breaks(flat(&with(x509_key(), json!({
    "certificate": r"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n",
    "key": r"-----BEGIN RSA PRIVATE KEY-----\nc4n4ry\n-----END RSA PRIVATE KEY-----\n",
}))))]
#[case::environment(flat(&json!({
    "AICORE_CLIENT_ID": CLIENT_ID, "AICORE_AUTH_URL": AUTH_URL, "AICORE_BASE_URL": API_URL,
    "AICORE_CERT_URL": format!("{CERT_URL}/oauth/token"), "AICORE_CERT_STR": x509_key()["certificate"],
    "AICORE_KEY_STR": x509_key()["key"],
})))]
fn a_certificate_in_every_form(#[case] secret: SecretData) {
    let key = read(&secret);
    let Grant::X509 { certificate_chain_pem, private_key_pem, token_url } = key.grant() else {
        panic!("{key:?}")
    };
    assert_eq!(*certificate_chain_pem, x509_key()["certificate"]);
    assert_eq!(private_key_pem.expose_secret(), x509_key()["key"]);
    assert_eq!(token_url.as_str(), format!("{CERT_URL}/oauth/token"));
    assert_eq!(key.token_url(), *token_url);
    assert_eq!(key.hmac_key().expose_secret(), private_key_pem.expose_secret());
    assert_eq!(key.authorization_server().to_string(), AUTH_URL);
}

#[test]
fn certificate_and_client_secret_are_for_the_same_tenant() {
    let tenant = read(&file(x509_key())).tenant();
    assert_eq!(tenant, read(&file(client_secret_key())).tenant());
    assert_eq!((tenant.api_url.as_str(), tenant.authorization_server.as_str()), (API_URL, AUTH_URL));
}

#[test]
fn a_stale_secret_is_refused() {
    let data = BTreeMap::from([(
        "key.json".to_owned(),
        Zeroizing::new(client_secret_key().to_string().into_bytes()),
    )]);
    let stale = SecretData::new("aicore-key-x1y2z3", None, true, data);
    assert_eq!(
        refused(&stale),
        "Secret \"aicore-key-x1y2z3\": the label services.cloud.sap.com/stale says that its credential was rotated \
         and will be revoked; name the current Secret of the binding in spec.aiCoreSecretRef."
    );
}

const STORE: &str = "store a complete service key or binding of SAP AI Core";

#[rstest]
#[case::nothing(json!({}), &format!(r#""clientid", "clientsecret", "url" and "serviceurls.AI_API_URL" are missing; {STORE}"#))]
#[case::one(with(client_secret_key(), json!({"clientid": null})), &format!(r#""clientid" is missing; {STORE}"#))]
#[case::blank(with(client_secret_key(), json!({"clientid": " \n"})), &format!(r#""clientid" is missing; {STORE}"#))]
#[case::no_secret(with(client_secret_key(), json!({"clientsecret": ""})), &format!(r#""clientsecret" is missing; {STORE}"#))]
#[case::certificate_only(with(x509_key(), json!({"key": null, "certurl": null})), &format!(r#""key" and "certurl" are missing; {STORE}"#))]
#[case::key_only(with(x509_key(), json!({"certificate": null, "certurl": null})), &format!(r#""certificate" and "certurl" are missing; {STORE}"#))]
#[case::no_url_beside_a_certificate(with(x509_key(), json!({"url": null})), &format!(r#""url" is missing; {STORE}"#))]
#[case::no_service_urls(with(client_secret_key(), json!({"serviceurls": null})), &format!(r#""serviceurls.AI_API_URL" is missing; {STORE}"#))]
#[case::no_api_url(with(client_secret_key(), json!({"serviceurls": {"X": "y"}})), &format!(r#""serviceurls.AI_API_URL" is missing; {STORE}"#))]
#[case::missing_and_malformed(
    with(client_secret_key(), json!({"clientid": null, "clientsecret": ["c4n4ry"], "url": "c4n4ry"})),
    &format!(r#""clientid" is missing; "clientsecret" is not text; "url" is not a URL that starts with https://; {STORE}"#)
)]
#[case::old_key(
    with(client_secret_key(), json!({"serviceurls": {"ML_API_URL": "https://c4n4ry"}})),
    r#""serviceurls" has ML_API_URL but no AI_API_URL, as in old service keys; create a new service key"#
)]
#[case::service_urls_are_text(with(client_secret_key(), json!({"serviceurls": "c4n4ry"})), r#""serviceurls" is not a JSON object such as {"AI_API_URL": "https://…"}"#)]
#[case::service_urls_are_a_list(with(client_secret_key(), json!({"serviceurls": ["c4n4ry"]})), r#""serviceurls" is not a JSON object such as {"AI_API_URL": "https://…"}"#)]
#[case::api_url_is_a_number(with(client_secret_key(), json!({"serviceurls": {"AI_API_URL": 1}})), r#""serviceurls.AI_API_URL" is not text"#)]
#[case::http(with(client_secret_key(), json!({"url": "http://c4n4ry.hana.ondemand.com"})), r#""url" does not start with https://"#)]
#[case::userinfo(
    with(client_secret_key(), json!({"url": "https://c4n4ry@x.hana.ondemand.com"})),
    r#""url" has a user name or password in front of the host; leave them out"#
)]
#[case::query(
    with(client_secret_key(), json!({"serviceurls": {"AI_API_URL": "https://x.hana.ondemand.com?c4n4ry"}})),
    r##""serviceurls.AI_API_URL" has a query or fragment; leave out what follows "?" or "#""##
)]
#[case::hosts(
    with(client_secret_key(), json!({"url": "https://evil.example/c4n4ry", "serviceurls": {"AI_API_URL": "https://10.0.0.1"}})),
    r#""url" points to host "evil.example", which the operator may not connect to; if it is right, its administrator can add the host to --allowed-hosts; "serviceurls.AI_API_URL" points to host "10.0.0.1", which the operator may not connect to; if it is right, its administrator can add the host to --allowed-hosts"#
)]
#[case::swapped(
    with(client_secret_key(), json!({"url": API_URL, "serviceurls": {"AI_API_URL": AUTH_URL}})),
    r#""url" and "serviceurls.AI_API_URL" seem to be swapped"#
)]
#[case::a_deployment_instead_of_the_authorization_server(
    with(x509_key(), json!({"certurl": format!("{API_URL}/v2/inference/deployments/c4n4ry")})),
    r#""certurl" is the URL of a deployment or has an encoded path; write the URL of the authorization server, which has no path but /oauth/token"#
)]
#[case::trailing_comma(
    with(client_secret_key(), json!({"url": format!("{AUTH_URL},")})),
    r#""url" ends with ',', which is no part of a URL; store it without"#
)]
#[case::cert_url(
    with(x509_key(), json!({"certurl": "https://evil.example"})),
    r#""certurl" points to host "evil.example", which the operator may not connect to; if it is right, its administrator can add the host to --allowed-hosts"#
)]
#[case::certificate(
    with(x509_key(), json!({"certificate": "c4n4ry"})),
    r#""certificate" has no PEM block that begins with -----BEGIN CERTIFICATE-----"#
)]
#[case::private_key(
    with(x509_key(), json!({"key": "c4n4ry"})),
    r#""key" has no PEM block with a private key (PKCS#8, PKCS#1 or EC)"#
)]
#[case::encrypted_key(
    with(x509_key(), json!({"key": block("ENCRYPTED PRIVATE KEY", "c4n4ry")})),
    r#""key" is encrypted with a passphrase, which the operator does not have; store the key unencrypted"#
)]
#[case::damaged_certificate(
    with(x509_key(), json!({"certificate": "-----BEGIN CERTIFICATE-----\nc4n4ry"})),
    r#""certificate" is a damaged PEM text; copy it again from the service key"#
)]
fn one_message_names_all_that_is_missing_or_wrong(#[case] json: Value, #[case] what: &str) {
    assert_eq!(refused(&file(&json)), format!(r#"Secret "aicore-key", key "key.json": {what}."#));
}

#[test]
fn the_message_speaks_the_names_of_the_form() {
    assert_eq!(
        refused(&flat(&json!({"AICORE_CLIENT_ID": "x"}))),
        format!(
            "Secret \"aicore-key\": \"AICORE_CLIENT_SECRET\", \"AICORE_AUTH_URL\" and \"AICORE_BASE_URL\" are \
             missing; {STORE}."
        )
    );
    assert_eq!(
        refused(&flat(
            &json!({"client_id": "x", "client_secret": "y", "auth_url": "z", "base_url": API_URL})
        )),
        "Secret \"aicore-key\": \"auth_url\" is not a URL that starts with https://."
    );
}

#[rstest]
#[case::client_id("AICORE_CLIENT_ID")]
#[case::client_secret("AICORE_CLIENT_SECRET")]
#[case::auth_url("AICORE_AUTH_URL")]
#[case::base_url("AICORE_BASE_URL")]
#[case::cert_url("AICORE_CERT_URL")]
#[case::service_urls("serviceurls")]
#[case::snake_case("client_secret")]
#[case::cert_url_of_a_key("certurl")]
#[case::api_url("AI_API_URL")]
fn any_telling_name_makes_a_flat_form(#[case] name: &'static str) {
    let message = refused(&secret("s", None, [(name, "x"), ("other", "{}")]));
    assert!(message.starts_with("Secret \"s\": \"") && message.contains("missing"), "{message}");
}

#[test]
fn names_that_are_found_everywhere_make_no_flat_form() {
    assert_eq!(
        refused(&secret("s", None, [("url", "x"), ("key", "y"), ("certificate", "z")])),
        "Secret \"s\": no key holds an AI Core service key or binding; it has the keys \"certificate\", \"key\" and \
         \"url\"."
    );
}

#[test]
fn two_values_of_one_name_are_refused() {
    let json = client_secret_key().to_string();
    let twice = |member: &str| refused(&file(json.replacen('{', &format!("{{{member},"), 1)));
    let prefix = "Secret \"aicore-key\", key \"key.json\": ";
    assert_eq!(
        twice(r#""clientid":"x""#),
        format!("{prefix}\"clientid\" occurs twice with different values.")
    );
    assert_eq!(
        twice(r#""serviceurls":{}"#),
        format!("{prefix}\"serviceurls\" occurs twice with different values.")
    );
    assert_is_client_secret_key(&read(&file(json.replacen(
        '{',
        &format!(r#"{{"clientid":"{CLIENT_ID}","#),
        1,
    ))));
}

#[test]
fn a_flat_value_must_be_text() {
    let data: [(_, &[u8]); 4] = [
        ("clientid", b"x\xff"),
        ("clientsecret", b"x"),
        ("url", AUTH_URL.as_bytes()),
        ("AI_API_URL", API_URL.as_bytes()),
    ];
    assert_eq!(
        refused(&secret("s", None, data)),
        "Secret \"s\": \"clientid\" is not UTF-8 text; save it as UTF-8."
    );
}
