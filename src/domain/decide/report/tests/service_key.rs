//! When only the service key goes bad: AI Core still holds what the Secret holds, and a person has to act all the same.

use super::*;

/// Another key of the same tenant, which cannot be compared with the one before.
fn another_key(observed: &mut Observed<'_>) {
    observed.service_key = usable("21", tenant("one"));
    observed.service_key_identity = Some("aicore-key/@21".to_owned());
    observed.digest = Some(digest_of("b"));
}

fn key_unusable(reason: Reason) -> impl Fn(&mut Observed<'_>) {
    move |observed| {
        observed.service_key = unusable(reason);
        observed.service_key_identity = None;
        observed.digest = None;
    }
}

/// The Secret with the registry credential as well.
fn and_rotated(observed: &mut Observed<'_>) {
    observed.source = usable("11", vec!["ghcr.io".to_owned()]);
}

#[rstest]
#[case(Reason::AuthenticationFailed, STALLED)]
#[case(Reason::Forbidden, STALLED)]
#[case(Reason::RemoteRejected, STALLED)]
#[case(Reason::RemoteUnavailable, RECONCILING)]
fn a_new_key_that_is_refused_leaves_ready(#[case] reason: Reason, #[case] type_: &str) {
    let mut life = Life::in_sync();
    life.push_fails(another_key, failure(reason));
    let trouble = format!("{type_}=True/{}", reason.as_str());
    assert_eq!(life.conditions(), ["Ready=True/Synced", &trouble]);
    life.rests(another_key);
    assert_eq!(life.conditions(), ["Ready=True/Synced", &trouble]);
    // So it does for the next process.
    life.restart();
    life.later(seconds(2));
    life.pass(another_key, |_| Outcome::Failed(failure(reason)));
    assert_eq!(life.conditions(), ["Ready=True/Synced", &trouble]);
    // A rotation while it is held makes it false at once.
    life.pass(
        |observed| {
            another_key(observed);
            and_rotated(observed);
        },
        |_| Outcome::Failed(failure(reason)),
    );
    assert_eq!(life.conditions(), [format!("Ready=False/{}", reason.as_str()), trouble]);
    // And nothing but a push makes it true again.
    life.later(seconds(1000));
    life.push_fails(another_key, failure(Reason::RateLimited));
    assert_eq!(life.ready(), "False/RateLimited");
}

#[rstest]
#[case(Reason::ServiceKeyInvalid, STALLED)]
#[case(Reason::ServiceKeyNotFound, RECONCILING)]
fn a_key_that_cannot_be_used_leaves_ready(#[case] reason: Reason, #[case] type_: &str) {
    let mut life = Life::in_sync();
    let report = life.rests(key_unusable(reason));
    let trouble = format!("{type_}=True/{}", reason.as_str());
    assert_eq!(life.conditions(), ["Ready=True/Synced", &trouble]);
    assert_eq!(report.events.len(), 1);
    life.rests(|observed| {
        key_unusable(reason)(observed);
        and_rotated(observed);
    });
    assert_eq!(life.conditions(), [format!("Ready=False/{}", reason.as_str()), trouble]);
    // The same Secret again: whether AI Core holds it is only known with the key.
    life.rests(key_unusable(reason));
    assert_eq!(life.ready(), format!("False/{}", reason.as_str()));
    life.rests(as_found);
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
}

#[rstest]
fn another_spec_or_another_tenant_is_not_what_ai_core_holds(
    #[values(Reason::AuthenticationFailed, Reason::Forbidden)] reason: Reason,
) {
    let mut life = Life::in_sync();
    life.spec(|spec| spec.registries = Some(vec!["ghcr.io".to_owned()]));
    life.push_fails(another_key, failure(reason));
    assert_eq!(life.ready(), format!("False/{}", reason.as_str()));
    let mut life = Life::in_sync();
    life.push_fails(
        |observed| {
            another_key(observed);
            observed.service_key = usable("21", tenant("two"));
        },
        failure(reason),
    );
    assert_eq!(life.ready(), format!("False/{}", reason.as_str()));
}

#[test]
fn a_remote_secret_that_is_gone_is_not_held_by_version_either() {
    let mut life = Life::in_sync();
    life.push_fails(another_key, absent(Reason::QuotaExceeded));
    assert_eq!(life.ready(), "False/QuotaExceeded");
}

#[test]
fn a_version_that_was_found_to_hold_the_same_counts() {
    let mut life = Life::in_sync();
    // A label of the Secret changed, and its content was compared.
    life.rests(and_rotated);
    life.push_fails(
        |observed| {
            another_key(observed);
            and_rotated(observed);
        },
        failure(Reason::AuthenticationFailed),
    );
    assert_eq!(life.ready(), "True/Synced");
}

#[test]
fn a_new_key_that_waits_long_for_its_turn_leaves_ready_too() {
    let mut life = Life::in_sync();
    life.pass(another_key, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!(life.conditions(), ["Ready=True/Synced"]);
}
