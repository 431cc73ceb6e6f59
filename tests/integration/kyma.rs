//! What `deploy/kyma` has for Kyma: pages of its dashboard, a module of its catalogue, values for its mesh, network and telemetry.

mod fields;
mod form;
mod module;
mod shows;

use std::collections::BTreeMap;

use aicore_registry_operator::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use testbed::tools::ask;

use crate::chart::objects;

/// A file of the folder, as text.
fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kyma").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A page of the dashboard, and the kind that it shows.
struct Page {
    name: &'static str,
    config_map: Value,
    /// Its sections, such as `list` and `details`.
    sections: Value,
    crd: CustomResourceDefinition,
}

impl Page {
    fn read(name: &'static str, crd: CustomResourceDefinition) -> Self {
        let [config_map] = objects(&file(&format!("pages/{name}.yaml"))).try_into().unwrap();
        let sections = config_map["data"].as_object().unwrap().iter().map(|(section, text)| {
            let content: Value = serde_saphyr::from_str(text.as_str().unwrap()).unwrap();
            (section.clone(), content)
        });
        Self { name, sections: Value::Object(sections.collect()), config_map, crd }
    }

    /// The schema of the kind's objects.
    fn schema(&self) -> Value {
        let version = &self.crd.spec.versions[0];
        json!(version.schema.as_ref().unwrap().open_api_v3_schema)
    }
}

fn pages() -> [Page; 2] {
    [Page::read("aicoreregistrysecret", api::crd()), Page::read("aicoretenant", api::tenant_crd())]
}

/// Calls `visit` with each object in the value, and the path to it.
fn each_object<'a>(
    value: &'a Value,
    path: &str,
    visit: &mut impl FnMut(&str, &'a serde_json::Map<String, Value>),
) {
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                each_object(item, &format!("{path}/{number}"), visit);
            }
        }
        Value::Object(object) => {
            visit(path, object);
            for (name, item) in object {
                each_object(item, &format!("{path}/{name}"), visit);
            }
        }
        _ => {}
    }
}

/// The values of expressions over an object, as the dashboard evaluates them; what `sources` names are data sources.
async fn evaluate(expressions: Vec<String>, object: &Value, sources: BTreeMap<String, Value>) -> Vec<Value> {
    let questions: Vec<Value> = expressions
        .iter()
        .map(|expression| {
            json!({ "expression": expression, "scope": object, "sources": sources,
                    "variables": { "root": object, "item": object } })
        })
        .collect();
    let answers =
        tokio::task::spawn_blocking(move || ask("jsonata", &json!(questions))).await.unwrap().unwrap();
    let answers = answers.as_array().unwrap().iter().zip(expressions);
    answers
        .map(|(answer, expression)| {
            assert!(answer.get("error").is_none(), "{expression}: {answer}");
            answer["value"].clone()
        })
        .collect()
}
