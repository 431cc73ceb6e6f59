//! What Flux makes of the states of a resource, by Flux' own code, and the manifests for it.

use std::{collections::BTreeMap, path::Path};

use aicore_registry_operator::api::{KIND, TENANT_KIND};
use serde_json::{Value, json};
use testbed::tools::ask;

use crate::{cluster::cluster, documents::dry_run, recorded::objects_of};

fn manifests(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/flux").join(file);
    serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn one_of<'a>(manifests: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found =
        manifests.iter().find(|manifest| manifest["kind"] == kind && manifest["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// What `wait: true` and `healthChecks` see of each object, and what they see with the `healthCheckExprs` of the example.
async fn judged(kind: &str, objects: &BTreeMap<String, Value>) -> BTreeMap<String, (String, String)> {
    let manifests = manifests("registry-secrets.yaml");
    let kustomization = one_of(&manifests, "Kustomization", "registry-secrets");
    let all = kustomization["spec"]["healthCheckExprs"].as_array().unwrap();
    let expressions = all.iter().find(|expressions| expressions["kind"] == kind).unwrap();
    assert_eq!(expressions["apiVersion"], "aicore-registry.dev/v1alpha1");
    let input = json!({ "objects": objects.values().collect::<Vec<_>>(), "expressions": expressions });
    let answer = tokio::task::spawn_blocking(move || ask("kstatus", &input)).await.unwrap().unwrap();
    let text = |seen: &Value, what| seen[what].as_str().unwrap().to_owned();
    let answers = answer.as_array().unwrap().iter();
    let seen = answers.map(|seen| (text(seen, "kstatus"), text(seen, "expressions")));
    objects.keys().cloned().zip(seen).collect()
}

async fn assert_judged(kind: &str, expected: &[(&str, (&str, &str))]) {
    let found = judged(kind, &objects_of(kind)).await;
    let found: Vec<(&str, (&str, &str))> = found
        .iter()
        .map(|(state, (kstatus, by_expressions))| (&**state, (&**kstatus, &**by_expressions)))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn kstatus_and_the_expressions_of_the_example_understand_each_state() {
    assert_judged(
        KIND,
        &[
            ("created", ("InProgress", "InProgress")),
            ("deleting", ("Terminating", "Current")),
            ("expired", ("Current", "Current")),
            ("healthy", ("Current", "Current")),
            ("outdated", ("InProgress", "InProgress")),
            ("resync-refused", ("Failed", "Current")),
            ("resync-retrying", ("InProgress", "Current")),
            ("retrying", ("InProgress", "InProgress")),
            ("stalled", ("Failed", "Failed")),
            ("suspended", ("Current", "Current")),
            ("suspended-at-first", ("InProgress", "Current")),
            ("waiting", ("InProgress", "InProgress")),
        ],
    )
    .await;
}

#[tokio::test]
async fn they_understand_each_state_of_a_tenant() {
    assert_judged(
        TENANT_KIND,
        &[
            ("created", ("InProgress", "InProgress")),
            ("deleting", ("Terminating", "Current")),
            ("healthy", ("Current", "Current")),
            ("invalid", ("Failed", "Failed")),
            ("outage", ("InProgress", "Current")),
            ("outdated", ("InProgress", "InProgress")),
            ("refused", ("Failed", "Failed")),
            ("retrying", ("InProgress", "InProgress")),
            ("waiting", ("InProgress", "InProgress")),
        ],
    )
    .await;
}

/// Whatever is said of lives, each state is what it would be without it.
#[tokio::test]
async fn the_end_of_a_credential_changes_no_state() {
    for kind in [KIND, TENANT_KIND] {
        let objects = objects_of(kind);
        let before = judged(kind, &objects).await;
        for type_ in ["CredentialExpiring", "CredentialExpired"] {
            let mut ending = objects.clone();
            for object in ending.values_mut() {
                let condition =
                    json!({ "type": type_, "status": "True", "reason": "ServiceKey", "message": "it ends" });
                if let Some(conditions) = object["status"]["conditions"].as_array_mut() {
                    conditions.retain(|condition| condition["type"] != type_);
                    conditions.push(condition);
                }
            }
            assert_eq!(judged(kind, &ending).await, before, "{type_}");
        }
    }
}

/// The API servers of the tests do not have Flux' kinds, so their manifests are held against what the examples are to show.
#[test]
fn the_manifests_fit_together() {
    let operator = manifests("operator.yaml");
    let source = one_of(&operator, "OCIRepository", "aicore-registry-operator");
    assert_eq!(source["apiVersion"], "source.toolkit.fluxcd.io/v1");
    assert!(source["spec"]["url"].as_str().unwrap().starts_with("oci://"));
    assert_eq!(source["spec"]["layerSelector"]["operation"], "copy");
    let release = one_of(&operator, "HelmRelease", "aicore-registry-operator");
    assert_eq!(release["apiVersion"], "helm.toolkit.fluxcd.io/v2");
    assert_eq!(release["spec"]["chartRef"]["kind"], source["kind"]);
    assert_eq!(release["spec"]["chartRef"]["name"], source["metadata"]["name"]);
    assert_eq!(release["metadata"]["namespace"], source["metadata"]["namespace"]);

    let secrets = manifests("registry-secrets.yaml");
    let installed = one_of(&secrets, "Kustomization", "aicore-registry-operator");
    let check = &installed["spec"]["healthChecks"][0];
    assert_eq!(check["kind"], "HelmRelease");
    assert_eq!(check["name"], release["metadata"]["name"]);
    assert_eq!(check["namespace"], release["metadata"]["namespace"]);
    let kustomization = one_of(&secrets, "Kustomization", "registry-secrets");
    assert_eq!(kustomization["spec"]["wait"], true);
    assert_eq!(kustomization["spec"]["dependsOn"][0]["name"], installed["metadata"]["name"]);
    assert_eq!(kustomization["spec"]["decryption"]["provider"], "sops");
}

#[tokio::test]
async fn the_secrets_of_the_sops_example_are_those_that_its_resource_names() {
    let all = manifests("sops/secrets.yaml");
    let client = cluster().await.client().await.unwrap();
    for manifest in &all {
        dry_run(&client, "default", manifest.clone()).await.unwrap();
    }
    let resource = one_of(&all, "AICoreRegistrySecret", "ghcr-pull");
    for (reference, type_) in [("secretRef", "kubernetes.io/dockerconfigjson"), ("aiCoreSecretRef", "Opaque")]
    {
        let name = resource["spec"][reference]["name"].as_str().unwrap();
        let secret = one_of(&all, "Secret", name);
        assert_eq!(secret["type"], type_);
        assert_eq!(secret["metadata"]["namespace"], resource["metadata"]["namespace"]);
    }
    // What SOPS encrypts, by the rule that lies beside it: all values of Secrets and nothing else.
    let rules = &manifests("sops/.sops.yaml")[0]["creation_rules"];
    assert_eq!(rules[0]["encrypted_regex"], "^(data|stringData)$");
}
