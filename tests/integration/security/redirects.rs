//! Wherever a server sends the operator, it stays: no request, and so no credential, goes to another place.

use rstest::rstest;
use serde_json::json;
use testbed::simulator::{Fault, Operation};

use crate::world::{
    Login, World,
    operation::{DELETE, PATCH, POST, TOKEN},
};

/// To another server, and to another place of the same.
#[rstest]
#[case::token(TOKEN, "RemoteRejected")]
#[case::patch(PATCH, "RemoteRejected")]
#[case::post(POST, "RemoteRejected")]
#[case::delete(DELETE, "Deleting")]
#[tokio::test]
async fn no_kind_of_request_follows_a_redirect(#[case] operation: Operation, #[case] reason: &str) {
    for to_another_server in [true, false] {
        let (world, elsewhere) = (World::new("redirects").await, World::new("elsewhere").await);
        world.service_key("key").await;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        world.resource("pull", json!({ "deletionPolicy": "Delete" })).await;
        let location = if to_another_server {
            elsewhere.api_url()
        } else {
            format!("{}/v2/admin/dockerRegistrySecrets/moved", world.api_url())
        };
        world.tenant().faults().always(operation, Fault::redirect(&location));
        let operator = world.operator().await;
        if operation == DELETE {
            world.wait_ready("pull").await;
            world.ask_to_delete("pull").await;
        }
        world.wait_reason("pull", reason).await;
        world.wait_requests(operation, 1).await;
        assert_eq!(elsewhere.simulator().journal().entries().len(), 0);
        let entries = world.simulator().journal().entries();
        let moved: Vec<_> = entries.iter().filter(|entry| entry.name.as_deref() == Some("moved")).collect();
        assert!(moved.is_empty(), "{moved:?}");
        world.check(&operator).await;
    }
}
