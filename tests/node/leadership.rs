//! Leaders that end, in every way that a node knows.

use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::DeleteParams};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    release::{Release, container_id, container_runtime, restarts},
    team::Team,
    waiting::eventually,
};

/// Two replicas, and times that a scenario can wait for.
fn two() -> Value {
    json!({
        "replicaCount": 2,
        "leaderElection": {"leaseDuration": "5s", "renewDeadline": "3s", "retryPeriod": "1s"},
        "terminationGracePeriodSeconds": 10,
    })
}

/// A Lease that lasts longer than a scenario waits: who is not given it, and did not hold it, does not get it.
fn lasting() -> Value {
    let mut values = two();
    let lease = json!({"leaderElection": {"leaseDuration": "10m", "renewDeadline": "5m"}});
    json_patch::merge(&mut values, &lease);
    values
}

async fn pod(cluster: &Cluster, namespace: &str, name: &str) -> Pod {
    cluster.api::<Pod>(namespace).get(name).await.unwrap()
}

/// Waits until the container of the pod has started again, and returns how often it has.
async fn restarted(cluster: &Cluster, release: &Release<'_>, name: &str) -> i32 {
    eventually(&format!("the container of {name} to start again"), async || {
        let count = restarts(&pod(cluster, release.namespace, name).await);
        if count > 0 { Ok(count) } else { Err("it goes on".to_owned()) }
    })
    .await
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_leader_that_is_told_to_end_hands_over() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "told-to-end-system", lasting()).await;
    let team = Team::new(&cluster, "told-to-end").await;
    team.first("first").await;
    let old = release.leader().await;
    cluster.api::<Pod>(release.namespace).delete(&old, &DeleteParams::default()).await.unwrap();
    team.rotate("second").await;
    assert_ne!(release.leader_after(&old).await, old);
    release.ready(2).await;
    assert_eq!(team.writes().await, 2);
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_leader_that_is_killed_goes_on_as_itself() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "killed-system", lasting()).await;
    let team = Team::new(&cluster, "killed").await;
    team.first("first").await;
    let leader = release.leader().await;
    let id = container_id(&pod(&cluster, release.namespace, &leader).await);
    container_runtime(&["tasks", "kill", "--signal=SIGKILL", &id]).await.success();
    team.rotate("second").await;
    assert_eq!(restarted(&cluster, &release, &leader).await, 1);
    release.ready(2).await;
    assert_eq!(release.leader().await, leader);
    team.rotate("third").await;
    assert_eq!(team.writes().await, 3);
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_leader_that_was_frozen_longer_than_its_lease_sends_nothing_when_it_thaws() {
    let cluster = Cluster::clean().await;
    // A frozen process answers no probe; it shall thaw, and not be killed.
    let mut values = two();
    json_patch::merge(&mut values, &json!({"livenessProbe": {"periodSeconds": 300}}));
    let release = Release::install(&cluster, "frozen-system", values).await;
    let team = Team::new(&cluster, "frozen").await;
    team.first("first").await;
    let old = release.leader().await;
    let id = container_id(&pod(&cluster, release.namespace, &old).await);
    container_runtime(&["tasks", "pause", &id]).await.success();
    let new = release.leader_after(&old).await;
    team.rotate("second").await;
    container_runtime(&["tasks", "resume", &id]).await.success();
    // It notices that its lease has run out, and ends.
    restarted(&cluster, &release, &old).await;
    release.ready(2).await;
    assert_eq!(release.leader().await, new);
    team.rotate("third").await;
    assert_eq!(team.writes().await, 3);
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_leader_whose_pod_is_deleted_by_force_is_followed_after_its_lease() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "forced-system", two()).await;
    let team = Team::new(&cluster, "forced").await;
    team.first("first").await;
    let old = release.leader().await;
    let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    cluster.api::<Pod>(release.namespace).delete(&old, &at_once).await.unwrap();
    team.rotate("second").await;
    let new = release.leader_after(&old).await;
    let pods = release.ready(2).await;
    assert!(pods.iter().any(|pod| pod.name_any() == new), "{new}");
    assert_eq!(team.writes().await, 2);
}
