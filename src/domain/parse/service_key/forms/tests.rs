use rstest::rstest;
use serde_json::json;

use super::*;
use crate::domain::parse::secret_data::tests::secret;

/// A service key for these tests is whatever has an `id`, a client what has a `clientid`.
struct Ids;

impl Kind for Ids {
    fn is_telling(name: &str) -> bool {
        name.eq_ignore_ascii_case("id")
    }

    fn likeness(object: &JsonObject) -> Likeness {
        match (object.has("id"), object.has("clientid")) {
            (true, _) => Likeness::ServiceKey,
            (false, true) => Likeness::Client,
            (false, false) => Likeness::Nothing,
        }
    }

    fn parts(object: &JsonObject) -> Vec<Cow<'_, JsonObject>> {
        vec![Cow::Borrowed(object)]
    }

    fn resembles(_: &JsonObject) -> bool {
        false
    }

    fn covers(one: &JsonObject, other: &JsonObject) -> bool {
        let text = |object: &JsonObject, name| {
            object.get(name).ok().flatten().and_then(Json::text).map(str::to_owned)
        };
        let name = if one.has("id") { "id" } else { "clientid" };
        text(one, name) == text(other, name)
    }
}

/// The `id` that is found, and the key it is found under.
fn found(data: &[(&'static str, &str)], key: Option<&str>) -> (String, Option<String>) {
    let form =
        locate::<Ids>(&secret("s", None, data.iter().copied()), key).map_err(|invalid| invalid.to_string());
    let form = form.unwrap_or_else(|message| panic!("{message}"));
    let id = form.fields.get("id").ok().flatten().and_then(Json::text).unwrap_or("none").to_owned();
    (id, form.key)
}

fn refused(data: &[(&'static str, &str)], key: Option<&str>) -> String {
    match locate::<Ids>(&secret("s", None, data.iter().copied()), key) {
        Ok(form) => panic!("found under {:?}", form.key),
        Err(invalid) => invalid.to_string(),
    }
}

const METADATA: &str = r#"{"credentialProperties":[{"name":"no","format":"text"},{"name":"box","container":true,"format":"json"}]}"#;

#[rstest]
#[case::explicit_key(&[("clientid", "x"), ("id", "flat"), ("credentials", r#"{"id":"1"}"#), ("other", r#"{"id":"2"}"#)], Some("other"), "2", Some("other"))]
#[case::container(&[(".metadata", METADATA), ("box", r#"{"id":"1"}"#), ("plan", "x")], None, "1", Some("box"))]
#[case::flat(&[("clientid", "x"), ("id", "flat"), ("other", "x")], None, "flat", None)]
#[case::the_same_flat_and_as_json(&[("clientid", "x"), ("id", "1"), ("__raw", r#"{"id":"1"}"#)], None, "1", None)]
#[case::the_same_under_two_keys(&[("a", r#"{"id":"1","x":"y"}"#), ("b", r#"{"data":{"id":"1"}}"#)], None, "1", Some("a"))]
#[case::any_key(&[("a", "text"), ("b", r#"{"id":"1"}"#), ("c", "{}")], None, "1", Some("b"))]
#[case::only_key(&[("a", r#"{"x":"y"}"#)], None, "none", Some("a"))]
#[case::beside_a_client_of_something_else(&[("clientid", "x"), ("b", r#"{"id":"1"}"#)], None, "1", Some("b"))]
#[case::client_alone(&[("clientid", "x"), ("b", "y")], None, "none", None)]
#[case::well_known_key_of_something_else(&[("credentials", "[default]"), ("b", r#"{"id":"1"}"#)], None, "1", Some("b"))]
#[case::empty_beside(&[("AICORE_SERVICE_KEY", ""), ("id", "1")], None, "1", None)]
fn the_only_service_key_is_found(
    #[case] data: &[(&'static str, &str)],
    #[case] key: Option<&str>,
    #[case] id: &str,
    #[case] under: Option<&str>,
) {
    assert_eq!(found(data, key), (id.to_owned(), under.map(str::to_owned)));
}

#[rstest]
fn what_well_known_keys_hold_is_said_where_nothing_else_is_found(
    #[values(
        "credentials",
        "service-key.json",
        "key.json",
        "service-key",
        "AICORE_SERVICE_KEY",
        "VCAP_SERVICES",
        "__raw"
    )]
    key: &'static str,
) {
    assert!(refused(&[(key, "x"), ("a", "y")], None).starts_with(&format!("Secret \"s\", key \"{key}\": ")));
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

#[rstest]
#[case::one(json!({"xsuaa": [{"credentials": {"clientid": "x"}}]}), "only of \"xsuaa\"")]
#[case::without_clients(json!({"redis": [{"credentials": {"uri": "x"}}], "xsuaa": []}), "only of \"redis\" and \"xsuaa\"")]
#[case::none(json!({}), "nor of another one")]
fn bindings_without_one_of_ai_core_are_named(#[case] bindings: serde_json::Value, #[case] others: &str) {
    let message = format!(
        "Secret \"s\", key \"VCAP_SERVICES\": it has no binding of the service \"aicore\", {others}; bind AI Core, and store its binding."
    );
    let data = [("VCAP_SERVICES", &*bindings.to_string())];
    assert_eq!(refused(&data, None), message);
    assert_eq!(refused(&data, Some("VCAP_SERVICES")), message);
}

/// What is found beside them, or inside under another name, counts.
#[rstest]
#[case::user_provided(&[("VCAP_SERVICES", r#"{"user-provided":[{"credentials":{"id":"1"}}]}"#)], "1")]
#[case::beside(&[("VCAP_SERVICES", r#"{"xsuaa":[{"credentials":{"clientid":"x"}}]}"#), ("b", r#"{"id":"1"}"#)], "1")]
#[case::incomplete(&[("VCAP_SERVICES", r#"{"aicore":[{"credentials":{"clientid":"x"}}]}"#)], "none")]
fn other_bindings_are_not_held_against_a_service_key(
    #[case] data: &[(&'static str, &str)],
    #[case] id: &str,
) {
    assert_eq!(found(data, None).0, id);
}

#[test]
fn clients_of_other_services_inside_do_not_count() {
    assert_eq!(found(&[("a", r#"{"x":{"clientid":"2"},"id":"1"}"#)], None).0, "1");
    assert_eq!(found(&[("a", r#"{"clientid":"2","x":{"id":"1"}}"#)], None).0, "1");
    let vcap = r#"{"xsuaa":[{"credentials":{"clientid":"x"}}],"aicore":[{"credentials":{"clientid":"y","id":"1"}}]}"#;
    assert_eq!(found(&[("a", vcap)], Some("a")).0, "1");
}

#[test]
fn service_urls_are_no_place_for_a_service_key() {
    assert_eq!(found(&[("a", r#"{"serviceurls":{"id":"2"},"id":"1"}"#)], None).0, "1");
    assert_eq!(found(&[("serviceurls", r#"{"id":"2"}"#), ("id", "1")], None).0, "1");
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
    &[("a", r#"{"id":"1"}"#), ("b", "x"), ("c", r#"{"x":{"id":"2"}}"#), ("d", r#"{"id":"1"}"#)], None,
    r#"Secret "s": more than one key holds a service key ("a", "c" and "d"); name one with spec.aiCoreSecretRef.key."#
)]
#[case::well_known_key_and_another(
    &[("a", r#"{"id":"1"}"#), ("key.json", r#"{"id":"2"}"#)], None,
    r#"Secret "s": more than one key holds a service key ("a" and "key.json"); name one with spec.aiCoreSecretRef.key."#
)]
#[case::container_and_another(
    &[(".metadata", METADATA), ("a", r#"{"id":"1"}"#), ("box", r#"{"id":"2"}"#)], None,
    r#"Secret "s": more than one key holds a service key ("a" and "box"); name one with spec.aiCoreSecretRef.key."#
)]
#[case::flat_and_json(
    &[("clientid", "x"), ("id", "1"), ("key.json", r#"{"id":"2"}"#)], None,
    r#"Secret "s": it holds more than one service key, and they differ (see the keys "clientid" and "key.json"); keep one, or store one as JSON and name its key with spec.aiCoreSecretRef.key."#
)]
#[case::several_inside(
    &[("a", r#"{"x":{"id":"1"},"y":{"id":"2"}}"#)], None,
    r#"Secret "s", key "a": it holds more than one service key; keep one, or store one in a key of its own and name that with spec.aiCoreSecretRef.key."#
)]
#[case::several_inside_the_named_key(
    &[("a", r#"{"aicore":[{"id":"1"},{"id":"2"}]}"#), ("b", r#"{"id":"1"}"#)], Some("a"),
    r#"Secret "s", key "a": it holds more than one service key; keep one, or store one in a key of its own and name that with spec.aiCoreSecretRef.key."#
)]
#[case::outer_and_inner(
    &[("a", r#"{"x":{"id":"2"},"id":"1"}"#)], None,
    r#"Secret "s", key "a": it holds more than one service key; keep one, or store one in a key of its own and name that with spec.aiCoreSecretRef.key."#
)]
#[case::twice_under_one_name(
    &[("a", r#"{"x":{"id":"2"},"x":{"id":"1"}}"#)], None,
    r#"Secret "s", key "a": it holds more than one service key; keep one, or store one in a key of its own and name that with spec.aiCoreSecretRef.key."#
)]
#[case::unreadable_beside_a_sound_one(
    &[("a", r#"{"id":"1"}"#), ("b", "{'clientid': 'c4n4ry', 'serviceurls': {}}")], None,
    r#"Secret "s", key "b": names and values stand in single quotes, as Python prints a dictionary; JSON has double quotes (json.dumps writes it); it must hold an AI Core service key as JSON."#
)]
#[case::clients_only(
    &[("VCAP_SERVICES", r#"{"a":[{"clientid":"1"}],"b":[{"clientid":"2"}]}"#), ("clientid", "3")], None,
    r#"Secret "s": it holds several bindings, and none of them is of SAP AI Core, whose service keys have serviceurls.AI_API_URL; store the service key or binding of AI Core."#
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

#[test]
fn very_many_are_not_compared() {
    let one = r#"{"id":"1"}"#;
    let list = |count| format!("[{}]", vec![one; count].join(","));
    assert_eq!(found(&[("a", &format!(r#"{{"x":{}}}"#, list(MAX_CANDIDATES)))], None).0, "1");
    assert!(
        refused(&[("a", &format!(r#"{{"x":{}}}"#, list(1000)))], None).contains("more than one service key")
    );
}
