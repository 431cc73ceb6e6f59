//! The CRD as the API server enforces it, and as it is committed.

use aicore_registry_operator::api::{self, AICoreRegistrySecret};
use kube::{
    Api, Resource,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::cluster::cluster;

fn resources(client: kube::Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(api::GROUP, api::VERSION, api::KIND);
    Api::namespaced_with(
        client,
        namespace,
        &ApiResource::from_gvk_with_plural(&kind, &AICoreRegistrySecret::plural(&())),
    )
}

fn resource(name: &str, spec_additions: &Value) -> DynamicObject {
    let mut spec = json!({ "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } });
    merge(&mut spec, spec_additions);
    serde_json::from_value(json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
        "kind": api::KIND,
        "metadata": { "name": name },
        "spec": spec,
    }))
    .unwrap()
}

fn merge(target: &mut Value, additions: &Value) {
    match (target, additions) {
        (Value::Object(target), Value::Object(additions)) => {
            for (key, value) in additions {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (target, value) => *target = value.clone(),
    }
}

#[test]
fn the_committed_crd_is_what_the_program_prints() {
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_aicore-registry-operator"))
        .arg("crd")
        .output()
        .unwrap();
    assert!(printed.status.success());
    let committed = [
        include_str!("../../crds/aicoreregistrysecrets.aicore-registry.dev.yaml"),
        include_str!("../../crds/aicoretenants.aicore-registry.dev.yaml"),
    ];
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), committed.join("---\n"), "run `make crd`");
}

#[rstest]
#[case::minimal("ab", json!({}))]
#[case::longest_name(&"a".repeat(63), json!({}))]
#[case::remote_name_for_a_name_that_ai_core_refuses(&"a".repeat(64), json!({ "remoteName": "short" }))]
#[case::one_letter_name_with_remote_name("x", json!({ "remoteName": "x_y.z-1" }))]
#[case::resync_of_ten_seconds("resync", json!({ "resyncInterval": "10s" }))]
#[case::resync_never("never", json!({ "resyncInterval": "0s" }))]
#[case::resync_composed("composed", json!({ "resyncInterval": "1h30m" }))]
#[case::resync_fraction("fraction", json!({ "resyncInterval": "1.5h" }))]
#[case::resync_in_milliseconds("millis", json!({ "resyncInterval": "10000ms" }))]
#[case::username_and_password("basic", json!({ "secretRef": { "server": "ghcr.io", "usernameKey": "u", "passwordKey": "p" } }))]
#[case::everything("everything", json!({
    "registries": ["ghcr.io", "https://index.docker.io/v1/"], "creationPolicy": "Never", "deletionPolicy": "Delete",
    "suspend": true, "aiCoreSecretRef": { "key": "key.json" },
}))]
#[case::longest_secret_names("longest", json!({ "secretRef": { "name": "a".repeat(253) }, "aiCoreSecretRef": { "name": "a.b-c.1" } }))]
#[case::a_tenant_instead_of_a_key("shared", json!({ "aiCoreSecretRef": null, "tenantRef": { "name": "shared" } }))]
#[case::null_for_absent("nulls", json!({ "remoteName": null, "suspend": null, "registries": null }))]
#[tokio::test]
async fn the_api_server_accepts(#[case] name: &str, #[case] spec: Value) {
    let cluster = cluster().await;
    let namespace = cluster.namespace("crd").await.unwrap();
    let created = resources(cluster.client().await.unwrap(), &namespace)
        .create(&PostParams::default(), &resource(name, &spec))
        .await
        .unwrap();
    assert_eq!(created.data["status"], json!({ "observedGeneration": -1 }));
    // Nothing is written into the spec that the user did not write.
    let mut written = json!({ "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } });
    merge(&mut written, &spec);
    written.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    assert_eq!(created.data["spec"], written);
}

#[rstest]
#[case::one_letter_name("x", json!({}), "set spec.remoteName to the name that the secret shall have in AI Core")]
#[case::name_too_long(&"a".repeat(64), json!({}), "metadata.name is not a name that AI Core accepts (2 to 63 characters")]
#[case::dot_and_dash_at_the_end_of_remote_name("ok", json!({ "remoteName": "x-" }), "spec.remoteName")]
#[case::upper_case_remote_name("ok", json!({ "remoteName": "Upper" }), "spec.remoteName: Invalid value: \"Upper\": this cannot be the name of a docker registry secret")]
#[case::remote_name_too_long("ok", json!({ "remoteName": "a".repeat(64) }), "spec.remoteName")]
#[case::resync_too_short("ok", json!({ "resyncInterval": "9s" }), "resyncInterval must be at least 10s, or 0s to never send")]
#[case::resync_just_too_short("ok", json!({ "resyncInterval": "9999ms" }), "must be at least 10s")]
#[case::resync_without_unit("ok", json!({ "resyncInterval": "90" }), "spec.resyncInterval")]
#[case::resync_in_days("ok", json!({ "resyncInterval": "1d" }), "spec.resyncInterval: Invalid value: \"1d\": write a duration such as 90s, 1h30m or 1.5h")]
#[case::resync_in_words("ok", json!({ "resyncInterval": "hourly" }), "write a duration such as 90s, 1h30m or 1.5h")]
#[case::username_key_without_server("ok", json!({ "secretRef": { "usernameKey": "u" } }), "set server to the registry they belong to")]
#[case::password_key_without_server("ok", json!({ "secretRef": { "passwordKey": "p" } }), "set server to the registry they belong to")]
#[case::unknown_creation_policy("ok", json!({ "creationPolicy": "Always" }), "\"IfMissing\", \"Never\"")]
#[case::unknown_deletion_policy("ok", json!({ "deletionPolicy": "Orphan" }), "\"Retain\", \"Delete\"")]
#[case::no_secret_name("ok", json!({ "secretRef": { "name": "" } }), "spec.secretRef.name")]
#[case::a_list_as_secret_name("ok", json!({ "secretRef": { "name": "?" } }), "spec.secretRef.name: Invalid value: \"?\": this cannot be the name of a Secret: write lower-case letters")]
#[case::a_query_in_secret_name("ok", json!({ "secretRef": { "name": "a?watch=1" } }), "this cannot be the name of a Secret")]
#[case::a_path_as_secret_name("ok", json!({ "secretRef": { "name": "../../other/secrets/a" } }), "this cannot be the name of a Secret")]
#[case::dots_as_secret_name("ok", json!({ "secretRef": { "name": ".." } }), "this cannot be the name of a Secret")]
#[case::a_dash_beside_a_dot("ok", json!({ "secretRef": { "name": "a-.b" } }), "this cannot be the name of a Secret")]
#[case::a_line_break_in_secret_name("ok", json!({ "secretRef": { "name": "a\nb" } }), "this cannot be the name of a Secret")]
#[case::a_line_break_at_the_end("ok", json!({ "secretRef": { "name": "a\n" } }), "this cannot be the name of a Secret")]
#[case::upper_case_service_key_name("ok", json!({ "aiCoreSecretRef": { "name": "Key" } }), "spec.aiCoreSecretRef.name: Invalid value: \"Key\": this cannot be the name of a Secret")]
#[case::a_key_and_a_tenant("ok", json!({ "tenantRef": { "name": "shared" } }), "set exactly one of aiCoreSecretRef, a Secret of this namespace")]
#[case::neither_key_nor_tenant("ok", json!({ "aiCoreSecretRef": null }), "set exactly one of aiCoreSecretRef")]
#[case::a_path_as_tenant("ok", json!({ "aiCoreSecretRef": null, "tenantRef": { "name": "../a" } }), "this cannot be the name of an AICoreTenant")]
#[case::secret_name_too_long("ok", json!({ "secretRef": { "name": "a".repeat(254) } }), "spec.secretRef.name: Too long")]
#[case::remote_name_with_path("ok", json!({ "remoteName": "../a" }), "spec.remoteName")]
#[case::line_break_at_the_end_of_remote_name("ok", json!({ "remoteName": "ab\n" }), "spec.remoteName")]
#[case::line_break_in_key("ok", json!({ "aiCoreSecretRef": { "key": "a\n" } }), "this cannot be a key of a Secret")]
#[case::path_as_username_key("ok", json!({ "secretRef": { "server": "ghcr.io", "usernameKey": "a/b" } }), "spec.secretRef.usernameKey: Invalid value: \"a/b\": this cannot be a key of a Secret")]
#[case::no_registry("ok", json!({ "registries": [] }), "spec.registries")]
#[case::registry_twice("ok", json!({ "registries": ["ghcr.io", "ghcr.io"] }), "Duplicate value: \"ghcr.io\"")]
#[tokio::test]
async fn the_api_server_refuses(#[case] name: &str, #[case] spec: Value, #[case] message: &str) {
    let cluster = cluster().await;
    let refused = resources(cluster.client().await.unwrap(), "default")
        .create(&PostParams { dry_run: true, ..PostParams::default() }, &resource(name, &spec))
        .await
        .unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused}") };
    assert_eq!(status.code, 422, "{}", status.message);
    assert!(status.message.contains(message), "{}", status.message);
    assert!(!status.message.contains("conversion error"), "{}", status.message);
}

#[rstest]
#[case::remote_name_changed(json!({ "remoteName": "first" }), json!({ "remoteName": "second" }), false)]
#[case::remote_name_dropped(json!({ "remoteName": "first" }), json!({ "remoteName": null }), false)]
#[case::another_remote_name_added(json!({}), json!({ "remoteName": "second" }), false)]
#[case::remote_name_equal_to_the_name_added(json!({}), json!({ "remoteName": "object" }), true)]
#[case::remote_name_equal_to_the_name_dropped(json!({ "remoteName": "object" }), json!({ "remoteName": null }), true)]
#[case::something_else_changed(json!({ "remoteName": "first" }), json!({ "suspend": true }), true)]
#[tokio::test]
async fn the_remote_name_is_immutable(#[case] before: Value, #[case] after: Value, #[case] accepted: bool) {
    let cluster = cluster().await;
    let namespace = cluster.namespace("crd").await.unwrap();
    let api = resources(cluster.client().await.unwrap(), &namespace);
    api.create(&PostParams::default(), &resource("object", &before)).await.unwrap();
    let result = api.patch("object", &PatchParams::default(), &Patch::Merge(json!({ "spec": after }))).await;
    if accepted {
        result.unwrap();
        return;
    }
    let Err(kube::Error::Api(status)) = result else { panic!("the change was accepted") };
    assert!(
        status.message.contains("immutable, because AI Core cannot rename a secret"),
        "{}",
        status.message
    );
}

/// Who uses this Secret, and who has this name in AI Core?
#[tokio::test]
async fn resources_are_found_by_what_they_name() {
    let cluster = cluster().await;
    let namespace = cluster.namespace("crd").await.unwrap();
    let api = resources(cluster.client().await.unwrap(), &namespace);
    for (name, spec) in [
        ("one", json!({ "secretRef": { "name": "a" } })),
        ("two", json!({ "secretRef": { "name": "b" } })),
        ("three", json!({ "secretRef": { "name": "b" }, "aiCoreSecretRef": { "name": "other" } })),
        (
            "four",
            json!({ "secretRef": { "name": "c" }, "aiCoreSecretRef": null, "tenantRef": { "name": "research" } }),
        ),
    ] {
        api.create(&PostParams::default(), &resource(name, &spec)).await.unwrap();
    }
    let status = json!({ "status": { "remoteName": "in-ai-core" } });
    api.patch_status("two", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    for (selector, expected) in [
        ("spec.secretRef.name=a", vec!["one"]),
        ("spec.secretRef.name=b", vec!["three", "two"]),
        ("spec.secretRef.name=b,spec.aiCoreSecretRef.name=key", vec!["two"]),
        ("spec.aiCoreSecretRef.name!=key", vec!["four", "three"]),
        ("spec.tenantRef.name=research", vec!["four"]),
        ("spec.tenantRef.name=", vec!["one", "three", "two"]),
        ("status.remoteName=in-ai-core", vec!["two"]),
        ("status.remoteName=elsewhere", vec![]),
    ] {
        let found = api.list(&ListParams::default().fields(selector)).await.unwrap();
        let mut names: Vec<_> = found.into_iter().filter_map(|found| found.metadata.name).collect();
        names.sort();
        assert_eq!(names, expected, "{selector}");
    }
}

#[test]
fn every_field_has_a_description() {
    fn check(path: &str, schema: &Value) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            assert!(
                property["description"].as_str().is_some_and(|text| text.len() > 20),
                "{path} has no description"
            );
            check(&path, property);
        }
    }
    for crd in [api::crd(), api::tenant_crd()] {
        let crd = serde_json::to_value(crd).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        check("spec", &schema["spec"]);
        check("status", &schema["status"]);
    }
}
