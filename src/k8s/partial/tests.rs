use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;

use super::*;

fn sent() -> serde_json::Value {
    json!({
        "apiVersion": "aicore-registry.dev/v1alpha1",
        "kind": "AICoreRegistrySecret",
        "metadata": {
            "name": "pull", "namespace": "ml", "uid": "u", "resourceVersion": "7", "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a", "b"],
            "labels": { "services.cloud.sap.com/stale": "old" },
            "annotations": {
                REQUESTED_AT: "now", ABANDON_REMOTE: "true",
                "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"password\":\"s3cr3t\"}}",
            },
            "managedFields": [{ "manager": "x", "fieldsV1": { "f:spec": {} } }],
        },
        "spec": { "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } },
        "status": { "observedGeneration": -1 },
    })
}

#[test]
fn a_resource_has_everything_that_steers_the_operator() {
    let unchecked: UnvalidatedResource = serde_json::from_value(sent()).unwrap();
    let resource = unchecked.check().unwrap();
    let whole: AICoreRegistrySecret = serde_json::from_value(sent()).unwrap();
    assert_eq!(
        crate::domain::parse::object::Object::from_resource(&resource),
        crate::domain::parse::object::Object::from_resource(&whole)
    );
    assert_eq!(resource.status, whole.status);
    assert_eq!(resource.annotations().len(), 2, "others' annotations are not kept");
    assert_eq!(resource.metadata.managed_fields, None);
}

#[test]
fn a_resource_that_is_not_understood_says_which_it_is_and_shows_no_value() {
    let names = json!({ "secretRef": { "name": "a" }, "aiCoreSecretRef": { "name": "b" } });
    let with = |field: &str, value: serde_json::Value| {
        let mut spec = names.clone();
        spec[field] = value;
        spec
    };
    for (content, expected) in [
        (json!({ "secretRef": 1 }), "spec"),
        (json!(null), "spec"),
        (json!("hunter2"), "spec"),
        (with("creationPolicy", json!("hunter2")), "spec.creationPolicy"),
        (with("suspend", json!("hunter2")), "spec.suspend"),
        (with("secretRef", json!({ "name": ["hunter2"] })), "spec"),
    ] {
        let mut sent = sent();
        sent["spec"] = content;
        let misunderstood =
            *serde_json::from_value::<UnvalidatedResource>(sent).unwrap().check().unwrap_err();
        assert_eq!(misunderstood.metadata.name.as_deref(), Some("pull"));
        assert_eq!(misunderstood.part, expected);
        assert_eq!(misunderstood.status.as_ref().unwrap().observed_generation, Some(-1));
        assert!(!format!("{misunderstood:?}").contains("hunter2"));
    }
}

/// The operator goes on with the rest: a resource that it left alone would never be sent again.
#[test]
fn a_status_that_cannot_be_read_makes_no_resource_misunderstood() {
    for (status, generation) in [
        (json!({ "observedGeneration": 3, "nextResyncTime": "9999-12-31T23:59:59Z" }), Some(3)),
        (json!({ "observedGeneration": "hunter2" }), None),
        (json!("hunter2"), None),
    ] {
        let mut sent = sent();
        sent["status"] = status;
        let resource = serde_json::from_value::<UnvalidatedResource>(sent).unwrap().check().unwrap();
        assert_eq!(resource.status.unwrap().observed_generation, generation);
    }
}

/// Everything that a user can make large: text is kept up to a bound, lists are not kept.
#[test]
fn what_is_kept_of_a_resource_is_bounded() {
    let long = "x".repeat(250_000);
    let mut sent = sent();
    sent["metadata"]["annotations"] = json!({ REQUESTED_AT: long, ABANDON_REMOTE: long, "other": long });
    sent["metadata"]["labels"] = json!({ "a": long });
    let mut finalizers = vec![json!("example.com/other"); 10_000];
    finalizers.insert(5000, json!(FINALIZER));
    sent["metadata"]["finalizers"] = json!(finalizers);
    sent["status"] = json!({ "registries": [long], "lastHandledReconcileAt": long });
    let unchecked: UnvalidatedResource = serde_json::from_value(sent.clone()).unwrap();
    let resource = unchecked.check().unwrap();
    assert!(serde_json::to_string(&resource).unwrap().len() < 2000);
    assert_eq!(resource.finalizers(), [FINALIZER]);
    let object = crate::domain::parse::object::Object::from_resource(&resource).unwrap();
    assert!(!object.abandon && object.finalizer);
    let whole: AICoreRegistrySecret = serde_json::from_value(sent).unwrap();
    assert_eq!(Some(object), crate::domain::parse::object::Object::from_resource(&whole));
    // The long request was answered by the version before, which kept it whole: that counts.
    assert_eq!(
        resource.status.unwrap().last_handled_reconcile_at.as_deref(),
        resource.metadata.annotations.unwrap().get(REQUESTED_AT).map(String::as_str)
    );
}

#[test]
fn of_a_secret_metadata_only_the_identity_is_kept() {
    let secret: MetadataOnly<Secret> = serde_json::from_value(sent()).unwrap();
    assert_eq!((secret.name_any(), secret.resource_version()), ("pull".to_owned(), Some("7".to_owned())));
    assert!(MetadataOnly::<Secret>::metadata_api());
    assert!(secret.annotations().is_empty() && secret.labels().is_empty());
    assert!(!format!("{secret:?}").contains("s3cr3t"));
}

#[test]
fn a_tenant_is_read_as_far_as_it_is_understood() {
    let mut sent = sent();
    sent["kind"] = json!("AICoreTenant");
    sent["spec"] = json!({
        "secretRef": { "namespace": "platform", "name": "key" }, "allowedNamespaces": ["team-*"], "later": 1,
    });
    let read = |sent: &serde_json::Value| {
        serde_json::from_value::<UnvalidatedTenant>(sent.clone()).unwrap().check().unwrap()
    };
    let (tenant, status) = read(&sent);
    assert_eq!((&*tenant.name, &*tenant.uid, tenant.generation), ("pull", "u", 3));
    assert_eq!(tenant.terms.unwrap().secret.to_string(), "platform/key");
    assert_eq!(status.observed_generation, Some(-1));
    // Another version may have written both.
    sent["spec"]["allowedNamespaces"] = json!("hunter2");
    sent["status"] = json!("hunter2");
    let (tenant, status) = read(&sent);
    assert!(!tenant.terms.unwrap_err().to_string().contains("hunter2"));
    assert_eq!(status.observed_generation, None);
}
