//! Token requests that are not answered.

use std::time::Duration;

use serde_json::json;
use testbed::simulator::{Fault, Matcher, Tenant};

use crate::world::{Conditions, Login, World, operation::TOKEN};

/// More requests than there are.
const MANY: usize = 1000;

/// Waits until a token request of the tenant hangs.
async fn wait_hanging(world: &World, tenant: &Tenant) {
    world.eventually("a token request", || async { (tenant.faults().pending() < MANY).then_some(()) }).await;
}

/// The server has lost the request that was under way when it came back. A request may take 15 s.
#[tokio::test]
async fn a_token_request_that_was_lost_is_not_waited_for() {
    let world = World::synced("lost-token").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.revoke_tokens();
    world.tenant().faults().next(MANY, TOKEN, Fault::hang());
    let entries = [("ghcr.io", Login::new("robot", 2))];
    world.docker_secret("source", &entries).await;
    wait_hanging(&world, world.tenant()).await;
    world.clear_faults();
    let payload = World::payload(&entries);
    let accepted = world.wait_remote("pull", &payload);
    assert!(tokio::time::timeout(Duration::from_secs(12), accepted).await.is_ok());
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

/// Whoever waits for a token of the old tenant has nothing to do with it any more.
#[tokio::test]
async fn a_service_key_that_moves_to_another_tenant_is_used_at_once() {
    let world = World::synced("moved-key").await;
    let other = world.simulator().tenant("moved-key-other");
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.revoke_tokens();
    world.tenant().faults().next(MANY, TOKEN, Fault::hang());
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    wait_hanging(&world, world.tenant()).await;
    world.secret("key", "Opaque", other.binding_data()).await;
    let accepted = world.eventually("a push to the other tenant", || async {
        (other.secrets().get("pull") == Some(&World::payload(&[("ghcr.io", Login::new("robot", 2))])))
            .then_some(())
    });
    assert!(tokio::time::timeout(Duration::from_secs(5), accepted).await.is_ok());
    let moved = world
        .wait_for("pull", "the other tenant", |resource| {
            resource.status.as_ref().is_some_and(|status| {
                status.authorization_server.as_ref() == Some(&other.authorization_server())
            })
        })
        .await;
    assert_eq!(moved.condition("Ready").status, "True");
    world.clear_faults();
    world.check(&operator).await;
}

/// A neighbour whose large Secrets go to a tenant that hangs.
#[tokio::test]
async fn large_payloads_that_hang_hold_up_no_other_large_one() {
    const HUNG: usize = 8;
    let world = World::new("large-hung").await;
    let hung = world.simulator().tenant("large-hung-other");
    world.service_key("key").await;
    world.secret("other-key", "Opaque", hung.binding_data()).await;
    let large = |rotation: u32| {
        let password = format!("{rotation}{}", "x".repeat(100_000));
        json!({ "auths": { "ghcr.io": { "username": "robot", "password": password } } }).to_string()
    };
    for name in ["source", "other"] {
        world.raw_docker_secret(name, &large(1)).await;
    }
    world.resource("pull", json!({})).await;
    for number in 0..HUNG {
        let spec = json!({ "secretRef": { "name": "other" }, "aiCoreSecretRef": { "name": "other-key" } });
        world.resource(&format!("other-{number}"), spec).await;
    }
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for number in 0..HUNG {
        world.wait_ready(&format!("other-{number}")).await;
    }
    hung.faults().next(MANY, Matcher::any(), Fault::hang());
    world.raw_docker_secret("other", &large(2)).await;
    wait_hanging(&world, &hung).await;
    for rotation in 2..7 {
        let password = format!("{rotation}{}", "x".repeat(100_000));
        world.raw_docker_secret("source", &large(rotation)).await;
        let accepted = world
            .eventually("the rotation", || async { world.remote("pull")?.contains(&password).then_some(()) });
        let soon = tokio::time::timeout(Duration::from_secs(5), accepted).await;
        assert!(soon.is_ok(), "rotation {rotation} waits for payloads that hang");
    }
    hung.faults().clear();
    operator.kill().await;
}
