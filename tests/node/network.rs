//! Network policies that are enforced.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    command::{apply, kubectl},
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

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn names_are_resolved_on_each_port_that_clusters_have_for_it() {
    let cluster = Cluster::clean().await;
    let values = json!({"networkPolicy": {"enabled": true, "ingress": []}});
    let mut without = values.clone();
    json_patch::merge(&mut without, &json!({"networkPolicy": {"dnsPorts": [53]}}));
    let release = Release::install(&cluster, "names-system", values.clone()).await;
    let team = Team::new(&cluster, "names").await;
    team.first("on-53").await;
    for (port, password) in [(5353, "on-5353"), (8053, "on-8053")] {
        name_server_listens_on(port).await;
        // A policy that lacks the port shows that it is this port that is asked.
        release.upgrade(without.clone()).await;
        // A new process has no connection to AI Core that is still open.
        for verb in ["restart", "status"] {
            kubectl(&["rollout", verb, "--namespace=names-system", &format!("deployment/{NAME}")])
                .await
                .success();
        }
        team.credential(password).await;
        eventually("an authorization server that cannot be reached", async || {
            let message = team.message().await;
            if message.contains("NetworkPolicy") { Ok(()) } else { Err(message) }
        })
        .await;
        release.upgrade(values.clone()).await;
        cluster.ai_core.has("names", password).await;
        team.ready().await;
    }
    name_server_listens_on(53).await;
}

/// Where the Service of the cluster's name server leads to, whose pod listens on all of these ports.
async fn name_server_listens_on(port: u16) {
    let patch = json!({"spec": {"ports": [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": port},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": port},
    ]}});
    let patch = format!("--patch={patch}");
    kubectl(&["patch", "service", "kube-dns", "--namespace=kube-system", "--type=merge", &patch])
        .await
        .success();
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
