//! What an AICoreTenant may be, and whom it lets have what.

use kube::api::{Patch, PatchParams};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Platform, payload, ready, rotate};
use crate::{
    cluster::cluster,
    world::{Conditions, World},
};

#[tokio::test]
async fn each_refusal_has_a_reason_and_ends_by_itself() {
    let platform = Platform::new("refusals").await;
    let team = platform.team("refusals-team").await;
    let operator = platform.operator().await;
    platform.resource(&team, "pull", json!({})).await;
    let waiting = team.wait_reason("pull", "TenantNotFound").await;
    assert_eq!(waiting.condition("Reconciling").status, "True", "somebody may yet create it");
    assert!(waiting.condition("Ready").message.contains(platform.name()));

    platform.share(json!({ "allowedNamespaces": ["rivals-*", "platform"] })).await;
    let refused = team.wait_reason("pull", "NamespaceNotAllowed").await;
    let stalled = refused.condition("Stalled");
    assert!(
        stalled.message.contains(&team.namespace) && !stalled.message.contains("rivals"),
        "{}",
        stalled.message
    );
    assert_eq!(refused.condition("Ready").status, "False");
    team.wait_event("pull", "NamespaceNotAllowed").await;

    let pattern = format!("{}*", team.namespace);
    platform.share(json!({ "allowedNamespaces": [pattern], "remoteNames": ["{namespace}.*"] })).await;
    let refused = team.wait_reason("pull", "RemoteNameNotAllowed").await;
    assert!(refused.condition("Stalled").message.contains("\"pull\""));
    assert_eq!(platform.world.writes(), []);

    platform.share(json!({ "allowedNamespaces": [team.namespace], "remoteNames": ["pull"] })).await;
    team.wait_ready("pull").await;
    platform.world.wait_remote("pull", &payload("robot", 1)).await;

    // What AI Core holds stays when the right goes, and nothing new is sent.
    platform.share(json!({ "allowedNamespaces": ["nobody"] })).await;
    team.wait_reason("pull", "NamespaceNotAllowed").await;
    platform.world.forget_requests();
    rotate(&team, 2).await;
    platform.share(json!({ "allowedNamespaces": ["nobody-else"] })).await;
    platform.wait_valid().await;
    assert_eq!(platform.world.writes(), []);
    assert_eq!(platform.world.remote("pull"), Some(payload("robot", 1)));
    platform.share(json!({})).await;
    platform.world.wait_remote("pull", &payload("robot", 2)).await;
    team.wait_ready("pull").await;
    team.check(&operator).await;
}

/// Its owner is told everything; those who use it, that it cannot be used.
#[tokio::test]
async fn what_is_wrong_with_the_key_is_told_to_the_tenant() {
    let platform = Platform::new("broken").await;
    let team = platform.team("broken-team").await;
    platform.world.delete_secret("shared-key").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.resource(&team, "pull", json!({})).await;
    let told =
        |user: &aicore_registry_operator::api::AICoreRegistrySecret| user.condition("Ready").message.clone();
    let missing = team.wait_reason("pull", "ServiceKeyNotFound").await;
    assert!(!told(&missing).contains("shared-key"), "{}", told(&missing));
    let tenant = platform
        .wait_tenant("the missing Secret", |tenant| ready(tenant).reason == "ServiceKeyNotFound")
        .await;
    assert!(ready(&tenant).message.contains("\"shared-key\""), "{}", ready(&tenant).message);

    let content =
        std::collections::BTreeMap::from([("key.json".to_owned(), "{\"clientid\": \"x\"}".to_owned())]);
    platform.world.secret("shared-key", "Opaque", content).await;
    let invalid = team.wait_reason("pull", "ServiceKeyInvalid").await;
    for hidden in ["shared-key", "key.json", "clientsecret"] {
        assert!(!told(&invalid).contains(hidden), "{}", told(&invalid));
    }
    let tenant =
        platform.wait_tenant("the invalid key", |tenant| ready(tenant).reason == "ServiceKeyInvalid").await;
    assert!(ready(&tenant).message.contains("clientsecret"), "{}", ready(&tenant).message);

    platform.world.delete_secret("shared-key").await;
    platform.world.service_key("shared-key").await;
    team.wait_ready("pull").await;
    platform.wait_valid().await;
    team.check(&operator).await;
}

#[rstest]
#[case::names_and_patterns(json!({ "allowedNamespaces": ["team-a", "team-*", "*"] }), None)]
#[case::remote_names(json!({ "remoteNames": ["{namespace}.*", "shared", "a_b-*"] }), None)]
#[case::nobody(json!({ "allowedNamespaces": [] }), Some("spec.allowedNamespaces"))]
#[case::not_said(json!({ "allowedNamespaces": null }), Some("spec.allowedNamespaces"))]
#[case::upper_case(json!({ "allowedNamespaces": ["Team"] }), Some("write the name of a namespace, or a pattern such as team-*"))]
#[case::a_path(json!({ "allowedNamespaces": ["a/b"] }), Some("write the name of a namespace"))]
#[case::twice(json!({ "allowedNamespaces": ["a", "a"] }), Some("duplicate entries"))]
#[case::too_many(json!({ "allowedNamespaces": (0..257).map(|number| format!("a{number}")).collect::<Vec<_>>() }), Some("Too many"))]
#[case::another_placeholder(json!({ "remoteNames": ["{name}"] }), Some("{namespace} for the namespace"))]
#[case::no_names(json!({ "remoteNames": [] }), Some("spec.remoteNames"))]
#[case::no_namespace(json!({ "secretRef": { "name": "key" } }), Some("spec.secretRef.namespace"))]
#[case::a_path_as_namespace(json!({ "secretRef": { "namespace": "a/b", "name": "key" } }), Some("this cannot be the name of a namespace"))]
#[case::a_path_as_secret(json!({ "secretRef": { "namespace": "a", "name": "../b" } }), Some("this cannot be the name of a Secret"))]
#[tokio::test]
async fn the_api_server_knows_what_a_tenant_may_be(#[case] spec: Value, #[case] refused: Option<&str>) {
    let world = World::new_on(cluster().await, "schema").await;
    let mut whole = json!({
        "secretRef": { "namespace": "platform", "name": "key" }, "allowedNamespaces": ["team"],
    });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let tenant = json!({
        "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreTenant",
        "metadata": { "name": world.namespace }, "spec": whole,
    });
    let params = PatchParams::apply("test").force().dry_run();
    let result = world.tenants().patch(&world.namespace, &params, &Patch::Apply(&tenant)).await;
    match (result, refused) {
        (Ok(created), None) => {
            assert_eq!(created.status.unwrap().observed_generation, Some(-1), "not looked at yet");
        }
        (Err(error), Some(part)) => {
            assert!(error.to_string().contains(part), "{error}");
            assert!(!error.to_string().contains("conversion error"), "{error}");
        }
        (result, expected) => panic!("{result:?}, and not {expected:?}"),
    }
}
