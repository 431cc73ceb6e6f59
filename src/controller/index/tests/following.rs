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
    // Its last word may be shown late.
    let last_word = AICoreRegistrySecretStatus {
        credentials_digest: Some("v1:ffffffffffffffffffffffffffffffff".to_owned()),
        ..a_status_in_sync()
    };
    assert_eq!(
        index.apply_resource(object.clone(), last_word.clone()),
        just(&object),
        "to be looked at again"
    );
    assert_eq!(*snapshot(&index, &object).status, last_word);
    assert!(index.apply_resource(object.clone(), last_word.clone()).is_empty(), "it is known");
    let own_word = Arc::new(a_status_in_sync());
    index.tells(&object, &own_word);
    assert!(index.apply_resource(object.clone(), (*own_word).clone()).is_empty(), "it is not another one's");
    index.may_have_told(&object);
    assert!(index.apply_resource(object.clone(), last_word).is_empty(), "it is from before");
    index.record(&object, Some(Arc::clone(&own_word)), Memory::default(), None);
    assert!(index.apply_resource(object.clone(), a_new_status()).is_empty());
    assert_eq!(*snapshot(&index, &object).status, *own_word, "its own writes are newer from now on");
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

/// The other one has pushed, and the watch shows that after this one has begun to work.
#[test]
fn a_late_word_counts_as_a_claim_and_as_sent() {
    let object = an_object();
    let index = TestIndex::following();
    index.lead();
    index.apply_resource(object.clone(), a_new_status());
    assert!(!index.may_hold(&object.key), "it was created just now, as far as is known");
    index.apply_resource(object.clone(), a_status_in_sync());
    assert!(index.may_hold(&object.key));
    let younger = object_named("younger", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    index.apply_resource(younger.clone(), a_new_status());
    proves(&index, &younger, claim_in("one", "pull"));
    let owner = index.ownership(&younger, Some(&claim_in("one", "pull")));
    assert_eq!(owner, Ownership::OwnedBy(object.key));
}
