use super::*;

fn dying() -> Object {
    Object {
        deleting: true,
        finalizer: true,
        ..an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete))
    }
}

/// Pushed, but refused before anything was accepted.
fn refused_status() -> AICoreRegistrySecretStatus {
    AICoreRegistrySecretStatus {
        conditions: vec![condition(READY, "False", "RemoteRejected")],
        ..a_new_status()
    }
}

fn suspended() -> Object {
    dying().with_spec(|spec| spec.suspend = Some(true))
}

fn retained() -> Object {
    dying().with_spec(|spec| spec.deletion_policy = None)
}

fn abandoned() -> Object {
    Object { abandon: true, ..dying() }
}

#[test]
fn without_the_finalizer_the_resource_is_gone() {
    let object = Object { finalizer: false, ..dying() };
    let status = a_status_in_sync();
    assert_eq!(step(&an_observation(&object, &status)), Step::NoPush(Why::Gone));
}

#[test]
fn the_remote_secret_is_deleted() {
    let (object, status) = (dying(), a_status_in_sync());
    assert_eq!(step(&an_observation(&object, &status)), Step::DeleteRemote { forced: false });
}

/// Each of these needs neither the service key nor AI Core.
#[rstest]
#[case::abandoned(abandoned(), a_status_in_sync(), LetGo::Abandoned)]
#[case::suspended(suspended(), a_status_in_sync(), LetGo::Suspended)]
#[case::retained(retained(), a_status_in_sync(), LetGo::Retained)]
#[case::never_pushed(dying(), refused_status(), LetGo::NeverPushed)]
#[case::abandoned_first(Object { abandon: true, ..suspended() }, a_status_in_sync(), LetGo::Abandoned)]
#[case::suspended_before_retained(
    suspended().with_spec(|spec| spec.deletion_policy = None),
    a_status_in_sync(),
    LetGo::Suspended
)]
fn lets_go_whatever_the_service_key(
    #[case] object: Object,
    #[case] status: AICoreRegistrySecretStatus,
    #[case] why: LetGo,
    #[values(None, Some(Reason::ServiceKeyNotFound), Some(Reason::ServiceKeyInvalid))] trouble: Option<
        Reason,
    >,
    #[values(NamespaceState::Active, NamespaceState::Terminating)] namespace: NamespaceState,
) {
    let mut observed = an_observation(&object, &status);
    observed.namespace = namespace.clone();
    if let Some(reason) = trouble {
        observed.service_key = unusable(reason);
    }
    assert_eq!(step(&observed), Step::LetGo(why));
}

#[rstest]
#[case::successor(Ownership::Owner { successor: Some(key("other")) })]
#[case::owner(Ownership::OwnedBy(key("other")))]
fn hands_over_to_whoever_claims_the_same(
    #[case] ownership: Ownership,
    #[values(false, true)] key_is_gone: bool,
) {
    let (object, status) = (dying(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.ownership = ownership;
    if key_is_gone {
        observed.service_key = unusable(Reason::ServiceKeyNotFound);
        observed.namespace = NamespaceState::Terminating;
    }
    assert_eq!(step(&observed), Step::LetGo(LetGo::HandedOver(key("other"))));
}

/// A successor takes over by a push. One that is to push is waited for, for as long as a request may take; then the remote secret is
/// deleted, or said to stay where that is not possible.
#[rstest]
fn who_takes_over_has_pushed(#[values(false, true)] key_is_gone: bool) {
    let (object, status) = (dying(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.ownership = Ownership::Owner { successor: Some(key("other")) };
    if key_is_gone {
        observed.service_key = unusable(Reason::ServiceKeyNotFound);
        observed.namespace = NamespaceState::Terminating;
    }
    let without =
        if key_is_gone { Step::LetGo(LetGo::Orphaned) } else { Step::DeleteRemote { forced: false } };
    observed.takeover = Takeover::Unlikely;
    assert_eq!(step(&observed), without);
    observed.takeover = Takeover::Expected;
    let (mut waited, mut looks) = (Duration::ZERO, 0);
    while let Step::NoPush(Why::HandingOver { left }) = step(&observed) {
        observed.handing_over.get_or_insert(observed.now.uptime);
        (waited, looks) = (waited + left, looks + 1);
        observed.now.uptime += left;
    }
    assert_eq!((waited, step(&observed)), (HANDOVER_LIMIT, without));
    assert!((5..30).contains(&looks), "{looks}");
    observed.takeover = Takeover::Done;
    assert_eq!(step(&observed), Step::LetGo(LetGo::HandedOver(key("other"))));
}

/// Who never pushed has nothing to hand over.
#[test]
fn a_loser_does_not_wait_for_a_successor() {
    let (object, status) = (dying(), saying("False", "RemoteConflict"));
    let mut observed = an_observation(&object, &status);
    observed.ownership = Ownership::Owner { successor: Some(key("other")) };
    observed.takeover = Takeover::Expected;
    assert_eq!(step(&observed), Step::LetGo(LetGo::NeverPushed));
}

#[test]
fn an_annotation_wins_over_handing_over() {
    let (object, status) = (abandoned(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.ownership = Ownership::OwnedBy(key("other"));
    assert_eq!(step(&observed), Step::LetGo(LetGo::Abandoned));
}

/// What was pushed is not in the tenant where others were found to claim the name.
#[rstest]
#[case(Ownership::Owner { successor: None })]
#[case(Ownership::Owner { successor: Some(key("other")) })]
#[case(Ownership::OwnedBy(key("other")))]
fn what_is_in_another_tenant_stays(#[case] ownership: Ownership) {
    let (object, status) = (dying(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.service_key = usable("21", tenant("two"));
    observed.ownership = ownership;
    assert_eq!(step(&observed), Step::LetGo(LetGo::TenantChanged));
}

#[rstest]
fn without_a_service_key(
    #[values(Reason::ServiceKeyNotFound, Reason::ServiceKeyInvalid)] reason: Reason,
    #[values(NamespaceState::Active, NamespaceState::Terminating)] namespace: NamespaceState,
    #[values(false, true)] forced: bool,
) {
    let status = a_status_in_sync();
    let object = Object { requested_at: forced.then(|| Arc::from("1")), ..dying() };
    let mut observed = an_observation(&object, &status);
    observed.service_key = unusable(reason);
    observed.namespace = namespace.clone();
    let expected = if namespace == NamespaceState::Terminating {
        Step::LetGo(LetGo::Orphaned)
    } else {
        Step::NoPush(Why::Blocked(failure(reason)))
    };
    assert_eq!(step(&observed), expected);
}

/// Whether the namespace goes cannot be seen: a key that is missing is waited for, and not for ever.
#[test]
fn without_a_service_key_in_a_namespace_that_is_hidden() {
    let (object, status) = (dying(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.namespace = NamespaceState::Hidden { why: "no".to_owned() };
    assert_eq!(step(&observed), Step::DeleteRemote { forced: false }, "with the key it does not matter");
    observed.service_key = unusable(Reason::AccessDenied);
    for (failures, released) in
        [(0, false), (DENIED_FOR_GOOD, false), (HIDDEN_FOR_GOOD - 1, false), (HIDDEN_FOR_GOOD, true)]
    {
        observed.api_failures = failures;
        assert_eq!(step(&observed) == Step::LetGo(LetGo::Orphaned), released, "{failures}");
    }
}

#[test]
fn a_failed_deletion_is_held_and_a_request_overrides_that() {
    let (mut object, status) = (dying(), a_status_in_sync());
    let observed = an_observation(&object, &status);
    let backoff = a_backoff(&observed, failure(Reason::Forbidden), seconds(60));
    let mut observed = an_observation(&object, &status);
    observed.backoff = Some(&backoff);
    assert_eq!(
        step(&observed),
        Step::NoPush(Why::BackingOff { left: seconds(60), failure: failure(Reason::Forbidden) })
    );
    observed.service_key_identity = Some("aicore-key/@21".to_owned());
    assert_eq!(step(&observed), Step::DeleteRemote { forced: false }, "another key ends the hold");
    observed.service_key_identity = Some("aicore-key/@20".to_owned());
    observed.now.uptime += seconds(60);
    assert_eq!(step(&observed), Step::DeleteRemote { forced: false }, "time ends the hold");
    object.requested_at = Some("1".into());
    let mut observed = an_observation(&object, &status);
    observed.backoff = Some(&backoff);
    assert_eq!(step(&observed), Step::DeleteRemote { forced: true }, "a request overrides it");
}

#[test]
fn a_hold_from_before_the_deletion_does_not_delay_it() {
    let status = a_status_in_sync();
    let alive = Object { deleting: false, ..dying() };
    let backoff =
        a_backoff(&an_observation(&alive, &status), failure(Reason::AuthenticationFailed), seconds(900));
    let object = dying();
    let mut observed = an_observation(&object, &status);
    observed.backoff = Some(&backoff);
    assert_eq!(step(&observed), Step::DeleteRemote { forced: false });
}

/// A push whose end nobody saw may have arrived.
fn sent(status: AICoreRegistrySecretStatus) -> AICoreRegistrySecretStatus {
    AICoreRegistrySecretStatus {
        api_url: Some(tenant("one").api_url),
        authorization_server: Some(tenant("one").authorization_server),
        ..status
    }
}

fn saying(ready: &str, reason: &str) -> AICoreRegistrySecretStatus {
    AICoreRegistrySecretStatus { conditions: vec![condition(READY, ready, reason)], ..a_new_status() }
}

#[rstest]
#[case::no_status(AICoreRegistrySecretStatus::default(), Step::DeleteRemote { forced: false })]
#[case::default_of_the_schema(a_new_status(), Step::DeleteRemote { forced: false })]
#[case::progressing(sent(saying("Unknown", "Progressing")), Step::DeleteRemote { forced: false })]
#[case::no_answer(sent(saying("False", "RemoteUnavailable")), Step::DeleteRemote { forced: false })]
#[case::refused_after_no_answer(sent(refused_status()), Step::DeleteRemote { forced: false })]
#[case::key_refused_after_no_answer(sent(saying("False", "AuthenticationFailed")), Step::DeleteRemote { forced: false })]
#[case::secret_gone_after_no_answer(sent(saying("False", "SecretNotFound")), Step::DeleteRemote { forced: false })]
#[case::waits_for_its_first_turn(saying("Unknown", "Progressing"), Step::LetGo(LetGo::NeverPushed))]
#[case::no_token_yet(saying("False", "RemoteUnavailable"), Step::LetGo(LetGo::NeverPushed))]
#[case::key_refused(saying("False", "AuthenticationFailed"), Step::LetGo(LetGo::NeverPushed))]
#[case::lost(saying("False", "RemoteConflict"), Step::LetGo(LetGo::NeverPushed))]
#[case::not_attempted(saying("False", "SecretNotFound"), Step::LetGo(LetGo::NeverPushed))]
#[case::refused(refused_status(), Step::LetGo(LetGo::NeverPushed))]
fn what_was_surely_never_accepted_needs_no_deletion(
    #[case] status: AICoreRegistrySecretStatus,
    #[case] expected: Step,
) {
    let object = dying();
    assert_eq!(step(&an_observation(&object, &status)), expected);
}

/// What was pushed has another name: the one of now is not the resource's to delete.
#[test]
fn what_has_another_name_stays() {
    let object = dying().with_spec(|spec| spec.remote_name = Some("other".to_owned()));
    let status = a_status_in_sync();
    assert_eq!(step(&an_observation(&object, &status)), Step::LetGo(LetGo::Renamed));
    let unnamed = dying().with_spec(|spec| spec.remote_name = Some("-".to_owned()));
    assert_eq!(step(&an_observation(&unnamed, &status)), Step::LetGo(LetGo::Renamed));
}

#[test]
fn an_orphan_is_what_was_to_be_deleted_and_has_nobody() {
    for (why, orphan) in [
        (LetGo::Retained, false),
        (LetGo::Suspended, false),
        (LetGo::Abandoned, false),
        (LetGo::NeverPushed, false),
        (LetGo::HandedOver(key("other")), false),
        (LetGo::TenantChanged, true),
        (LetGo::Renamed, true),
        (LetGo::Orphaned, true),
    ] {
        assert_eq!(why.leaves_orphan(), orphan, "{why:?}");
    }
}
