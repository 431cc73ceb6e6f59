//! The way out, and back in.

use serde_json::json;

use crate::{cluster::Cluster, command::kubectl, release::Release, team::Team};

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn resources_outlive_a_release_and_the_next_one_goes_on() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "reinstall-system", json!({"replicaCount": 2})).await;
    let team = Team::new(&cluster, "reinstall").await;
    team.first("first").await;
    release.helm_on("uninstall", &["--wait"]).await.success();
    release.ready(0).await;
    let crds = kubectl(&["get", "crd", "--output=name"]).await.success();
    assert!(crds.contains("aicoreregistrysecrets.aicore-registry.dev"), "{crds}");
    team.credential("meanwhile").await;
    assert_eq!(team.writes().await, 1);
    // The next one owns the CRD again, and sends what has changed; what has not is not sent.
    let release = Release::install(&cluster, "reinstall-system", json!({"replicaCount": 2})).await;
    team.rotate("meanwhile").await;
    release.ready(2).await;
    team.ready().await;
    assert_eq!(team.writes().await, 2);
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_crd_that_kubectl_has_applied_is_taken_over_when_told_so() {
    let cluster = Cluster::clean().await;
    let crds = crate::release::repository().join("crds");
    kubectl(&["apply", "--server-side", "-k", crds.to_str().unwrap()]).await.success();
    let release = Release::of(&cluster, "take-over-system");
    let said = release.helm("install", &["--create-namespace"], json!({})).await.failure();
    assert!(said.contains("cannot be imported into the current release"), "{said}");
    let options = ["--create-namespace", "--take-ownership", "--force-conflicts", "--wait", "--timeout=2m"];
    release.helm("install", &options, json!({})).await.success();
    let team = Team::new(&cluster, "take-over").await;
    team.first("first").await;
}
