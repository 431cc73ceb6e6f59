//! Which fields of a spec have a value of another kind than the schema of the resource definition says. Values are not shown.

use serde_json::{Map, Value};

use crate::{api, domain::tools::invalid::quoted_list};

/// Most sentences; one that names the place is of more use than hundreds.
const MAX_MISFITS: usize = 10;

/// A phrase for each misfit.
pub(super) fn misfits(spec: &Value) -> Vec<String> {
    let definition = serde_json::to_value(api::crd()).unwrap_or_default();
    let mut misfits = Vec::new();
    if spec.is_null() {
        misfits.push("spec is missing".to_owned());
    } else if let Some(schema) = definition.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec")
    {
        collect(schema, spec, "spec", &mut misfits);
    }
    misfits.truncate(MAX_MISFITS);
    misfits
}

fn collect(schema: &Value, value: &Value, path: &str, misfits: &mut Vec<String>) {
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    match (wanted, value) {
        ("object", Value::Object(given)) => members(schema, given, path, misfits),
        ("array", Value::Array(items)) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            for (index, item) in items.iter().enumerate() {
                collect(schema, item, &format!("{path}[{index}]"), misfits);
            }
        }
        ("string", Value::String(text)) => {
            let allowed: Option<Vec<&str>> = schema
                .get("enum")
                .and_then(Value::as_array)
                .map(|values| values.iter().filter_map(Value::as_str).collect());
            if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&&**text)) {
                misfits.push(format!("{path} must be {}", quoted_list(allowed).replace(" and ", " or ")));
            }
        }
        ("boolean", Value::Bool(_)) | ("integer" | "number", Value::Number(_)) | ("", _) => {}
        (wanted, value) => misfits.push(format!("{path} must be {}, and is {}", named(wanted), kind(value))),
    }
}

/// Of unknown members others speak; null counts as absent.
fn members(schema: &Value, given: &Map<String, Value>, path: &str, misfits: &mut Vec<String>) {
    let is_given = |name: &str| given.get(name).is_some_and(|value| !value.is_null());
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str).filter(|name| !is_given(name)) {
        misfits.push(format!("{path}.{name} is missing"));
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (name, schema) in properties.iter().filter(|(name, _)| is_given(name)) {
        if let Some(value) = given.get(name) {
            collect(schema, value, &format!("{path}.{name}"), misfits);
        }
    }
}

fn named(kind: &str) -> &str {
    match kind {
        "object" => "an object",
        "array" => "a list",
        "string" => "text",
        "boolean" => "true or false",
        _ => "a number",
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
