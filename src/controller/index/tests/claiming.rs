//! Who owns a remote name while some have not said yet which tenant they mean.

use std::collections::BTreeSet;

use rstest::rstest;

use super::*;

/// Wants `pull`; the number is its age, 1 is the oldest.
fn wants_pull(created: i64) -> Object {
    object_named(&format!("object-{created}"), created)
        .with_spec(|spec| spec.remote_name = Some("pull".to_owned()))
}

fn pull_in(tenant: &str) -> Claim {
    claim_in(tenant, "pull")
}

fn stands(index: &TestIndex, object: &Object, tenant: &str) -> Ownership {
    index.ownership(object, Some(&pull_in(tenant)))
}

fn owns() -> Ownership {
    Ownership::Owner { successor: None }
}

fn owned_by(owner: &Object) -> Ownership {
    Ownership::OwnedBy(owner.key.clone())
}

/// An older one that has not said its claim, and a younger one that was told to wait for it.
fn one_waits() -> (TestIndex, Object, Object) {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&older, &younger]);
    assert!(says(&index, &younger, Some(pull_in("one"))).is_empty());
    assert_eq!(stands(&index, &younger, "one"), Ownership::Pending);
    (index, older, younger)
}

#[test]
fn the_younger_goes_ahead_when_the_older_means_another_tenant() {
    let (index, older, younger) = one_waits();
    assert_eq!(proves(&index, &older, pull_in("two")), just(&younger));
    assert_eq!(stands(&index, &younger, "one"), owns());
    assert_eq!(stands(&index, &older, "two"), owns());
}

#[test]
fn the_younger_is_woken_to_learn_that_it_lost() {
    let (index, older, younger) = one_waits();
    assert_eq!(sorted(proves(&index, &older, pull_in("one"))), just(&younger));
    assert_eq!(stands(&index, &younger, "one"), owned_by(&older));
    assert_eq!(stands(&index, &older, "one"), owns(), "without proof nobody is a successor");
    proves(&index, &younger, pull_in("one"));
    assert_eq!(stands(&index, &older, "one"), Ownership::Owner { successor: Some(younger.key) });
}

#[test]
fn the_older_waits_for_nobody() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&older, &younger]);
    proves(&index, &older, pull_in("one"));
    assert_eq!(stands(&index, &older, "one"), owns());
}

#[test]
fn other_names_do_not_matter() {
    let older = wants_pull(1).with_spec(|spec| spec.remote_name = Some("other".to_owned()));
    let younger = wants_pull(2);
    let index = index_with(&[&older, &younger]);
    proves(&index, &younger, pull_in("one"));
    assert_eq!(stands(&index, &younger, "one"), owns());
}

/// A key that cannot be read, and no push so far: no claim, but a decision.
#[test]
fn whoever_cannot_say_does_not_block_others() {
    let (index, older, younger) = one_waits();
    assert_eq!(says(&index, &older, None), just(&younger));
    assert_eq!(stands(&index, &younger, "one"), owns());
    proves(&index, &younger, pull_in("one"));
    // Its key appears: it is the older one all the same.
    assert_eq!(proves(&index, &older, pull_in("one")), just(&younger));
    assert_eq!(stands(&index, &younger, "one"), owned_by(&older));
}

#[test]
fn whoever_goes_does_not_block_others() {
    let (index, older, younger) = one_waits();
    assert_eq!(index.remove_resource(&older.key), just(&younger));
    assert_eq!(stands(&index, &younger, "one"), owns());
}

#[test]
fn whoever_is_being_deleted_does_not_block_others() {
    let (index, older, younger) = one_waits();
    let dying = Object { deleting: true, ..older.clone() };
    assert_eq!(
        sorted(index.apply_resource(dying.clone(), a_new_status())),
        [older.key.clone(), younger.key.clone()]
    );
    assert_eq!(stands(&index, &younger, "one"), owns());
    proves(&index, &younger, pull_in("one"));
    // A pass that was under way cannot claim for it any more.
    assert!(proves(&index, &older, pull_in("one")).is_empty());
    assert_eq!(stands(&index, &younger, "one"), owns());
    assert_eq!(stands(&index, &dying, "one"), Ownership::Owner { successor: Some(younger.key) });
}

#[test]
fn one_that_is_seen_first_while_being_deleted_claims_nothing() {
    let younger = wants_pull(2);
    let index = index_with(&[&younger]);
    proves(&index, &younger, pull_in("one"));
    let dying = Object { deleting: true, ..wants_pull(1) };
    for status in [a_new_status(), a_status_in_sync()] {
        index.remove_resource(&dying.key);
        let woken = index.apply_resource(dying.clone(), status);
        assert!(woken.contains(&dying.key));
        assert_eq!(stands(&index, &younger, "one"), owns());
    }
}

/// Three wait for three others, which are decided in every order.
#[rstest]
fn whatever_the_order_of_decisions(
    #[values([1, 3, 5], [1, 5, 3], [3, 1, 5], [3, 5, 1], [5, 1, 3], [5, 3, 1])] order: [i64; 3],
    #[values(false, true)] gone: bool,
) {
    let objects: Vec<Object> = (1..=6).map(wants_pull).collect();
    let index = index_with(&objects.iter().collect::<Vec<_>>());
    let of_age = |age: i64| &objects[usize::try_from(age - 1).unwrap()];
    let own_tenant = |object: &Object| Some(claim_in(&object.key.name, "pull"));
    let mut waiting: BTreeSet<i64> = [2, 4, 6].into();
    for age in &waiting {
        says(&index, of_age(*age), own_tenant(of_age(*age)));
        assert_eq!(stands(&index, of_age(*age), &of_age(*age).key.name), Ownership::Pending);
    }
    let mut open: BTreeSet<i64> = [1, 3, 5].into();
    for decided in order {
        let woken = if gone {
            index.remove_resource(&of_age(decided).key)
        } else {
            says(&index, of_age(decided), own_tenant(of_age(decided)))
        };
        open.remove(&decided);
        let first_open = open.first().copied().unwrap_or(i64::MAX);
        let still = waiting.split_off(&first_open);
        let free: Vec<ObjectKey> = waiting.iter().map(|age| of_age(*age).key.clone()).collect();
        assert_eq!(sorted(woken), free);
        waiting = still;
        for age in [2, 4, 6] {
            let expected = if age < first_open { owns() } else { Ownership::Pending };
            assert_eq!(stands(&index, of_age(age), &of_age(age).key.name), expected);
        }
    }
    assert!(waiting.is_empty());
}

#[test]
fn after_a_restart_the_last_push_counts_as_a_claim() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(younger.clone(), a_status_in_sync());
    assert_eq!(stands(&index, &younger, "one"), owns());
    assert_eq!(
        sorted(index.apply_resource(older.clone(), a_status_in_sync())),
        [older.key.clone(), younger.key.clone()],
        "the one that is displaced hears of it"
    );
    assert_eq!(stands(&index, &younger, "one"), owned_by(&older));
    // Its key turns out to be for another tenant: the younger one takes over.
    assert_eq!(proves(&index, &older, pull_in("two")), just(&younger));
    assert_eq!(stands(&index, &younger, "one"), owns());
}

#[test]
fn when_the_owner_goes_the_next_takes_over() {
    let objects: Vec<Object> = (1..=3).map(wants_pull).collect();
    let index = index_with(&objects.iter().collect::<Vec<_>>());
    for object in &objects {
        proves(&index, object, pull_in("one"));
    }
    assert_eq!(stands(&index, &objects[2], "one"), owned_by(&objects[0]));
    assert_eq!(index.remove_resource(&objects[0].key), just(&objects[1]));
    assert_eq!(stands(&index, &objects[2], "one"), owned_by(&objects[1]));
    assert!(index.remove_resource(&objects[2].key).is_empty());
    assert_eq!(stands(&index, &objects[1], "one"), owns());
}

#[test]
fn claims_cross_namespaces() {
    let older = wants_pull(1);
    let younger = in_other_namespace(&wants_pull(2), "other");
    let index = index_with(&[&older, &younger]);
    proves(&index, &older, pull_in("one"));
    proves(&index, &younger, pull_in("one"));
    assert_eq!(stands(&index, &younger, "one"), owned_by(&older));
}

#[test]
fn one_created_again_loses_its_age() {
    let (owner, next) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&owner, &next]);
    for object in [&owner, &next] {
        proves(&index, object, pull_in("one"));
    }
    let again = Object { uid: "another".into(), created: at(3), ..owner.clone() };
    assert_eq!(
        sorted(index.apply_resource(again.clone(), a_new_status())),
        [owner.key.clone(), next.key.clone()]
    );
    proves(&index, &again, pull_in("one"));
    assert_eq!(stands(&index, &again, "one"), owned_by(&next));
    assert_eq!(stands(&index, &next, "one"), Ownership::Owner { successor: Some(again.key) });
}

/// A pass over a resource that was deleted meanwhile asks before it pushes.
#[test]
fn who_is_gone_owns_nothing() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&older, &younger]);
    for object in [&older, &younger] {
        proves(&index, object, pull_in("one"));
    }
    assert_eq!(index.remove_resource(&older.key), just(&younger));
    assert_eq!(stands(&index, &younger, "one"), owns());
    let gone = stands(&index, &older, "one");
    assert_eq!(gone, Ownership::Pending);
}

/// While the older one was not known, the younger has pushed: what AI Core holds is not what the older one's status says.
#[test]
fn who_comes_back_knows_that_another_has_pushed_since() {
    let named = |name, created| {
        object_named(name, created).with_spec(|spec| spec.remote_name = Some("pull".to_owned()))
    };
    let (older, younger) = (named("older", 1), named("younger", 2));
    let pushed = |second| {
        let mut status = a_status_in_sync();
        status.last_sync_time = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(second)));
        status
    };
    for (theirs, expected) in
        [(pushed(200), true), (pushed(100), false), (pushed(50), false), (a_new_status(), false)]
    {
        for older_first in [true, false] {
            let index = TestIndex::default();
            let older = || drop(index.apply_resource(older.clone(), pushed(100)));
            let younger_comes = || drop(index.apply_resource(younger.clone(), theirs.clone()));
            if older_first {
                older();
                younger_comes();
            } else {
                younger_comes();
                older();
            }
            assert_eq!(
                index.snapshot(&key("older")).unwrap().overwritten,
                expected,
                "{older_first} {theirs:?}"
            );
            assert!(!index.snapshot(&key("younger")).unwrap().overwritten);
        }
    }
    // In another tenant it does no harm.
    let index = TestIndex::default();
    index.apply_resource(older.clone(), pushed(100));
    let elsewhere =
        AICoreRegistrySecretStatus { api_url: Some("https://elsewhere".to_owned()), ..pushed(200) };
    index.apply_resource(younger, elsewhere);
    assert!(!index.snapshot(&older.key).unwrap().overwritten);
}
