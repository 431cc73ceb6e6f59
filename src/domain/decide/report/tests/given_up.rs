//! A claim that was given up stays so, whatever is wrong afterwards and however often the process begins anew.

use super::*;
use crate::domain::decide::conflict::proven_tenant;

/// Where the service key is, or that there is none, as the AICoreTenant and the spec say it.
fn key_is(reason: Reason) -> impl Fn(&mut Observed<'_>) {
    move |observed| {
        observed.service_key = unusable(reason);
        observed.service_key_identity = None;
        observed.digest = None;
    }
}

fn proves(life: &Life) -> bool {
    proven_tenant(&life.status).is_some()
}

#[rstest]
fn what_is_not_allowed_proves_nothing_until_it_is_pushed_again(
    #[values(Reason::NamespaceNotAllowed, Reason::RemoteNameNotAllowed)] why: Reason,
    #[values(
        Reason::TenantNotFound,
        Reason::TenantNotServed,
        Reason::ServiceKeyNotFound,
        Reason::ServiceKeyInvalid,
        Reason::AccessDenied
    )]
    then: Reason,
) {
    let mut life = Life::in_sync();
    assert!(proves(&life));
    life.rests(key_is(why));
    assert!(!proves(&life));
    for _ in 0..2 {
        life.rests(key_is(then));
        assert!(!proves(&life), "{:?}", life.conditions());
        assert_eq!(life.ready(), format!("False/{}", then.as_str()));
        life.restart();
    }
    life.spec(|spec| spec.suspend = Some(true));
    life.rests(as_found);
    assert!(!proves(&life));
    life.spec(|spec| spec.suspend = None);
    life.push_fails(as_found, failure(Reason::RemoteUnavailable));
    assert!(!proves(&life));
    life.later(seconds(1000));
    life.push_succeeds(as_found);
    assert!(proves(&life));
}

/// The status says something else in the first place.
#[rstest]
fn what_is_not_allowed_proves_nothing_while_something_else_is_wrong(#[values(true, false)] suspended: bool) {
    let mut life = Life::in_sync();
    if suspended {
        life.spec(|spec| spec.suspend = Some(true));
    }
    for reason in [Reason::NamespaceNotAllowed, Reason::TenantNotFound] {
        life.rests(|observed| {
            key_is(reason)(observed);
            if !suspended {
                observed.source = unusable(Reason::SecretNotFound);
            }
        });
        assert!(!proves(&life), "{:?}", life.conditions());
    }
}

#[rstest]
fn neither_does_a_key_that_was_refused_and_went(
    #[values(Reason::ServiceKeyNotFound, Reason::ServiceKeyInvalid)] then: Reason,
) {
    let mut life = Life::in_sync();
    life.later(seconds(3600));
    life.push_fails(as_found, failure(Reason::AuthenticationFailed));
    assert!(!proves(&life));
    life.rests(key_is(then));
    assert!(!proves(&life), "{:?}", life.conditions());
    assert_eq!(life.ready(), "True/Synced", "AI Core does not forget what it holds");
}

/// As long as nothing says otherwise.
#[rstest]
fn a_key_that_goes_or_a_suspension_leaves_the_proof(
    #[values(Reason::TenantNotFound, Reason::ServiceKeyNotFound, Reason::AccessDenied)] reason: Reason,
) {
    let mut life = Life::in_sync();
    life.rests(key_is(reason));
    assert!(proves(&life));
    life.spec(|spec| spec.suspend = Some(true));
    life.rests(key_is(reason));
    assert!(proves(&life));
}

/// Where what was sent is stays known, so a deletion waits for the key, and deletes when it may.
#[test]
fn a_deletion_still_knows_where_to_look() {
    let mut life = Life::in_sync();
    life.object = Object { finalizer: true, ..life.object };
    life.spec(|spec| spec.deletion_policy = Some(crate::api::DeletionPolicy::Delete));
    life.rests(key_is(Reason::NamespaceNotAllowed));
    life.rests(key_is(Reason::TenantNotFound));
    assert!(!proves(&life));
    life.object.deleting = true;
    let blocked = life.rests(key_is(Reason::TenantNotFound));
    assert_eq!(blocked.outcome, PassOutcome::Reason(Reason::Deleting));
    let (step, _) = life.pass(as_found, |_| Outcome::RemoteDeleted);
    assert_eq!(step, Step::DeleteRemote { forced: false });
}
