use rstest::rstest;
use serde_json::json;

use super::*;
use crate::domain::secret_data::tests::secret;

/// A service key for these tests is whatever has an `id`.
fn has_id(object: &Object) -> bool {
    object.has("id")
}

/// The `id` that is found, and the key it is found under.
fn found(data: &[(&'static str, &str)], key: Option<&str>) -> (String, Option<String>) {
    let form =
        locate(&secret("s", None, data.iter().copied()), key, has_id).map_err(|invalid| invalid.to_string());
    let form = form.unwrap_or_else(|message| panic!("{message}"));
    let id = form.fields.get("id").ok().flatten().and_then(Json::text).unwrap_or("none").to_owned();
    (id, form.key)
}

fn refused(data: &[(&'static str, &str)], key: Option<&str>) -> String {
    match locate(&secret("s", None, data.iter().copied()), key, has_id) {
        Ok(form) => panic!("found under {:?}", form.key),
        Err(invalid) => invalid.to_string(),
    }
}

const METADATA: &str = r#"{"credentialProperties":[{"name":"no","format":"text"},{"name":"box","container":true,"format":"json"}]}"#;

#[rstest]
#[case::explicit_key(&[("clientid", "x"), ("id", "flat"), ("credentials", r#"{"id":"1"}"#), ("other", r#"{"id":"2"}"#)], Some("other"), "2", Some("other"))]
#[case::container(&[(".metadata", METADATA), ("box", r#"{"id":"1"}"#), ("clientid", "x"), ("no", r#"{"id":"2"}"#)], None, "1", Some("box"))]
#[case::flat(&[("clientid", "x"), ("id", "flat"), ("credentials", r#"{"id":"1"}"#)], None, "flat", None)]
#[case::well_known_before_other_flat_names(&[("id", "flat"), ("credentials", r#"{"id":"1"}"#)], None, "1", Some("credentials"))]
#[case::well_known_in_order(&[("__raw", r#"{"id":"2"}"#), ("key.json", r#"{"id":"1"}"#)], None, "1", Some("key.json"))]
#[case::flat_with_other_names(&[("id", "flat"), ("other", r#"{"id":"1"}"#)], None, "flat", None)]
#[case::any_key(&[("a", "text"), ("b", r#"{"id":"1"}"#), ("c", "{}")], None, "1", Some("b"))]
#[case::only_key(&[("a", r#"{"x":"y"}"#)], None, "none", Some("a"))]
fn forms_are_looked_for_in_order(
    #[case] data: &[(&'static str, &str)],
    #[case] key: Option<&str>,
    #[case] id: &str,
    #[case] under: Option<&str>,
) {
    assert_eq!(found(data, key), (id.to_owned(), under.map(str::to_owned)));
}

#[rstest]
fn well_known_keys(
    #[values("credentials", "service-key.json", "key.json", "service-key", "AICORE_SERVICE_KEY", "__raw")]
    key: &'static str,
) {
    assert_eq!(found(&[(key, r#"{"id":"1"}"#), ("a", r#"{"id":"2"}"#)], None).1.as_deref(), Some(key));
}

#[rstest]
#[case::not_json("{")]
#[case::no_properties("{}")]
#[case::properties_are_no_list(r#"{"credentialProperties":{}}"#)]
#[case::no_container(r#"{"credentialProperties":[{"name":"box"},{"name":"box","container":false}]}"#)]
#[case::no_name(r#"{"credentialProperties":[{"container":true}]}"#)]
#[case::name_is_no_text(r#"{"credentialProperties":[{"container":true,"name":1}]}"#)]
fn metadata_without_a_container_says_nothing(#[case] metadata: &str) {
    let data = [(".metadata", metadata), ("box", "{}"), ("b", r#"{"id":"1"}"#)];
    assert_eq!(found(&data, None), ("1".to_owned(), Some("b".to_owned())));
}

/// An object, and the same as text.
#[rstest]
#[case::itself(json!({"id": "1"}))]
#[case::text(json!(json!({"id": "1"}).to_string()))]
#[case::member(json!({"credentials": {"id": "1"}, "plan": "extended"}))]
#[case::text_member(json!({"any": json!({"id": "1"}).to_string(), "plan": "extended"}))]
#[case::list(json!({"aicore": [{"name": "x", "credentials": {"id": "1"}}]}))]
#[case::text_in_list(json!({"aicore": ["x", json!({"id": "1"}).to_string()]}))]
#[case::twice_the_same(json!({"credentials": {"id": "1"}, "__raw": json!({"id": "1"}).to_string()}))]
#[case::deepest(json!({"a": {"b": {"c": {"d": {"id": "1"}}}}}))]
fn a_service_key_may_lie_inside(#[case] json: serde_json::Value) {
    let json = json.to_string();
    assert_eq!(found(&[("a", &json)], None).0, "1");
    assert_eq!(found(&[("a", &json), ("b", "x")], Some("a")).0, "1");
    assert_eq!(found(&[("a", &json), ("b", "x")], None).0, "1");
}

#[test]
fn an_outer_service_key_wins_over_an_inner() {
    assert_eq!(found(&[("a", r#"{"x":{"id":"2"},"id":"1"}"#)], None).0, "1");
}

#[test]
fn what_lies_too_deep_is_not_looked_for() {
    assert_eq!(found(&[("a", r#"{"a":{"b":{"c":{"d":{"e":{"id":"1"}}}}}}"#)], None).0, "none");
}

#[rstest]
#[case::no_such_key(&[("a", "{}"), ("b", "{}")], Some("c"), r#"Secret "s": it has no key "c"; it has the keys "a" and "b"."#)]
#[case::container_is_missing(&[(".metadata", METADATA)], None, r#"Secret "s": it has no key "box"; it has the key ".metadata"."#)]
#[case::not_json(&[("a", "c4n4ry")], Some("a"), r#"Secret "s", key "a": the value is not valid JSON (line 1, column 1); it must hold an AI Core service key as JSON."#)]
#[case::only_key_is_not_json(&[("a", "{")], None, r#"Secret "s", key "a": the JSON ends too early (line 1, column 1); it must hold an AI Core service key as JSON."#)]
#[case::well_known_is_not_json(&[("credentials", ""), ("a", "{}")], None, r#"Secret "s", key "credentials": the value is empty; it must hold an AI Core service key as JSON."#)]
#[case::not_an_object(&[("a", "[1]")], None, r#"Secret "s", key "a": the value is not a JSON object; it must hold an AI Core service key as JSON."#)]
#[case::several_keys(
    &[("a", r#"{"id":"1"}"#), ("b", "x"), ("c", r#"{"x":{"id":"1"}}"#), ("d", r#"{"id":"1"}"#)], None,
    r#"Secret "s": more than one key holds a service key ("a", "c" and "d"); name one with spec.aiCoreSecretRef.key."#
)]
#[case::two_keys(
    &[("a", r#"{"id":"1"}"#), ("b", r#"{"id":"1"}"#)], None,
    r#"Secret "s": more than one key holds a service key ("a" and "b"); name one with spec.aiCoreSecretRef.key."#
)]
#[case::several_inside(
    &[("a", r#"{"x":{"id":"1"},"y":{"id":"2"}}"#)], None,
    r#"Secret "s", key "a": it holds more than one service key; keep one."#
)]
#[case::none(&[("a", "{}"), ("b", "x")], None, r#"Secret "s": no key holds an AI Core service key or binding; it has the keys "a" and "b"."#)]
#[case::empty(&[], None, r#"Secret "s": no key holds an AI Core service key or binding; it is empty."#)]
fn says_why_there_is_no_service_key(
    #[case] data: &[(&'static str, &str)],
    #[case] key: Option<&str>,
    #[case] message: &str,
) {
    assert_eq!(refused(data, key), message);
}
