use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::*;

#[rstest]
#[case::never_seen(AICoreRegistrySecretStatus::default(), Creation::Expected)]
#[case::default_of_the_schema(a_new_status(), Creation::Expected)]
#[case::no_digest(AICoreRegistrySecretStatus { credentials_digest: None, ..a_status_in_sync() }, Creation::IfMissing)]
#[case::no_push(AICoreRegistrySecretStatus { last_sync_time: None, ..a_status_in_sync() }, Creation::IfMissing)]
fn first(#[case] status: AICoreRegistrySecretStatus, #[case] creation: Creation) {
    let object = an_object();
    let expected = Step::Push(Push { cause: Cause::First, creation });
    assert_eq!(step(&an_observation(&object, &status)), expected);
}

#[test]
fn tenant_changed_is_told_from_changed() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.digest = Some(digest_of("b"));
    observed.service_key = usable("21", tenant("two"));
    assert_eq!(step(&observed), push(Cause::TenantChanged));
}

#[test]
fn another_authorization_server_is_another_tenant() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    let mut other = tenant("one");
    other.authorization_server = tenant("two").authorization_server;
    observed.service_key = usable("21", other);
    assert_eq!(step(&observed), push(Cause::TenantChanged));
}

#[test]
fn versions_alone_change_nothing() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.source = usable("11", vec!["ghcr.io".to_owned()]);
    observed.service_key = usable("21", tenant("one"));
    assert_eq!(step(&observed), in_sync(3540));
}

#[test]
fn a_digest_of_another_version() {
    let object = an_object();
    let status =
        AICoreRegistrySecretStatus { credentials_digest: Some("v0:00".to_owned()), ..a_status_in_sync() };
    assert_eq!(step(&an_observation(&object, &status)), push(Cause::UnknownDigest));
}

#[test]
fn resync() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.now = resync_due_after(LONG_UPTIME);
    assert_eq!(step(&observed), push(Cause::Resync));
    observed.now.wall = at(LAST_SYNC + 3599);
    assert_eq!(step(&observed), in_sync(1));
}

/// Whoever had the remote secret meanwhile, or whatever became of the attempt that failed: AI Core may hold something
/// else than what it accepted last, and a restart does not make that certain.
#[rstest]
#[case::lost_meanwhile(a_status_saying("False", Reason::RemoteConflict, Some((STALLED, Reason::RemoteConflict))))]
#[case::remote_gone(a_status_saying("False", Reason::RemoteMissing, Some((STALLED, Reason::RemoteMissing))))]
#[case::no_answer(a_status_saying("False", Reason::RemoteUnavailable, Some((RECONCILING, Reason::RemoteUnavailable))))]
#[case::suspended_in_that_state(a_status_saying("False", Reason::Suspended, None))]
#[case::failed_resync(a_status_after_failed_resync(Reason::AuthenticationFailed))]
#[case::failed_resync_transient(a_status_after_failed_resync(Reason::RateLimited))]
fn unconfirmed(
    #[case] status: AICoreRegistrySecretStatus,
    #[values(LONG_UPTIME, Duration::ZERO)] uptime: Duration,
) {
    let object = an_object();
    let mut observed = an_observation(&object, &status);
    observed.now.uptime = uptime;
    assert_eq!(step(&observed), push(Cause::Unconfirmed));
}

#[rstest]
#[case::secret_was_missing(a_status_saying("False", Reason::SecretNotFound, Some((RECONCILING, Reason::SecretNotFound))))]
#[case::key_was_invalid(a_status_saying("False", Reason::ServiceKeyInvalid, Some((STALLED, Reason::ServiceKeyInvalid))))]
#[case::suspended_in_sync(a_status_saying("True", Reason::Suspended, None))]
fn nothing_when_no_attempt_was_made_and_all_is_as_before(#[case] status: AICoreRegistrySecretStatus) {
    let object = an_object();
    assert_eq!(step(&an_observation(&object, &status)), in_sync(3540));
}

/// A state that this version does not know is not taken for one in which AI Core holds the credential; a condition of a type that
/// it does not know says nothing about that.
#[rstest]
#[case::not_ready(vec![condition(READY, "False", "RegionPending")], push(Cause::Unconfirmed))]
#[case::ready_and_stalled(vec![condition(READY, "True", "Synced"), condition(STALLED, "True", "RegionRefused")], push(Cause::Unconfirmed))]
#[case::ready(vec![condition(READY, "True", "SyncedInTwoRegions")], in_sync(3540))]
#[case::beside(vec![condition(READY, "True", "Synced"), condition("Expiring", "True", "Forbidden")], in_sync(3540))]
fn a_newer_version_wrote_the_conditions(#[case] conditions: Vec<Condition>, #[case] expected: Step) {
    let object = an_object();
    let status = AICoreRegistrySecretStatus { conditions, ..a_status_in_sync() };
    assert_eq!(step(&an_observation(&object, &status)), expected);
}

#[test]
fn a_failed_attempt_is_repeated_when_its_hold_is_over() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    let backoff = a_backoff(&observed, failure(Reason::RemoteUnavailable), seconds(1));
    observed.now.uptime += seconds(1);
    observed.backoff = Some(&backoff);
    assert_eq!(step(&observed), push(Cause::Unconfirmed));
}

#[rstest]
#[case(None, true)]
#[case(Some(CreationPolicy::IfMissing), true)]
#[case(Some(CreationPolicy::Never), false)]
fn creation_is_as_the_policy_says(#[case] policy: Option<CreationPolicy>, #[case] create: bool) {
    let object = an_object().with_spec(|spec| spec.creation_policy = policy);
    let mut status = a_new_status();
    let creation = |status: &AICoreRegistrySecretStatus| match step(&an_observation(&object, status)) {
        Step::Push(push) => push.creation,
        other => panic!("{other:?}"),
    };
    let expected = if create { Creation::Expected } else { Creation::Never };
    assert_eq!(creation(&status), expected);
    // What may have arrived is there, as far as is known.
    arrival::set_tenant(&mut status, &tenant("one"));
    assert_eq!(creation(&status), if create { Creation::IfMissing } else { Creation::Never });
    arrival::set_tenant(&mut status, &tenant("two"));
    assert_eq!(creation(&status), expected, "in another tenant");
}
