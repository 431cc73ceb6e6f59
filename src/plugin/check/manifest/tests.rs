use rstest::rstest;
use serde_json::json;

use super::*;

#[test]
fn data_is_decoded_and_string_data_wins() {
    let manifest = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": "s", "namespace": "ml", "labels": { STALE_LABEL: "x" },
            "annotations": { EXPIRES_AT: "1795683600", "expiresAt": 7 },
        },
        "data": { "a": "b25l\n", "b": "dHdv", "empty": null },
        "stringData": { "b": "three" },
    });
    let secret = Secret::read(&manifest, "other").unwrap();
    assert_eq!(secret.place.to_string(), "ml/s");
    let Held::Read(data) = secret.held("credential") else { panic!("it is not read") };
    assert_eq!(data.value("a"), Some(&b"one"[..]));
    assert_eq!(data.value("b"), Some(&b"three"[..]));
    assert_eq!(data.value("empty"), Some(&b""[..]));
    assert!(data.is_stale());
    let annotations = data.expiry_annotations();
    assert_eq!(
        (annotations.ours.as_deref(), annotations.external_secrets.as_deref()),
        (Some("1795683600"), None)
    );
    assert_eq!(data.type_(), Some("Opaque"));
}

#[rstest]
#[case(json!({ "data": { "k": "s3cr3t plain" } }), "key \"k\": the value under data is not base64")]
#[case(json!({ "stringData": { "k": 5 } }), "key \"k\": the value under stringData is not text")]
fn values_that_the_api_server_refuses_are_named_but_not_shown(#[case] part: Value, #[case] sentence: &str) {
    let mut manifest = json!({ "metadata": { "name": "s" } });
    manifest.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    let error = Secret::read(&manifest, "").err().unwrap().to_string();
    assert!(error.contains(sentence) && !error.contains("s3cr3t"), "{error}");
}

#[test]
fn an_encrypted_secret_is_not_judged() {
    let manifest = json!({ "metadata": { "name": "s" }, "data": { "k": "ENC[AES256_GCM]" }, "sops": {} });
    let Held::Unread(why) = Secret::read(&manifest, "").unwrap().held("credential") else {
        panic!("it is read")
    };
    assert!(why.text.contains("encrypted with SOPS"), "{}", why.text);
}

fn resource(version: &str, spec: &Value) -> Value {
    json!({ "apiVersion": version, "kind": "AICoreRegistrySecret", "metadata": { "name": "pull" }, "spec": spec })
}

#[test]
fn fields_that_the_schema_does_not_have_are_named() {
    let spec = json!({
        "secretRef": { "name": "s", "Server": "ghcr.io", "server": null },
        "aiCoreSecretRef": { "name": "k" },
        "registry": ["ghcr.io"],
        "suspend": null,
    });
    let read = Resource::read(&resource("aicore-registry.dev/v1alpha1", &spec), "ml").unwrap();
    assert_eq!(read.unknown_fields, ["spec.registry", "spec.secretRef.Server"]);
    assert_eq!(read.place.to_string(), "ml/pull");
}

#[rstest]
#[case("aicore-registry.dev/v1", json!({}), "has apiVersion \"aicore-registry.dev/v1\"; write aicore-registry.dev/v1alpha1")]
#[case("aicore-registry.dev/v1alpha1", json!({ "secretRef": { "name": "s" } }), "does not fit its schema: spec.aiCoreSecretRef is missing")]
#[case(
    "aicore-registry.dev/v1alpha1",
    json!({ "secretRef": { "name": "s" }, "aiCoreSecretRef": { "name": "k" }, "creationPolicy": "Always" }),
    "spec.creationPolicy must be \"IfMissing\" or \"Never\""
)]
#[case(
    "aicore-registry.dev/v1alpha1",
    json!({ "secretRef": { "name": 5 }, "aiCoreSecretRef": "s3cr3t", "suspend": "s3cr3t", "registries": [true] }),
    "spec.aiCoreSecretRef must be an object, and is text; spec.registries[0] must be text, and is true or false; \
     spec.secretRef.name must be text, and is a number; spec.suspend must be true or false, and is text"
)]
#[case("aicore-registry.dev/v1alpha1", json!(["s3cr3t"]), "spec must be an object, and is a list")]
#[case("aicore-registry.dev/v1alpha1", json!(null), "spec is missing")]
fn a_manifest_that_does_not_fit_is_refused(#[case] version: &str, #[case] spec: Value, #[case] part: &str) {
    let error = Resource::read(&resource(version, &spec), "").unwrap_err().to_string();
    assert!(error.contains(part) && !error.contains("s3cr3t"), "{error}");
}
