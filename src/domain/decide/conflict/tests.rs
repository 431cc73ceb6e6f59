use proptest::prelude::*;

use super::*;

fn claim(tenant: &str, name: &str) -> Claim {
    Claim {
        tenant: Arc::new(Tenant {
            api_url: format!("https://{tenant}"),
            authorization_server: tenant.to_owned(),
        }),
        remote_name: RemoteName::parse(name).unwrap(),
    }
}

fn claimant(created: i64, uid: &str) -> Claimant {
    Claimant {
        created: Timestamp::from_second(created).unwrap(),
        uid: uid.into(),
        key: ObjectKey::new("ns", &format!("object-{uid}")),
    }
}

fn just(claimant: &Claimant) -> Vec<ObjectKey> {
    vec![claimant.key.clone()]
}

#[test]
fn the_oldest_owns_and_the_uid_breaks_ties() {
    let (old, young, twin) = (claimant(1, "b"), claimant(2, "a"), claimant(1, "c"));
    let mut claims = Claims::default();
    assert_eq!(claims.set(&young, Some(claim("t", "nn"))), []);
    assert_eq!(claims.owned_by(&young.key), None);
    // An older resource takes over, and the former owner hears of it.
    assert_eq!(claims.set(&old, Some(claim("t", "nn"))), just(&young));
    assert_eq!(claims.owned_by(&young.key), Some(&old.key));
    assert_eq!(claims.owned_by(&old.key), None);
    assert_eq!(claims.set(&twin, Some(claim("t", "nn"))), []);
    assert_eq!(claims.owned_by(&twin.key), Some(&old.key));
    // The owner goes: the next in age is told, nobody else.
    assert_eq!(claims.release(&old.key), just(&twin));
    assert_eq!(claims.owned_by(&young.key), Some(&twin.key));
    // A loser goes: nobody needs to know.
    assert_eq!(claims.release(&young.key), []);
}

#[test]
fn moving_to_another_tenant_frees_the_name() {
    let (old, young) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    claims.set(&old, Some(claim("t", "nn")));
    claims.set(&young, Some(claim("t", "nn")));
    assert_eq!(claims.set(&old, Some(claim("u", "nn"))), just(&young));
    assert_eq!(claims.owned_by(&young.key), None);
    assert_eq!(claims.owned_by(&old.key), None);
}

#[test]
fn same_name_in_another_tenant_is_no_conflict() {
    let (one, other) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    assert_eq!(claims.set(&one, Some(claim("t", "nn"))), []);
    assert_eq!(claims.set(&other, Some(claim("u", "nn"))), []);
    assert_eq!(claims.owned_by(&other.key), None);
}

#[test]
fn saying_the_same_again_changes_nothing() {
    let (old, young) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    claims.set(&young, Some(claim("t", "nn")));
    claims.set(&old, Some(claim("t", "nn")));
    assert_eq!(claims.set(&old, Some(claim("t", "nn"))), []);
    assert_eq!(claims.set(&young, Some(claim("t", "nn"))), []);
    assert_eq!(claims.owned_by(&young.key), Some(&old.key));
}

#[test]
fn an_object_created_again_under_its_name_starts_anew() {
    let (first, second, other) = (claimant(1, "a"), claimant(3, "z"), claimant(2, "b"));
    let second = Claimant { key: first.key.clone(), ..second };
    let mut claims = Claims::default();
    claims.set(&first, Some(claim("t", "nn")));
    claims.set(&other, Some(claim("t", "nn")));
    assert_eq!(claims.set(&second, Some(claim("t", "nn"))), just(&other));
    assert_eq!(claims.owned_by(&second.key), Some(&other.key));
}

#[test]
fn the_successor_is_the_first_other_claimant() {
    let (old, young) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    claims.set(&old, Some(claim("t", "nn")));
    assert_eq!(claims.successor(&claim("t", "nn"), &old.key), None);
    claims.set(&young, Some(claim("t", "nn")));
    assert_eq!(claims.successor(&claim("t", "nn"), &old.key), Some(&young.key));
    assert_eq!(claims.successor(&claim("t", "nn"), &young.key), Some(&old.key));
}

/// The oldest of those in `model` that claim the same as `key`.
fn owner(model: &[Option<(Claimant, Claim)>], claim: &Claim) -> Option<ObjectKey> {
    model
        .iter()
        .flatten()
        .filter(|(_, other)| other == claim)
        .map(|(claimant, _)| claimant)
        .min()
        .map(|claimant| claimant.key.clone())
}

proptest! {
    /// Six objects; the last three are the first three created again under tsuccessor names. Four ages, so that there are
    /// ties, and four things to claim.
    #[test]
    fn whatever_the_order_the_oldest_owns_and_who_is_affected_hears(
        ages in prop::array::uniform6(0_i64..4),
        steps in prop::collection::vec((0_usize..6, prop::option::of((0_u8..2, 0_u8..2))), 1..40),
    ) {
        let people: Vec<Claimant> = (0..6)
            .map(|index| Claimant {
                key: ObjectKey::new("ns", &format!("object-{}", index % 3)),
                ..claimant(ages[index], &format!("uid-{index}"))
            })
            .collect();
        let keys: Vec<ObjectKey> = (0..3).map(|index| people[index].key.clone()).collect();
        let things: Vec<Claim> = ["t0", "t1"]
            .into_iter()
            .flat_map(|tenant| ["n0", "n1"].map(|name| claim(tenant, name)))
            .collect();
        let mut model: Vec<Option<(Claimant, Claim)>> = vec![None; 3];
        let mut claims = Claims::default();
        for (who, what) in steps {
            let ownership = |model: &[Option<(Claimant, Claim)>]| -> Vec<Option<ObjectKey>> {
                model
                    .iter()
                    .map(|entry| entry.as_ref().and_then(|(_, claim)| owner(model, claim)))
                    .collect()
            };
            let before = ownership(&model);
            let me = &people[who];
            let wants = what.map(|(tenant, name)| claim(&format!("t{tenant}"), &format!("n{name}")));
            let claims_now = wants.clone().map(|wants| (me.clone(), wants));
            // Who claims something else, or comes anew, lets go first.
            if model[who % 3] != claims_now {
                model[who % 3] = None;
            }
            let between = ownership(&model);
            model[who % 3] = claims_now;
            let after = ownership(&model);
            let mut told = match wants {
                None if who < 3 => claims.release(&me.key),
                wants => claims.set(me, wants),
            };
            told.sort();
            told.dedup();
            // Told is who came to own something, and who no longer does; never oneself.
            let expected: Vec<ObjectKey> = (0..3)
                .filter(|index| *index != who % 3)
                .filter(|index| {
                    let owns = |ownership: &[Option<ObjectKey>]| ownership[*index].as_ref() == Some(&keys[*index]);
                    owns(&before) != owns(&between) || owns(&between) != owns(&after)
                })
                .map(|index| keys[index].clone())
                .collect();
            prop_assert_eq!(told, expected);
            for (index, key) in keys.iter().enumerate() {
                let owned_by = after[index].as_ref().filter(|owner| *owner != key);
                prop_assert_eq!(claims.owned_by(key), owned_by);
                for thing in &things {
                    let others: Vec<_> = model
                        .iter()
                        .map(|entry| entry.clone().filter(|(claimant, _)| claimant.key != *key))
                        .collect();
                    prop_assert_eq!(claims.successor(thing, key).cloned(), owner(&others, thing));
                }
            }
        }
        // Nothing is kept for those that claim nothing.
        prop_assert_eq!(claims.by_object.len(), model.iter().flatten().count());
        prop_assert_eq!(
            claims.by_claim.values().map(VecMap::len).sum::<usize>(),
            model.iter().flatten().count()
        );
    }
}
