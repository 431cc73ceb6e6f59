//! What AI Core and its authorization server may answer, and what the resource says then.

use serde_json::json;
use testbed::simulator::{Fault, Operation};

use crate::world::{
    Conditions, Login, World,
    operation::{PATCH, POST, TOKEN},
};

/// Each status is tried on a push that a user asks for, which no earlier refusal holds back.
async fn reasons(world: &World, operation: Operation, table: &[(u16, &str, &str)]) {
    for (status, reason, class) in table {
        world.clear_faults();
        world.revoke_tokens();
        if operation == POST {
            world.remove_remote("pull");
        }
        world.always_answer(operation, *status);
        let request = format!("{operation:?}-{status}");
        world.annotate("pull", "aicore-registry.dev/requestedAt", &request).await;
        let answered = world
            .wait_for("pull", &request, |resource| {
                resource.status.as_ref().unwrap().last_handled_reconcile_at.as_ref() == Some(&request)
            })
            .await;
        let condition = answered.condition(class);
        assert_eq!(condition.reason, *reason, "{request}: {:#?}", answered.status);
        assert!(condition.message.contains(&format!("HTTP {status}")), "{request}: {}", condition.message);
    }
}

const TRANSIENT: &str = "Reconciling";
const FOR_A_PERSON: &str = "Stalled";

#[tokio::test]
async fn of_a_patch() {
    let world = World::synced("patched").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let table = [
        (401, "AuthenticationFailed", FOR_A_PERSON),
        (403, "Forbidden", FOR_A_PERSON),
        (302, "RemoteRejected", FOR_A_PERSON),
        (400, "RemoteRejected", FOR_A_PERSON),
        (409, "RemoteRejected", FOR_A_PERSON),
        (422, "RemoteRejected", FOR_A_PERSON),
        (408, "RemoteUnavailable", TRANSIENT),
        (425, "RemoteUnavailable", TRANSIENT),
        (429, "RateLimited", TRANSIENT),
        (500, "RemoteUnavailable", TRANSIENT),
        (502, "RemoteUnavailable", TRANSIENT),
        (503, "RemoteUnavailable", TRANSIENT),
        (504, "RemoteUnavailable", TRANSIENT),
    ];
    reasons(&world, PATCH, &table).await;
    world.check(&operator).await;
}

#[tokio::test]
async fn of_a_post() {
    let world = World::synced("posted").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let table = [
        (401, "AuthenticationFailed", FOR_A_PERSON),
        (403, "Forbidden", FOR_A_PERSON),
        (400, "RemoteRejected", FOR_A_PERSON),
        (404, "RemoteRejected", FOR_A_PERSON),
        (429, "RateLimited", TRANSIENT),
        (503, "RemoteUnavailable", TRANSIENT),
    ];
    reasons(&world, POST, &table).await;
    // What AI Core was seen to lack, it does not hold, whatever the Secret says.
    assert_eq!(world.resource_now("pull").await.condition("Ready").status, "False");
    world.check(&operator).await;
}

#[tokio::test]
async fn of_the_authorization_server() {
    let world = World::synced("granted").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let table = [
        (400, "AuthenticationFailed", FOR_A_PERSON),
        (401, "AuthenticationFailed", FOR_A_PERSON),
        (403, "AuthenticationFailed", FOR_A_PERSON),
        (404, "AuthenticationFailed", FOR_A_PERSON),
        (302, "RemoteRejected", FOR_A_PERSON),
        (405, "RemoteRejected", FOR_A_PERSON),
        (408, "RemoteUnavailable", TRANSIENT),
        (429, "RateLimited", TRANSIENT),
        (500, "RemoteUnavailable", TRANSIENT),
    ];
    reasons(&world, TOKEN, &table).await;
    world.clear_faults();
    world.annotate("pull", "aicore-registry.dev/requestedAt", "mended").await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// A good status is no token; what the authorization server says instead is what a person needs to know.
#[tokio::test]
async fn of_an_authorization_server_that_answers_an_error_with_200() {
    let world = World::synced("granted-error").await;
    let description = "Application is not found";
    world.tenant().faults().always(TOKEN, Fault::oauth_error(200, "invalid_client", description));
    let operator = world.operator().await;
    let waiting = world.wait_reason("pull", "RemoteUnavailable").await;
    let message = &waiting.condition("Ready").message;
    assert!(message.contains("invalid_client") && message.contains(description), "{message}");
    assert_eq!(waiting.condition("Reconciling").status, "True");
    world.clear_faults();
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// Any 2xx is success, whatever the body says.
#[tokio::test]
async fn of_success() {
    let world = World::synced("success").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for (rotation, status) in [(2, 200), (3, 201), (4, 204)] {
        world.clear_faults();
        world.tenant().faults().next(1, PATCH, Fault::status(status));
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
        let synced = world.wait_told("pull", "source").await;
        assert_eq!(synced.condition("Ready").reason, "Synced");
    }
    world.check(&operator).await;
}

/// A resource whose remote secret is gone, and that may not create it, asks once in a long while only.
#[tokio::test]
async fn a_missing_secret_that_may_not_be_created_is_asked_for_once() {
    let world = World::synced("absent").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.patch_spec("pull", json!({ "creationPolicy": "Never" })).await;
    world.wait_quiet(&operator).await;
    world.remove_remote("pull");
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_reason("pull", "RemoteMissing").await;
    for touch in 0..3 {
        world.annotate_secret("source", "touched", &touch.to_string()).await;
    }
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes_of("pull"), [(PATCH, 404)]);
    world.check(&operator).await;
}
