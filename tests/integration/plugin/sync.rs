//! `sync`.

use aicore_registry_operator::api::REQUESTED_AT;
use testbed::simulator::Fault;

use crate::world::{
    World,
    operation::{PATCH, POST},
};

#[tokio::test]
async fn a_sync_sends_the_credential_and_waits_for_it() {
    let world = World::synced("psync").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for _ in 0..2 {
        world.forget_requests();
        let said = world.plugin(&["sync", "pull"]).await;
        said.assert(0, &[&format!("{}/pull synced: AI Core accepted", world.namespace)]);
        assert_eq!(world.writes(), [(PATCH, 202)]);
    }
    world.check(&operator).await;
}

#[tokio::test]
async fn a_sync_that_ai_core_refuses_says_why() {
    let world = World::synced("psyncbad").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    // AI Core still holds the credential, so the resource stays ready; the repetition failed all the same. The answer has the
    // whole request in it.
    world.echo_requests(PATCH);
    let said = world.plugin(&["sync", "pull"]).await;
    said.assert(1, &["pull not synced: RemoteRejected: AI Core at 127.0.0.1", "answered HTTP 400"]);
    world.clear_faults();
    world.plugin(&["sync", "pull"]).await.assert(0, &["synced"]);

    world.tenant().faults().always(POST, Fault::status(400));
    world.remove_remote("pull");
    world.plugin(&["sync", "pull", "--timeout=30s"]).await.assert(1, &["not synced: RemoteRejected"]);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_sync_that_nobody_answers_ends() {
    let world = World::synced("psyncnone").await;
    let said = world.plugin(&["sync", "pull", "--timeout", "100ms"]).await;
    said.assert(1, &["error: the operator has not answered for", "see whether it runs"]);
    // The request stands: the operator answers it when it starts.
    let requested = world.resource_now("pull").await.metadata.annotations.unwrap()[REQUESTED_AT].clone();
    let operator = world.operator().await;
    world
        .wait_for("pull", "the answer", |resource| {
            resource.status.as_ref().unwrap().last_handled_reconcile_at.as_ref() == Some(&requested)
        })
        .await;
    world.check(&operator).await;
    world.plugin(&["sync", "nope"]).await.assert(1, &["there is no AICoreRegistrySecret \"nope\""]);
    world.plugin(&["sync", "pull", "--timeout", "soon"]).await.assert(2, &["\"soon\" is not a duration"]);
}
