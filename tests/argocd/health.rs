//! The health that Argo CD shows.

use kube::api::DeleteParams;
use serde_json::json;
use testbed::simulator::{Fault, Matcher, Operation};

use crate::stage::Stage;

#[tokio::test]
#[ignore = "takes Argo CD: make argocd-test"]
async fn each_state_of_a_resource_is_shown_as_the_documentation_says() {
    let stage = Stage::set().await;
    stage.credential("pull", "first").await;
    stage
        .secret("refused-key", {
            let mut key = stage.tenant.service_key();
            key["clientsecret"] = json!("of another time");
            json!({"key.json": key.to_string()})
        })
        .await;
    stage.credential("refused", "first").await;

    stage.application("pull", json!({})).await;
    stage.says("pull", "Healthy", "AI Core").await;
    assert!(stage.tenant.secrets()["pull"].contains("first"));

    // A person has to act, and Argo CD says what they have to do.
    stage.application("refused", json!({"aiCoreSecretRef": {"name": "refused-key"}})).await;
    stage.says("refused", "Degraded", "renew the service key in Secret \"refused-key\"").await;

    // The order in which things are applied does not matter: what is not there yet is waited for.
    stage.application("waiting", json!({})).await;
    stage.shows("waiting", "Progressing").await;
    stage.credential("waiting", "first").await;
    stage.shows("waiting", "Healthy").await;

    // In Git it is suspended from the start.
    stage.application("suspended", json!({"suspend": true})).await;
    stage.shows("suspended", "Suspended").await;
    assert!(!stage.tenant.secrets().contains_key("suspended"));

    // As long as AI Core does not let go of its secret, the resource stays; then Argo CD makes it again.
    stage.credential("deleted", "first").await;
    stage.application("deleted", json!({"deletionPolicy": "Delete"})).await;
    stage.shows("deleted", "Healthy").await;
    let away = stage.tenant.faults().lasting(Matcher::op(Operation::Delete), Fault::status(503));
    let journal = stage.journal();
    stage.resources().delete("deleted", &DeleteParams::default()).await.unwrap();
    stage.shows("deleted", "Progressing").await;
    drop(away);
    stage.shows("deleted", "Healthy").await;
    let methods: Vec<Operation> =
        journal.writes().iter().filter(|entry| entry.applied).map(|entry| entry.operation).collect();
    assert_eq!(methods, [Operation::Delete, Operation::Create]);
    stage.clear().await;
}

#[tokio::test]
#[ignore = "takes Argo CD: make argocd-test"]
async fn a_tenant_is_healthy_once_its_key_works_and_degraded_when_it_is_refused() {
    let stage = Stage::set().await;
    stage.tenant_application("research").await;
    stage.shows("research", "Progressing").await;
    let key = stage.tenant.service_key();
    stage.secret("research", json!({"key.json": key.to_string()})).await;
    stage.shows("research", "Healthy").await;
    let mut refused = key;
    refused["clientsecret"] = json!("of another time");
    stage.secret("research", json!({"key.json": refused.to_string()})).await;
    stage.says("research", "Degraded", "Secret \"research\"").await;
    stage.clear().await;
}
