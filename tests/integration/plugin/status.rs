//! `status`.

use serde_json::json;

use super::{finish, plugin};
use crate::{
    cluster::cluster,
    world::{Login, World},
};

#[tokio::test]
async fn each_state_is_a_line_and_one_that_is_not_ready_is_exit_code_1() {
    let world = World::synced("pstatus").await;
    world.resource("waits", json!({ "secretRef": { "name": "nowhere" } })).await;
    world.resource("rests", json!({ "suspend": true })).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.wait_reason("waits", "SecretNotFound").await;
    world.wait_reason("rests", "Suspended").await;

    let ready = world.plugin(&["status", "pull"]).await;
    ready.assert(0, &["NAMESPACE", "NEXT RESYNC", "Synced", "AI Core accepted the credential for ghcr.io"]);
    let lines: Vec<&str> = ready.out.lines().collect();
    assert_eq!(lines.len(), 2);
    let cells: Vec<&str> = lines[1].split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[..5], [&*world.namespace, "pull", "True", "Synced", "pull"]);
    assert!(cells[5].ends_with('s') && cells[6].starts_with("in "), "{cells:?}");

    let all = world.plugin(&["status"]).await;
    all.assert(1, &["True", "False     SecretNotFound", "Unknown   Suspended", "Secret \"nowhere\""]);
    assert_eq!(all.out.lines().count(), 4);
    let wide = world.plugin(&["status", "-o", "wide"]).await;
    wide.assert(1, &["AGE", "API URL", "REGISTRIES", &world.api_url(), "ghcr.io"]);
    world.check(&operator).await;
}

#[tokio::test]
async fn without_an_operator_it_says_that_nobody_has_looked() {
    let world = World::synced("punseen").await;
    world.plugin(&["status", "pull"]).await.assert(1, &["Unknown", "has not reconciled this resource yet"]);
}

/// The last outcome is of another spec: it is not taken for the present one.
#[tokio::test]
async fn an_outcome_of_an_older_spec_is_not_shown_as_the_present_one() {
    let world = World::synced("poutdated").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    operator.kill().await;
    world.patch_spec("pull", json!({ "registries": ["ghcr.io"] })).await;
    world
        .plugin(&["status", "pull"])
        .await
        .assert(1, &["Unknown", "not dealt with the latest change", "before: Synced"]);
}

#[tokio::test]
async fn names_and_namespaces_are_those_of_kubectl() {
    let world = World::new("pnames").await;
    let empty = world.plugin(&["status"]).await;
    empty.assert(0, &[&format!("No resources found in {} namespace.", world.namespace)]);
    assert_eq!(empty.out, "");
    world
        .plugin(&["status", "nope"])
        .await
        .assert(1, &["error: there is no AICoreRegistrySecret \"nope\" in namespace"]);
    world.resource("here", json!({})).await;
    let everywhere = finish(plugin(&world.launch().kubeconfig, &["status", "-A"])).await;
    everywhere.assert(1, &[&world.namespace, "here"]);
    world.plugin(&["status", "-A"]).await.assert(2, &["cannot be used with"]);
}

#[tokio::test]
async fn kubectl_finds_it_as_a_command_of_its_own() {
    let world = World::synced("pkubectl").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_kubectl-aicore_registry"));
    let mut kubectl = cluster().await.kubectl();
    kubectl.env("PATH", binary.parent().unwrap());
    kubectl.args(["aicore-registry", "status", "pull", "--namespace", &world.namespace]);
    let said = finish(kubectl).await;
    said.assert(0, &["Synced", "AI Core accepted the credential"]);
    world.check_secrecy(&[said.out]);
    world.check(&operator).await;
}
