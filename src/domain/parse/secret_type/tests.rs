use rstest::rstest;
use serde_json::json;

use super::*;
use crate::domain::parse::{
    allowed_hosts::tests::default_hosts,
    docker_config::{self, Selection},
    secret_data::tests::secret,
    service_key,
};

#[rstest]
#[case("kubernetes.io/service-account-token")]
#[case("bootstrap.kubernetes.io/token")]
#[case("kubernetes.io/tls")]
#[case("kubernetes.io/ssh-auth")]
#[case("helm.sh/release.v1")]
#[case("helm.sh/release.v2")]
fn is_refused_for_both_uses_whatever_it_holds(#[case] type_: &str) {
    let config = r#"{"auths":{"ghcr.io":{"username":"me","password":"s3cr3t"}}}"#;
    let key = json!({
        "clientid": "c", "clientsecret": "s3cr3t",
        "url": "https://a.authentication.eu10.hana.ondemand.com",
        "serviceurls": { "AI_API_URL": "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com" },
    });
    let data = || {
        [
            (".dockerconfigjson", config.to_owned()),
            ("username", "me".to_owned()),
            ("password", "s3cr3t".to_owned()),
            ("key.json", key.to_string()),
        ]
    };
    let login = Selection { server: Some("ghcr.io"), ..Selection::default() };
    let foreign = secret("s", Some(type_), data());
    let hosts = default_hosts();
    let sentences = [
        docker_config::payload(&foreign, &Selection::default()).map(drop).unwrap_err(),
        docker_config::payload(&foreign, &login).map(drop).unwrap_err(),
        service_key::parse(&foreign, None, &hosts).map(drop).unwrap_err(),
        service_key::parse(&foreign, Some("key.json"), &hosts).map(drop).unwrap_err(),
    ];
    for sentence in sentences.map(|sentence| sentence.to_string()) {
        assert!(sentence.starts_with(&format!("Secret \"s\": its type \"{type_}\" is for ")), "{sentence}");
        assert!(sentence.contains("; name ") && !sentence.contains("s3cr3t"), "{sentence}");
    }
    // The same content of another type is fine.
    let usual = secret("s", Some("Opaque"), data());
    assert!(docker_config::payload(&usual, &Selection::default()).is_ok());
    assert!(docker_config::payload(&usual, &login).is_ok());
    assert!(service_key::parse(&usual, Some("key.json"), &hosts).is_ok());
}

#[rstest]
fn other_types_are_judged_by_their_content(
    #[values(
        None,
        Some("Opaque"),
        Some("kubernetes.io/dockerconfigjson"),
        Some("kubernetes.io/dockercfg"),
        Some("kubernetes.io/basic-auth"),
        Some("connection.crossplane.io/v1alpha1"),
        Some("example.com/helm.sh/release"),
        Some("")
    )]
    type_: Option<&str>,
    #[values(Use::RegistryCredential, Use::ServiceKey)] used_as: Use,
) {
    assert_eq!(refuse_foreign(&secret("s", type_, [("a", "b")]), used_as), Ok(()));
}
