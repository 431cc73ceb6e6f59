//! Resources that this version does not understand.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use rstest::rstest;

use super::*;
use crate::k8s::partial::Misunderstood;

fn pull() -> Claim {
    claim_in("one", "pull")
}

/// The same resource as it comes when this version does not understand it.
fn misunderstood(object: &Object, status: AICoreRegistrySecretStatus) -> Misunderstood {
    Misunderstood {
        metadata: ObjectMeta {
            namespace: Some(object.key.namespace.to_string()),
            name: Some(object.key.name.to_string()),
            uid: Some(object.uid.to_string()),
            generation: Some(object.generation),
            creation_timestamp: Some(Time(object.created)),
            deletion_timestamp: object.deleting.then(|| Time(at(9))),
            ..ObjectMeta::default()
        },
        status: Some(status),
        remote_name: Some("pull".to_owned()),
        part: "spec.deletionPolicy".to_owned(),
    }
}

fn left_alone(index: &TestIndex, resource: &Misunderstood) -> News {
    index.leave_alone(&LeftAlone::from_resource(resource).unwrap())
}

fn two() -> (Object, Object) {
    let wants_pull = |name, created| {
        object_named(name, created).with_spec(|spec| spec.remote_name = Some("pull".to_owned()))
    };
    (wants_pull("older", 1), wants_pull("younger", 2))
}

fn stands(index: &TestIndex, object: &Object) -> Ownership {
    index.ownership(object, Some(&pull()))
}

#[test]
fn keep_at_a_start_what_their_status_proves() {
    let (older, younger) = two();
    let index = TestIndex::default();
    assert!(left_alone(&index, &misunderstood(&older, a_status_in_sync())).changed);
    index.apply_resource(younger.clone(), a_new_status());
    says(&index, &younger, Some(pull()));
    assert_eq!(stands(&index, &younger), Ownership::OwnedBy(older.key.clone()));
    assert!(index.snapshot(&older.key).is_none(), "nothing is done for it");
    assert!(!index.may_write(&older, &pull()) && !index.may_delete(&older, &pull(), None));
    assert_eq!(index.left_alone(), 1);
}

#[test]
fn keep_what_they_proved_while_they_were_understood_and_stop_what_is_under_way() {
    let (older, younger) = two();
    let index = index_with(&[&older, &younger]);
    proves(&index, &older, pull());
    proves(&index, &younger, pull());
    index.apply_secret(&older.source(), "1");
    let changed = Object { generation: 2, ..older.clone() };
    let news = left_alone(&index, &misunderstood(&changed, a_new_status()));
    assert!(news.changed && news.woken.is_empty());
    assert!(!index.may_write(&older, &pull()), "a pass with the former spec goes no further");
    assert_eq!(stands(&index, &younger), Ownership::OwnedBy(older.key.clone()));
    assert_eq!(index.apply_secret(&older.source(), "2"), just(&younger), "it is not woken");
}

#[test]
fn claim_nothing_that_was_not_proven_and_nobody_waits_for_them() {
    let (older, younger) = two();
    let index = index_with(&[&older, &younger]);
    says(&index, &younger, Some(pull()));
    assert_eq!(stands(&index, &younger), Ownership::Pending);
    assert_eq!(left_alone(&index, &misunderstood(&older, a_new_status())).woken, just(&younger));
    assert_eq!(stands(&index, &younger), Ownership::Owner { successor: None });
}

#[test]
fn give_up_their_claim_when_they_are_deleted_or_gone() {
    let (older, younger) = two();
    for gone in [false, true] {
        let index = TestIndex::default();
        left_alone(&index, &misunderstood(&older, a_status_in_sync()));
        index.apply_resource(younger.clone(), a_new_status());
        proves(&index, &younger, pull());
        let woken = if gone {
            index.remove_resource(&older.key)
        } else {
            let dying = Object { deleting: true, ..older.clone() };
            left_alone(&index, &misunderstood(&dying, a_status_in_sync())).woken
        };
        assert_eq!(woken, just(&younger));
        assert_eq!(stands(&index, &younger), Ownership::Owner { successor: None });
        assert_eq!(index.left_alone(), usize::from(!gone));
    }
}

#[test]
fn stay_in_a_list_that_has_them_and_go_with_one_that_does_not() {
    let (older, younger) = two();
    let index = TestIndex::default();
    left_alone(&index, &misunderstood(&older, a_status_in_sync()));
    index.apply_resource(younger.clone(), a_new_status());
    proves(&index, &younger, pull());
    index.resources_list_begins(&EVERYWHERE);
    let news = left_alone(&index, &misunderstood(&older, a_status_in_sync()));
    assert!(!news.changed && news.woken.is_empty(), "said already: {news:?}");
    index.apply_resource(younger.clone(), a_new_status());
    assert_eq!(index.resources_list_ends(&EVERYWHERE), (Vec::new(), Vec::new()));
    assert_eq!(stands(&index, &younger), Ownership::OwnedBy(older.key.clone()));
    index.resources_list_begins(&EVERYWHERE);
    index.apply_resource(younger.clone(), a_new_status());
    assert_eq!(index.resources_list_ends(&EVERYWHERE), (just(&younger), just(&older)));
}

#[rstest]
#[case::another_generation(|resource: &mut Misunderstood| resource.metadata.generation = Some(2), true)]
#[case::another_part(|resource: &mut Misunderstood| resource.part = "spec".to_owned(), true)]
#[case::created_anew(|resource: &mut Misunderstood| resource.metadata.uid = Some("anew".to_owned()), true)]
#[case::another_status(|resource: &mut Misunderstood| resource.status = None, false)]
fn are_spoken_of_once_for_each_change(#[case] change: fn(&mut Misunderstood), #[case] news: bool) {
    let (older, _) = two();
    let index = TestIndex::default();
    let mut resource = misunderstood(&older, a_status_in_sync());
    left_alone(&index, &resource);
    change(&mut resource);
    assert_eq!(left_alone(&index, &resource).changed, news);
}

#[test]
fn go_on_when_they_are_understood_again() {
    let (older, younger) = two();
    let index = index_with(&[&older, &younger]);
    proves(&index, &older, pull());
    proves(&index, &younger, pull());
    left_alone(&index, &misunderstood(&older, a_new_status()));
    assert_eq!(index.apply_resource(older.clone(), a_new_status()), just(&older));
    assert_eq!(index.left_alone(), 0);
    assert_eq!(stands(&index, &older), Ownership::Owner { successor: Some(younger.key.clone()) });
    assert_eq!(stands(&index, &younger), Ownership::OwnedBy(older.key.clone()));
    // One that comes anew has to prove what it claims.
    left_alone(&index, &misunderstood(&older, a_new_status()));
    let anew = Object { uid: "anew".into(), ..older };
    assert_eq!(index.apply_resource(anew.clone(), a_new_status()), [younger.key.clone(), anew.key.clone()]);
    assert_eq!(stands(&index, &younger), Ownership::Owner { successor: None });
}

#[test]
fn keep_their_claim_when_another_process_takes_over() {
    let (older, younger) = two();
    let index = TestIndex::following();
    left_alone(&index, &misunderstood(&older, a_new_status()));
    left_alone(&index, &misunderstood(&older, a_status_in_sync()));
    index.apply_resource(younger.clone(), a_new_status());
    assert_eq!(index.lead(), just(&younger));
    says(&index, &younger, Some(pull()));
    assert_eq!(stands(&index, &younger), Ownership::OwnedBy(older.key));
}

#[rstest]
#[case::as_the_spec_says(Some("pull"), Some("other"))]
#[case::as_was_pushed_last(None, Some("pull"))]
fn claim_the_name_that_can_be_read(#[case] of_spec: Option<&str>, #[case] of_status: Option<&str>) {
    let (older, younger) = two();
    let index = TestIndex::default();
    let remote_name = of_status.map(str::to_owned);
    let mut resource =
        misunderstood(&older, AICoreRegistrySecretStatus { remote_name, ..a_status_in_sync() });
    resource.remote_name = of_spec.map(str::to_owned);
    left_alone(&index, &resource);
    index.apply_resource(younger.clone(), a_new_status());
    says(&index, &younger, Some(pull()));
    assert_eq!(stands(&index, &younger), Ownership::OwnedBy(older.key));
}

#[test]
fn claim_their_own_name_where_no_other_is_said() {
    let object = an_object();
    let index = TestIndex::default();
    let mut resource =
        misunderstood(&object, AICoreRegistrySecretStatus { remote_name: None, ..a_status_in_sync() });
    resource.remote_name = None;
    left_alone(&index, &resource);
    let (_, younger) = two();
    index.apply_resource(younger.clone(), a_new_status());
    says(&index, &younger, Some(pull()));
    assert_eq!(stands(&index, &younger), Ownership::OwnedBy(object.key));
}
