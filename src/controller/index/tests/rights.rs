//! What a pass may still do when it comes to write.

use rstest::rstest;

use super::*;

fn wanted() -> Claim {
    claim_in("one", "pull")
}

/// A resource that owns what it claims.
fn an_owner() -> (TestIndex, Object) {
    let object = an_object();
    let index = index_with(&[&object]);
    let _ = index.claim(&object, Some(wanted()));
    (index, object)
}

#[test]
fn the_owner_may_write_and_not_delete() {
    let (index, object) = an_owner();
    assert!(index.may_write(&object, &wanted()));
    assert!(!index.may_delete(&object, &wanted()));
}

#[test]
fn what_is_not_known_owns_nothing() {
    let (index, object) = an_owner();
    index.remove_resource(&object.key);
    assert!(!index.may_write(&object, &wanted()));
    let dying = Object { deleting: true, ..object };
    assert!(!index.may_delete(&dying, &wanted()));
}

#[rstest]
#[case::created_anew(|object: &mut Object| object.uid = "another".into())]
#[case::being_deleted(|object: &mut Object| object.deleting = true)]
#[case::suspended(|object: &mut Object| Arc::make_mut(&mut object.spec).suspend = Some(true))]
fn a_change_that_was_heard_of_stops_a_pass_that_began_before(#[case] change: fn(&mut Object)) {
    let (index, object) = an_owner();
    let mut now = object.clone();
    change(&mut now);
    index.apply_resource(now, a_new_status());
    assert!(!index.may_write(&object, &wanted()));
}

#[test]
fn one_that_is_being_deleted_may_delete_and_not_write() {
    let (index, object) = an_owner();
    let dying = Object { deleting: true, ..object };
    index.apply_resource(dying.clone(), a_new_status());
    assert!(index.may_delete(&dying, &wanted()));
    assert!(!index.may_write(&dying, &wanted()));
}

#[rstest]
#[case::suspended(|object: &mut Object| Arc::make_mut(&mut object.spec).suspend = Some(true))]
#[case::let_go(|object: &mut Object| object.abandon = true)]
fn a_user_may_change_their_mind_about_a_deletion(#[case] change: fn(&mut Object)) {
    let (index, object) = an_owner();
    let dying = Object { deleting: true, ..object };
    index.apply_resource(dying.clone(), a_new_status());
    let mut now = dying.clone();
    change(&mut now);
    index.apply_resource(now, a_new_status());
    assert!(!index.may_delete(&dying, &wanted()));
}
