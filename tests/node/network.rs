//! Network policies that are enforced.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    command::apply,
    release::{NAME, Release},
    team::Team,
    waiting::eventually,
};

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn the_policy_lets_through_what_is_needed_and_nothing_else() {
    let cluster = Cluster::clean().await;
    cluster.namespace("monitoring", &[]).await;
    cluster.namespace("elsewhere", &[]).await;
    cluster.namespace("policy-system", &[]).await;
    // What many clusters have for every namespace: nothing in, nothing out.
    apply(
        r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "default-deny", "namespace": "policy-system"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}"#,
    )
    .await;
    let policy = json!({"networkPolicy": {
        "enabled": true,
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    }});
    let release = Release::install(&cluster, "policy-system", policy).await;
    // It reaches the API server, the name server and AI Core.
    let team = Team::new(&cluster, "policy").await;
    team.first("first").await;
    assert_eq!(scrape(&cluster, "monitoring").await, Ok(()));
    assert!(scrape(&cluster, "elsewhere").await.is_err(), "any namespace can scrape");
    release.ready(1).await;
    team.rotate("second").await;
}

/// Whether a pod of this namespace gets the operator's metrics.
async fn scrape(cluster: &Cluster, namespace: &str) -> Result<(), String> {
    let url = format!("http://{NAME}.policy-system.svc:8080/metrics");
    let pod: Value = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "scrape-"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "wget", "image": "docker.io/library/busybox:1.37",
                "command": ["sh", "-c", format!("wget -q -T 5 -O - {url} | grep ^aicore_registry_build_info")],
            }],
        },
    });
    let pods = cluster.api::<Pod>(namespace);
    let name = pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let name = name.metadata.name.unwrap();
    let phase = eventually(&format!("{name} to end"), async || {
        let phase = pods.get(&name).await.unwrap().status.and_then(|status| status.phase).unwrap_or_default();
        if matches!(phase.as_str(), "Succeeded" | "Failed") { Ok(phase) } else { Err(phase) }
    })
    .await;
    let log = pods.logs(&name, &kube::api::LogParams::default()).await.unwrap();
    pods.delete(&name, &DeleteParams::default()).await.unwrap();
    if phase == "Succeeded" { Ok(()) } else { Err(log) }
}
