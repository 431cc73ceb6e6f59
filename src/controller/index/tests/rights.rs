//! What a pass may still do when it comes to write.

use rstest::rstest;

use super::*;
use crate::domain::decide::observed::Takeover;

fn wanted() -> Claim {
    claim_in("one", "pull")
}

/// A resource that owns what it claims.
fn an_owner() -> (TestIndex, Object) {
    let object = an_object();
    let index = index_with(&[&object]);
    proves(&index, &object, wanted());
    (index, object)
}

#[test]
fn the_owner_may_write_and_not_delete() {
    let (index, object) = an_owner();
    assert!(index.may_write(&object, &wanted()));
    assert!(!index.may_delete(&object, &wanted(), None));
}

#[test]
fn what_is_not_known_owns_nothing() {
    let (index, object) = an_owner();
    index.remove_resource(&object.key);
    assert!(!index.may_write(&object, &wanted()));
    let dying = Object { deleting: true, ..object };
    assert!(!index.may_delete(&dying, &wanted(), None));
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
    assert!(index.may_delete(&dying, &wanted(), None));
    assert!(!index.may_write(&dying, &wanted()));
}

/// Another resource that wants the same, with proof.
fn a_successor(index: &TestIndex, status: AICoreRegistrySecretStatus, change: fn(&mut Object)) -> Object {
    let mut other = object_named("heir", 2).with_spec(|spec| spec.remote_name = Some("pull".to_owned()));
    change(&mut other);
    index.apply_resource(other.clone(), status);
    proves(index, &other, wanted());
    other
}

fn suspend(object: &mut Object) {
    Arc::make_mut(&mut object.spec).suspend = Some(true);
}

/// Whoever takes over has to delete, or keep, what is left to it; one that never pushes would do neither.
#[rstest]
#[case::has_pushed(a_status_in_sync(), |_: &mut Object| {}, Takeover::Done, false)]
#[case::has_pushed_and_is_suspended(a_status_in_sync(), suspend, Takeover::Done, false)]
#[case::is_to_push(a_new_status(), |_: &mut Object| {}, Takeover::Expected, false)]
#[case::is_suspended_and_never_pushed(a_new_status(), suspend, Takeover::Unlikely, true)]
fn what_a_successor_takes_over_is_not_deleted(
    #[case] status: AICoreRegistrySecretStatus,
    #[case] change: fn(&mut Object),
    #[case] takeover: Takeover,
    #[case] may_delete: bool,
) {
    let (index, object) = an_owner();
    let dying = Object { deleting: true, ..object };
    index.apply_resource(dying.clone(), a_new_status());
    let successor = a_successor(&index, status, change);
    assert_eq!(index.takeover(&successor.key, &wanted()), takeover);
    assert_eq!(index.may_delete(&dying, &wanted(), None), may_delete);
    // One that was waited for in vain is not waited for again; another one is.
    let passed_over = index.may_delete(&dying, &wanted(), Some(&successor.key));
    assert_eq!(passed_over, takeover != Takeover::Done);
    let other = index.may_delete(&dying, &wanted(), Some(&key("another")));
    assert_eq!(other, may_delete);
    // Its push counts at once, and when the status says it.
    assert_eq!(index.accepted(&successor, &wanted()), None);
    assert!(!index.may_delete(&dying, &wanted(), Some(&successor.key)));
    index.record(&successor, Some(Arc::new(a_status_in_sync())), Memory::default(), None);
    assert_eq!(index.takeover(&successor.key, &wanted()), Takeover::Done);
    // A push somewhere else says nothing.
    index.record(&successor, Some(Arc::new(a_new_status())), Memory::default(), None);
    assert_eq!(index.accepted(&successor, &claim_in("two", "pull")), None);
    assert_ne!(index.takeover(&successor.key, &wanted()), Takeover::Done);
}

/// What it has pushed is not there any more.
#[rstest]
#[case::is_to_push_again(|_: &mut Object| {}, Takeover::Expected)]
#[case::is_suspended(suspend, Takeover::Unlikely)]
fn a_successor_that_was_pushed_over_has_not_taken_over(
    #[case] change: fn(&mut Object),
    #[case] takeover: Takeover,
) {
    let (index, object) = an_owner();
    let successor = a_successor(&index, a_status_in_sync(), change);
    index.writes(&object, &wanted());
    index.apply_resource(Object { deleting: true, ..object.clone() }, a_new_status());
    assert_eq!(index.takeover(&successor.key, &wanted()), takeover);
    // Once it has pushed again, it has, whatever another process may have done before; what is only sent may yet be refused.
    index.writes(&successor, &wanted());
    assert_eq!(index.takeover(&successor.key, &wanted()), takeover);
    assert!(snapshot(&index, &successor).overwritten);
    assert_eq!(index.accepted(&successor, &wanted()), None);
    assert!(!snapshot(&index, &successor).overwritten);
    index.writes(&successor, &wanted());
    index.may_have_written(&object, &wanted());
    assert_eq!(index.takeover(&successor.key, &wanted()), Takeover::Done);
}

/// A process that knows of no request leaves the heir what its status shows; and has it push once more.
#[test]
fn what_another_process_may_have_pushed_over_is_handed_over() {
    let (index, object) = an_owner();
    let successor = a_successor(&index, a_status_in_sync(), |_| {});
    index.apply_resource(Object { deleting: true, ..object.clone() }, a_new_status());
    index.may_have_written(&object, &wanted());
    assert_eq!(index.takeover(&successor.key, &wanted()), Takeover::Done);
    assert!(snapshot(&index, &successor).overwritten);
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
    assert!(!index.may_delete(&dying, &wanted(), None));
}

/// Of an older and a younger one with proof neither is alone.
#[test]
fn a_rival_is_another_one_with_proof() {
    let object = an_object();
    let index = index_with(&[&object]);
    proves(&index, &object, claim_in("one", "pull"));
    assert!(index.has_no_rival(&object));
    let other = in_other_namespace(&object, "other");
    let younger = Object { created: object.created + seconds(1), ..other };
    index.apply_resource(younger.clone(), a_new_status());
    assert!(index.has_no_rival(&object), "it has no proof");
    proves(&index, &younger, claim_in("one", "pull"));
    assert!(!index.has_no_rival(&object) && !index.has_no_rival(&younger));
}
