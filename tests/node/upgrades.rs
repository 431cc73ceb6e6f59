//! Another version, and the way back.

use std::time::Duration;

use serde_json::json;

use crate::{cluster::Cluster, release::Release, team::Team};

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn nothing_is_lost_while_an_upgrade_goes_on_nor_on_the_way_back() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "upgrade-system", json!({"replicaCount": 2})).await;
    let before = release.names(2).await;
    let team = Team::new(&cluster, "upgrade").await;
    team.first("first").await;
    let newer = json!({"replicaCount": 2, "podAnnotations": {"example.com/version": "2"}});
    let last = rotations_during(&team, release.upgrade(newer)).await;
    cluster.ai_core.has("upgrade", &last).await;
    let after = release.names(2).await;
    assert!(before.iter().all(|pod| !after.contains(pod)), "{before:?} {after:?}");

    let back = async { drop(release.helm_on("rollback", &["1", "--wait", "--timeout=2m"]).await.success()) };
    let last = rotations_during(&team, back).await;
    cluster.ai_core.has("upgrade", &last).await;
    let back = release.names(2).await;
    assert!(after.iter().all(|pod| !back.contains(pod)), "{after:?} {back:?}");
    team.ready().await;
}

/// Rotates again and again until `work` is done, and returns the last password.
async fn rotations_during(team: &Team<'_>, work: impl Future<Output = ()>) -> String {
    let mut work = std::pin::pin!(work);
    let mut interval = tokio::time::interval(Duration::from_millis(300));
    for number in 0_u32.. {
        let password = format!("{}-{number}", uuid());
        tokio::select! {
            biased;
            () = &mut work => break,
            _ = interval.tick() => team.credential(&password).await,
        }
    }
    // One more than there were during it.
    let password = format!("{}-last", uuid());
    team.credential(&password).await;
    password
}

/// No two passwords are the same, in any run.
fn uuid() -> String {
    format!("{:016x}", fastrand::u64(..))
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn an_upgrade_that_does_not_start_is_rolled_back_and_the_old_version_works_on() {
    let cluster = Cluster::clean().await;
    let release = Release::install(&cluster, "rollback-system", json!({"replicaCount": 2})).await;
    let before = release.names(2).await;
    let team = Team::new(&cluster, "rollback").await;
    team.first("first").await;
    let broken = json!({"replicaCount": 2, "image": {"tag": "no-such-version"}});
    let said = release.helm("upgrade", &["--rollback-on-failure", "--timeout=15s"], broken).await.failure();
    assert!(said.contains("rolled back") || said.contains("rollback"), "{said}");
    let after = release.names(2).await;
    // No pod that worked was taken away for one that does not.
    assert!(after.iter().all(|pod| before.contains(pod)), "{before:?} {after:?}");
    let status = release.helm_on("status", &["--output=json"]).await.success();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["info"]["status"], "deployed");
    team.rotate("second").await;
}
