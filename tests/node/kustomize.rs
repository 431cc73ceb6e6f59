//! Without Helm: the kustomizations of the repository.

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    cluster::Cluster,
    command::kubectl,
    release::{NAME, Release, repository},
    team::Team,
    waiting::eventually,
};

const NAMESPACE: &str = "aicore-registry-system";

#[tokio::test]
#[ignore = "takes a node: make node-test"]
async fn it_comes_with_apply_and_goes_with_delete() {
    let cluster = Cluster::clean().await;
    let deploy = repository().join("deploy");
    let deploy = deploy.to_str().unwrap();
    kubectl(&["apply", "-k", deploy]).await.success();
    trust_ai_core(&cluster).await;
    let release = Release::of(&cluster, NAMESPACE);
    release.ready(1).await;
    let team = Team::new(&cluster, "kustomize").await;
    team.first("first").await;
    team.rotate("second").await;

    kubectl(&["delete", "aicrs", "--all", "--namespace", "kustomize"]).await.success();
    kubectl(&["delete", "-k", deploy, "--wait", "--timeout=2m"]).await.success();
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    eventually("the namespace to go", async || match namespaces.get_opt(NAMESPACE).await.unwrap() {
        None => Ok(()),
        Some(namespace) => Err(format!("{:?}", namespace.status)),
    })
    .await;
    for kind in ["crd", "clusterrole", "clusterrolebinding"] {
        let left = kubectl(&["get", kind, "--output=name"]).await.success();
        assert!(!left.contains("aicore"), "{left}");
    }
    // What was sent stays: nobody asked for its deletion.
    assert_eq!(team.writes().await, 2);
}

/// The certificate's authority, as a patch of a kustomization would bring it.
async fn trust_ai_core(cluster: &Cluster) {
    let ca = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "company-ca"},
        "data": {"ca.crt": cluster.ai_core.authority},
    });
    let parameters = PatchParams::apply("node-test").force();
    let maps = cluster.api::<k8s_openapi::api::core::v1::ConfigMap>(NAMESPACE);
    maps.patch("company-ca", &parameters, &Patch::Apply(ca)).await.unwrap();
    let patch = json!([
        {"op": "add", "path": "/spec/template/spec/volumes", "value": [{"name": "ca", "configMap": {"name": "company-ca"}}]},
        {"op": "add", "path": "/spec/template/spec/containers/0/volumeMounts", "value": [{"name": "ca", "mountPath": "/ca"}]},
        {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--ca-bundle=/ca/ca.crt"},
    ]);
    let patch = patch.to_string();
    kubectl(&["patch", "deployment", NAME, "--namespace", NAMESPACE, "--type=json", "--patch", &patch])
        .await
        .success();
    kubectl(&["rollout", "status", "--namespace", NAMESPACE, "deployment", NAME, "--timeout=2m"])
        .await
        .success();
}
