//! Service keys that AICoreTenants share.

mod model;

use super::*;
use crate::{
    api::{AICoreTenantStatus, TenantRef},
    controller::errand::KeyFound,
    domain::{
        decide::{conflict::pushed_claim, reason::Reason},
        parse::tenant::{SharedTenant, Terms, key as tenant_key},
    },
};

/// `<namespace>/<name>`, with the key of the AICoreTenant of that name.
fn user(namespace: &str, name: &str, tenant: &str) -> Object {
    let object = object_named(name, 1).with_spec(|spec| {
        spec.ai_core_secret_ref = None;
        spec.tenant_ref = Some(TenantRef { name: tenant.to_owned() });
    });
    Object { key: ObjectKey::new(namespace, name), uid: format!("{namespace}-{name}").into(), ..object }
}

fn named(name: &str, terms: impl FnOnce(&mut Terms)) -> SharedTenant {
    let mut tenant = SharedTenant { name: name.into(), ..a_shared_tenant(&["*"], None) };
    terms(Arc::make_mut(tenant.terms.as_mut().unwrap()));
    tenant
}

/// Of the namespaces that these patterns match.
fn shared(namespaces: &[&str]) -> SharedTenant {
    a_shared_tenant(namespaces, None)
}

fn secret() -> ObjectKey {
    ObjectKey::new("platform", "aicore-key")
}

/// That has listed these AICoreTenants, and then these resources.
fn listed(tenants: &[SharedTenant], objects: &[&Object]) -> TestIndex {
    let index = TestIndex::default();
    index.serve_tenants();
    index.tenants_list_begins();
    for tenant in tenants {
        index.apply_tenant(tenant.clone(), AICoreTenantStatus::default());
    }
    index.tenants_list_ends();
    for object in objects {
        index.apply_resource((*object).clone(), a_new_status());
    }
    index
}

fn apply(index: &TestIndex, tenant: SharedTenant) -> Vec<ObjectKey> {
    sorted(index.apply_tenant(tenant, AICoreTenantStatus::default()))
}

fn sorted(mut keys: Vec<ObjectKey>) -> Vec<ObjectKey> {
    keys.sort();
    keys
}

fn keys(tenant: Option<&str>, objects: &[&Object]) -> Vec<ObjectKey> {
    let tenant = tenant.map(tenant_key);
    sorted(tenant.into_iter().chain(objects.iter().map(|object| object.key.clone())).collect())
}

fn refusal(index: &TestIndex, object: &Object) -> Option<Reason> {
    snapshot(index, object).place.as_ref().err().map(|failure| failure.reason)
}

#[test]
fn an_event_of_the_secret_finds_all_who_use_it_by_the_tenant() {
    let [one, two, other] =
        [user("a", "one", "shared"), user("b", "two", "shared"), user("b", "three", "other")];
    let elsewhere = named("other", |terms| terms.secret = ObjectKey::new("platform", "other-key"));
    let index = listed(&[shared(&["*"]), elsewhere], &[&one, &two, &other]);
    assert_eq!(sorted(index.apply_secret(&secret(), "1")), keys(Some("shared"), &[&one, &two]));
    assert_eq!(snapshot(&index, &one).service_key_version.as_deref(), Some("1"));
    assert_eq!(snapshot(&index, &other).service_key_version, None);
    // What one of them has read is there for all.
    index.cache_service_key(snapshot(&index, &one).place.as_ref().unwrap(), "1", Arc::new(7));
    assert_eq!(snapshot(&index, &two).service_key.as_deref(), Some(&7));
    assert_eq!(index.tenant_snapshot("shared").unwrap().service_key.as_deref(), Some(&7));
    assert_eq!(sorted(index.remove_secret(&secret())), keys(Some("shared"), &[&one, &two]));
}

#[test]
fn a_change_of_the_tenant_wakes_those_for_whom_it_makes_a_difference() {
    let [one, two, other] =
        [user("a", "one", "shared"), user("b", "two", "shared"), user("a", "three", "other")];
    let index = listed(&[shared(&["a"]), named("other", |_| {})], &[&one, &two, &other]);
    assert_eq!(refusal(&index, &two), Some(Reason::NamespaceNotAllowed));
    // Allowed, no longer allowed, and one that does not concern it.
    assert_eq!(apply(&index, shared(&["a", "b"])), keys(Some("shared"), &[&two]));
    assert_eq!(refusal(&index, &two), None);
    assert_eq!(apply(&index, shared(&["b"])), keys(Some("shared"), &[&one]));
    assert_eq!(refusal(&index, &one), Some(Reason::NamespaceNotAllowed));
    assert_eq!(apply(&index, shared(&["b", "c"])), keys(Some("shared"), &[]));
    assert_eq!(apply(&index, shared(&["b", "c"])), keys(None, &[]), "nothing is new");
    let names = SharedTenant { generation: 9, ..a_shared_tenant(&["b"], Some(&["x"])) };
    assert_eq!(apply(&index, names), keys(Some("shared"), &[&two]));
    assert_eq!(refusal(&index, &two), Some(Reason::RemoteNameNotAllowed));
    assert_eq!(refusal(&index, &other), None);
}

#[test]
fn a_tenant_with_another_secret_leads_its_users_there() {
    let one = user("a", "one", "shared");
    let index = listed(&[shared(&["*"])], &[&one]);
    index.apply_secret(&secret(), "1");
    let moved = named("shared", |terms| terms.secret = ObjectKey::new("platform", "new-key"));
    assert_eq!(apply(&index, moved), keys(Some("shared"), &[&one]));
    assert_eq!(snapshot(&index, &one).service_key_version, None, "nobody has seen it yet");
    assert!(index.apply_secret(&secret(), "2").is_empty(), "nobody names it any more");
    let new = ObjectKey::new("platform", "new-key");
    assert_eq!(sorted(index.apply_secret(&new, "3")), keys(Some("shared"), &[&one]));
}

#[test]
fn a_tenant_may_come_late_go_and_come_back() {
    let one = user("a", "one", "shared");
    let index = listed(&[], &[&one]);
    assert_eq!(refusal(&index, &one), Some(Reason::TenantNotFound));
    assert_eq!(apply(&index, shared(&["*"])), keys(Some("shared"), &[&one]));
    assert_eq!(refusal(&index, &one), None);
    index.apply_secret(&secret(), "1");
    assert_eq!(index.remove_tenant("shared"), keys(None, &[&one]));
    assert_eq!(refusal(&index, &one), Some(Reason::TenantNotFound));
    assert!(index.tenant_snapshot("shared").is_none());
    assert!(index.remove_tenant("shared").is_empty());
    // A list that does not have it says the same.
    apply(&index, shared(&["*"]));
    index.tenants_list_begins();
    assert_eq!(index.tenants_list_ends(), (keys(None, &[&one]), vec![tenant_key("shared")]));
}

#[test]
fn until_they_are_listed_nothing_is_said_of_tenants() {
    let [one, two] = [user("a", "one", "shared"), user("a", "two", "missing")];
    let index = TestIndex::default();
    index.serve_tenants();
    for object in [&one, &two] {
        index.apply_resource(object.clone(), a_new_status());
        assert_eq!(refusal(&index, object), Some(Reason::AccessDenied));
    }
    index.tenants_list_begins();
    assert_eq!(apply(&index, shared(&["*"])), keys(Some("shared"), &[&one]));
    let (woken, gone) = index.tenants_list_ends();
    assert_eq!((woken, gone.len()), (keys(None, &[&two]), 0));
    assert_eq!(refusal(&index, &two), Some(Reason::TenantNotFound));
}

#[test]
fn an_operator_of_some_namespaces_serves_none() {
    let (index, one) = (TestIndex::default(), user("a", "one", "shared"));
    index.apply_resource(one.clone(), a_new_status());
    assert_eq!(refusal(&index, &one), Some(Reason::TenantNotServed));
}

#[test]
fn a_tenant_knows_how_many_name_it() {
    let index = listed(&[shared(&["a"])], &[]);
    let count = |index: &TestIndex| {
        let snapshot = index.tenant_snapshot("shared").unwrap();
        snapshot.known(true, crate::domain::testing::a_minute_later()).resources
    };
    let [one, two] = [user("a", "one", "shared"), user("b", "not-allowed", "shared")];
    for (object, expected) in [(&one, 1), (&two, 2)] {
        let woken = sorted(index.apply_resource(object.clone(), a_new_status()));
        assert_eq!((woken, count(&index)), (keys(Some("shared"), &[object]), expected));
    }
    // A change of something else, another tenant, a key of its own, and the end.
    let changed = Object { generation: 2, abandon: true, ..one.clone() };
    assert_eq!(index.apply_resource(changed.clone(), a_new_status()), keys(None, &[&one]));
    let own = Object { key: one.key.clone(), uid: Arc::clone(&one.uid), ..an_object() };
    assert_eq!(sorted(index.apply_resource(own, a_new_status())), keys(Some("shared"), &[&one]));
    assert_eq!(count(&index), 1);
    assert_eq!(index.remove_resource(&two.key), keys(Some("shared"), &[]));
    assert_eq!(count(&index), 0);
}

#[test]
fn what_is_no_longer_allowed_is_not_sent_any_more() {
    let one = user("a", "one", "shared");
    let index = listed(&[shared(&["*"])], &[&one]);
    index.apply_secret(&secret(), "1");
    let found = |index: &TestIndex| KeyFound {
        place: snapshot(index, &one).place.as_ref().ok().cloned(),
        watched: Some("1".into()),
        used: Some("1".into()),
    };
    let key = found(&index);
    assert!(index.asks_for_the_same(&one, &key));
    for (tenant, stands) in [
        (shared(&["a"]), true),
        (shared(&["b"]), false),
        (shared(&["a"]), true),
        (a_shared_tenant(&["a"], Some(&["other"])), false),
        (named("shared", |terms| terms.field = Some("other".into())), false),
        (shared(&["*"]), true),
    ] {
        apply(&index, tenant);
        assert_eq!(index.asks_for_the_same(&one, &key), stands);
    }
    index.remove_tenant("shared");
    assert!(!index.asks_for_the_same(&one, &key));
}

/// With that, its own pass sees at once what became of the key that it shares.
#[test]
fn a_tenant_hears_when_its_key_is_given_a_token_or_refused() {
    let one = user("a", "one", "shared");
    let index = listed(&[shared(&["*"])], &[&one]);
    let claim = pushed_claim(&one, &a_status_in_sync()).unwrap();
    index.claim(&one, Some(claim.clone()), Some(7));
    index.tenant_uses(&shared(&["*"]), Some(7));
    assert_eq!(index.proven(&one, &claim), keys(Some("shared"), &[]));
    assert!(index.proven(&one, &claim).is_empty(), "it knows");
    let granted = |index: &TestIndex| {
        let snapshot = index.tenant_snapshot("shared").unwrap();
        snapshot.known(true, crate::domain::testing::a_minute_later()).granted
    };
    assert_eq!(granted(&index), Some(true));
    assert_eq!(index.refused(&one), keys(Some("shared"), &[]));
    assert_eq!(granted(&index), Some(false));
    // A key that nobody has tried says nothing.
    index.tenant_uses(&shared(&["*"]), Some(8));
    assert_eq!(granted(&index), None);
}

#[test]
fn a_tenants_question_stands_while_its_key_does() {
    let index = listed(&[shared(&["a"])], &[]);
    index.apply_secret(&secret(), "1");
    let (tenant, place) = (shared(&["a"]), super::super::tenants::place_of(&shared(&["a"])).map(Arc::new));
    let found = |watched: &str, used: &str| KeyFound {
        place: place.clone(),
        watched: Some(watched.into()),
        used: Some(used.into()),
    };
    assert!(index.tenant_stands(&tenant, &found("1", "1")));
    assert!(index.tenant_stands(&tenant, &found("1", "2")), "a read is ahead of the watch");
    apply(&index, shared(&["b"]));
    assert!(index.tenant_stands(&tenant, &found("1", "1")), "who may use it does not matter");
    index.apply_secret(&secret(), "2");
    assert!(
        !index.tenant_stands(&tenant, &found("1", "1")) && index.tenant_stands(&tenant, &found("1", "2"))
    );
    apply(&index, named("shared", |terms| terms.field = Some("other".into())));
    assert!(!index.tenant_stands(&tenant, &found("1", "2")));
}

#[test]
fn nothing_is_left_of_those_that_are_gone() {
    let [one, two] = [user("a", "one", "shared"), user("b", "two", "missing")];
    let index = listed(&[shared(&["*"])], &[&one, &two]);
    index.tenant_uses(&shared(&["*"]), Some(7));
    index.remove_resource(&one.key);
    index.remove_resource(&two.key);
    index.remove_tenant("shared");
    let state = index.0.lock();
    assert!(state.tenants.is_empty() && state.claims.is_empty());
    assert_eq!(state.secrets.len(), 0);
}

/// However many others there are: each event costs what its own users cost.
#[test]
fn an_event_costs_what_its_users_do() {
    let tenants: Vec<SharedTenant> = (0..200)
        .map(|number| {
            named(&format!("t{number}"), |terms| {
                terms.secret = ObjectKey::new("platform", &format!("key-{number}"));
            })
        })
        .collect();
    let index = listed(&tenants, &[]);
    for number in 0..2000 {
        index.apply_resource(user("a", &format!("r{number}"), &format!("t{}", number % 200)), a_new_status());
    }
    assert_eq!(index.apply_secret(&ObjectKey::new("platform", "key-7"), "1").len(), 1 + 10);
    let closed = named("t7", |terms| {
        terms.secret = ObjectKey::new("platform", "key-7");
        terms.allowed_namespaces = vec!["none".to_owned()];
    });
    assert_eq!(apply(&index, closed).len(), 1 + 10);
}
