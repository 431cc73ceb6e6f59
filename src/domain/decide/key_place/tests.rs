use rstest::rstest;

use super::*;
use crate::{
    api::{AICoreSecretRef, TenantRef},
    domain::testing::{WithSpec, a_shared_tenant, an_object, failure},
};

fn by_tenant() -> Object {
    an_object().with_spec(|spec| {
        spec.ai_core_secret_ref = None;
        spec.tenant_ref = Some(TenantRef { name: "shared".to_owned() });
    })
}

fn refused(object: &Object, lookup: Lookup<'_>) -> Failure {
    (*place(object, |_| lookup).unwrap_err()).clone()
}

#[test]
fn a_key_of_its_own_is_in_a_secret_beside_it() {
    let object = an_object().with_spec(|spec| {
        spec.ai_core_secret_ref =
            Some(AICoreSecretRef { name: "mine".to_owned(), key: Some("k.json".to_owned()) });
    });
    let place = place(&object, |_| panic!("no tenant is asked for")).unwrap();
    assert_eq!((place.secret.to_string().as_str(), place.field.as_deref()), ("ns/mine", Some("k.json")));
    assert_eq!(place.holder(), "Secret \"mine\"");
    assert_eq!(place.to_string(), "mine/k.json");
}

#[test]
fn a_shared_key_is_where_the_tenant_says() {
    let tenant = a_shared_tenant(&["ns"], None);
    let place = place(&by_tenant(), |name| {
        assert_eq!(name, "shared");
        Lookup::Listed(Some(&tenant))
    })
    .unwrap();
    assert_eq!((place.secret.to_string().as_str(), place.field.as_deref()), ("platform/aicore-key", None));
    assert_eq!(place.holder(), "AICoreTenant \"shared\" (ask whoever looks after it)");
}

#[rstest]
#[case::none(false, false)]
#[case::both(true, true)]
fn neither_nor_both_is_no_key(#[case] own: bool, #[case] tenant: bool) {
    let object = an_object().with_spec(|spec| {
        spec.ai_core_secret_ref = spec.ai_core_secret_ref.take().filter(|_| own);
        spec.tenant_ref = tenant.then(|| TenantRef { name: "shared".to_owned() });
    });
    let failure = refused(&object, Lookup::Listed(None));
    assert_eq!(failure.reason, Reason::ServiceKeyInvalid);
    assert!(failure.message.contains("set exactly one of"), "{}", failure.message);
}

#[rstest]
#[case::missing(Lookup::Listed(None), Reason::TenantNotFound, "does not exist")]
#[case::not_served(Lookup::NotServed, Reason::TenantNotServed, "--watch-namespaces")]
#[case::not_listed(Lookup::Unlisted, Reason::AccessDenied, "could not list them")]
fn without_a_tenant_there_is_no_key(#[case] lookup: Lookup<'_>, #[case] reason: Reason, #[case] part: &str) {
    let failure = refused(&by_tenant(), lookup);
    assert_eq!(failure.reason, reason);
    assert!(failure.message.contains(part) && failure.message.contains("\"shared\""), "{}", failure.message);
}

#[test]
fn a_tenant_that_is_not_understood_is_waited_for() {
    let mut tenant = a_shared_tenant(&["ns"], None);
    tenant.terms = Err(crate::domain::tools::invalid::Invalid::new("s3cret of the platform"));
    let failure = refused(&by_tenant(), Lookup::Listed(Some(&tenant)));
    assert_eq!(failure.reason, Reason::TenantNotFound);
    assert!(!failure.message.contains("s3cret"), "{}", failure.message);
}

#[rstest]
#[case::named(&["rivals", "ns"], None, None)]
#[case::matched(&["n*"], None, None)]
#[case::another(&["rivals", "team-*"], None, Some(Reason::NamespaceNotAllowed))]
#[case::nobody(&[], None, Some(Reason::NamespaceNotAllowed))]
#[case::its_name(&["*"], Some(&["pull"][..]), None)]
#[case::its_pattern(&["*"], Some(&["x", "p*"][..]), None)]
#[case::of_its_namespace(&["*"], Some(&["{namespace}.*"][..]), Some(Reason::RemoteNameNotAllowed))]
#[case::no_name(&["*"], Some(&[][..]), Some(Reason::RemoteNameNotAllowed))]
#[case::neither(&["rivals"], Some(&["x"][..]), Some(Reason::NamespaceNotAllowed))]
fn a_tenant_says_who_may_have_which_name(
    #[case] namespaces: &[&str],
    #[case] names: Option<&[&str]>,
    #[case] expected: Option<Reason>,
) {
    let tenant = a_shared_tenant(namespaces, names);
    let placed = place(&by_tenant(), |_| Lookup::Listed(Some(&tenant)));
    let refused = placed.err();
    assert_eq!(refused.as_ref().map(|failure| failure.reason), expected);
    if let Some(failure) = refused {
        // Which others it allows is not theirs to know.
        assert!(
            !failure.message.contains("platform") && !failure.message.contains("rivals"),
            "{}",
            failure.message
        );
    }
}

#[rstest]
#[case::its_own(&["rivals-*", "{namespace}.*", "x-{namespace}"], "(for this namespace: \"ns.*\" and \"x-ns\"),")]
#[case::none(&["rivals-*"], "that it allows, or have")]
fn a_namespace_is_told_the_names_that_are_its_own(#[case] names: &[&str], #[case] part: &str) {
    let tenant = a_shared_tenant(&["*"], Some(names));
    let message = refused(&by_tenant(), Lookup::Listed(Some(&tenant))).message;
    assert!(message.contains(part) && !message.contains("rivals"), "{message}");
}

/// Whatever an older schema has let through allows what it says, and nobody else.
#[rstest]
#[case::upper_case(&["NS"], None)]
#[case::empty(&[""], None)]
#[case::blank(&[" ns"], None)]
#[case::expression(&["n[s]", "^ns$", "n?"], None)]
#[case::several(&["ns,other"], None)]
#[case::placeholder(&["{namespace}"], None)]
#[case::misspelt_placeholder(&["ns"], Some(&["{namespaces}", "{Namespace}.pull", "${namespace}", "{{namespace}}"][..]))]
#[case::empty_name(&["ns"], Some(&[""][..]))]
#[case::expression_of_names(&["ns"], Some(&["pul.", "p[u]ll"][..]))]
fn a_pattern_that_is_none_allows_nothing(#[case] namespaces: &[&str], #[case] names: Option<&[&str]>) {
    let tenant = a_shared_tenant(namespaces, names);
    let reason = refused(&by_tenant(), Lookup::Listed(Some(&tenant))).reason;
    assert!(matches!(reason, Reason::NamespaceNotAllowed | Reason::RemoteNameNotAllowed), "{reason:?}");
}

/// Who may see the resource may not see the Secret.
#[rstest]
#[case(Reason::ServiceKeyNotFound)]
#[case(Reason::ServiceKeyInvalid)]
#[case(Reason::AccessDenied)]
fn what_is_wrong_with_a_shared_key_is_told_to_its_owner_alone(#[case] reason: Reason) {
    let tenant = a_shared_tenant(&["ns"], None);
    let shared = place(&by_tenant(), |_| Lookup::Listed(Some(&tenant))).unwrap();
    let found = failure(reason);
    let told = shared.told(found.clone());
    assert_eq!(told.reason, reason);
    for hidden in [&*found.message, "platform", "aicore-key"] {
        assert!(!told.message.contains(hidden), "{}", told.message);
    }
    assert!(told.message.contains("AICoreTenant \"shared\""), "{}", told.message);
    let own = place(&an_object(), |_| Lookup::NotServed).unwrap();
    assert_eq!(own.told(found.clone()), found);
}
