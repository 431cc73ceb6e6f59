//! What the chart tells Artifact Hub, held against what it installs.

use aicore_registry_operator::api;
use serde_json::Value;

use super::chart;
use crate::{cluster::cluster, documents::dry_run};

/// An annotation of the chart, which is YAML in a text.
fn annotation(name: &str) -> Value {
    let file: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(chart().join("Chart.yaml")).unwrap()).unwrap();
    let text = file["annotations"][format!("artifacthub.io/{name}")].as_str().unwrap().to_owned();
    serde_saphyr::from_str(&text).unwrap()
}

#[test]
fn the_image_is_that_of_the_values_at_this_version() {
    let values: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(chart().join("values.yaml")).unwrap()).unwrap();
    let repository = values["image"]["repository"].as_str().unwrap();
    let image = format!("{repository}:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(annotation("images")[0]["image"], image.as_str());
}

#[test]
fn each_kind_is_named_and_no_other() {
    let crd = api::crd();
    let named = annotation("crds");
    let named: Vec<_> = named.as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(named, [crd.metadata.name.as_deref().unwrap()]);
    let kind = &annotation("crds")[0];
    assert_eq!((kind["kind"].as_str(), kind["version"].as_str()), (Some(api::KIND), Some(api::VERSION)));
}

#[tokio::test]
async fn the_examples_are_accepted_by_the_api_server() {
    let client = cluster().await.client().await.unwrap();
    let examples = annotation("crdsExamples");
    assert!(!examples.as_array().unwrap().is_empty());
    for example in examples.as_array().unwrap() {
        assert_eq!(example["kind"], api::KIND);
        dry_run(&client, "default", example.clone()).await.unwrap();
    }
}

#[test]
fn links_and_changes_have_what_artifact_hub_asks_for() {
    const KINDS: [&str; 6] = ["added", "changed", "deprecated", "removed", "fixed", "security"];
    for link in annotation("links").as_array().unwrap() {
        assert!(link["name"].is_string() && link["url"].as_str().unwrap().starts_with("https://"), "{link}");
    }
    for change in annotation("changes").as_array().unwrap() {
        assert!(
            KINDS.contains(&change["kind"].as_str().unwrap()) && change["description"].is_string(),
            "{change}"
        );
    }
}
