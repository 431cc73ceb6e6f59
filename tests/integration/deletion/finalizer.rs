//! The finalizer, while the policy changes.

use serde_json::json;
use testbed::{
    proxy::{Action, Proxy},
    simulator::Gate,
};

use crate::cluster::cluster;

/// The request that takes it off is under way when the policy is another one again, and the resource is deleted.
#[tokio::test]
async fn a_finalizer_that_is_wanted_again_stays() {
    let world = super::with_policy_delete("wanted-again").await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let operator = world.launch().with_kubeconfig(proxy.kubeconfig()).start().await;
    world.wait_ready("pull").await;
    let gate = Gate::new();
    proxy.next(1, |request| request.is("patch", "aicoreregistrysecrets"), Action::hold(&gate));
    world.patch_spec("pull", json!({ "deletionPolicy": "Retain" })).await;
    gate.arrived().await.unwrap();
    world.patch_spec("pull", json!({ "deletionPolicy": "Delete" })).await;
    world.ask_to_delete("pull").await;
    gate.release();
    world.wait_gone("pull").await;
    assert_eq!(world.remote("pull"), None);
    world.check(&operator).await;
}
