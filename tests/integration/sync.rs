//! The main path: a Secret changes, AI Core has the new credential, and the resource says so.

use serde_json::json;

use crate::world::{
    Conditions, Login, World,
    operation::{PATCH, POST},
};

#[tokio::test]
async fn created_is_one_post_and_ready() {
    let world = World::new("created").await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let resource = world.wait_ready("pull").await;

    assert_eq!(world.writes(), [(PATCH, 404), (POST, 202)]);
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 1))]));
    let status = resource.status.unwrap();
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(status.remote_name.as_deref(), Some("pull"));
    assert_eq!(status.registries, Some(vec!["ghcr.io".to_owned()]));
    assert_eq!(status.api_url, Some(world.api_url()));
    assert_eq!(status.authorization_server, Some(world.authorization_server()));
    assert!(status.credentials_digest.as_ref().unwrap().starts_with("v1:"));
    assert_eq!(status.secret_resource_version, world.secret_version("source").await);
    assert_eq!(status.ai_core_secret_resource_version, world.secret_version("key").await);
    let (last, next) = (status.last_sync_time.unwrap().0, status.next_resync_time.unwrap().0);
    let interval = next.duration_since(last).as_secs();
    assert!((3240..=3960).contains(&interval), "{interval}");
    assert_eq!(status.conditions.len(), 1);
    assert_eq!(
        status.conditions[0].message,
        "AI Core accepted the credential for ghcr.io as docker registry secret \"pull\""
    );
    // The first write of the status is the outcome.
    assert_eq!(world.status_writes("pull").await, 1);
    world.wait_event("pull", "Synced").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn a_remote_secret_that_exists_is_updated() {
    let world = World::new("exists").await;
    world.preset_remote("team-pull", "{\"auths\":{}}");
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({ "remoteName": "team-pull" })).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    assert_eq!(world.writes(), [(PATCH, 202)]);
    assert_eq!(world.remote("team-pull").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 1))]));
    assert_eq!(world.token_requests(), 1);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_rotation_is_exactly_one_patch_with_exactly_the_new_payload() {
    let world = World::synced("rotation").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let before = world.resource_now("pull").await;
    world.forget_requests();

    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    let after = world.wait_for("pull", "another digest", |resource| {
        resource.status.as_ref().unwrap().credentials_digest
            != before.status.as_ref().unwrap().credentials_digest
    });
    let status = after.await.status.unwrap();
    assert_eq!(world.writes(), [(PATCH, 202)]);
    assert_eq!(world.token_requests(), 0);
    assert_eq!(status.secret_resource_version, world.secret_version("source").await);
    // Still ready all the time: the condition did not go away and come back.
    let transition = |resource: &aicore_registry_operator::api::AICoreRegistrySecret| {
        resource.status.as_ref().unwrap().conditions[0].last_transition_time.clone()
    };
    assert_eq!(transition(&world.resource_now("pull").await), transition(&before));
    assert!(operator.metric("aicore_registry_rotation_latency_seconds_count").await >= 1.0);
    world.check(&operator).await;
}

#[tokio::test]
async fn of_ten_quick_rotations_the_last_wins() {
    let world = World::synced("quick").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    for generation in 2..=11 {
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", generation))]).await;
    }
    let last = World::payload(&[("ghcr.io", Login::new("robot", 11))]);
    world.wait_remote("pull", &last).await;
    world.wait_told("pull", "source").await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.remote("pull").unwrap(), last);
    // No write carried anything that was not in the Secret, and none came out of order.
    let sent = world.sent_payloads("pull");
    let expected: Vec<String> =
        (1..=11).map(|generation| World::payload(&[("ghcr.io", Login::new("robot", generation))])).collect();
    let order: Vec<usize> =
        sent.iter().map(|sent| expected.iter().position(|one| one == sent).unwrap()).collect();
    assert!(order.is_sorted(), "{order:?}");
    world.check(&operator).await;
}

#[tokio::test]
async fn a_change_during_a_push_is_pushed_after_it() {
    let world = World::synced("inflight").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let gate = world.hold_next(PATCH);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    gate.arrived().await.unwrap();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 3))]).await;
    gate.release();
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 3))])).await;
    assert_eq!(world.most_at_once("pull"), 1);
    world.check(&operator).await;
}

#[tokio::test]
async fn unrelated_secrets_and_metadata_changes_push_nothing() {
    let world = World::synced("unrelated").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let status = world.resource_now("pull").await.status;
    world.forget_requests();

    world.docker_secret("other", &[("ghcr.io", Login::new("robot", 9))]).await;
    world.annotate_secret("source", "team", "ml").await;
    world.annotate_secret("key", "team", "ml").await;
    // A rotation of another resource shows that the events before it were looked at.
    world.resource("second", json!({ "secretRef": { "name": "other" } })).await;
    world.wait_ready("second").await;
    world.wait_quiet(&operator).await;

    assert_eq!(world.writes_of("pull"), []);
    assert_eq!(world.token_requests(), 0, "the token outlives a change of the key's metadata");
    assert_eq!(world.resource_now("pull").await.status, status);
    assert_eq!(world.status_writes("pull").await, 1);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_restart_in_sync_writes_nothing() {
    let world = World::synced("restart").await;
    let operator = world.operator().await;
    let before = world.wait_ready("pull").await;
    let (code, _) = operator.terminate().await;
    assert_eq!(code, Some(0));
    world.forget_requests();

    let operator = world.operator().await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.requests(), 0, "not even a token is asked for");
    let after = world.resource_now("pull").await;
    assert_eq!(after.metadata.resource_version, before.metadata.resource_version);
    assert_eq!(operator.metric("aicore_registry_reconcile_total{outcome=\"Unchanged\"}").await, 1.0);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_secret_that_changed_while_no_operator_ran_is_pushed_at_the_start() {
    let world = World::synced("away").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    operator.kill().await;
    world.forget_requests();
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 2))]).await;
    let operator = world.operator().await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 2))])).await;
    assert_eq!(world.writes(), [(PATCH, 202)]);
    world.check(&operator).await;
}

#[tokio::test]
async fn a_missing_secret_is_waited_for_without_a_timer() {
    let world = World::new("missing").await;
    world.service_key("key").await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let waiting = world.wait_reason("pull", "SecretNotFound").await;
    assert_eq!(waiting.condition("Ready").status, "False");
    assert_eq!(waiting.condition("Reconciling").status, "True");
    assert_eq!(
        waiting.condition("Ready").message,
        format!(
            "Secret \"source\", which spec.secretRef names, does not exist in namespace \"{}\"; create it; the operator continues \
             as soon as it exists",
            world.namespace
        )
    );
    assert_eq!(world.requests(), 0);
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn a_missing_service_key_is_waited_for_without_a_timer() {
    let world = World::new("nokey").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("pull", json!({})).await;
    let operator = world.operator().await;
    let waiting = world.wait_reason("pull", "ServiceKeyNotFound").await;
    assert_eq!(waiting.condition("Ready").status, "False");
    assert_eq!(waiting.condition("Reconciling").status, "True");
    world.service_key("key").await;
    world.wait_ready("pull").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn only_the_selected_registries_are_sent() {
    let world = World::new("selected").await;
    world.service_key("key").await;
    let (ghcr, hub) =
        (("ghcr.io", Login::new("robot", 1)), ("https://index.docker.io/v1/", Login::new("hub", 1)));
    world.docker_secret("source", &[ghcr, hub]).await;
    world.resource("pull", json!({ "registries": ["docker.io"] })).await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    assert_eq!(
        world.remote("pull").unwrap(),
        World::payload(&[("https://index.docker.io", Login::new("hub", 1))])
    );

    // A change of the spec that decides what is sent is pushed; the outcome speaks of the new generation.
    world.patch_spec("pull", json!({ "registries": ["GHCR.IO/"] })).await;
    world.wait_remote("pull", &World::payload(&[("ghcr.io", Login::new("robot", 1))])).await;
    world
        .wait_for("pull", "generation 2", |resource| {
            resource.status.as_ref().unwrap().observed_generation == Some(2)
        })
        .await;
    world.check(&operator).await;
}
