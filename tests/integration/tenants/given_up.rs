//! Who may not have a name any more does not get it back by anything that is wrong later, or by a restart.

use serde_json::json;

use super::{Platform, payload, rotate};
use crate::world::Login;

/// What becomes of resources after their namespace was taken off the list. Their names are those of their secrets in AI Core.
const LEFT_ALONE: &str = "left-alone";
const POINTED_NOWHERE: &str = "pointed-nowhere";
const WITHOUT_KEY: &str = "without-key";
const SUSPENDED: &str = "suspended";
const ALL: [&str; 4] = [LEFT_ALONE, POINTED_NOWHERE, WITHOUT_KEY, SUSPENDED];

#[tokio::test]
async fn a_name_that_was_given_up_stays_with_its_new_owner() {
    let platform = Platform::new("heirs").await;
    let heirs = &platform.world;
    let team = platform.team("heirs-before").await;
    platform.share(json!({})).await;
    let operator = platform.operator().await;
    for name in ALL {
        platform.resource(&team, name, json!({ "deletionPolicy": "Delete" })).await;
        team.wait_ready(name).await;
    }
    team.next_second().await;
    heirs.docker_secret("source", &[("ghcr.io", Login::new("heir", 1))]).await;
    for name in ALL {
        platform.resource(heirs, name, json!({ "aiCoreSecretRef": { "name": "shared-key" } })).await;
        heirs.wait_reason(name, "RemoteConflict").await;
    }

    platform.share(json!({ "allowedNamespaces": ["nobody"] })).await;
    for name in ALL {
        team.wait_reason(name, "NamespaceNotAllowed").await;
        heirs.wait_ready(name).await;
    }
    // Whoever may write in the namespace that was taken off, and the administrator who tidies up.
    let nowhere = json!({ "tenantRef": { "name": "nowhere" } });
    team.patch_spec(POINTED_NOWHERE, nowhere.clone()).await;
    team.wait_reason(POINTED_NOWHERE, "TenantNotFound").await;
    let no_key = json!({ "tenantRef": null, "aiCoreSecretRef": { "name": "no-key" } });
    team.patch_spec(WITHOUT_KEY, no_key).await;
    team.wait_reason(WITHOUT_KEY, "ServiceKeyNotFound").await;
    team.patch_spec(SUSPENDED, json!({ "suspend": true })).await;
    team.wait_reason(SUSPENDED, "Suspended").await;
    platform.stop_sharing().await;
    team.wait_reason(LEFT_ALONE, "TenantNotFound").await;

    heirs.docker_secret("source", &[("ghcr.io", Login::new("heir", 2))]).await;
    for name in ALL {
        heirs.wait_remote(name, &payload("heir", 2)).await;
    }
    operator.kill().await;
    let operator = platform.operator().await;
    heirs.docker_secret("source", &[("ghcr.io", Login::new("heir", 3))]).await;
    for name in ALL {
        heirs.wait_remote(name, &payload("heir", 3)).await;
        heirs.wait_ready(name).await;
    }

    // With its right, and a push, the older one owns the name again.
    rotate(&team, 2).await;
    platform.share(json!({})).await;
    heirs.wait_reason(LEFT_ALONE, "RemoteConflict").await;
    team.wait_ready(LEFT_ALONE).await;
    heirs.wait_remote(LEFT_ALONE, &payload("robot", 2)).await;
    for name in [POINTED_NOWHERE, WITHOUT_KEY, SUSPENDED] {
        assert_eq!(heirs.remote(name), Some(payload("heir", 3)));
    }
    team.check(&operator).await;
    operator.terminate().await;
}
