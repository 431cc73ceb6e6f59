//! `suspend` and `resume`.

use crate::world::{Login, World, operation::PATCH};

#[tokio::test]
async fn nothing_is_sent_between_suspend_and_resume() {
    let world = World::synced("psuspend").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    world.plugin(&["resume", "pull"]).await.assert(0, &["pull is not suspended"]);
    world.plugin(&["suspend", "pull"]).await.assert(0, &["pull suspended: nothing is sent"]);
    world.wait_reason("pull", "Suspended").await;
    world.plugin(&["suspend", "pull"]).await.assert(0, &["pull is suspended already"]);

    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world
        .plugin(&["sync", "pull"])
        .await
        .assert(1, &["pull not synced: Suspended: Suspended by spec.suspend"]);
    world.plugin(&["status", "pull"]).await.assert(0, &["Suspended"]);
    assert_eq!(world.requests(), 0);

    world.plugin(&["resume", "pull"]).await.assert(0, &["pull resumed"]);
    world.wait_ready("pull").await;
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 2))]));
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.plugin(&["suspend", "nope"]).await.assert(1, &["there is no AICoreRegistrySecret \"nope\""]);
    world.check(&operator).await;
}
