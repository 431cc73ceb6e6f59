//! The kustomizations in `deploy/`.

use std::collections::BTreeMap;

use serde_json::Value;
use testbed::{
    controlplane::{ControlPlane, Options},
    helm::helm,
};

use super::{chart, kubectl, manifests::install_foreign_kinds, objects, repository, run};
use crate::cluster::cluster;

/// The labels that are true of a Helm release alone.
const OF_HELM: [&str; 2] = ["app.kubernetes.io/managed-by", "helm.sh/chart"];

const OVERLAYS: [&str; 4] = ["namespaced", "ha", "monitoring", "kyma"];

/// Objects by kind, namespace and name.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    objects
        .into_iter()
        .map(|mut object| {
            if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
                labels.retain(|label, _| !OF_HELM.contains(&label.as_str()));
            }
            let metadata = &object["metadata"];
            (format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"]), object)
        })
        .collect()
}

async fn rendered(values: &[&str]) -> BTreeMap<String, Value> {
    let mut helm = helm().unwrap();
    helm.args([
        "template",
        "aicore-registry-operator",
        "--namespace",
        "aicore-registry-system",
        "--skip-tests",
    ]);
    for values in values {
        let file = match *values {
            "kyma" => "deploy/kyma/values.yaml".to_owned(),
            values => format!("deploy/values/{values}.yaml"),
        };
        helm.arg("--values").arg(repository().join(file));
    }
    helm.arg(chart());
    by_name(objects(&run(helm, "").await.unwrap().stdout))
}

/// What kustomize makes of a folder; the CRDs, which it takes from `crds/`, apart.
async fn built(folder: &str) -> (BTreeMap<String, Value>, usize) {
    let mut built = by_name(objects(&kubectl(cluster().await, &["kustomize", folder], "").await.stdout));
    let all = built.len();
    built.retain(|_, object| object["kind"] != "CustomResourceDefinition");
    let crds = all - built.len();
    (built, crds)
}

#[tokio::test]
async fn each_kustomization_is_what_the_chart_renders() {
    assert_eq!(built("deploy/base").await, (rendered(&["base"]).await, 2));
    for overlay in OVERLAYS {
        let expected = rendered(&["base", overlay]).await;
        assert_eq!(built(&format!("deploy/overlays/{overlay}")).await, (expected, 2), "{overlay}");
    }
}

#[tokio::test]
async fn the_api_server_accepts_each_kustomization() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    install_foreign_kinds(control_plane.client().await.unwrap()).await;
    let applied = kubectl(&control_plane, &["apply", "-k", "deploy"], "").await;
    assert_eq!(applied.stderr, "");
    assert!(
        applied.stdout.contains("deployment.apps/aicore-registry-operator created"),
        "{}",
        applied.stdout
    );
    for overlay in OVERLAYS {
        let folder = format!("deploy/overlays/{overlay}");
        let apply = ["apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", &folder];
        assert_eq!(kubectl(&control_plane, &apply, "").await.stderr, "", "{overlay}");
    }
    control_plane.stop().await.unwrap();
}

/// `kustomize edit set namespace` on top of the overlay moves the operator and what it watches.
#[tokio::test]
async fn the_overlay_for_one_namespace_can_be_moved() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("moved");
    std::fs::create_dir_all(&folder).unwrap();
    let up = "../".repeat(folder.strip_prefix(repository()).unwrap().components().count());
    let kustomization = format!("namespace: ml\nresources: ['{up}deploy/overlays/namespaced']\n");
    std::fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    let (moved, _) = built(folder.to_str().unwrap()).await;
    for object in moved.values().filter(|object| object["kind"] != "Namespace") {
        assert_eq!(object["metadata"]["namespace"], "ml", "{object}");
    }
    let bindings = moved.values().filter(|object| object["kind"] == "RoleBinding");
    assert_eq!(bindings.clone().count(), 2);
    for binding in bindings {
        assert_eq!(binding["subjects"][0]["namespace"], "ml");
    }
    let deployment = moved.values().find(|object| object["kind"] == "Deployment").unwrap();
    let arguments = super::arguments(deployment, "ml", "operator");
    assert!(arguments.contains(&"--watch-namespaces=ml".to_owned()), "{arguments:?}");
}

/// kustomize writes the hashed names of generated Secrets only into fields that it is told of.
#[tokio::test]
async fn generated_secrets_are_named_with_their_hash() {
    let (objects, _) = built("examples/kustomize").await;
    let resource = objects.values().find(|object| object["kind"] == "AICoreRegistrySecret").unwrap();
    for (field, prefix) in [("secretRef", "ghcr-pull-"), ("aiCoreSecretRef", "aicore-key-")] {
        let name = resource["spec"][field]["name"].as_str().unwrap();
        assert!(name.starts_with(prefix), "{name}");
        let secrets = objects.values().filter(|object| object["kind"] == "Secret");
        assert_eq!(secrets.filter(|secret| secret["metadata"]["name"] == name).count(), 1, "{name}");
    }
}

/// The page shows what the example does.
#[test]
fn the_page_on_gitops_has_the_name_references_of_the_example() {
    let page = std::fs::read_to_string(repository().join("docs/gitops.md")).unwrap();
    let example =
        std::fs::read_to_string(repository().join("examples/kustomize/name-reference.yaml")).unwrap();
    let configuration = example.split_once('\n').unwrap().1;
    assert!(page.contains(configuration), "{configuration}");
}
