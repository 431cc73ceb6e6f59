//! What stands against others, and what does not.

use std::time::Duration;

use rstest::rstest;

use super::*;
use crate::{
    api::condition::{RECONCILING, STALLED},
    domain::{
        decide::{conflict::LONGEST_WAIT_FOR_PROOF, pass_outcome::PassOutcome, reason::Reason},
        testing::{LAST_SYNC, a_status_after_failed_resync, a_status_saying},
    },
};

const REFUSED: PassOutcome = PassOutcome::Reason(Reason::AuthenticationFailed);

/// Wants `pull`; the number is its age, 1 is the oldest. Each is in a namespace of its own.
fn wants_pull(created: i64) -> Object {
    let object = object_named("pull", created);
    in_other_namespace(&object, &format!("team-{created}"))
}

fn pull() -> Claim {
    claim_in("one", "pull")
}

fn stands(index: &TestIndex, object: &Object) -> Ownership {
    index.ownership(object, Some(&pull()))
}

fn owns() -> Ownership {
    Ownership::Owner { successor: None }
}

fn owned_by(owner: &Object) -> Ownership {
    Ownership::OwnedBy(owner.key.clone())
}

/// An older one whose key was refused, and a younger one that was given a token.
fn forged_and_victim() -> (TestIndex, Object, Object) {
    let (forged, victim) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&forged, &victim]);
    says(&index, &forged, Some(pull()));
    assert!(index.refused(&forged).is_empty());
    assert!(index.pass_ended(&forged, REFUSED).is_empty());
    proves(&index, &victim, pull());
    (index, forged, victim)
}

#[test]
fn a_forged_key_stands_against_nobody() {
    let (index, forged, victim) = forged_and_victim();
    assert_eq!(stands(&index, &victim), owns());
    assert!(index.may_write(&victim, &pull()));
    // It may ask again: with a token, which it never gets, it would be the older one.
    assert_eq!(stands(&index, &forged), Ownership::Owner { successor: Some(victim.key.clone()) });
    let dying = Object { deleting: true, ..victim };
    index.apply_resource(dying.clone(), a_new_status());
    assert!(index.may_delete(&dying, &pull(), None), "it is no successor");
}

#[test]
fn a_victim_that_is_created_anew_stays_the_owner() {
    let (index, _, victim) = forged_and_victim();
    index.remove_resource(&victim.key);
    let anew = Object { uid: "anew".into(), created: at(3), ..victim };
    index.apply_resource(anew.clone(), a_new_status());
    says(&index, &anew, Some(pull()));
    assert_eq!(stands(&index, &anew), owns(), "it waits for nobody whose attempt has ended");
}

#[test]
fn an_older_one_takes_over_once_it_has_proof_and_the_younger_is_told() {
    let (index, older, younger) = forged_and_victim();
    assert_eq!(index.proven(&older, &pull()), just(&younger));
    assert_eq!(stands(&index, &younger), owned_by(&older));
    assert!(!index.may_write(&younger, &pull()));
}

#[test]
fn a_proof_falls_when_the_key_is_refused_or_changes_its_tenant_and_not_before() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&older, &younger]);
    proves(&index, &older, pull());
    proves(&index, &younger, pull());
    // Another key of the same tenant, of which nothing is known yet; and attempts that fail for now.
    index.claim(&older, Some(pull()), Some(7));
    for outcome in [PassOutcome::Reason(Reason::RemoteUnavailable), PassOutcome::ApiServerError] {
        assert!(index.pass_ended(&older, outcome).is_empty());
    }
    assert_eq!(stands(&index, &younger), owned_by(&older));
    assert_eq!(index.refused(&older), just(&younger));
    assert_eq!(stands(&index, &younger), owns());
    assert_eq!(index.proven(&older, &pull()), just(&younger));
    assert_eq!(says(&index, &older, Some(claim_in("two", "pull"))), just(&younger));
    assert_eq!(stands(&index, &younger), owns());
    // Back again: what was proven there before says nothing about the key that leads there now.
    says(&index, &older, Some(pull()));
    assert_eq!(stands(&index, &younger), owns());
}

/// The older one is in sync until its key is refused; then the younger pushes over it.
#[test]
fn whoever_falls_is_told_when_another_push_is_accepted() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(older.clone(), a_status_in_sync());
    index.apply_resource(younger.clone(), a_new_status());
    says(&index, &older, Some(pull()));
    assert_eq!(index.accepted(&older, &pull()), None);
    proves(&index, &younger, pull());
    assert_eq!(index.refused(&older), just(&younger));
    index.writes(&younger, &pull());
    assert_eq!(index.accepted(&younger, &pull()), Some(older.key.clone()));
    assert!(snapshot(&index, &older).overwritten);
    assert_eq!(index.accepted(&younger, &pull()), None, "once");
    // It comes back.
    assert_eq!(index.proven(&older, &pull()), just(&younger));
    index.writes(&older, &pull());
    assert_eq!(index.accepted(&older, &pull()), None);
    assert!(!snapshot(&index, &older).overwritten);
}

/// After a restart the statuses say what is known.
#[rstest]
#[case::held(a_status_after_failed_resync(Reason::AuthenticationFailed), true)]
#[case::displaced_before(
    a_status_saying("False", Reason::RemoteConflict, Some((STALLED, Reason::AuthenticationFailed))),
    false
)]
#[case::nothing(a_new_status(), false)]
fn so_is_whoever_fell_before_this_process_began(
    #[case] status: AICoreRegistrySecretStatus,
    #[case] told: bool,
) {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(older.clone(), status);
    says(&index, &older, Some(pull()));
    index.apply_resource(younger.clone(), a_new_status());
    proves(&index, &younger, pull());
    index.writes(&younger, &pull());
    assert_eq!(index.accepted(&younger, &pull()), told.then(|| older.key.clone()));
}

/// Both say that AI Core holds theirs; the later push is right.
#[test]
fn whoever_fell_sees_after_a_restart_that_another_has_pushed_since() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let fallen = || a_status_after_failed_resync(Reason::AuthenticationFailed);
    let told = || {
        let mut status = fallen();
        let ready = status.conditions.iter_mut().find(|condition| condition.type_ == "Ready").unwrap();
        "RemoteConflict".clone_into(&mut ready.reason);
        status
    };
    // Of one second the status tells.
    let cases = [
        (LAST_SYNC + 1, fallen(), true),
        (LAST_SYNC, fallen(), false),
        (LAST_SYNC, told(), true),
        (LAST_SYNC - 1, told(), false),
        (LAST_SYNC - 1, fallen(), false),
    ];
    for (second, fallen, expected) in cases {
        let index = TestIndex::default();
        index.apply_resource(older.clone(), fallen);
        let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(second));
        let pushed = AICoreRegistrySecretStatus { last_sync_time: Some(time), ..a_status_in_sync() };
        index.apply_resource(younger.clone(), pushed);
        assert_eq!(snapshot(&index, &older).overwritten, expected, "{second}");
        assert!(!snapshot(&index, &younger).overwritten);
    }
}

/// The clock of the process that pushed the younger was hours ahead. One push of the older settles it.
#[test]
fn what_this_process_has_pushed_counts_before_what_times_say() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(older.clone(), a_status_in_sync());
    let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(LAST_SYNC + 7200));
    let pushed = AICoreRegistrySecretStatus { last_sync_time: Some(time), ..a_status_in_sync() };
    index.apply_resource(younger, pushed);
    assert!(snapshot(&index, &older).overwritten);
    index.writes(&older, &pull());
    assert_eq!(index.accepted(&older, &pull()), None);
    assert!(!snapshot(&index, &older).overwritten);
}

/// Nothing is kept of those that go, or want something else.
#[rstest]
#[case::gone(|index: &TestIndex, object: &Object| drop(index.remove_resource(&object.key)))]
#[case::elsewhere(|index: &TestIndex, object: &Object| drop(says(index, object, Some(claim_in("two", "pull")))))]
fn nobody_is_told_of_what_it_does_not_want_any_more(#[case] change: fn(&TestIndex, &Object)) {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(older.clone(), a_status_in_sync());
    index.apply_resource(younger.clone(), a_new_status());
    says(&index, &older, Some(pull()));
    proves(&index, &younger, pull());
    let _ = index.refused(&older);
    change(&index, &older);
    assert_eq!(index.accepted(&younger, &pull()), None);
    for object in [&older, &younger] {
        index.remove_resource(&object.key);
    }
    assert!(index.0.lock().claims.is_empty());
}

#[rstest]
#[case::accepted(a_status_in_sync(), true)]
#[case::refused_since(a_status_saying("False", Reason::AuthenticationFailed, None), false)]
#[case::not_allowed_since(a_status_saying("False", Reason::NamespaceNotAllowed, None), false)]
#[case::given_up_before_its_key_went(
    AICoreRegistrySecretStatus {
        credentials_digest: None,
        ..a_status_saying("False", Reason::TenantNotFound, Some((RECONCILING, Reason::TenantNotFound)))
    },
    false
)]
#[case::its_key_went(a_status_saying("False", Reason::TenantNotFound, Some((RECONCILING, Reason::TenantNotFound))), true)]
#[case::only_named(AICoreRegistrySecretStatus { last_sync_time: None, ..a_status_in_sync() }, false)]
#[case::new(a_new_status(), false)]
fn after_a_restart_a_status_proves_what_it_shows(
    #[case] status: AICoreRegistrySecretStatus,
    #[case] proves: bool,
) {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(older.clone(), status);
    index.apply_resource(younger.clone(), a_status_in_sync());
    assert_eq!(stands(&index, &younger), if proves { owned_by(&older) } else { owns() });
    // Once its key was read, it is the same.
    says(&index, &older, Some(pull()));
    assert_eq!(stands(&index, &younger), if proves { owned_by(&older) } else { owns() });
}

/// A key may lead to a tenant for a while, and then to the one of the last push again.
#[test]
fn the_status_proves_a_claim_on_its_own_tenant_alone() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(older.clone(), a_status_in_sync());
    index.apply_resource(younger.clone(), a_new_status());
    let elsewhere = claim_in("two", "pull");
    proves(&index, &younger, elsewhere.clone());
    says(&index, &older, Some(elsewhere.clone()));
    assert_eq!(index.ownership(&younger, Some(&elsewhere)), owns());
    says(&index, &older, Some(pull()));
    proves(&index, &younger, pull());
    assert_eq!(stands(&index, &younger), owned_by(&older));
}

/// Who wants the same with the same key needs no token of its own; nor does a successor at the moment at which the owner goes.
#[test]
fn a_token_proves_what_all_claim_who_use_its_key() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&older, &younger]);
    index.claim(&older, Some(pull()), Some(1));
    index.claim(&younger, Some(pull()), Some(1));
    assert_eq!(index.proven(&older, &pull()), Vec::new());
    assert_eq!(stands(&index, &older), Ownership::Owner { successor: Some(younger.key.clone()) });
    // After a restart the owner, which is being deleted, is the first to ask for a token.
    let index = TestIndex::default();
    index.apply_resource(older.clone(), a_status_in_sync());
    index.apply_resource(younger.clone(), a_new_status());
    index.claim(&younger, Some(pull()), Some(1));
    assert_eq!(stands(&index, &younger), owned_by(&older));
    let dying = Object { deleting: true, ..older };
    assert!(index.apply_resource(dying.clone(), a_new_status()).contains(&younger.key));
    index.claim(&dying, Some(pull()), Some(1));
    assert!(index.may_delete(&dying, &pull(), None));
    let _ = index.proven(&dying, &pull());
    assert!(!index.may_delete(&dying, &pull(), None), "handed over");
}

#[test]
fn what_is_known_of_a_key_goes_with_the_last_who_uses_it() {
    let (one, two) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&one, &two]);
    index.claim(&one, Some(pull()), Some(1));
    let _ = index.proven(&one, &pull());
    index.claim(&one, Some(pull()), Some(2));
    index.claim(&two, Some(pull()), Some(1));
    assert_eq!(stands(&index, &one), owns(), "the younger one has no proof");
}

#[test]
fn a_key_that_was_refused_proves_nothing_for_others() {
    let (one, two) = (wants_pull(1), wants_pull(2));
    let index = TestIndex::default();
    index.apply_resource(one.clone(), a_new_status());
    index.claim(&one, Some(pull()), Some(1));
    let _ = index.refused(&one);
    index.apply_resource(two.clone(), a_status_in_sync());
    index.claim(&two, Some(pull()), Some(1));
    assert_eq!(stands(&index, &one), owns());
}

/// A hung authorization server, or a resource that never has its turn.
#[test]
fn nobody_waits_for_others_for_longer_than_the_limit_in_all() {
    let (first, second, victim) = (wants_pull(1), wants_pull(2), wants_pull(3));
    let index = index_with(&[&first, &second, &victim]);
    let start = Instant::now();
    let asks = |after| index.ownership_at(&victim, Some(&pull()), start + after);
    says(&index, &victim, Some(pull()));
    assert_eq!(asks(Duration::ZERO), Ownership::Pending);
    says(&index, &first, Some(pull()));
    let just_before = LONGEST_WAIT_FOR_PROOF.checked_sub(Duration::from_millis(1)).unwrap();
    assert_eq!(asks(just_before), Ownership::Pending);
    assert_eq!(asks(LONGEST_WAIT_FOR_PROOF), owns());
    // The wait is over, also for those that come to want the same later.
    says(&index, &second, Some(pull()));
    assert_eq!(asks(LONGEST_WAIT_FOR_PROOF), owns());
}

#[test]
fn who_has_proof_waits_for_nobody() {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&older, &younger]);
    proves(&index, &younger, pull());
    assert_eq!(stands(&index, &younger), owns(), "not for one that has not said what it claims");
    says(&index, &older, Some(pull()));
    assert_eq!(stands(&index, &younger), owns(), "nor for one without proof");
}

#[rstest]
#[case::a_failed_attempt(PassOutcome::Reason(Reason::RemoteUnavailable), true)]
#[case::an_unreadable_secret(PassOutcome::ApiServerError, true)]
#[case::held_back(PassOutcome::BackingOff, true)]
#[case::suspended(PassOutcome::Reason(Reason::Suspended), true)]
#[case::waits_for_its_turn(PassOutcome::Postponed, false)]
#[case::waits_for_a_place(PassOutcome::Queued, false)]
fn nobody_waits_for_one_whose_attempt_has_ended(
    #[case] outcome: PassOutcome,
    #[case] ended: bool,
    #[values(false, true)] said: bool,
) {
    let (older, younger) = (wants_pull(1), wants_pull(2));
    let index = index_with(&[&older, &younger]);
    if said {
        says(&index, &older, Some(pull()));
    }
    says(&index, &younger, Some(pull()));
    assert_eq!(stands(&index, &younger), Ownership::Pending);
    let woken = index.pass_ended(&older, outcome);
    assert_eq!(woken, if ended { just(&younger) } else { Vec::new() });
    assert_eq!(stands(&index, &younger), if ended { owns() } else { Ownership::Pending });
}

#[test]
fn what_is_said_of_one_that_was_created_anew_counts_for_nobody() {
    let (index, forged, victim) = forged_and_victim();
    let former = Object { uid: "former".into(), ..forged.clone() };
    assert!(index.proven(&former, &pull()).is_empty());
    assert_eq!(stands(&index, &victim), owns());
    let _ = index.proven(&forged, &pull());
    assert!(index.refused(&former).is_empty());
    assert_eq!(stands(&index, &victim), owned_by(&forged));
}
