//! Every field that a page names exists in the schema of its kind, so that a rename breaks a test and not a page.

use std::collections::{BTreeMap, BTreeSet};

use aicore_registry_operator::api::condition::{EXPIRED, EXPIRING, READY, RECONCILING, STALLED};
use regex::Regex;
use serde_json::{Value, json};

use super::{Page, each_object, evaluate, pages};

/// Keys whose values are expressions, wherever they are in a page.
const EXPRESSIONS: [&str; 4] = ["source", "visibility", "filter", "description"];
const CONDITIONS: [&str; 5] = [READY, RECONCILING, STALLED, EXPIRING, EXPIRED];

/// All expressions over an object of the page's kind, with their places.
fn expressions(page: &Page) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for section in ["list", "details", "form", "dataSources"] {
        each_object(&page.sections[section], section, &mut |path, object| {
            for (key, value) in object {
                let of_a_rule = path.ends_with("/highlights") || path.ends_with("/resource");
                let is_filter_of_others =
                    path.starts_with("form") && key == "filter" || path.starts_with("dataSources");
                if let Some(text) = value.as_str()
                    && (EXPRESSIONS.contains(&key.as_str()) || of_a_rule && !path.starts_with("form"))
                    && !is_filter_of_others
                {
                    found.push((format!("{} {path}/{key}", page.name), text.to_owned()));
                }
            }
        });
    }
    found
}

/// The paths from the object's root that an expression names. What is in brackets is about the elements of what is before.
fn paths(expression: &str) -> BTreeSet<String> {
    let choice = Regex::new(r"\[(\w+)='(\w+)'\]").unwrap();
    let mut paths = BTreeSet::new();
    let path = Regex::new(r"\b(?:spec|status|metadata)(?:\.\w+)+").unwrap();
    for found in choice.captures_iter(expression) {
        let before = &expression[..found.get(0).unwrap().start()];
        let owner = path.find_iter(before).last().unwrap().as_str();
        paths.insert(format!("{owner}.{}", &found[1]));
    }
    let texts = Regex::new(r"'[^']*'").unwrap();
    let plain = texts.replace_all(&choice.replace_all(expression, ""), "''").into_owned();
    paths.extend(path.find_iter(&plain).map(|found| found.as_str().to_owned()));
    paths
}

/// The schema of what a path leads to. Elements of arrays are meant where an array is.
fn lookup<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(schema, |schema, name| {
        let schema = schema.get("items").unwrap_or(schema);
        schema["properties"].get(name)
    })
}

fn assert_known(page: &Page, place: &str, path: &str) {
    // Of the metadata the schema says nothing.
    let known =
        ["metadata.name", "metadata.namespace"].contains(&path) || lookup(&page.schema(), path).is_some();
    assert!(known, "{place} names {path}, which {} does not have", page.crd.spec.names.kind);
}

#[test]
fn each_field_that_an_expression_names_exists() {
    let mut named = 0;
    for page in pages() {
        for (place, expression) in expressions(&page) {
            let paths = paths(&expression);
            // A text in quotes and a call of a data source name no field.
            assert!(
                !paths.is_empty() || expression.starts_with('\'') || expression.ends_with("()"),
                "{place}: {expression} names no field"
            );
            for path in paths {
                assert_known(&page, &place, &path);
                named += 1;
            }
        }
    }
    assert!(named >= 80, "{named}");
}

#[test]
fn each_field_of_a_form_exists_and_each_field_of_the_spec_can_be_seen() {
    for page in pages() {
        let mut named = BTreeSet::new();
        for field in page.sections["form"].as_array().unwrap() {
            let path = field["path"].as_str().unwrap();
            assert_known(&page, "the form", path);
            named.insert(path.to_owned());
            for child in field["children"].as_array().into_iter().flatten() {
                match child["path"].as_str().unwrap() {
                    "[]" => assert!(lookup(&page.schema(), path).unwrap().get("items").is_some(), "{path}"),
                    child => assert_known(&page, "the form", &format!("{path}.{child}")),
                }
            }
        }
        for (_, expression) in expressions(&page) {
            named.extend(paths(&expression));
        }
        for field in lookup(&page.schema(), "spec").unwrap()["properties"].as_object().unwrap().keys() {
            let path = format!("spec.{field}");
            let shown = named.iter().any(|name| *name == path || name.starts_with(&format!("{path}.")));
            assert!(shown, "{} shows nothing of {path}", page.name);
        }
    }
}

#[test]
fn each_condition_that_a_page_names_is_one_that_the_operator_writes() {
    let chosen = Regex::new(r"conditions\[type='(\w+)'\]").unwrap();
    for page in pages() {
        for (place, expression) in expressions(&page) {
            for found in chosen.captures_iter(&expression) {
                assert!(CONDITIONS.contains(&&found[1]), "{place}: {expression}");
            }
        }
        each_object(&page.sections["details"]["status"], "status", &mut |path, object| {
            if let Some(kind) = object.get("type") {
                assert!(CONDITIONS.contains(&kind.as_str().unwrap()), "{path}: {kind}");
            }
        });
    }
}

/// The filter of a form, and that of a data source, look at other objects: here at a Secret, and at those that use a tenant.
#[tokio::test]
async fn the_filters_choose_what_they_are_for() {
    let [secrets, tenants] = pages();
    let filter = secrets.sections["form"][0]["filter"].as_str().unwrap().to_owned();
    for (type_, chosen) in [
        ("kubernetes.io/dockerconfigjson", true),
        ("kubernetes.io/basic-auth", true),
        ("Opaque", true),
        ("kubernetes.io/tls", false),
        ("helm.sh/release.v1", false),
    ] {
        let found = evaluate(vec![filter.clone()], &json!({ "type": type_ }), BTreeMap::new()).await;
        assert_eq!(found, [json!(chosen)], "{type_}");
    }
    let filter = tenants.sections["dataSources"]["users"]["filter"].as_str().unwrap();
    let user = paths(filter);
    assert_eq!(user, BTreeSet::from(["metadata.name".to_owned(), "spec.tenantRef.name".to_owned()]));
    assert_known(&secrets, "the data source", "spec.tenantRef.name");
}

/// An object that has every field.
pub(super) fn full(page: &Page) -> Value {
    let mut object = filled(&page.schema());
    object["kind"] = page.crd.spec.names.kind.as_str().into();
    object["metadata"] = json!({ "name": "a", "namespace": "ml" });
    let conditions = CONDITIONS.map(|kind| {
        json!({ "type": kind, "status": "True", "reason": "Reason", "message": format!("message of {kind}") })
    });
    object["status"]["conditions"] = json!(conditions);
    object
}

fn filled(schema: &Value) -> Value {
    if let Some(choice) = schema["enum"].get(0) {
        return choice.clone();
    }
    match schema["type"].as_str().unwrap() {
        "object" => {
            let properties = schema["properties"].as_object().unwrap();
            properties.iter().map(|(name, schema)| (name.clone(), filled(schema))).collect()
        }
        "array" => json!([filled(&schema["items"])]),
        "integer" => json!(1),
        "boolean" => json!(true),
        "string" if schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
        "string" => json!("text"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_expression_has_a_value_over_an_object_that_has_every_field() {
    for page in pages() {
        let object = full(&page);
        let sources = BTreeMap::from([("users".to_owned(), json!([object]))]);
        let (places, texts): (Vec<_>, Vec<_>) = expressions(&page).into_iter().unzip();
        for (place, value) in places.iter().zip(evaluate(texts, &object, sources).await) {
            assert!(!value.is_null(), "{place}");
        }
    }
}

#[test]
fn paths_are_found() {
    let found = paths("$exists(spec.a) ? status.b[type='Ready'].c & 'status.no' : $root.metadata.name");
    let expected = ["metadata.name", "spec.a", "status.b.c", "status.b.type"];
    assert_eq!(found, expected.map(String::from).into());
}
