//! The module of Kyma's catalogue, the flat manifest that it installs, and how the operator fits into Kyma.

use std::collections::BTreeSet;

use aicore_registry_operator::api;
use serde_json::{Value, json};

use super::file;
use crate::{
    chart::{kubectl, objects},
    cluster::{cluster, install},
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Dashboard and CLI fetch the manifest from there; of other hosts the dashboard takes none.
const RELEASES: &str = "https://github.com/aicore-registry/aicore-registry-operator/releases/download";

fn template() -> Value {
    serde_saphyr::from_str(&file("module-template.yaml")).unwrap()
}

/// What a release makes of the folder.
async fn manifest() -> String {
    kubectl(cluster().await, &["kustomize", "deploy/kyma"], "").await.stdout
}

fn deployment(objects: &[Value]) -> &Value {
    objects.iter().find(|object| object["kind"] == "Deployment").unwrap()
}

#[tokio::test]
async fn kyma_accepts_its_kinds() {
    let cluster = cluster().await;
    for crd in objects(include_str!("foreign.yaml")) {
        install(cluster.client().await.unwrap(), &serde_json::from_value(crd).unwrap()).await;
    }
    for name in ["module-template.yaml", "telemetry.yaml"] {
        let apply =
            ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-"];
        assert_eq!(kubectl(cluster, &apply, &file(name)).await.stderr, "", "{name}");
    }
}

#[tokio::test]
async fn the_module_installs_and_watches_what_is_in_its_manifest() {
    let template = template();
    let spec = &template["spec"];
    let name = spec["moduleName"].as_str().unwrap();
    assert_eq!(spec["version"], VERSION);
    assert_eq!(template["metadata"]["name"], format!("{name}-{VERSION}"), "Kyma looks for this name");
    assert_eq!(template["metadata"]["labels"]["operator.kyma-project.io/module-name"], name);
    let objects = objects(&manifest().await);
    let (manager, deployment) = (&spec["manager"], deployment(&objects));
    assert_eq!(manager["name"], deployment["metadata"]["name"]);
    assert_eq!(manager["namespace"], deployment["metadata"]["namespace"]);
    assert_eq!(
        format!("{}/{}", manager["group"].as_str().unwrap(), manager["version"].as_str().unwrap()),
        deployment["apiVersion"].as_str().unwrap()
    );
    let kinds = [api::crd(), api::tenant_crd()].map(|crd| {
        json!({ "group": crd.spec.group, "kind": crd.spec.names.kind, "version": crd.spec.versions[0].name })
    });
    assert_eq!(spec["associatedResources"], json!(kinds));
    let link = &spec["resources"][0];
    assert_eq!(link["name"], "rawManifest");
    let asset = link["link"].as_str().unwrap().strip_prefix(&format!("{RELEASES}/v{VERSION}/")).unwrap();
    let assemble = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/release/assemble.sh");
    let made = format!("kubectl kustomize deploy/kyma > \"$folder/{asset}\"");
    assert!(std::fs::read_to_string(assemble).unwrap().contains(&made), "{made}");
}

/// The CLI cuts the manifest at each `---`, in texts too, applies one object after the other, and the dashboard takes what follows
/// the last colon of the image for the version that is installed.
#[tokio::test]
async fn the_manifest_is_one_that_dashboard_and_cli_can_read() {
    let text = manifest().await;
    let objects = objects(&text);
    assert_eq!(text.split("---").filter(|part| !part.trim().is_empty()).count(), objects.len());
    let kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["Namespace", "CustomResourceDefinition", "CustomResourceDefinition"]);
    assert_eq!(kinds.iter().filter(|kind| **kind == "ConfigMap").count(), 2, "the pages");
    let container = &deployment(&objects)["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"].as_str().unwrap().rsplit(':').next(), Some(VERSION));
}

#[tokio::test]
async fn no_sidecar_comes_in_and_the_telemetry_module_may_scrape() {
    let objects = objects(&manifest().await);
    let template = &deployment(&objects)["spec"]["template"];
    let (labels, annotations) = (&template["metadata"]["labels"], &template["metadata"]["annotations"]);
    assert_eq!(labels["sidecar.istio.io/inject"], "false");
    assert_eq!(annotations["sidecar.istio.io/inject"], "false");
    assert_eq!(annotations["prometheus.io/scrape"], "true");
    let port = template["spec"]["containers"][0]["ports"][0]["containerPort"].to_string();
    assert_eq!(annotations["prometheus.io/port"], port.as_str());

    let policy = objects.iter().find(|object| object["kind"] == "NetworkPolicy").unwrap();
    let scraping = json!({ "networking.kyma-project.io/metrics-scraping": "allowed" });
    let from = &policy["spec"]["ingress"][0]["from"][0];
    assert_eq!(from, &json!({ "namespaceSelector": {}, "podSelector": { "matchLabels": scraping } }));
    assert_eq!(labels["networking.kyma-project.io/metrics-scraping"], "allowed");
    let ports = policy["spec"]["egress"][0]["ports"].as_array().unwrap();
    let open: BTreeSet<String> =
        ports.iter().map(|port| format!("{}/{}", port["protocol"], port["port"])).collect();
    assert_eq!(open, ["\"TCP\"/53", "\"TCP\"/8053", "\"UDP\"/53", "\"UDP\"/8053"].map(String::from).into());
}

/// The pipeline looks in the namespace that the manifest installs into.
#[tokio::test]
async fn the_pipeline_is_for_the_namespace_of_the_operator() {
    let pipeline: Value = serde_saphyr::from_str(&file("telemetry.yaml")).unwrap();
    let objects = objects(&manifest().await);
    let namespaces = &pipeline["spec"]["input"]["prometheus"]["namespaces"]["include"];
    assert_eq!(namespaces[0], deployment(&objects)["metadata"]["namespace"]);
}
