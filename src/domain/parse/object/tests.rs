use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::ObjectMeta;
use rstest::rstest;

use super::*;
use crate::domain::testing::{WithSpec, a_status_in_sync, an_object, at, spec, tenant};

fn a_resource() -> AICoreRegistrySecret {
    AICoreRegistrySecret {
        metadata: ObjectMeta {
            namespace: Some("ns".to_owned()),
            name: Some("pull".to_owned()),
            uid: Some("uid-pull".to_owned()),
            creation_timestamp: Some(Time(at(7))),
            generation: Some(3),
            ..ObjectMeta::default()
        },
        spec: spec(),
        status: None,
    }
}

fn object(resource: &AICoreRegistrySecret) -> Object {
    Object::from_resource(resource).unwrap()
}

#[test]
fn what_decisions_depend_on() {
    let mut resource = a_resource();
    assert_eq!(object(&resource), Object { created: at(7), generation: 3, ..an_object() });
    resource.metadata.deletion_timestamp = Some(Time(at(9)));
    assert!(object(&resource).deleting);
}

/// What differs is looked at, so nothing may differ by what does not matter.
#[test]
fn nothing_else_makes_a_difference() {
    let mut resource = a_resource();
    let before = object(&resource);
    resource.metadata.resource_version = Some("2".to_owned());
    resource.metadata.labels = Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    resource.metadata.annotations = Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    resource.metadata.finalizers = Some(vec!["other/finalizer".to_owned()]);
    resource.status = Some(a_status_in_sync());
    assert_eq!(object(&resource), before);
}

#[rstest]
#[case(|meta: &mut ObjectMeta| meta.name = None)]
#[case(|meta: &mut ObjectMeta| meta.namespace = None)]
#[case(|meta: &mut ObjectMeta| meta.uid = None)]
fn what_no_api_server_sends_is_none(#[case] change: fn(&mut ObjectMeta)) {
    let mut resource = a_resource();
    change(&mut resource.metadata);
    assert_eq!(Object::from_resource(&resource), None);
}

#[rstest]
#[case(&[], false)]
#[case(&["other/finalizer"], false)]
#[case(&["other/finalizer", "aicore-registry.dev/remote-secret"], true)]
fn the_finalizer_is_told_from_others(#[case] finalizers: &[&str], #[case] expected: bool) {
    let mut resource = a_resource();
    resource.metadata.finalizers = Some(finalizers.iter().map(|&name| name.to_owned()).collect());
    assert_eq!(object(&resource).finalizer, expected);
}

#[rstest]
#[case("true", true)]
#[case("True", false)]
#[case("1", false)]
#[case("", false)]
#[case("false", false)]
fn only_true_abandons(#[case] value: &str, #[case] expected: bool) {
    let mut resource = a_resource();
    resource.metadata.annotations =
        Some(BTreeMap::from([("aicore-registry.dev/abandon-remote".to_owned(), value.to_owned())]));
    assert_eq!(object(&resource).abandon, expected);
}

#[rstest]
#[case(None, None, None)]
#[case(None, Some("1"), None)]
#[case(Some("1"), None, Some("1"))]
#[case(Some("1"), Some("1"), None)]
#[case(Some("2"), Some("1"), Some("2"))]
#[case(Some(""), None, Some(""))]
fn requests_are_open_until_answered(
    #[case] requested: Option<&str>,
    #[case] handled: Option<&str>,
    #[case] expected: Option<&str>,
) {
    let mut resource = a_resource();
    resource.metadata.annotations = requested
        .map(|value| BTreeMap::from([("aicore-registry.dev/requestedAt".to_owned(), value.to_owned())]));
    let status = AICoreRegistrySecretStatus {
        last_handled_reconcile_at: handled.map(str::to_owned),
        ..AICoreRegistrySecretStatus::default()
    };
    let object = object(&resource);
    assert_eq!(object.unanswered_request(&status).map(|value| &**value), expected);
}

#[test]
fn names_of_others_are_in_the_same_namespace() {
    let object = an_object();
    assert_eq!(object.source(), ObjectKey::new("ns", "registry"));
    assert_eq!(object.service_key(), ObjectKey::new("ns", "aicore-key"));
    assert_eq!(object.remote_name.as_ref().unwrap().as_str(), "pull");
    let named = object.with_spec(|spec| spec.remote_name = Some("remote".to_owned()));
    assert_eq!(named.remote_name.as_ref().unwrap().as_str(), "remote");
    assert_eq!(named.key.to_string(), "ns/pull");
}

#[rstest]
#[case(None, ResyncInterval::Every(Duration::from_secs(7)))]
#[case(Some("0s"), ResyncInterval::Never)]
#[case(Some("0h0m"), ResyncInterval::Never)]
#[case(Some("90s"), ResyncInterval::Every(Duration::from_secs(90)))]
#[case(Some("soon"), ResyncInterval::Every(Duration::from_secs(7)))]
fn the_resync_interval_has_a_default(#[case] interval: Option<&str>, #[case] expected: ResyncInterval) {
    let object = an_object().with_spec(|spec| spec.resync_interval = interval.map(str::to_owned));
    let default = ResyncInterval::Every(Duration::from_secs(7));
    assert_eq!(object.resync_interval(default), expected);
}

#[test]
fn the_tenant_of_the_last_push_needs_both_urls() {
    let status = a_status_in_sync();
    assert_eq!(pushed_tenant(&status), Some(tenant("one")));
    let without = |change: fn(&mut AICoreRegistrySecretStatus)| {
        let mut status = a_status_in_sync();
        change(&mut status);
        pushed_tenant(&status)
    };
    assert_eq!(without(|status| status.api_url = None), None);
    assert_eq!(without(|status| status.authorization_server = None), None);
}

/// An older schema lets anything through.
#[rstest]
#[case(None, "a.b", Ok("a.b"))]
#[case(Some("../../oauth/token"), "pull", Err("\"../../oauth/token\" for a docker registry secret"))]
#[case(Some("a?b=c"), "pull", Err("\"a?b=c\""))]
#[case(Some(""), "pull", Err("\"\""))]
#[case(None, "x", Err("\"x\""))]
fn the_remote_name_is_one_that_ai_core_accepts(
    #[case] remote_name: Option<&str>,
    #[case] name: &str,
    #[case] expected: Result<&str, &str>,
) {
    let mut resource = a_resource();
    resource.metadata.name = Some(name.to_owned());
    resource.spec.remote_name = remote_name.map(str::to_owned);
    match (object(&resource).remote_name, expected) {
        (Ok(name), expected) => assert_eq!(Ok(name.as_str()), expected),
        (Err(invalid), expected) => {
            let sentence = invalid.to_string();
            assert!(sentence.contains(expected.unwrap_err()), "{sentence}");
            assert!(sentence.contains("set spec.remoteName to a name of 2 to 63 characters"), "{sentence}");
        }
    }
}

#[test]
fn names_of_secrets_are_fit_for_a_request_or_refused() {
    let object = an_object().with_spec(|spec| spec.secret_ref.name = "?watch=1".to_owned());
    let refused = object.source_name().unwrap_err().to_string();
    assert!(refused.starts_with("spec.secretRef.name \"?watch=1\" cannot be"), "{refused}");
}
