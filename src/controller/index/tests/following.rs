//! A process that looks on while another one works, and then takes over.

use super::*;

fn following_with(object: &Object) -> TestIndex {
    let index = TestIndex::following();
    index.apply_resource(object.clone(), a_new_status());
    index
}

#[test]
fn what_the_other_one_writes_is_known() {
    let object = an_object();
    let index = following_with(&object);
    index.apply_secret(&object.source(), "10");
    index.apply_resource(object.clone(), a_status_in_sync());
    assert_eq!(*snapshot(&index, &object).status, a_status_in_sync());
    assert_eq!(index.lead(), just(&object));
    assert_eq!(*snapshot(&index, &object).status, a_status_in_sync());
    assert_eq!(source_version(&index, &object).as_deref(), Some("10"));
    index.apply_resource(object.clone(), a_new_status());
    assert_eq!(*snapshot(&index, &object).status, a_status_in_sync(), "its own writes are newer from now on");
}

/// How long ago an answered change was is no latency of the next one.
#[test]
fn changes_that_the_other_one_answered_are_not_counted() {
    let object = an_object();
    let index = following_with(&object);
    index.apply_secret(&object.source(), "1");
    index.apply_secret(&object.source(), "2");
    index.lead();
    assert_eq!(snapshot(&index, &object).source_changed, None);
    index.apply_secret(&object.source(), "3");
    assert!(snapshot(&index, &object).source_changed.is_some());
}

#[test]
fn the_last_push_of_the_other_one_counts_as_a_claim() {
    let older = object_named("older", 1).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    let younger = object_named("younger", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    let index = following_with(&older);
    index.apply_resource(younger.clone(), a_new_status());
    index.apply_resource(older.clone(), a_status_in_sync());
    index.lead();
    assert!(!proves(&index, &younger, claim_in("one", "pull")).contains(&older.key));
    assert_eq!(
        index.ownership(&younger, Some(&claim_in("one", "pull"))),
        Ownership::OwnedBy(older.key.clone())
    );
    // One that is going away claims nothing.
    let index = following_with(&Object { deleting: true, ..older });
    index.apply_resource(younger.clone(), a_new_status());
    index.lead();
    proves(&index, &younger, claim_in("one", "pull"));
    assert_eq!(
        index.ownership(&younger, Some(&claim_in("one", "pull"))),
        Ownership::Owner { successor: None }
    );
}
