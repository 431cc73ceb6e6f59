//! A pod with little memory, and much to do.

use futures::{StreamExt, stream};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::json;

use crate::{
    ai_core::docker_config,
    cluster::Cluster,
    release::{Release, memory_value, restarts},
    team::Team,
    waiting::eventually,
};

/// A tenant may have 50 by default, with those of other scenarios.
const RESOURCES: usize = 20;
const ROUNDS: usize = 15;
/// What the chart asks for is four times as much.
const LIMIT: u64 = 32 << 20;

fn name(number: usize) -> String {
    format!("memory-{number}")
}

/// A new password in every pull secret, at once.
async fn rotate_all(secrets: &Api<Secret>, round: usize) {
    stream::iter(0..RESOURCES)
        .for_each_concurrent(16, |number| async move {
            // As large as real ones are: what is in flight is what takes memory.
            let secret = Secret {
                metadata: ObjectMeta { name: Some(name(number)), ..ObjectMeta::default() },
                type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
                data: Some(
                    [(
                        ".dockerconfigjson".to_owned(),
                        ByteString(docker_config(&password(number, round)).into()),
                    )]
                    .into(),
                ),
                ..Secret::default()
            };
            let parameters = PatchParams::apply("team").force();
            secrets.patch(&name(number), &parameters, &Patch::Apply(&secret)).await.unwrap();
        })
        .await;
}

fn password(number: usize, round: usize) -> String {
    format!("{number}-{round}-{}", "x".repeat(2048))
}

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn a_burst_stays_within_a_quarter_of_the_charts_memory() {
    let cluster = Cluster::clean().await;
    let values = json!({
        "resources": {"limits": {"memory": format!("{LIMIT}")}, "requests": {"memory": "16Mi"}},
        "operator": {"tenantRps": 200, "tenantBurst": 200},
    });
    let release = Release::install(&cluster, "memory-system", values).await;
    let team = Team::new(&cluster, "memory").await;
    let secrets: Api<Secret> = cluster.api(team.name);
    rotate_all(&secrets, 0).await;
    for number in 0..RESOURCES {
        let resource = json!({
            "apiVersion": "aicore-registry.dev/v1alpha1", "kind": "AICoreRegistrySecret",
            "metadata": {"name": name(number)},
            "spec": {"secretRef": {"name": name(number)}, "aiCoreSecretRef": {"name": "aicore-key"}},
        });
        let parameters = PatchParams::apply("team").force();
        team.resources().patch(&name(number), &parameters, &Patch::Apply(&resource)).await.unwrap();
    }
    for round in 1..=ROUNDS {
        rotate_all(&secrets, round).await;
    }
    eventually("the last password of each to arrive", async || {
        let last: Vec<(String, String)> =
            (0..RESOURCES).map(|number| (name(number), password(number, ROUNDS))).collect();
        let missing = cluster.ai_core.missing(&last).await;
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} not yet")) }
    })
    .await;
    let pods = release.ready(1).await;
    assert_eq!(restarts(&pods[0]), 0);
    let peak = memory_value(&pods[0], "memory.max_usage_in_bytes", "memory.peak").await;
    assert!(peak <= LIMIT, "{peak} bytes");
    println!("the most memory that the container had: {} KiB of {} KiB", peak >> 10, LIMIT >> 10);
}
