//! Nodes that are emptied.

use serde_json::json;

use crate::{
    cluster::Cluster,
    command::kubectl,
    release::{PODS, Release},
    team::Team,
};

/// Empties the node of the operator's pods, and lets it be used again however that went.
async fn drain() -> Result<String, String> {
    let arguments = [
        "drain",
        "node-1",
        "--pod-selector",
        PODS,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=20s",
    ];
    let drained = kubectl(&arguments).await.result();
    kubectl(&["uncordon", "node-1"]).await.success();
    drained
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn without_a_budget_a_drain_takes_all_pods() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "drain-system", json!({"replicaCount": 2})).await;
    let before = release.names(2).await;
    let team = Team::new(&cluster, "drain").await;
    team.first("first").await;
    drain().await.unwrap();
    team.credential("while-away").await;
    let after = release.names(2).await;
    assert!(before.iter().all(|pod| !after.contains(pod)), "{before:?} {after:?}");
    team.rotate("second").await;
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_budget_keeps_one_pod_until_another_is_ready() {
    let cluster = Cluster::clean().await;
    let values = json!({"replicaCount": 2, "podDisruptionBudget": {"enabled": true}});
    let release = Release::install(&cluster, "budget-system", values).await;
    let before = release.names(2).await;
    let team = Team::new(&cluster, "budget").await;
    team.first("first").await;
    // Nowhere else can a pod become ready: this is the only node.
    let refused = drain().await.unwrap_err();
    assert!(refused.contains("disruption budget"), "{refused}");
    let after = release.names(2).await;
    let kept = before.iter().filter(|pod| after.contains(pod)).count();
    assert_eq!(kept, 1, "{before:?} {after:?}");
    team.rotate("second").await;
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_budget_that_would_stop_every_drain_is_refused() {
    let cluster = Cluster::clean().await;
    let release = Release::of(&cluster, "no-budget-system");
    let values = json!({"podDisruptionBudget": {"enabled": true}});
    let said = release.helm("install", &["--create-namespace"], values).await.failure();
    assert!(said.contains("no node with one of them can be drained"), "{said}");
}
