//! Documents and examples, held against the code and the API server.

use std::{collections::BTreeSet, path::Path};

use aicore_registry_operator::domain::decide::reason::Reason;
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::Value;

use crate::cluster::cluster;

/// Kinds that the API server of the tests has; others belong to External Secrets, Crossplane and the SAP BTP service operator.
const KNOWN: [&str; 4] = ["Secret", "Namespace", "AICoreRegistrySecret", "AICoreTenant"];
/// Those that belong to no namespace.
const OF_THE_CLUSTER: [&str; 2] = ["Namespace", "AICoreTenant"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn troubleshooting_has_a_section_for_each_reason_and_no_other() {
    let text = std::fs::read_to_string(repository().join("docs/troubleshooting.md")).unwrap();
    // Headings of several words are about symptoms that no reason names.
    let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
    let documented: BTreeSet<&str> = headings.filter(|heading| !heading.contains(' ')).collect();
    let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(documented, reasons);
}

#[tokio::test]
async fn every_example_is_accepted_by_the_api_server() {
    let cluster = cluster().await;
    let client = cluster.client().await.unwrap();
    let namespace = cluster.namespace("examples").await.unwrap();
    let mut files: Vec<_> = std::fs::read_dir(repository().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut resources = 0;
        for document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            resources += usize::from(document["kind"] == "AICoreRegistrySecret");
            dry_run(&client, &namespace, document)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        assert!(resources > 0, "{} shows no resource", file.display());
    }
}

#[tokio::test]
async fn the_manifest_of_the_readme_is_accepted_by_the_api_server() {
    let cluster = cluster().await;
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let manifest = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let document: Value = serde_saphyr::from_str(manifest).unwrap();
    dry_run(&cluster.client().await.unwrap(), "default", document).await.unwrap();
}

/// Applies a manifest without keeping it, with unknown fields refused.
pub(crate) async fn dry_run(client: &Client, namespace: &str, mut document: Value) -> kube::Result<()> {
    let kind = document["kind"].as_str().unwrap().to_owned();
    if !KNOWN.contains(&kind.as_str()) {
        return Ok(());
    }
    let (group, version) = match document["apiVersion"].as_str().unwrap().split_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), document["apiVersion"].as_str().unwrap().to_owned()),
    };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(&group, &version, &kind));
    document["metadata"]["namespace"] = namespace.into();
    let name = document["metadata"]["name"].as_str().unwrap().to_owned();
    let of_the_cluster = OF_THE_CLUSTER.contains(&kind.as_str());
    let api: Api<DynamicObject> = if of_the_cluster {
        document["metadata"].as_object_mut().unwrap().remove("namespace");
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    };
    let params = PatchParams {
        field_validation: Some(kube::api::ValidationDirective::Strict),
        ..PatchParams::apply("test").force().dry_run()
    };
    api.patch(&name, &params, &Patch::Apply(document)).await.map(drop)
}
