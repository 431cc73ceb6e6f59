//! One operator for two namespaces: who writes in the one has nothing of the other read, sent or told.

use std::collections::BTreeSet;

use serde_json::json;
use testbed::proxy::Proxy;

use crate::{
    cluster::cluster,
    world::{Login, World},
};

/// Names that the other namespace has, alone and in every way in which a name could lead there and the schema admits.
#[tokio::test]
async fn a_secret_of_another_namespace_is_neither_read_nor_sent() {
    let (victim, attacker) = (World::synced("victim").await, World::new("attacker").await);
    victim.docker_secret("crown", &[("ghcr.io", Login::new("crown", 1))]).await;
    victim.secret("crown-key", "Opaque", victim.tenant().binding_data()).await;
    attacker.service_key("key").await;
    attacker.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
    let proxy = Proxy::start(cluster().await.kubeconfig()).await.unwrap();
    let operator = attacker
        .launch()
        .with(&format!("--watch-namespaces={}", victim.namespace))
        .with_kubeconfig(proxy.kubeconfig())
        .start()
        .await;
    victim.wait_ready("pull").await;
    let sought = [
        "crown".to_owned(),
        format!("{}.crown", victim.namespace),
        format!("crown.{}", victim.namespace),
        format!("crown.{}.svc.cluster.local", victim.namespace),
    ];
    for (number, name) in sought.iter().enumerate() {
        attacker.resource(&format!("source-{number}"), json!({ "secretRef": { "name": name } })).await;
        let keyed = json!({ "aiCoreSecretRef": { "name": name.replacen("crown", "crown-key", 1) } });
        attacker.resource(&format!("key-{number}"), keyed).await;
    }
    for number in 0..sought.len() {
        attacker.wait_reason(&format!("source-{number}"), "SecretNotFound").await;
        attacker.wait_reason(&format!("key-{number}"), "ServiceKeyNotFound").await;
    }
    let seen = proxy.seen();
    let read: BTreeSet<&str> = seen
        .iter()
        .filter(|seen| seen.request.is("get", "secrets") && seen.request.is_in(&victim.namespace))
        .filter_map(|seen| seen.request.name.as_deref())
        .collect();
    assert_eq!(read, BTreeSet::from(["key", "source"]), "those that the victim's own resource names");
    assert_eq!(attacker.writes(), []);
    attacker.check(&operator).await;
    // What the attacker can see names nothing of the victim's.
    for number in 0..sought.len() {
        let status = attacker.resource_now(&format!("key-{number}")).await.status;
        let told = serde_json::to_string(&status).unwrap();
        assert!(!told.contains(&victim.api_url()), "{told}");
    }
}
