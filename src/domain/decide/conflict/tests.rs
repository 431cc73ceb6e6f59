use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{
    api::condition::STALLED,
    domain::testing::{a_status_after_failed_resync, a_status_in_sync, a_status_saying, tenant},
};

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

/// What is claimed is proven at once. Returns who hears of it.
fn proves(claims: &mut Claims, claimant: &Claimant, claim: Claim) -> Vec<ObjectKey> {
    claims.set(claimant, Some((claim, Standing::Proven)))
}

/// What is claimed is not proven yet.
fn tries(claims: &mut Claims, claimant: &Claimant) -> Vec<ObjectKey> {
    claims.set(claimant, Some((claim("t", "nn"), Standing::Open)))
}

#[test]
fn the_oldest_owns_and_the_uid_breaks_ties() {
    let (old, young, twin) = (claimant(1, "b"), claimant(2, "a"), claimant(1, "c"));
    let mut claims = Claims::default();
    assert_eq!(proves(&mut claims, &young, claim("t", "nn")), []);
    assert_eq!(claims.owned_by(&young.key), None);
    // An older resource takes over, and the former owner hears of it.
    assert_eq!(proves(&mut claims, &old, claim("t", "nn")), just(&young));
    assert_eq!(claims.owned_by(&young.key), Some(&old.key));
    assert_eq!(claims.owned_by(&old.key), None);
    assert_eq!(proves(&mut claims, &twin, claim("t", "nn")), []);
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
    proves(&mut claims, &old, claim("t", "nn"));
    proves(&mut claims, &young, claim("t", "nn"));
    assert_eq!(proves(&mut claims, &old, claim("u", "nn")), just(&young));
    assert_eq!(claims.owned_by(&young.key), None);
    assert_eq!(claims.owned_by(&old.key), None);
}

#[test]
fn same_name_in_another_tenant_is_no_conflict() {
    let (one, other) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    assert_eq!(proves(&mut claims, &one, claim("t", "nn")), []);
    assert_eq!(proves(&mut claims, &other, claim("u", "nn")), []);
    assert_eq!(claims.owned_by(&other.key), None);
}

#[test]
fn saying_the_same_again_changes_nothing() {
    let (old, young) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    proves(&mut claims, &young, claim("t", "nn"));
    proves(&mut claims, &old, claim("t", "nn"));
    assert_eq!(proves(&mut claims, &old, claim("t", "nn")), []);
    assert_eq!(proves(&mut claims, &young, claim("t", "nn")), []);
    assert_eq!(claims.owned_by(&young.key), Some(&old.key));
}

#[test]
fn an_object_created_again_under_its_name_starts_anew() {
    let (first, second, other) = (claimant(1, "a"), claimant(3, "z"), claimant(2, "b"));
    let second = Claimant { key: first.key.clone(), ..second };
    let mut claims = Claims::default();
    proves(&mut claims, &first, claim("t", "nn"));
    proves(&mut claims, &other, claim("t", "nn"));
    assert_eq!(proves(&mut claims, &second, claim("t", "nn")), just(&other));
    assert_eq!(claims.owned_by(&second.key), Some(&other.key));
}

#[test]
fn the_successor_is_the_first_other_claimant() {
    let (old, young) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    proves(&mut claims, &old, claim("t", "nn"));
    assert_eq!(claims.successor(&claim("t", "nn"), &old.key), None);
    proves(&mut claims, &young, claim("t", "nn"));
    assert_eq!(claims.successor(&claim("t", "nn"), &old.key), Some(&young.key));
    assert_eq!(claims.successor(&claim("t", "nn"), &young.key), Some(&old.key));
}

#[test]
fn what_is_not_proven_stands_against_nobody() {
    let (forged, victim) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    tries(&mut claims, &forged);
    assert_eq!(proves(&mut claims, &victim, claim("t", "nn")), []);
    assert_eq!(claims.owned_by(&victim.key), None);
    assert!(!claims.has_older_open(&victim.key), "who has proof waits for nobody");
    assert_eq!(claims.successor(&claim("t", "nn"), &victim.key), None);
    // With proof it is the older one, and the younger hears of it.
    assert_eq!(claims.stand(&forged.key, Standing::Proven), just(&victim));
    assert_eq!(claims.owned_by(&victim.key), Some(&forged.key));
    // Until its key is refused.
    assert_eq!(claims.stand(&forged.key, Standing::Failed), just(&victim));
    assert_eq!(claims.owned_by(&victim.key), None);
    assert_eq!(claims.successor(&claim("t", "nn"), &victim.key), None);
}

#[test]
fn the_younger_waits_for_an_attempt_and_not_for_one_that_has_ended() {
    let (old, young) = (claimant(1, "a"), claimant(2, "b"));
    let mut claims = Claims::default();
    tries(&mut claims, &old);
    tries(&mut claims, &young);
    assert!(claims.has_older_open(&young.key) && !claims.has_older_open(&old.key));
    claims.told_to_wait(&young.key);
    assert_eq!(claims.attempt_ended(&old.key), just(&young));
    assert!(!claims.has_older_open(&young.key));
    assert_eq!(claims.attempt_ended(&old.key), [], "it has ended already");
    // It may be tried again at any time, and nobody waits for that either.
    assert_eq!(claims.stand(&old.key, Standing::Proven), []);
    assert_eq!(claims.owned_by(&young.key), Some(&old.key));
}

#[test]
fn an_attempt_that_ended_leaves_a_proof_alone() {
    let old = claimant(1, "a");
    let mut claims = Claims::default();
    proves(&mut claims, &old, claim("t", "nn"));
    assert_eq!(claims.attempt_ended(&old.key), []);
    assert_eq!(claims.standing(&old.key), Some(Standing::Proven));
}

/// Of thousands that want what somebody owned, one is told at a time.
#[test]
fn those_without_proof_try_one_after_another() {
    let owner = claimant(0, "owner");
    let mut claims = Claims::default();
    proves(&mut claims, &owner, claim("t", "nn"));
    let others: Vec<Claimant> = (1..5).map(|age| claimant(age, &format!("other-{age}"))).collect();
    for other in &others {
        tries(&mut claims, other);
        claims.told_lost(&other.key);
    }
    let mut told = claims.release(&owner.key);
    for other in &others {
        assert_eq!(told, just(other));
        told = claims.attempt_ended(&other.key);
    }
    assert_eq!(told, []);
}

#[rstest]
#[case(PassOutcome::Postponed, false)]
#[case(PassOutcome::Queued, false)]
#[case(PassOutcome::Reason(Reason::RemoteConflict), false)]
#[case(PassOutcome::Created, true)]
#[case(PassOutcome::BackingOff, true)]
#[case(PassOutcome::ApiServerError, true)]
#[case(PassOutcome::Timeout, true)]
#[case(PassOutcome::Reason(Reason::AuthenticationFailed), true)]
#[case(PassOutcome::Reason(Reason::RemoteUnavailable), true)]
#[case(PassOutcome::Reason(Reason::SecretNotFound), true)]
#[case(PassOutcome::Reason(Reason::Suspended), true)]
fn who_waits_for_a_turn_still_has_its_chance(#[case] outcome: PassOutcome, #[case] had: bool) {
    assert_eq!(had_its_chance(outcome), had);
}

/// A backup, or somebody with the right to write statuses, may bring any status.
#[rstest]
#[case::never_pushed(AICoreRegistrySecretStatus { last_sync_time: None, ..a_status_in_sync() }, false)]
#[case::no_tenant(AICoreRegistrySecretStatus { api_url: None, ..a_status_in_sync() }, false)]
#[case::accepted(a_status_in_sync(), true)]
#[case::given_up_earlier(AICoreRegistrySecretStatus { credentials_digest: None, ..a_status_in_sync() }, false)]
#[case::failed_since(a_status_after_failed_resync(Reason::RemoteUnavailable), true)]
#[case::without_its_key(a_status_saying("False", Reason::ServiceKeyNotFound, None), true)]
#[case::suspended(a_status_saying("True", Reason::Suspended, None), true)]
#[case::refused_since(a_status_saying("False", Reason::AuthenticationFailed, Some((STALLED, Reason::AuthenticationFailed))), false)]
#[case::not_allowed(a_status_saying("False", Reason::NamespaceNotAllowed, Some((STALLED, Reason::NamespaceNotAllowed))), false)]
#[case::only_the_key_is_refused(a_status_after_failed_resync(Reason::AuthenticationFailed), false)]
fn a_status_proves_what_it_shows(#[case] status: AICoreRegistrySecretStatus, #[case] proves: bool) {
    assert_eq!(proven_tenant(&status), proves.then(|| tenant("one")));
}

/// What a claimant knows of its own case.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Owns,
    Lost,
    Waits,
}

/// The same without any order kept.
#[derive(Default)]
struct Model(BTreeMap<ObjectKey, (Claimant, Claim, Standing)>);

impl Model {
    fn rivals(&self, key: &ObjectKey, standing: Standing) -> impl Iterator<Item = &Claimant> {
        let wanted = &self.0[key].1;
        let rivals = self.0.values().filter(move |(other, claim, as_it_stands)| {
            other.key != *key && claim == wanted && *as_it_stands == standing
        });
        rivals.map(|(other, ..)| other)
    }

    fn answer(&self, key: &ObjectKey) -> Answer {
        let (me, _, standing) = &self.0[key];
        if self.rivals(key, Standing::Proven).any(|other| other < me) {
            Answer::Lost
        } else if *standing != Standing::Proven && self.rivals(key, Standing::Open).any(|other| other < me) {
            Answer::Waits
        } else {
            Answer::Owns
        }
    }
}

fn answer(claims: &Claims, key: &ObjectKey) -> Answer {
    if claims.owned_by(key).is_some() {
        Answer::Lost
    } else if claims.has_older_open(key) {
        Answer::Waits
    } else {
        Answer::Owns
    }
}

#[derive(Clone, Debug)]
enum Step {
    Claims { who: usize, what: Option<u8>, standing: Standing },
    Stands { who: usize, standing: Standing },
    Ended { who: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let standing = || prop_oneof![Just(Standing::Proven), Just(Standing::Open), Just(Standing::Failed)];
    let judged = prop_oneof![Just(Standing::Proven), Just(Standing::Failed)];
    let step = prop_oneof![
        3 => (0_usize..8, prop::option::weighted(0.8, 0_u8..2), standing())
            .prop_map(|(who, what, standing)| Step::Claims { who, what, standing }),
        2 => (0_usize..8, judged).prop_map(|(who, standing)| Step::Stands { who, standing }),
        2 => (0_usize..8).prop_map(|who| Step::Ended { who }),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Eight objects; the last four are the first four created again under their names. Four ages, so that there are ties, and two
    /// things to claim. Only who hears of a change asks again, and nobody is left with an answer that is not true any more.
    #[test]
    fn whatever_the_order_the_oldest_with_proof_owns_and_who_is_affected_hears(
        ages in prop::array::uniform8(0_i64..4),
        steps in steps(),
    ) {
        let people: Vec<Claimant> = (0..8)
            .map(|index| Claimant {
                key: ObjectKey::new("ns", &format!("object-{}", index % 4)),
                ..claimant(ages[index], &format!("uid-{index}"))
            })
            .collect();
        let mut model = Model::default();
        let mut claims = Claims::default();
        let mut told: BTreeMap<ObjectKey, Answer> = BTreeMap::new();
        for step in steps {
            let (Step::Claims { who, .. } | Step::Stands { who, .. } | Step::Ended { who }) = &step;
            let me = &people[*who];
            let mut hear = match &step {
                Step::Claims { what, standing, .. } => {
                    let wants = what.map(|what| claim("t", &format!("n{what}")));
                    match &wants {
                        None => model.0.remove(&me.key),
                        Some(wants) => match model.0.get(&me.key) {
                            Some((claimant, claim, _)) if claimant == me && claim == wants => None,
                            _ => model.0.insert(me.key.clone(), (me.clone(), wants.clone(), *standing)),
                        },
                    };
                    claims.set(me, wants.map(|wants| (wants, *standing)))
                }
                Step::Stands { standing, .. } => {
                    if let Some((.., stands)) = model.0.get_mut(&me.key) {
                        *stands = *standing;
                    }
                    claims.stand(&me.key, *standing)
                }
                Step::Ended { .. } => {
                    if let Some((.., stands @ Standing::Open)) = model.0.get_mut(&me.key) {
                        *stands = Standing::Failed;
                    }
                    claims.attempt_ended(&me.key)
                }
            };
            for key in model.0.keys() {
                prop_assert_eq!(answer(&claims, key), model.answer(key), "{:?}", key);
                prop_assert_eq!(claims.standing(key), Some(model.0[key].2));
                let successor = model.rivals(key, Standing::Proven).min().map(|other| &other.key);
                prop_assert_eq!(claims.successor(&model.0[key].1, key), successor);
            }
            told.retain(|key, _| model.0.contains_key(key));
            hear.push(me.key.clone());
            hear.retain(|key| model.0.contains_key(key));
            for key in &hear {
                let answer = model.answer(key);
                told.insert(key.clone(), answer);
                match answer {
                    Answer::Owns => {}
                    Answer::Waits => claims.told_to_wait(key),
                    Answer::Lost => {
                        claims.told_lost(key);
                        let (.., standing) = model.0.get_mut(key).unwrap();
                        if *standing != Standing::Proven {
                            *standing = Standing::Open;
                        }
                    }
                }
            }
            for (key, was) in &told {
                let (.., standing) = &model.0[key];
                match (was, model.answer(key)) {
                    // Whoever tries finds out when it comes to write.
                    (Answer::Owns, _) if *standing != Standing::Proven => {}
                    // It hears when nobody is in front of it any more.
                    (Answer::Lost, Answer::Waits) => {}
                    (was, is) => prop_assert_eq!(*was, is, "{:?} sleeps", key),
                }
            }
        }
        for key in model.0.keys() {
            claims.release(key);
        }
        prop_assert!(claims.is_empty(), "{:?}", claims);
    }
}
