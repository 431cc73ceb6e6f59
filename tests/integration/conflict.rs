//! Two resources for one remote secret.

use serde_json::json;

use crate::world::{Conditions, Login, World, operation::PATCH};

/// Two resources that want the remote secret `shared`: `older` and, later, `younger`.
async fn two(prefix: &str) -> World {
    let world = World::new(prefix).await;
    world.service_key("key").await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 1))]).await;
    // The names are such that the younger is listed first.
    world.resource("z-older", json!({ "remoteName": "shared" })).await;
    world.next_second().await;
    world.resource("a-younger", json!({ "remoteName": "shared", "secretRef": { "name": "others" } })).await;
    world
}

#[tokio::test]
async fn the_older_owns_and_the_younger_says_so() {
    let world = two("conflict").await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    let lost = world.wait_reason("a-younger", "RemoteConflict").await;
    let message = &lost.condition("Stalled").message;
    assert!(message.contains(&format!("{}/z-older", world.namespace)), "{message}");
    assert_eq!(lost.condition("Ready").status, "False");
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 2))]).await;
    world.wait_quiet(&operator).await;
    let writes = world.writes_of("shared");
    assert!(World::is_creation(&writes), "{writes:?}");
    assert_eq!(world.remote("shared").unwrap(), World::payload(&[("ghcr.io", Login::new("robot", 1))]));
    world.check(&operator).await;
}

#[tokio::test]
async fn a_restart_does_not_let_the_younger_in() {
    let world = two("restarted").await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    operator.kill().await;
    world.forget_requests();
    let operator = world.operator().await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.requests(), 0, "the status proves what it shows: nobody asks for a token");
    world.check(&operator).await;
}

#[tokio::test]
async fn the_younger_takes_over_when_the_owner_goes() {
    let world = two("takeover").await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    world.forget_requests();
    world.delete_resource("z-older").await;
    world.wait_ready("a-younger").await;
    assert_eq!(world.writes_of("shared"), [(PATCH, 202)]);
    assert_eq!(world.remote("shared").unwrap(), World::payload(&[("ghcr.io", Login::new("heir", 1))]));
    world.check(&operator).await;
}

#[tokio::test]
async fn the_younger_takes_over_when_the_owner_changes_its_tenant() {
    let world = two("moved").await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    let other = world.simulator().tenant("moved-elsewhere");
    world.secret("other-key", "Opaque", other.binding_data()).await;
    world.patch_spec("z-older", json!({ "aiCoreSecretRef": { "name": "other-key" } })).await;
    world.wait_ready("a-younger").await;
    world.wait_ready("z-older").await;
    assert_eq!(other.secrets()["shared"], World::payload(&[("ghcr.io", Login::new("robot", 1))]));
    assert_eq!(world.remote("shared").unwrap(), World::payload(&[("ghcr.io", Login::new("heir", 1))]));
    let event = world.wait_event("z-older", "TenantChanged").await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert!(event.note.unwrap().contains(&world.authorization_server()));
    world.check(&operator).await;
}

#[tokio::test]
async fn a_suspended_owner_keeps_its_claim() {
    let world = two("claim").await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    world.patch_spec("z-older", json!({ "suspend": true })).await;
    world.wait_reason("z-older", "Suspended").await;
    world.forget_requests();
    operator.kill().await;
    let operator = world.operator().await;
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 2))]).await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes_of("shared"), []);
    world.check(&operator).await;
}

#[tokio::test]
async fn the_same_name_in_two_tenants_is_no_conflict() {
    let world = World::new("tenants").await;
    let other = world.simulator().tenant("tenants-other");
    world.service_key("key").await;
    world.secret("other-key", "Opaque", other.binding_data()).await;
    world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    world.resource("one", json!({ "remoteName": "shared" })).await;
    world
        .resource("two", json!({ "remoteName": "shared", "aiCoreSecretRef": { "name": "other-key" } }))
        .await;
    let operator = world.operator().await;
    world.wait_ready("one").await;
    world.wait_ready("two").await;
    assert_eq!(world.remote("shared"), other.secrets().remove("shared"));
    world.check(&operator).await;
}

/// Who is older counts, not in which namespace.
#[tokio::test]
async fn the_older_owns_across_namespaces() {
    let world = World::synced("across").await;
    let neighbour = World::new("across-next").await;
    neighbour.secret("key", "Opaque", world.tenant().binding_data()).await;
    neighbour.docker_secret("source", &[("ghcr.io", Login::new("heir", 1))]).await;
    world.next_second().await;
    neighbour.resource("pull", json!({})).await;
    let both = world.launch().with(&format!("--watch-namespaces={}", neighbour.namespace));
    let operator = both.start().await;
    world.wait_ready("pull").await;
    let lost = neighbour.wait_reason("pull", "RemoteConflict").await;
    let message = &lost.condition("Stalled").message;
    assert!(message.contains("an older resource in another namespace"), "{message}");
    assert!(!message.contains(&world.namespace), "{message}");
    operator.wait_for_line(&format!("\"rival\":\"{}/pull\"", world.namespace)).await;
    let writes = world.writes();
    assert!(World::is_creation(&writes), "{writes:?}");
    world.delete_resource("pull").await;
    neighbour.wait_ready("pull").await;
    assert_eq!(world.remote("pull").unwrap(), World::payload(&[("ghcr.io", Login::new("heir", 1))]));
    world.check(&operator).await;
}

/// A key that cannot be read says nothing about what AI Core holds: the owner stays the owner.
#[tokio::test]
async fn an_owner_without_its_key_keeps_its_claim_over_a_restart() {
    let world = two("keyless").await;
    world.service_key("younger-key").await;
    world.patch_spec("a-younger", json!({ "aiCoreSecretRef": { "name": "younger-key" } })).await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    world.delete_secret("key").await;
    world.wait_reason("z-older", "ServiceKeyNotFound").await;
    operator.kill().await;
    world.forget_requests();
    let operator = world.operator().await;
    world.docker_secret("others", &[("ghcr.io", Login::new("heir", 2))]).await;
    world.wait_quiet(&operator).await;
    assert_eq!(world.writes_of("shared"), []);
    world.wait_reason("a-younger", "RemoteConflict").await;
    world.check(&operator).await;
}

#[tokio::test]
async fn a_request_is_answered_by_a_loser_without_a_remote_call() {
    let world = two("loser").await;
    let operator = world.operator().await;
    world.wait_ready("z-older").await;
    world.wait_reason("a-younger", "RemoteConflict").await;
    world.forget_requests();
    world.annotate("a-younger", "aicore-registry.dev/requestedAt", "now").await;
    let answered = world
        .wait_for("a-younger", "the answer", |resource| {
            resource.status.as_ref().unwrap().last_handled_reconcile_at.as_deref() == Some("now")
        })
        .await;
    assert_eq!(answered.condition("Stalled").reason, "RemoteConflict");
    assert_eq!(world.requests(), 0);
    world.check(&operator).await;
}
