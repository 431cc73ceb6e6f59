//! Judges a spec by the schema of the resource definition, as the API server does.

use std::{collections::HashSet, fmt::Display};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value};

use super::rules;
use crate::{
    api,
    domain::tools::invalid::{Quoted, quoted_list},
};

/// Most sentences of each kind; one that names the place is of more use than hundreds.
const MAX_SENTENCES: usize = 10;

/// What the schema has against a spec.
#[derive(Default)]
pub(super) struct Verdict {
    /// Fields whose value is of another kind than the schema says: a phrase for each, which does not show the value.
    pub(super) misfits: Vec<String>,
    /// Values of the right kind that break a rule.
    pub(super) faults: Vec<Fault>,
}

/// A value that breaks a rule.
pub(super) struct Fault {
    /// Its field, as `spec.secretRef.name`.
    pub(super) field: String,
    pub(super) sentence: String,
}

/// Of an AICoreRegistrySecret.
pub(super) fn judge(spec: &Value) -> Verdict {
    judge_by(&api::crd(), spec)
}

/// Of an AICoreTenant.
pub(super) fn judge_tenant(spec: &Value) -> Verdict {
    judge_by(&api::tenant_crd(), spec)
}

fn judge_by(definition: &CustomResourceDefinition, spec: &Value) -> Verdict {
    let definition = serde_json::to_value(definition).unwrap_or_default();
    let mut verdict = Verdict::default();
    if spec.is_null() {
        verdict.misfits.push("spec is missing".to_owned());
    } else if let Some(schema) = definition.pointer(SPEC) {
        verdict.collect(schema, spec, "spec", Presence::Required);
    }
    verdict.misfits.truncate(MAX_SENTENCES);
    verdict.faults.truncate(MAX_SENTENCES);
    verdict
}

/// Where the definition has the schema of the spec.
const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";

/// Whether a value may be left out.
#[derive(Clone, Copy)]
enum Presence {
    Required,
    Optional,
}

impl Presence {
    /// What else can be done about an empty value than to fill it.
    fn way_out(self) -> &'static str {
        match self {
            Self::Required => "",
            Self::Optional => ", or leave the field out",
        }
    }
}

impl Verdict {
    fn collect(&mut self, schema: &Value, value: &Value, path: &str, presence: Presence) {
        let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match (wanted, value) {
            ("object", Value::Object(given)) => self.members(schema, given, path),
            ("array", Value::Array(items)) => self.items(schema, items, path, presence),
            ("string", Value::String(text)) => self.text(schema, text, path, presence),
            ("boolean", Value::Bool(_)) | ("integer" | "number", Value::Number(_)) | ("", _) => {}
            (wanted, value) => {
                self.misfits.push(format!("{path} must be {}, and is {}", named(wanted), kind(value)));
            }
        }
        // One sentence about a value is enough: the first that finds something.
        if self.faults.iter().any(|fault| fault.field == path) {
            return;
        }
        let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
        let mut rules =
            rules.filter_map(|rule| rule.get("rule").and_then(Value::as_str)).filter_map(rules::rule);
        if let Some(sentence) = rules.find_map(|judge| judge(path, value)) {
            self.fault(path, sentence);
        }
    }

    fn fault(&mut self, field: &str, sentence: impl Display) {
        self.faults.push(Fault { field: field.to_owned(), sentence: sentence.to_string() });
    }

    fn text(&mut self, schema: &Value, text: &str, path: &str, presence: Presence) {
        let allowed: Option<Vec<&str>> = schema
            .get("enum")
            .and_then(Value::as_array)
            .map(|values| values.iter().filter_map(Value::as_str).collect());
        if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&text)) {
            self.misfits.push(format!("{path} must be {}", quoted_list(allowed).replace(" and ", " or ")));
        }
        let length = text.chars().count();
        if let Some(most) = bound(schema, "maxLength").filter(|most| length > *most) {
            self.fault(path, format_args!("{path} has {length} characters, and may have {most}"));
        } else if length == 0 && bound(schema, "minLength").is_some_and(|least| least > 0) {
            self.fault(path, format_args!("{path} is empty; write a value{}", presence.way_out()));
        } else if let Some(least) = bound(schema, "minLength").filter(|least| length < *least) {
            self.fault(path, format_args!("{path} has {length} characters, and must have at least {least}"));
        }
    }

    fn items(&mut self, schema: &Value, items: &[Value], path: &str, presence: Presence) {
        let length = items.len();
        if let Some(most) = bound(schema, "maxItems").filter(|most| length > *most) {
            self.fault(path, format_args!("{path} has {length} items, and may have {most}"));
        } else if bound(schema, "minItems").is_some_and(|least| length < least) {
            self.fault(
                path,
                format_args!("{path} is an empty list; name at least one{}", presence.way_out()),
            );
        }
        if schema.get("x-kubernetes-list-type").and_then(Value::as_str) == Some("set") {
            let mut seen = HashSet::new();
            if let Some(twice) = items.iter().filter_map(Value::as_str).find(|item| !seen.insert(*item)) {
                self.fault(path, format_args!("{path} has {} more than once; name it once", Quoted(twice)));
            }
        }
        let schema = schema.get("items").unwrap_or(&Value::Null);
        for (index, item) in items.iter().enumerate() {
            self.collect(schema, item, &format!("{path}[{index}]"), Presence::Required);
        }
    }

    /// Of unknown members others speak; null counts as absent.
    fn members(&mut self, schema: &Value, given: &Map<String, Value>, path: &str) {
        let is_given = |name: &str| given.get(name).is_some_and(|value| !value.is_null());
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        for name in required.iter().filter(|name| !is_given(name)) {
            self.misfits.push(format!("{path}.{name} is missing"));
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (name, schema) in properties.iter().filter(|(name, _)| is_given(name)) {
            if let Some(value) = given.get(name) {
                let presence =
                    if required.contains(&name.as_str()) { Presence::Required } else { Presence::Optional };
                self.collect(schema, value, &format!("{path}.{name}"), presence);
            }
        }
    }
}

fn bound(schema: &Value, name: &str) -> Option<usize> {
    usize::try_from(schema.get(name)?.as_u64()?).ok()
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

#[cfg(test)]
mod tests;
