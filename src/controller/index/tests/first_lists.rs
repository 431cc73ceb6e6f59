use super::*;
use crate::domain::decide::warm_up::opening::Unseen;

fn unseen(index: &TestIndex, object: &Object) -> Option<(bool, bool)> {
    snapshot(index, object).unseen.map(|Unseen { source, service_key }| (source, service_key))
}

#[test]
fn each_secret_is_unseen_until_it_was_shown_or_read_or_the_list_is_over() {
    let object = an_object();
    let index = index_with(&[&object]);
    assert_eq!(unseen(&index, &object), None, "no list is waited for");
    index.secrets_are_awaited(&EVERYWHERE);
    assert_eq!(unseen(&index, &object), Some((true, true)));
    index.apply_secret(&object.source(), "1");
    assert_eq!(unseen(&index, &object), Some((false, true)));
    index.read_secret(&object.service_key(), None, "2");
    assert_eq!(unseen(&index, &object), Some((false, false)));
    // One that comes while the list is under way: it may be past its Secrets.
    let late = object_named("late", 2).with_spec(|spec| spec.secret_ref.name = "own".to_owned());
    index.apply_resource(late.clone(), a_status_in_sync());
    assert_eq!(unseen(&index, &late), Some((true, false)));
    index.secrets_list_begins(&EVERYWHERE);
    index.secrets_list_ends(&EVERYWHERE);
    assert_eq!(unseen(&index, &late), Some((false, false)), "known to be absent");
    index.secrets_are_awaited_no_more(&EVERYWHERE);
    assert_eq!(unseen(&index, &late), None);
}

#[test]
fn who_waits_is_told_once_when_the_list_of_its_scope_is_over() {
    let here = an_object();
    let there = in_other_namespace(&here, "other");
    let goes = object_named("goes", 3);
    let deleted = object_named("deleted", 4);
    let index = index_with(&[&here, &there, &goes, &deleted]);
    assert!(!index.wait_for_secrets(&here.key, true), "there is no list to wait for");
    for namespace in ["ns", "other"] {
        index.secrets_are_awaited(&Some(scope_of(namespace)));
    }
    for waits in [&here, &there, &goes, &deleted] {
        assert!(index.wait_for_secrets(&waits.key, true));
    }
    assert!(!index.wait_for_secrets(&goes.key, false), "it was looked at meanwhile");
    index.remove_resource(&deleted.key);
    assert!(!index.wait_for_secrets(&deleted.key, true), "it is gone");
    assert_eq!(index.secrets_are_awaited_no_more(&Some(scope_of("ns"))), just(&here));
    assert_eq!(index.secrets_are_awaited_no_more(&Some(scope_of("ns"))), []);
    assert!(!index.wait_for_secrets(&here.key, true));
    assert!(unseen(&index, &there).is_some(), "of another scope");
    // It leads from here on.
    index.lead();
    assert_eq!(index.secrets_are_awaited_no_more(&Some(scope_of("other"))), just(&there));
}

#[test]
fn an_aicoretenant_waits_as_a_resource_does() {
    let index = TestIndex::default();
    index.serve_tenants();
    index.secrets_are_awaited(&EVERYWHERE);
    let shared = a_shared_tenant(&["*"], None);
    let key = shared.key();
    index.apply_tenant(shared, crate::api::AICoreTenantStatus::default());
    assert_eq!(index.tenant_snapshot("shared").unwrap().unseen, Some(true));
    assert!(index.wait_for_secrets(&key, true));
    index.apply_secret(&ObjectKey::new("platform", "aicore-key"), "7");
    assert_eq!(index.tenant_snapshot("shared").unwrap().unseen, Some(false));
    assert_eq!(index.secrets_are_awaited_no_more(&EVERYWHERE), [key]);
    assert_eq!(index.tenant_snapshot("shared").unwrap().unseen, None);
}

/// The first page may be of a later time than the read: what was deleted in between is in no page, and no event tells of it.
#[test]
fn a_read_says_nothing_about_the_list_that_is_under_way() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.secrets_list_begins(&EVERYWHERE);
    assert_eq!(index.read_secret(&object.source(), None, "1"), just(&object));
    assert_eq!(source_version(&index, &object).as_deref(), Some("1"));
    assert_eq!(index.secrets_list_ends(&EVERYWHERE), just(&object));
    assert_eq!(source_version(&index, &object), None);
    // What a page has shown, and a read has found newer, is there.
    index.secrets_list_begins(&EVERYWHERE);
    index.apply_secret(&object.source(), "2");
    index.read_secret(&object.source(), Some("2"), "3");
    assert_eq!(index.secrets_list_ends(&EVERYWHERE), []);
    assert_eq!(source_version(&index, &object).as_deref(), Some("3"));
}
