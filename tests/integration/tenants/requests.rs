//! The annotation `requestedAt` of an AICoreTenant: each value is answered once, whatever the wait.

use aicore_registry_operator::api::{AICoreTenant, REQUESTED_AT};
use serde_json::json;
use testbed::simulator::Operation;

use super::{Platform, ready};

async fn request(platform: &Platform, value: &str) {
    platform.change(json!({ "metadata": { "annotations": { REQUESTED_AT: value } } })).await;
}

async fn answered(platform: &Platform, value: &str) -> AICoreTenant {
    platform
        .wait_tenant(value, |tenant| {
            let status = tenant.status.as_ref();
            status.and_then(|status| status.last_handled_reconcile_at.as_deref()) == Some(value)
        })
        .await
}

#[tokio::test]
async fn whoever_asks_is_answered_once_with_what_is_there_now() {
    let platform = Platform::new("requested").await;
    let world = &platform.world;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.wait_valid().await;
    world.forget_requests();
    request(&platform, "one").await;
    answered(&platform, "one").await;
    assert_eq!(world.requests_of(Operation::Quota), 1, "the hour is not over");
    world.check(&operator).await;
    operator.terminate().await;
    world.forget_requests();
    // Answered is answered, also for the next process.
    let operator = platform.operator().await;
    request(&platform, "two").await;
    answered(&platform, "two").await;
    assert_eq!(world.requests_of(Operation::Quota), 1);
    world.check(&operator).await;
    operator.terminate().await;
}

/// The wait after a refusal is a quarter of an hour.
#[tokio::test]
async fn a_key_that_was_refused_is_tried_again_when_somebody_asks() {
    let platform = Platform::new("requested-refused").await;
    let world = &platform.world;
    world.rotate_service_key();
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    platform.wait_tenant("the refusal", |tenant| ready(tenant).reason == "AuthenticationFailed").await;
    let refused = world.token_requests();
    request(&platform, "now").await;
    let tenant = answered(&platform, "now").await;
    assert_eq!(ready(&tenant).reason, "AuthenticationFailed");
    assert_eq!(world.token_requests(), refused + 1);
    world.check(&operator).await;
    operator.terminate().await;
}
