//! A release from its installation to its end: what is upgraded, and what stays.

use k8s_openapi::{
    api::core::v1::Pod, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api,
    api::{Patch, PatchParams},
    runtime::wait::await_condition,
};
use serde_json::{Value, json};
use testbed::controlplane::{ControlPlane, Options};

use super::{chart, helm_on, helm_with, kubectl, repository, run};
use crate::cluster::{PATIENCE, cluster};

const NAMESPACE: &str = "aicore-registry-system";
const RELEASE: &str = "aicore-registry-operator";
const CRD: &str = "aicoreregistrysecrets.aicore-registry.dev";
/// A field that the CRD of the previous chart does not have.
const NEW_FIELD: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/suspend";

struct Release(ControlPlane);

impl Release {
    async fn helm(&self, arguments: &[&str], values: Value) -> String {
        let in_namespace = [arguments, &["--namespace", NAMESPACE]].concat();
        let result = match arguments[0] {
            "uninstall" => {
                let mut helm = helm_on(&self.0);
                helm.args(in_namespace);
                run(helm, "").await
            }
            _ => helm_with(&self.0, &in_namespace, &values).await,
        };
        result.unwrap_or_else(|error| panic!("helm {}: {error}", arguments.join(" "))).stdout
    }

    async fn crd(&self) -> Option<Value> {
        let crds: Api<CustomResourceDefinition> = Api::all(self.0.client().await.unwrap());
        crds.get_opt(CRD).await.unwrap().map(|crd| serde_json::to_value(crd).unwrap())
    }

    async fn names(&self, kind: &str) -> Vec<String> {
        let arguments = ["get", kind, "-A", "-o", "name"];
        let names = kubectl(&self.0, &arguments, "").await.stdout;
        names
            .lines()
            .map(str::to_owned)
            .filter(|name| name.contains(RELEASE) || name.contains("pull"))
            .collect()
    }
}

/// `previous/` is the chart as it was first released, rendered to its plain form, with a CRD that lacks a field.
#[tokio::test]
async fn an_upgrade_brings_the_new_crd_and_an_uninstall_leaves_what_users_made() {
    let release = Release(ControlPlane::start(Options::default()).await.unwrap());
    let (previous, current) = (repository().join("tests/integration/chart/previous"), chart());
    let (previous, current) = (previous.to_str().unwrap(), current.to_str().unwrap());

    release.helm(&["install", RELEASE, previous, "--create-namespace"], json!({})).await;
    wait_established(&release).await;
    assert_eq!(release.crd().await.unwrap().pointer(NEW_FIELD), None);
    let example = std::fs::read_to_string(repository().join("examples/ghcr.yaml")).unwrap();
    let example = example.replace("namespace: ml", "namespace: default");
    let example = format!("{}\n", example.trim_end());
    let made: Vec<Value> = super::objects(&example);
    let resource = made.iter().find(|object| object["kind"] == "AICoreRegistrySecret").unwrap();
    kubectl(&release.0, &["create", "-f", "-"], &resource.to_string()).await;
    let resources = release.names("aicrs").await;
    assert_eq!(resources.len(), 1);

    let notes = release.helm(&["upgrade", RELEASE, current], json!({})).await;
    assert!(
        notes.contains(&format!("kubectl rollout status -n {NAMESPACE} deployment/{RELEASE}")),
        "{notes}"
    );
    assert!(notes.contains("kubectl apply -f -") && notes.contains("kubectl get aicrs -A"), "{notes}");
    assert!(!notes.contains("WARNING"), "{notes}");
    assert!(release.crd().await.unwrap().pointer(NEW_FIELD).is_some(), "the upgrade brings the CRD");
    assert_eq!(release.names("aicrs").await, resources);

    release.helm(&["uninstall", RELEASE], json!({})).await;
    for kind in [
        "deployment",
        "clusterrole",
        "clusterrolebinding",
        "role",
        "rolebinding",
        "service",
        "serviceaccount",
    ] {
        assert_eq!(release.names(kind).await, Vec::<String>::new(), "{kind}");
    }
    assert!(release.crd().await.is_some());
    assert_eq!(release.names("aicrs").await, resources);

    // It takes up again what it left.
    let notes = release.helm(&["install", RELEASE, current], json!({ "crds": { "keep": false } })).await;
    assert!(notes.contains("WARNING: crds.keep is false"), "{notes}");
    assert_eq!(release.names("aicrs").await, resources);
    release.helm(&["uninstall", RELEASE], json!({})).await;
    wait_gone(&release).await;
    release.0.stop().await.unwrap();
}

async fn wait_established(release: &Release) {
    let wait = ["wait", &format!("crd/{CRD}"), "--for=condition=Established", "--timeout=60s"];
    kubectl(&release.0, &wait, "").await;
}

async fn wait_gone(release: &Release) {
    let crds: Api<CustomResourceDefinition> = Api::all(release.0.client().await.unwrap());
    let gone = await_condition(crds, CRD, |crd: Option<&CustomResourceDefinition>| crd.is_none());
    tokio::time::timeout(PATIENCE, gone).await.unwrap().unwrap();
}

/// No pods run here: the test says in the kubelet's place how the pod of `helm test` ended.
#[tokio::test]
async fn helm_test_tells_how_its_pod_ended() {
    let cluster = cluster().await;
    let namespace = super::manifests::restricted_namespace("helm-test").await;
    let values = json!({ "crds": { "enabled": false }, "fullnameOverride": namespace });
    super::install(cluster, "rel", &namespace, &values).await;
    let pods: Api<Pod> = Api::namespaced(cluster.client().await.unwrap(), &namespace);
    let name = format!("{namespace}-test");
    for (phase, works) in [("Failed", false), ("Succeeded", true)] {
        let mut helm = helm_on(cluster);
        helm.args(["test", "rel", "--timeout", "60s", "--namespace", &namespace]);
        let kubelet = async {
            let there = await_condition(pods.clone(), &name, |pod: Option<&Pod>| {
                pod.is_some_and(|pod| {
                    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                    phase == Some("Pending") && pod.metadata.deletion_timestamp.is_none()
                })
            });
            tokio::time::timeout(PATIENCE, there).await.unwrap().unwrap();
            let ended = Patch::Merge(json!({ "status": { "phase": phase } }));
            pods.patch_status(&name, &PatchParams::default(), &ended).await.unwrap();
        };
        let (result, ()) = tokio::join!(run(helm, ""), kubelet);
        assert_eq!(result.is_ok(), works, "{phase}: {result:?}");
        // It is still there for `--logs`, of which Helm 3 thinks last, and the next test begins with another.
        let pod = pods.get(&name).await.unwrap();
        assert_eq!(pod.status.unwrap().phase.as_deref(), Some(phase));
    }
    let mut helm = helm_on(cluster);
    helm.args(["uninstall", "rel", "--namespace", &namespace]);
    run(helm, "").await.unwrap();
}
