use std::{collections::BTreeMap, time::Duration};

use rstest::rstest;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{super::findings::Level, *};
use crate::{
    aicore::{pool, way::Proxies},
    domain::{parse::certificate::tests::UNTIL_2027, tools::bucket::Rate},
    fence::Fence,
    metrics::Metrics,
};

const CANARY: &str = "s3cr3tCanary";

fn doctor(registries: Option<&[&str]>) -> Doctor {
    // An earlier test may have installed it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = pool::RequestSettings {
        request_timeout: Duration::from_secs(1),
        tenant_rate: Rate::new(1.0, 1),
        extra_roots_pem: None,
        proxies: Proxies::default(),
    };
    Doctor {
        allowed_hosts: AllowedHosts::parse("*.example.com", false).unwrap(),
        registries: registries.map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
        pool: Pool::new(settings, Fence::always_open(), Arc::new(Metrics::new())).unwrap(),
        now: "2026-03-01T10:00:00Z".parse().unwrap(),
    }
}

fn secret(name: &str, key: &str, content: &Value) -> Held {
    let data = BTreeMap::from([(key.to_owned(), Zeroizing::new(content.to_string().into_bytes()))]);
    Held::Read(SecretData::new(name, None, false, data))
}

fn docker_config(content: &Value) -> Held {
    secret("source", ".dockerconfigjson", content)
}

fn service_key(content: &Value) -> Held {
    secret("key", "key.json", content)
}

fn good_docker_config() -> Value {
    json!({ "auths": { "ghcr.io": { "username": "u", "password": CANARY }, "quay.io": { "auth": "" } } })
}

fn good_service_key() -> Value {
    json!({
        "clientid": "c", "clientsecret": CANARY, "url": "https://t.authentication.example.com",
        "serviceurls": { "AI_API_URL": "https://api.example.com" },
    })
}

fn case(spec: &Value, source: impl Into<Option<Held>>, service_key: impl Into<Option<Held>>) -> Case {
    let mut whole = json!({ "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let resource = Some(("pull".to_owned(), serde_json::from_value(whole).unwrap()));
    Case {
        title: "pull".to_owned(),
        found: Vec::new(),
        resource,
        source: source.into(),
        service_key: service_key.into(),
    }
}

fn all(findings: &[Finding]) -> String {
    let lines: Vec<String> =
        findings.iter().map(|one| format!("{} {}: {}\n", one.level, one.part, one.text)).collect();
    let text = lines.concat();
    assert!(!text.contains(CANARY), "{text}");
    text
}

#[test]
fn a_sound_case_says_what_would_be_sent_and_where() {
    let spec = json!({ "registries": ["ghcr.io"] });
    let case = case(&spec, docker_config(&good_docker_config()), service_key(&good_service_key()));
    let examined = doctor(None).examine(case);
    assert_eq!(
        all(&examined.findings),
        "ok remote name: \"pull\" is a name that AI Core accepts\n\
         ok credential: Secret \"source\" gives a user name and a password for ghcr.io\n\
         ok service key: Secret \"key\" is complete\n\
         ok tenant: API https://api.example.com, authorization server https://t.authentication.example.com\n\
         ok hosts: allowed by --allowed-hosts *.example.com\n"
    );
    // Nobody has asked for one yet.
    assert_eq!(
        examined.token.as_deref(),
        Some("with a client secret, from https://t.authentication.example.com/oauth/token")
    );
    assert!(examined.connection.is_some());
}

#[rstest]
#[case::name(json!({ "remoteName": "Upper" }), "wrong remote name: AI Core does not accept the name \"Upper\"")]
#[case::interval(json!({ "resyncInterval": "5s" }), "wrong spec: spec.resyncInterval \"5s\" is below 10s")]
#[case::no_interval(json!({ "resyncInterval": "soon" }), "wrong spec: spec.resyncInterval \"soon\" is not a duration")]
#[case::registries(json!({ "registries": ["x.io"] }), "no entry matches \"x.io\" of spec.registries")]
#[case::unusable_entry(json!({}), "entry \"quay.io\"")]
#[case::login(
    json!({ "secretRef": { "name": "source", "server": "ghcr.io" } }),
    "it has no key \"username\" (spec.secretRef.usernameKey)"
)]
fn what_the_spec_says_is_judged_as_the_operator_judges_it(#[case] spec: Value, #[case] part: &str) {
    let case = case(&spec, docker_config(&good_docker_config()), service_key(&good_service_key()));
    let findings = doctor(None).examine(case).findings;
    let text = all(&findings);
    assert!(text.contains(part), "{text}");
    assert!(findings.iter().any(|one| one.level == Level::Wrong));
}

#[test]
fn what_is_not_sent_is_noted() {
    let cache = "https://index.docker.io/v1/refresh-token";
    let mut config = good_docker_config();
    config["auths"] =
        json!({ "ghcr.io": { "username": "u", "password": CANARY }, cache: { "auth": "dTpw" } });
    let text = all(&doctor(None).examine(case(&json!({}), docker_config(&config), None)).findings);
    assert!(
        text.contains("ok credential: Secret \"source\" gives a user name and a password for ghcr.io\n"),
        "{text}"
    );
    assert!(
        text.contains(&format!("note credential: not sent: {cache:?}, where the docker program keeps")),
        "{text}"
    );
}

/// At 10:00 on the first of March.
#[rstest]
#[case::some_time_left(
    "2026-03-01T12:00:00Z",
    "ok life: the credential in Secret \"source\" ends at 2026-03-01T12:00:00Z (120m more)"
)]
#[case::ended(
    "2026-03-01T09:55:00Z",
    "wrong life: the credential in Secret \"source\" ended at 2026-03-01T09:55:00Z (5m ago); see why there is no newer one"
)]
#[case::no_time(
    "soon",
    "note credential: annotation aicore-registry.dev/expires-at of Secret \"source\" does not count"
)]
fn a_credential_is_judged_by_its_end(#[case] annotation: &str, #[case] said: &str) {
    let config = json!({ "auths": { "ghcr.io": { "username": "u", "password": CANARY } } });
    let Held::Read(secret) = docker_config(&config) else { panic!("it is there") };
    let annotations = expiry::Annotations { ours: Some(annotation.into()), external_secrets: None };
    let held = Held::Read(secret.with_expiry(annotations));
    let text = all(&doctor(None).examine(case(&json!({}), held, None)).findings);
    assert!(text.contains(said), "{text}");
}

#[test]
fn the_flag_takes_the_place_of_the_specs_registries() {
    let spec = json!({ "registries": ["x.io"] });
    let case = case(&spec, docker_config(&good_docker_config()), None);
    let text = all(&doctor(Some(&["https://ghcr.io/"])).examine(case).findings);
    assert!(text.contains("ok credential"), "{text}");
}

#[rstest]
#[case::missing("clientsecret", Value::Null, "\"clientsecret\" is missing")]
#[case::host("url", json!("https://evil.org"), "points to host \"evil.org\"")]
#[case::http("url", json!("http://t.example.com"), "does not start with https://")]
fn a_service_key_that_cannot_be_used_is_explained(
    #[case] field: &str,
    #[case] value: Value,
    #[case] part: &str,
) {
    let mut key = good_service_key();
    key[field] = value;
    let examined = doctor(None).examine(case(&json!({}), None, service_key(&key)));
    let text = all(&examined.findings);
    assert!(text.contains("wrong service key") && text.contains(part), "{text}");
    assert!(examined.connection.is_none());
}

/// The certificate has another key: the TLS library says so, as it says it to the operator.
#[test]
fn a_certificate_that_does_not_fit_its_key_is_found() {
    let mut key = good_service_key();
    key.as_object_mut().unwrap().remove("clientsecret");
    key["certurl"] = "https://t.authentication.cert.example.com".into();
    key["certificate"] = UNTIL_2027.into();
    key["key"] = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n").into();
    let examined = doctor(None).examine(case(&json!({}), None, service_key(&key)));
    let text = all(&examined.findings);
    assert!(
        text.contains(
            "wrong token: The certificate and private key of the AI Core service key cannot be used"
        ),
        "{text}"
    );
    assert!(examined.connection.is_none());
}

/// At 10:00 on the first of March.
#[rstest]
#[case::valid(
    "2026-01-01T00:00:00Z",
    "2026-03-04T10:00:00Z",
    Ok(
        "with an X.509 certificate that is valid until 2026-03-04T10:00:00Z (3d more), from https://t.example.com/"
    )
)]
#[case::ended(
    "2026-01-01T00:00:00Z",
    "2026-03-01T09:59:59Z",
    Err(
        "The client certificate of the service key in Secret \"key\" ended on 2026-03-01T09:59:59Z; create a new \
     service key or binding, and store it in its place"
    )
)]
#[case::not_yet(
    "2026-03-01T10:00:01Z",
    "2026-04-01T00:00:00Z",
    Err(
        "The client certificate of the service key in Secret \"key\" is valid from 2026-03-01T10:00:01Z on; wait until \
     then, or see whether the clock of this machine is right"
    )
)]
fn a_certificate_is_judged_by_its_dates(
    #[case] not_before: &str,
    #[case] not_after: &str,
    #[case] said: Result<&str, &str>,
) {
    let validity =
        Validity { not_before: not_before.parse().unwrap(), not_after: not_after.parse().unwrap() };
    let server = "https://t.example.com".parse().unwrap();
    let given = doctor(None).certificate(Some(validity), &server);
    let given = given.map_err(|out_of_date| out_of_date.in_words("Secret \"key\""));
    assert_eq!(given.as_deref().map_err(String::as_str), said);
}
