use rstest::rstest;

use super::*;

#[test]
fn a_resource_is_looked_at_when_it_comes_and_when_it_changes() {
    let (index, object) = (TestIndex::default(), an_object());
    assert_eq!(index.apply_resource(object.clone(), a_new_status()), just(&object));
    assert!(index.apply_resource(object.clone(), a_status_in_sync()).is_empty(), "only the status differs");
    assert_eq!(*snapshot(&index, &object).status, a_new_status(), "the operator's own is newer");
    let changed = changed(&object, |spec| spec.suspend = Some(true));
    assert_eq!(index.apply_resource(changed.clone(), a_new_status()), just(&object));
    assert_eq!(*snapshot(&index, &object).object, changed);
}

#[test]
fn a_resource_that_goes_leaves_nothing() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.source(), "1");
    assert!(index.remove_resource(&object.key).is_empty());
    assert!(index.snapshot(&object.key).is_none());
    assert!(index.apply_secret(&object.source(), "2").is_empty());
    assert!(index.remove_resource(&object.key).is_empty());
    index.apply_resource(object.clone(), a_new_status());
    assert_eq!(source_version(&index, &object), None);
}

#[test]
fn what_was_recorded_stays_while_it_changes() {
    let object = an_object();
    let index = index_with(&[&object]);
    let status = Arc::new(a_status_in_sync());
    let memory = Memory { retry: Retry { api_failures: 3, ..Retry::default() }, ..Memory::default() };
    index.record(&object, Some(Arc::clone(&status)), memory, None);
    index.apply_resource(changed(&object, |spec| spec.suspend = Some(true)), a_new_status());
    assert_eq!(*snapshot(&index, &object).status, *status);
    assert_eq!(snapshot(&index, &object).memory.retry.api_failures, 3);
    index.record(&object, None, Memory::default(), None);
    assert_eq!(*snapshot(&index, &object).status, *status, "no status, no change");
    assert_eq!(snapshot(&index, &object).memory.retry.api_failures, 0);
}

#[test]
fn one_created_again_starts_anew() {
    let object = an_object();
    let index = index_with(&[&object]);
    let memory = Memory { retry: Retry { api_failures: 1, ..Retry::default() }, ..Memory::default() };
    let in_sync = Arc::new(a_status_in_sync());
    index.record(&object, Some(Arc::clone(&in_sync)), memory.clone(), None);
    let again = Object { uid: "another".into(), ..object.clone() };
    assert_eq!(index.apply_resource(again.clone(), a_new_status()), just(&object));
    assert_eq!(*snapshot(&index, &object).status, a_new_status());
    assert_eq!(snapshot(&index, &object).memory.retry.api_failures, 0);
    // What a pass over the former one says is no longer about this one.
    index.record(&object, Some(in_sync), memory, None);
    assert_eq!(*snapshot(&index, &object).status, a_new_status());
    assert!(proves(&index, &object, claim_in("one", "pull")).is_empty());
    let younger = object_named("younger", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    index.apply_resource(younger.clone(), a_new_status());
    assert_eq!(
        index.ownership(&younger, Some(&claim_in("one", "pull"))),
        Ownership::Pending,
        "the new one has not said its claim"
    );
}

#[test]
fn a_list_ends_what_it_does_not_have() {
    let (stays, goes) = (object_named("stays", 1), object_named("goes", 2));
    let index = index_with(&[&stays, &goes]);
    index.resources_list_begins(&EVERYWHERE);
    assert!(index.apply_resource(stays.clone(), a_new_status()).is_empty());
    let comes = object_named("comes", 3);
    index.apply_resource(comes.clone(), a_new_status());
    assert_eq!(index.resources_list_ends(&EVERYWHERE), (Vec::new(), just(&goes)));
    assert!(index.snapshot(&goes.key).is_none());
    assert!(index.snapshot(&stays.key).is_some() && index.snapshot(&comes.key).is_some());
}

#[test]
fn a_list_of_one_namespace_says_nothing_about_others() {
    let here = an_object();
    let there = in_other_namespace(&here, "other");
    let index = index_with(&[&here, &there]);
    index.resources_list_begins(&Some(scope_of("ns")));
    assert_eq!(index.resources_list_ends(&Some(scope_of("ns"))), (Vec::new(), just(&here)));
    assert!(index.snapshot(&there.key).is_some());
}

#[test]
fn a_list_finds_who_was_created_again_and_who_changed() {
    let (again, changes) = (object_named("again", 1), object_named("changes", 2));
    let index = index_with(&[&again, &changes]);
    index.record(&again, Some(Arc::new(a_status_in_sync())), Memory::default(), None);
    index.resources_list_begins(&EVERYWHERE);
    let again = Object { uid: "another".into(), ..again };
    let changes = changed(&changes, |spec| spec.suspend = Some(true));
    for object in [&again, &changes] {
        assert_eq!(index.apply_resource(object.clone(), a_new_status()), just(object));
    }
    assert_eq!(index.resources_list_ends(&EVERYWHERE), (Vec::new(), Vec::new()));
    assert_eq!(*snapshot(&index, &again).status, a_new_status());
}

#[test]
fn an_owner_that_is_missing_in_a_list_frees_its_name() {
    let owner = object_named("owner", 1).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    let younger = object_named("younger", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    let index = index_with(&[&owner, &younger]);
    for object in [&owner, &younger] {
        proves(&index, object, claim_in("one", "pull"));
    }
    index.resources_list_begins(&EVERYWHERE);
    index.apply_resource(younger.clone(), a_new_status());
    assert_eq!(index.resources_list_ends(&EVERYWHERE), (just(&younger), just(&owner)));
    assert_eq!(
        index.ownership(&younger, Some(&claim_in("one", "pull"))),
        Ownership::Owner { successor: None }
    );
}

#[test]
fn resources_are_read_page_by_page_in_the_order_of_their_names() {
    let (one, two, three) = (object_named("one", 1), object_named("two", 2), object_named("three", 3));
    let index = index_with(&[&one, &two, &three]);
    index.record(&two, Some(Arc::new(a_status_in_sync())), Memory::default(), None);
    let page = |after: Option<&ObjectKey>, limit| {
        let mut seen = Vec::new();
        let last = index.page(after, |key, shown| {
            seen.push((key.clone(), shown.last_sync.is_some()));
            seen.len() < limit
        });
        (seen, last)
    };
    let [first, second, third] = [(one.key, false), (three.key, false), (two.key, true)];
    assert_eq!(page(None, 2), (vec![first.clone(), second.clone()], Some(second.0.clone())));
    assert_eq!(page(Some(&second.0), 2), (vec![third.clone()], None));
    assert_eq!(page(None, 3), (vec![first.clone(), second.clone(), third.clone()], Some(third.0.clone())));
    assert_eq!(page(Some(&third.0), 3), (vec![], None));
    // The place stays where it was when the resource is gone.
    index.remove_resource(&second.0);
    assert_eq!(page(Some(&second.0), 2), (vec![third], None));
}

#[test]
fn what_is_remembered_changes_for_the_same_resource_only() {
    let object = an_object();
    let index = index_with(&[&object]);
    let failed = |memory: &Memory| memory.after_api_failure(1.0);
    assert_eq!(index.update_memory(&object, failed), Some(seconds(1)));
    assert_eq!(index.update_memory(&object, failed), Some(seconds(2)));
    assert_eq!(snapshot(&index, &object).memory.retry.api_failures, 2);
    let again = Object { uid: "another".into(), ..object.clone() };
    assert_eq!(index.update_memory(&again, failed), None);
    index.remove_resource(&object.key);
    assert_eq!(index.update_memory(&object, failed), None);
}

/// A snapshot tells who owns the name, and does not count as asking for it.
#[test]
fn a_snapshot_tells_the_ownership() {
    let older = object_named("older", 1).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    let younger = object_named("younger", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    let index = index_with(&[&older, &younger]);
    assert_eq!(snapshot(&index, &older).ownership, Ownership::Owner { successor: None });
    assert_eq!(snapshot(&index, &younger).ownership, Ownership::Pending);
    assert!(proves(&index, &older, claim_in("two", "pull")).is_empty(), "nobody waits");
    proves(&index, &older, claim_in("one", "pull"));
    proves(&index, &younger, claim_in("one", "pull"));
    assert_eq!(snapshot(&index, &younger).ownership, Ownership::OwnedBy(older.key));
}

/// Whether AI Core may hold something of a resource of which the status says nothing.
#[rstest]
#[case::created_meanwhile(false, false, false, false)]
#[case::listed(false, true, false, true)]
#[case::created_while_another_process_worked(true, false, false, true)]
#[case::with_a_finalizer(false, false, true, true)]
fn who_is_seen_created_is_known_to_be_untouched(
    #[case] follows: bool,
    #[case] listed: bool,
    #[case] finalizer: bool,
    #[case] may_hold: bool,
) {
    let index = if follows { TestIndex::following() } else { TestIndex::default() };
    let object = Object { finalizer, ..an_object() };
    if listed {
        index.list_resource(object.clone(), a_new_status());
    } else {
        index.apply_resource(object.clone(), a_new_status());
    }
    index.lead();
    // Its own finalizer changes nothing.
    index.apply_resource(Object { finalizer: true, ..object.clone() }, a_new_status());
    assert_eq!(index.may_hold(&object.key), may_hold);
    // A pass that is cut after that has told nobody what came of it.
    index.writes(&object, &claim_in("one", "pull"));
    assert!(index.may_hold(&object.key));
    index.remove_resource(&object.key);
    assert!(!index.may_hold(&object.key));
}
