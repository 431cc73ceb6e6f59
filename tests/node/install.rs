//! The first minutes.

use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use serde_json::json;

use crate::{cluster::Cluster, release::Release, team::Team};

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn two_replicas_become_ready_and_a_rotation_arrives() {
    let cluster = Cluster::clean().await;
    let values = json!({"replicaCount": 2, "podDisruptionBudget": {"enabled": true}});
    let release = Release::install(&cluster, "install-system", values).await;
    release.ready(2).await;
    let team = Team::new(&cluster, "install").await;
    team.first("first").await;
    assert!(team.printed().await.contains("True"), "{}", team.printed().await);
    team.rotate("second").await;
    team.rotate("third").await;
    let methods: Vec<String> =
        cluster.ai_core.writes("install").await.into_iter().map(|write| write.method).collect();
    assert_eq!(methods, ["POST", "PATCH", "PATCH"]);
    // Nobody has anything to complain of.
    let warnings =
        cluster.api::<Event>(release.namespace).list(&ListParams::default().fields("type=Warning")).await;
    let warnings: Vec<Option<String>> =
        warnings.unwrap().items.into_iter().map(|event| event.message).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn helm_test_succeeds_and_says_what_it_saw() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "tested-system", json!({})).await;
    let said = release.helm_on("test", &["--logs", "--timeout=2m"]).await.success();
    assert!(said.contains("Succeeded"), "{said}");
    assert!(said.contains("/readyz says: ok\n"), "{said}");
    let version = format!("/metrics says: version {}\n", env!("CARGO_PKG_VERSION"));
    assert!(said.contains(&version), "{said}");
    // An operator that is not there does not pass.
    let gone =
        ["scale", "--namespace", release.namespace, "deployment", crate::release::NAME, "--replicas=0"];
    crate::command::kubectl(&gone).await.success();
    release.ready(0).await;
    let said = release.helm_on("test", &["--logs", "--timeout=2m"]).await.failure();
    assert!(said.contains("/readyz cannot be reached"), "{said}");
}
