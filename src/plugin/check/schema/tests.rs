use rstest::rstest;
use serde_json::json;

use super::*;

fn spec(additions: &Value) -> Value {
    let mut spec = json!({ "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } });
    for (name, value) in additions.as_object().unwrap() {
        match (spec.get_mut(name).and_then(Value::as_object_mut), value.as_object()) {
            (Some(known), Some(more)) => known.extend(more.clone()),
            _ => spec[name] = value.clone(),
        }
    }
    spec
}

/// The rules of the schema are all judged: one that is new there is missed here.
#[test]
fn every_rule_is_known() {
    fn look(schema: &Value, seen: &mut usize) {
        for (name, value) in schema.as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                // A rule says in words what is wrong; a pattern does not.
                ("pattern", Value::String(pattern)) => panic!("write a rule with a message for {pattern}"),
                ("rule", Value::String(rule)) => {
                    assert!(rules::rule(rule).is_some(), "{rule}");
                    *seen += 1;
                }
                (_, Value::Array(items)) => items.iter().for_each(|item| look(item, seen)),
                (_, value) => look(value, seen),
            }
        }
    }
    for (definition, rules) in [(api::crd(), 11), (api::tenant_crd(), 5)] {
        let definition = serde_json::to_value(definition).unwrap();
        let mut seen = 0;
        look(definition.pointer(SPEC).unwrap(), &mut seen);
        assert_eq!(seen, rules);
    }
}

#[rstest]
#[case::upper_case(json!({ "secretRef": { "name": "A_b" } }), "spec.secretRef.name \"A_b\" cannot be the name of a Secret")]
#[case::path(json!({ "aiCoreSecretRef": { "name": "../x" } }), "spec.aiCoreSecretRef.name \"../x\" cannot be the name of a Secret")]
#[case::no_name(json!({ "secretRef": { "name": "" } }), "spec.secretRef.name is empty; write a value")]
#[case::key(json!({ "aiCoreSecretRef": { "key": "a b" } }), "spec.aiCoreSecretRef.key \"a b\" cannot be a key of a Secret")]
#[case::no_server(
    json!({ "secretRef": { "usernameKey": "u" } }),
    "spec.secretRef.usernameKey counts only together with spec.secretRef.server"
)]
#[case::neither(
    json!({ "secretRef": { "usernameKey": "u", "passwordKey": "p" } }),
    "spec.secretRef.usernameKey and spec.secretRef.passwordKey count only together with"
)]
#[case::no_key(json!({ "aiCoreSecretRef": null }), "spec: set exactly one of aiCoreSecretRef")]
#[case::two_keys(json!({ "tenantRef": { "name": "shared" } }), "spec: set exactly one of aiCoreSecretRef")]
#[case::tenant(
    json!({ "aiCoreSecretRef": null, "tenantRef": { "name": "a/b" } }),
    "spec.tenantRef.name \"a/b\" cannot be the name of an AICoreTenant"
)]
#[case::empty_server(json!({ "secretRef": { "server": "" } }), "spec.secretRef.server is empty")]
#[case::no_registry(json!({ "registries": [] }), "spec.registries is an empty list; name at least one")]
#[case::twice(json!({ "registries": ["a", "b", "a"] }), "spec.registries has \"a\" more than once")]
#[case::empty_registry(json!({ "registries": ["a", ""] }), "spec.registries[1] is empty")]
#[case::long_registry(json!({ "registries": ["ü".repeat(256)] }), "spec.registries[0] has 256 characters, and may have 255")]
#[case::short_remote_name(json!({ "remoteName": "x" }), "spec.remoteName has 1 characters, and must have at least 2")]
#[case::remote_name(json!({ "remoteName": "a/b" }), "AI Core does not accept the name \"a/b\"")]
#[case::interval(json!({ "resyncInterval": "soon" }), "spec.resyncInterval \"soon\" is not a duration")]
#[case::short_interval(json!({ "resyncInterval": "9s" }), "spec.resyncInterval \"9s\" is below 10s; write 0s")]
fn what_breaks_a_rule_is_said_once(#[case] additions: Value, #[case] sentence: &str) {
    let verdict = judge(&spec(&additions));
    assert_eq!(verdict.misfits, [""; 0]);
    let sentences: Vec<String> = verdict.faults.into_iter().map(|fault| fault.sentence).collect();
    let [one] = &sentences[..] else { panic!("{sentences:?}") };
    assert!(one.starts_with(sentence), "{one}");
}

#[rstest]
#[case::optional_text(json!({ "secretRef": { "server": "" } }), "spec.secretRef.server is empty; write a value, or leave the field out")]
#[case::required_text(json!({ "secretRef": { "name": "" } }), "spec.secretRef.name is empty; write a value")]
#[case::in_a_list(json!({ "registries": ["a", ""] }), "spec.registries[1] is empty; write a value")]
#[case::optional_list(json!({ "registries": [] }), "spec.registries is an empty list; name at least one, or leave the field out")]
fn only_what_is_optional_is_to_be_left_out(#[case] additions: Value, #[case] sentence: &str) {
    let faults = judge(&spec(&additions)).faults;
    assert_eq!(faults.iter().map(|fault| &*fault.sentence).collect::<Vec<_>>(), [sentence]);
}

#[test]
fn a_required_list_is_not_to_be_left_out() {
    let spec = json!({ "secretRef": { "namespace": "platform", "name": "key" }, "allowedNamespaces": [] });
    let faults = judge_tenant(&spec).faults;
    let said: Vec<&str> = faults.iter().map(|fault| &*fault.sentence).collect();
    assert_eq!(said, ["spec.allowedNamespaces is an empty list; name at least one"]);
}

#[rstest]
#[case(json!({}))]
#[case(json!({ "registries": ["ü".repeat(255)], "resyncInterval": "0s", "remoteName": null }))]
#[case(json!({ "secretRef": { "server": "ghcr.io", "usernameKey": "a.b_c-D" } }))]
#[case(json!({ "aiCoreSecretRef": null, "tenantRef": { "name": "shared" } }))]
fn what_keeps_the_rules_has_no_faults(#[case] additions: Value) {
    let verdict = judge(&spec(&additions));
    assert!(verdict.misfits.is_empty() && verdict.faults.is_empty());
}

#[test]
fn sentences_are_bounded() {
    let many: Vec<String> = (0..64).map(|_| String::new()).collect();
    assert_eq!(judge(&spec(&json!({ "registries": many }))).faults.len(), MAX_SENTENCES);
}

/// As the API server judges them: see `tenants::admission`.
#[rstest]
#[case::names_and_patterns(json!({ "allowedNamespaces": ["team-a", "team-*", "*"] }), None)]
#[case::remote_names(json!({ "remoteNames": ["{namespace}.*", "shared", "a_b-*", "{namespace}{namespace}"] }), None)]
#[case::nobody(json!({ "allowedNamespaces": [] }), Some("spec.allowedNamespaces is an empty list"))]
#[case::upper_case(json!({ "allowedNamespaces": ["team", "Team"] }), Some("spec.allowedNamespaces has \"Team\", which no namespace is"))]
#[case::twice(json!({ "allowedNamespaces": ["a", "a"] }), Some("spec.allowedNamespaces has \"a\" more than once"))]
#[case::too_many(json!({ "allowedNamespaces": vec!["a"; 257] }), Some("has 257 items, and may have 256"))]
#[case::empty_pattern(json!({ "allowedNamespaces": [""] }), Some("spec.allowedNamespaces[0] is empty"))]
#[case::another_placeholder(json!({ "remoteNames": ["{name}"] }), Some("{namespace} for the namespace"))]
#[case::no_names(json!({ "remoteNames": [] }), Some("spec.remoteNames is an empty list"))]
#[case::a_path_as_namespace(json!({ "secretRef": { "namespace": "a/b", "name": "key" } }), Some("cannot be the name of a namespace"))]
#[case::a_path_as_secret(json!({ "secretRef": { "namespace": "a", "name": "../b" } }), Some("cannot be the name of a Secret"))]
fn tenants_are_judged_too(#[case] additions: Value, #[case] expected: Option<&str>) {
    let mut spec =
        json!({ "secretRef": { "namespace": "platform", "name": "key" }, "allowedNamespaces": ["team"] });
    spec.as_object_mut().unwrap().extend(additions.as_object().unwrap().clone());
    let Verdict { misfits, faults } = judge_tenant(&spec);
    assert_eq!(misfits, Vec::<String>::new());
    let said: Vec<&str> = faults.iter().map(|fault| &*fault.sentence).collect();
    match expected {
        Some(part) => assert!(said.iter().any(|sentence| sentence.contains(part)), "{said:?}"),
        None => assert_eq!(said, Vec::<&str>::new()),
    }
}
