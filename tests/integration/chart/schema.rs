//! Values that cannot be right are refused before anything is installed, with a sentence that names the value.

use std::{collections::BTreeSet, path::Path};

use rstest::rstest;
use serde_json::{Value, json};
use testbed::helm::helm;

use super::{chart, objects, only, repository, run, template, values};

#[rstest]
#[case(json!({ "replica": 2 }), "'replica' not allowed")]
#[case(json!({ "image": { "name": "x" } }), "'name' not allowed")]
#[case(json!({ "image": { "digest": "latest" } }), "at '/image/digest': 'latest' does not match pattern")]
#[case(json!({ "image": { "pullPolicy": "Sometimes" } }), "at '/image/pullPolicy': value must be one of")]
#[case(json!({ "replicaCount": "2" }), "at '/replicaCount': got string, want integer")]
#[case(json!({ "replicaCount": -1 }), "at '/replicaCount': minimum: got -1, want 0")]
#[case(json!({ "operator": { "concurrency": 0 } }), "at '/operator/concurrency': minimum: got 0, want 1")]
#[case(json!({ "operator": { "requestTimeout": "15" } }), "at '/operator/requestTimeout': '15' does not match")]
#[case(json!({ "operator": { "defaultResyncInterval": "1d" } }), "at '/operator/defaultResyncInterval': '1d'")]
#[case(json!({ "operator": { "watchNamespaces": "ml" } }), "at '/operator/watchNamespaces': got string, want array")]
#[case(json!({ "operator": { "watchNamespaces": ["Bad_One"] } }), "at '/operator/watchNamespaces/0': 'Bad_One'")]
#[case(json!({ "operator": { "allowedHosts": ["https://x"] } }), "at '/operator/allowedHosts/0': 'https://x'")]
#[case(json!({ "operator": { "allowedHosts": [] } }), "at '/operator/allowedHosts': minItems")]
#[case(json!({ "logging": { "format": "xml" } }), "at '/logging/format': value must be one of 'json', 'text'")]
#[case(json!({ "global": { "imagePullSecrets": ["A b"] } }), "at '/global/imagePullSecrets/0': 'A b' does not match")]
#[case(json!({ "containerPort": 80 }), "at '/containerPort': minimum")]
#[case(json!({ "caBundle": { "inline": "not PEM" } }), "at '/caBundle/inline': 'not PEM' does not match")]
#[case(json!({ "networkPolicy": { "egress": [] } }), "at '/networkPolicy/egress': minItems: got 0, want 1")]
// What belongs to the pod, and what other charts have there.
#[case(json!({ "securityContext": { "fsGroup": 1 } }), "at '/securityContext/fsGroup': false schema")]
#[case(json!({ "securityContext": { "sysctls": [] } }), "at '/securityContext/sysctls': false schema")]
#[case(json!({ "securityContext": { "enabled": true } }), "at '/securityContext/enabled': false schema")]
#[case(json!({ "podSecurityContext": { "enabled": true } }), "at '/podSecurityContext/enabled': false schema")]
#[case(json!({ "commonLabels": { "a": 1 } }), "at '/commonLabels/a': got number, want string")]
#[case(json!({ "extraArgs": ["listen"] }), "at '/extraArgs/0': 'listen' does not match")]
#[case(
    json!({ "replicaCount": 2, "leaderElection": { "enabled": false } }),
    "replicaCount is 2, and leaderElection.enabled is false: all replicas would write to AI Core."
)]
#[case(
    json!({ "strategy": { "type": "RollingUpdate" }, "leaderElection": { "enabled": false } }),
    "strategy.type is RollingUpdate, and leaderElection.enabled is false"
)]
#[case(
    json!({ "podDisruptionBudget": { "enabled": true } }),
    "podDisruptionBudget.minAvailable is 1, and replicaCount is 1: no pod may go, so no node with one of them can be drained. Set \
     replicaCount to 2, or podDisruptionBudget.maxUnavailable to 1."
)]
#[case(
    json!({ "replicaCount": 3, "podDisruptionBudget": { "enabled": true, "minAvailable": "70%" } }),
    "podDisruptionBudget.minAvailable is 70%, and replicaCount is 3: no pod may go"
)]
#[case(
    json!({ "caBundle": { "secret": { "name": "a" }, "configMap": { "name": "b" } } }),
    "caBundle.configMap.name and caBundle.secret.name are set"
)]
#[case(
    json!({ "networkPolicy": { "ingress": [], "metricsFrom": [{ "podSelector": {} }] } }),
    "networkPolicy.ingress and networkPolicy.metricsFrom are set"
)]
#[case(
    json!({ "networkPolicy": { "enabled": true } }),
    "networkPolicy.metricsFrom does not say who may reach the metrics port"
)]
#[case(json!({ "proxy": { "https": "ftp://p" } }), "at '/proxy/https': 'ftp://p' does not match")]
#[case(json!({ "proxy": { "https": "p:3128" } }), "at '/proxy/https': 'p:3128' does not match")]
#[case(
    json!({ "networkPolicy": { "enabled": true, "metricsFrom": [{}] }, "proxy": { "https": "http://u:p@p.example:3128/" } }),
    "proxy.https is http://p.example:3128/, and networkPolicy.proxyPorts does not have 3128. Set it to [3128]."
)]
#[case(
    json!({ "networkPolicy": { "enabled": true, "metricsFrom": [{}] }, "proxy": { "https": "socks5://p" } }),
    "proxy.https is socks5://p, and networkPolicy.proxyPorts does not have 1080. Set it to [1080]."
)]
#[case(
    json!({ "networkPolicy": { "enabled": true, "metricsFrom": [{}] }, "otlp": { "endpoint": "http://collector:4318" } }),
    "otlp.endpoint is http://collector:4318, and the network policy does not open port 4318. Add a rule for it to networkPolicy.extraEgress"
)]
#[case(json!({ "networkPolicy": { "dnsPorts": [] } }), "at '/networkPolicy/dnsPorts': minItems: got 0, want 1")]
#[case(
    json!({ "networkPolicy": { "egress": [{}], "proxyPorts": [3128] } }),
    "networkPolicy.egress is set, and so is proxyPorts or extraEgress"
)]
#[case(
    json!({ "service": { "enabled": false }, "metrics": { "serviceMonitor": { "enabled": true } } }),
    "metrics.serviceMonitor.enabled is true, and service.enabled is false"
)]
#[case(
    json!({ "metrics": { "serviceMonitor": { "enabled": true }, "podMonitor": { "enabled": true } } }),
    "each pod would be scraped twice"
)]
#[tokio::test]
async fn wrong_values_are_refused_by_name(#[case] values: Value, #[case] part: &str) {
    let error = template("wrong", "default", &values).await.unwrap_err();
    assert!(error.contains(part), "{error}");
}

/// The policy lets out what the values need, or says so itself.
#[rstest]
#[case(json!({ "networkPolicy": { "proxyPorts": [3128] }, "proxy": { "https": "http://p:3128" } }))]
#[case(json!({ "proxy": { "https": "https://p" } }))]
#[case(json!({ "networkPolicy": { "egress": [{}] }, "proxy": { "https": "http://p:3128" } }))]
#[case(json!({
    "networkPolicy": { "extraEgress": [{ "ports": [{ "port": 4318 }] }] }, "otlp": { "endpoint": "http://collector:4318" }
}))]
#[tokio::test]
async fn a_policy_that_opens_the_ports_is_accepted(#[case] mut values: Value) {
    values["networkPolicy"]["enabled"] = true.into();
    values["networkPolicy"]["metricsFrom"] = json!([{}]);
    template("open", "default", &values).await.unwrap();
}

#[tokio::test]
async fn helm_lint_has_no_complaint() {
    let mut helm = helm().unwrap();
    helm.args(["lint", "--strict"]).arg(chart());
    let output = run(helm, "").await.unwrap().stdout;
    assert!(!output.contains("WARNING") && !output.contains("ERROR"), "{output}");
}

/// Values that the manifests for Argo CD and Flux give to the chart.
#[rstest]
#[case("argocd/application-chart.yaml", "Application", "/spec/source/helm/valuesObject")]
#[case("flux/operator.yaml", "HelmRelease", "/spec/values")]
#[tokio::test]
async fn values_in_manifests_of_other_tools_are_accepted(
    #[case] file: &str,
    #[case] kind: &str,
    #[case] at: &str,
) {
    let manifests = std::fs::read_to_string(repository().join("deploy").join(file)).unwrap();
    let manifests = objects(&manifests);
    template("other", "default", only(&manifests, kind).pointer(at).unwrap()).await.unwrap();
}

/// Blocks of YAML in `docs/` that say of themselves that they are values.
#[tokio::test]
async fn values_in_documents_are_accepted() {
    let mut found = 0;
    for entry in std::fs::read_dir(repository().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let text = if path.is_file() { std::fs::read_to_string(&path).unwrap() } else { continue };
        for block in text.split("```yaml\n# values of the chart").skip(1) {
            found += 1;
            let block = block.split("```").next().unwrap().split_once('\n').unwrap().1;
            let values: Value = serde_saphyr::from_str(block).unwrap();
            let rendered = template("documented", "default", &values).await;
            rendered.unwrap_or_else(|error| panic!("{}: {error}\n{block}", path.display()));
        }
    }
    assert!(found >= 5, "only {found} were found");
}

/// As a dependency of another chart, the chart is given the condition, and values that are meant for its siblings.
#[tokio::test]
async fn a_parent_chart_passes_down_its_global_values() {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parent");
    let _ = std::fs::remove_dir_all(&parent);
    std::fs::create_dir_all(parent.join("charts")).unwrap();
    let name = "aicore-registry-operator";
    std::os::unix::fs::symlink(chart(), parent.join("charts").join(name)).unwrap();
    let condition = format!("{name}.enabled");
    let dependency = json!({ "name": name, "version": "*", "condition": condition });
    let description =
        json!({ "apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency] });
    std::fs::write(parent.join("Chart.yaml"), description.to_string()).unwrap();
    let values = json!({
        name: { "enabled": true, "imagePullSecrets": [{ "name": "own" }] },
        "global": { "imagePullSecrets": [{ "name": "mirror" }], "priorityClassName": "x" },
    });
    std::fs::write(parent.join("values.yaml"), values.to_string()).unwrap();
    let mut helm = helm().unwrap();
    helm.arg("template").arg("family").arg(&parent);
    let objects = objects(&run(helm, "").await.unwrap().stdout);
    let secrets = &only(&objects, "Deployment")["spec"]["template"]["spec"]["imagePullSecrets"];
    assert_eq!(secrets, &json!([{ "name": "own" }, { "name": "mirror" }]));
}

#[test]
fn the_schema_and_the_values_name_the_same() {
    let schema = std::fs::read_to_string(chart().join("values.schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    // Parents have more there, for other charts.
    let global = schema["properties"]["global"].as_object_mut().unwrap();
    assert_eq!(global.insert("additionalProperties".to_owned(), json!(false)), None);
    let mut named = properties(&schema);
    assert!(named.remove(".enabled"), "the condition of a parent");
    // Where the schema leaves the content to the API server, defaults may be in it.
    let defaults = values::leaves(&values::defaults());
    let unnamed = defaults
        .iter()
        .filter(|leaf| !named.iter().any(|name| name == *leaf || leaf.starts_with(&format!("{name}."))));
    assert_eq!(unnamed.collect::<Vec<_>>(), Vec::<&String>::new());
    let unused = named
        .iter()
        .filter(|name| !defaults.iter().any(|leaf| leaf == *name || leaf.starts_with(&format!("{name}."))));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The paths of what the schema lets users set. Where it names what is there, it is strict; elsewhere it only refuses a few.
fn properties(schema: &Value) -> BTreeSet<String> {
    let named = schema["properties"].as_object().into_iter().flatten();
    let mut named = named.filter(|(_, value)| **value != json!(false)).peekable();
    if named.peek().is_none() {
        return BTreeSet::from([String::new()]);
    }
    assert_eq!(schema["additionalProperties"], false, "{schema}");
    named
        .flat_map(|(key, value)| properties(value).into_iter().map(move |path| format!(".{key}{path}")))
        .collect()
}
