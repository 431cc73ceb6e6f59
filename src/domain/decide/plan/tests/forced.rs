use super::*;

fn requested(value: &str) -> Object {
    Object { requested_at: Some(value.into()), ..an_object() }
}

fn answered(value: Option<&str>) -> AICoreRegistrySecretStatus {
    AICoreRegistrySecretStatus { last_handled_reconcile_at: value.map(str::to_owned), ..a_status_in_sync() }
}

#[rstest]
#[case::new("1", None, push(Cause::Forced))]
#[case::another("2", Some("1"), push(Cause::Forced))]
#[case::older_than_the_answer("1", Some("2"), push(Cause::Forced))]
#[case::empty_is_a_value("", None, push(Cause::Forced))]
#[case::answered("1", Some("1"), in_sync(3540))]
#[case::answered_empty("", Some(""), in_sync(3540))]
fn any_value_is_answered_once(
    #[case] requested_at: &str,
    #[case] handled: Option<&str>,
    #[case] expected: Step,
) {
    let (object, status) = (requested(requested_at), answered(handled));
    assert_eq!(step(&an_observation(&object, &status)), expected);
}

#[test]
fn overrides_a_hold_once() {
    let object = requested("1");
    let waits = Failure { retry_after: Some(seconds(3600)), ..failure(Reason::RateLimited) };
    for reason in [waits, failure(Reason::AuthenticationFailed)] {
        let (status, later) = (answered(None), answered(Some("1")));
        let mut observed = an_observation(&object, &status);
        let backoff = a_backoff(&observed, reason.clone(), seconds(60));
        observed.backoff = Some(&backoff);
        assert_eq!(step(&observed), push(Cause::Forced));
        observed.status = &later;
        assert_eq!(step(&observed), Step::NoPush(Why::BackingOff { left: seconds(60), failure: reason }));
    }
}

#[test]
fn overrides_the_spread_after_a_restart() {
    let (object, status) = (requested("1"), answered(None));
    let mut observed = an_observation(&object, &status);
    observed.now = resync_due_after(Duration::ZERO);
    assert_eq!(step(&observed), push(Cause::Forced));
}

#[rstest]
#[case::conflict(Ownership::OwnedBy(key("older")), Why::OwnedBy(key("older")))]
#[case::undecided(Ownership::Pending, Why::Pending)]
fn does_not_override_the_rights_of_others(#[case] ownership: Ownership, #[case] expected: Why) {
    let (object, status) = (requested("1"), answered(None));
    let mut observed = an_observation(&object, &status);
    observed.ownership = ownership;
    assert_eq!(step(&observed), Step::NoPush(expected));
}

#[test]
fn does_not_override_suspension_nor_what_is_missing() {
    let status = answered(None);
    let suspended = requested("1").with_spec(|spec| spec.suspend = Some(true));
    assert_eq!(step(&an_observation(&suspended, &status)), Step::NoPush(Why::Suspended));
    let object = requested("1");
    let mut observed = an_observation(&object, &status);
    observed.source = unusable(Reason::SecretInvalid);
    assert_eq!(step(&observed), Step::NoPush(Why::Unusable(failure(Reason::SecretInvalid))));
}
