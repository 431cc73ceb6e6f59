//! The actions that Argo CD offers.

use serde_json::json;
use testbed::{simulator::Operation, waiting::PATIENCE};

use crate::stage::Stage;

#[tokio::test]
#[ignore = "takes Argo CD: make argocd-test"]
async fn sync_suspend_and_resume_do_what_they_say() {
    let stage = Stage::set().await;
    stage.credential("pull", "first").await;
    stage.application("pull", json!({})).await;
    stage.shows("pull", "Healthy").await;
    let offered = stage.offered("pull").await;
    assert!(
        offered.iter().all(|action| ["suspend", "sync"].contains(&action.as_str())) && offered.len() == 2,
        "{offered:?}"
    );

    // The credential is sent although nothing has changed, and Git is not contradicted.
    let journal = stage.journal();
    stage.choose("pull", "sync").await;
    let sent = journal.wait_for(|entry| entry.operation == Operation::Patch && entry.applied, PATIENCE).await;
    sent.unwrap();
    stage
        .resource("pull", "the answer to the request", |resource| {
            resource.status.as_ref().is_some_and(|status| status.last_handled_reconcile_at.is_some())
        })
        .await;
    stage.shows("pull", "Healthy").await;

    // Nothing is sent while it is suspended; self-heal leaves it so, since Git does not name the field.
    stage.choose("pull", "suspend").await;
    stage.shows("pull", "Suspended").await;
    assert_eq!(stage.offered("pull").await, ["resume"]);
    let journal = stage.journal();
    stage.credential("pull", "second").await;
    stage.choose("pull", "resume").await;
    let sent = journal.wait_for(|entry| entry.operation == Operation::Patch && entry.applied, PATIENCE).await;
    sent.unwrap();
    stage.shows("pull", "Healthy").await;
    assert!(stage.tenant.secrets()["pull"].contains("second"));
    stage.clear().await;
}

#[tokio::test]
#[ignore = "takes Argo CD: make argocd-test"]
async fn self_heal_undoes_a_suspension_that_git_contradicts() {
    let stage = Stage::set().await;
    stage.credential("pull", "first").await;
    stage.application("pull", json!({"suspend": false})).await;
    stage.shows("pull", "Healthy").await;
    let before = stage.resources().get("pull").await.unwrap().metadata.generation.unwrap();
    stage.choose("pull", "suspend").await;
    // Once for the action, and once more for Argo CD.
    stage
        .resource("pull", "the suspension to be undone", |resource| {
            resource.metadata.generation.unwrap() >= before + 2 && !resource.spec.suspend.unwrap_or_default()
        })
        .await;
    stage.shows("pull", "Healthy").await;
    stage.clear().await;
}
