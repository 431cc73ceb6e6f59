//! The pages have the form that the dashboard reads.

use serde_json::Value;

use super::pages;

fn schema() -> Value {
    serde_saphyr::from_str(include_str!("busola.yaml")).unwrap()
}

#[test]
fn each_page_has_the_form_that_the_dashboard_reads() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for page in pages() {
        let errors: Vec<String> = validator
            .iter_errors(&page.sections)
            .map(|error| format!("{} {}: {error}", page.name, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

/// The dashboard reads the two newest versions of the form.
#[test]
fn the_labels_make_a_config_map_a_page() {
    for page in pages() {
        let labels = &page.config_map["metadata"]["labels"];
        assert_eq!(labels["busola.io/extension"], "resource", "{}", page.name);
        assert_eq!(labels["busola.io/extension-version"], "0.5", "{}", page.name);
    }
}

#[test]
fn each_page_is_of_the_kind_that_the_cluster_has() {
    for page in pages() {
        let (general, spec) = (&page.sections["general"], &page.crd.spec);
        let resource = &general["resource"];
        assert_eq!(resource["kind"], spec.names.kind.as_str());
        assert_eq!(resource["group"], spec.group.as_str());
        assert_eq!(resource["version"], spec.versions[0].name.as_str());
        assert_eq!(
            general["urlPath"],
            spec.names.plural.as_str(),
            "the dashboard makes the URL of requests from it"
        );
        let scope = if spec.scope == "Namespaced" { "namespace" } else { "cluster" };
        assert_eq!(general["scope"], scope);
    }
}

#[test]
fn what_the_dashboard_does_not_know_is_refused() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let [mut page, _] = pages();
    assert!(validator.is_valid(&page.sections));
    for (place, wrong) in [
        ("/list/0/widget", "Bagde"),
        ("/details/body/0/severity", "fatal"),
        ("/form/0/widget", "Dropdown"),
        ("/general/scope", "namespaced"),
    ] {
        let value = page.sections.pointer_mut(place).unwrap();
        let right = std::mem::replace(value, wrong.into());
        assert!(!validator.is_valid(&page.sections), "{place}: {wrong}");
        *page.sections.pointer_mut(place).unwrap() = right;
    }
    page.sections["list"][1].as_object_mut().unwrap().remove("widget");
    assert!(!validator.is_valid(&page.sections));
}
