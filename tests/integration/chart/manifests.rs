//! What the chart renders for each set of values, held against the table and against the API server.

use serde_json::{Value, json};

use super::{
    kubectl, objects, only, repository, template,
    values::{Set, sets},
};
use crate::cluster::{cluster, install};

/// The places in which a set's manifests differ from what the table says.
fn differences(set: &Set, objects: &[Value]) -> Vec<String> {
    let mut differences = Vec::new();
    for expected in &set.expect {
        let (kind, name) =
            (expected["kind"].as_str().unwrap(), expected["name"].as_str().unwrap_or_default());
        let exact = name == "aicore-registry-operator";
        let found: Vec<&Value> = objects
            .iter()
            .filter(|object| {
                let own = object["metadata"]["name"].as_str().unwrap();
                let named = if exact { own == format!("{}-{name}", set.name) } else { own.ends_with(name) };
                object["kind"] == kind && named
            })
            .collect();
        if expected["absent"] == true {
            if !found.is_empty() {
                differences.push(format!("{}: there is a {kind} {name}", set.name));
            }
            continue;
        }
        let [object] = found[..] else {
            differences.push(format!("{}: there are {} of {kind} {name}", set.name, found.len()));
            continue;
        };
        let value = object.pointer(expected["at"].as_str().unwrap()).unwrap_or(&Value::Null);
        let holds = match expected.get("has") {
            Some(has) => match value {
                Value::Array(elements) => elements.contains(has),
                Value::String(text) => text.contains(has.as_str().unwrap()),
                _ => false,
            },
            None => value == &expected["is"],
        };
        if !holds {
            differences.push(format!("{}: {expected} is not so: {value}", set.name));
        }
    }
    differences
}

/// All sets at once, as the API server validates quickly and kubectl starts slowly.
#[tokio::test]
async fn each_value_does_what_the_table_says_and_the_api_server_accepts_the_manifests() {
    let cluster = cluster().await;
    install_foreign_kinds(cluster.client().await.unwrap()).await;
    kubectl(cluster, &["apply", "-f", "-"], &runtime_class().to_string()).await;
    let namespace = restricted_namespace("chart").await;
    let default = template("default", &namespace, &json!({})).await.unwrap();
    let (mut all, mut wrong) = (default.clone(), Vec::new());
    for set in sets() {
        let rendered = template(&set.name, &namespace, &set.values).await;
        let rendered = rendered.unwrap_or_else(|error| panic!("{}: {error}", set.name));
        wrong.extend(differences(&set, &objects(&rendered)));
        if rendered == default.replace("default-aicore", &format!("{}-aicore", set.name)) {
            wrong.push(format!("{}: nothing differs from the defaults", set.name));
        }
        all.push_str("\n---\n");
        all.push_str(&rendered);
    }
    assert_eq!(wrong, Vec::<String>::new());
    let apply =
        ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts", "-f", "-"];
    let output = kubectl(cluster, &apply, &all).await;
    // The API server warns of pods that the namespace's Pod Security level would refuse, and of fields that are deprecated.
    assert_eq!(output.stderr, "");
    assert_eq!(output.stdout.lines().count(), objects(&all).len());
}

/// Of the set `sandbox`: the API server refuses pods with a class that is not there.
fn runtime_class() -> Value {
    json!({ "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": { "name": "sandboxed" }, "handler": "runsc" })
}

/// A namespace that warns of pods that are not restricted.
pub(super) async fn restricted_namespace(prefix: &str) -> String {
    let cluster = cluster().await;
    let namespace = cluster.namespace(prefix).await.unwrap();
    let levels =
        ["pod-security.kubernetes.io/warn=restricted", "pod-security.kubernetes.io/enforce=restricted"];
    kubectl(cluster, &["label", "namespace", &namespace, levels[0], levels[1]], "").await;
    namespace
}

/// The CRDs of the Prometheus Operator, as far as the chart uses them.
pub(super) async fn install_foreign_kinds(client: kube::Client) {
    let text = std::fs::read_to_string(repository().join("tests/integration/chart/foreign.yaml")).unwrap();
    for crd in objects(&text) {
        install(client.clone(), &serde_json::from_value(crd).unwrap()).await;
    }
}

/// Two releases in one namespace must not select each other's pods, nor the pod of `helm test`.
#[tokio::test]
async fn selectors_match_the_pods_of_the_release_alone() {
    let policy = json!({ "networkPolicy": { "enabled": true, "metricsFrom": [{ "podSelector": {} }] } });
    let one = objects(&template("one", "ns", &policy).await.unwrap());
    let two = objects(&template("two", "ns", &json!({})).await.unwrap());
    let labels =
        |objects: &[Value]| only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].clone();
    let test = only(&one, "Pod")["metadata"]["labels"].clone();
    let selectors = [
        &only(&one, "Deployment")["spec"]["selector"]["matchLabels"],
        &only(&one, "Service")["spec"]["selector"],
        &only(&one, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ];
    for selector in selectors {
        let matches = |labels: &Value| {
            selector.as_object().unwrap().iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        assert!(matches(&labels(&one)), "{selector}");
        assert!(!matches(&labels(&two)) && !matches(&test), "{selector}");
    }
}
