use std::sync::Arc;

use jiff::SignedDuration;
use rstest::rstest;

use super::*;
use crate::{
    api::{
        AICoreRegistrySecretStatus,
        condition::{READY, RECONCILING, STALLED},
    },
    domain::{
        decide::{memory::Synced, reason::Reason},
        parse::object::Now,
        testing::*,
    },
};

mod causes;
mod deletion;
mod finalizers;
mod forced;
mod holds;
mod resyncs;
mod spread;

fn step(observed: &Observed<'_>) -> Step {
    plan(observed).step
}

fn push(cause: Cause) -> Step {
    let creation = match cause {
        Cause::First | Cause::TenantChanged => Creation::Expected,
        _ => Creation::IfMissing,
    };
    Step::Push(Push { cause, creation })
}

fn in_sync(requeue_after: impl Into<Option<u64>>) -> Step {
    Step::NoPush(Why::InSync { requeue_after: requeue_after.into().map(seconds) })
}

/// Each row makes one fact true; whatever is true of the rows below, the rows above win.
#[test]
fn precedence() {
    let status = a_status_in_sync();
    let object = an_object();
    let mut observed = an_observation(&object, &status);
    assert_eq!(step(&observed), in_sync(3540));

    observed.digest = Some(digest_of("b"));
    assert_eq!(step(&observed), push(Cause::Changed));

    let backoff = a_backoff(&observed, failure(Reason::AuthenticationFailed), seconds(9));
    observed.backoff = Some(&backoff);
    assert_eq!(
        step(&observed),
        Step::NoPush(Why::BackingOff { left: seconds(9), failure: failure(Reason::AuthenticationFailed) })
    );

    observed.ownership = Ownership::Pending;
    assert_eq!(step(&observed), Step::NoPush(Why::Pending));

    observed.service_key = unusable(Reason::ServiceKeyInvalid);
    assert_eq!(step(&observed), Step::NoPush(Why::Unusable(failure(Reason::ServiceKeyInvalid))));

    observed.source = unusable(Reason::SecretNotFound);
    assert_eq!(step(&observed), Step::NoPush(Why::Unusable(failure(Reason::SecretNotFound))));

    observed.ownership = Ownership::OwnedBy(key("older"));
    assert_eq!(step(&observed), Step::NoPush(Why::OwnedBy(key("older"))));

    let suspended = an_object().with_spec(|spec| spec.suspend = Some(true));
    observed.object = &suspended;
    assert_eq!(step(&observed), Step::NoPush(Why::Suspended));

    let deleting = Object { deleting: true, finalizer: true, ..suspended.clone() };
    observed.object = &deleting;
    assert_eq!(step(&observed), Step::LetGo(LetGo::Suspended));
}

#[test]
fn nothing_to_do_is_no_matter_of_who_owns_the_name() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.ownership = Ownership::Pending;
    assert_eq!(step(&observed), in_sync(3540));
}

#[test]
fn a_successor_does_not_keep_the_owner_from_pushing() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.digest = Some(digest_of("b"));
    observed.ownership = Ownership::Owner { successor: Some(key("younger")) };
    assert_eq!(step(&observed), push(Cause::Changed));
}
