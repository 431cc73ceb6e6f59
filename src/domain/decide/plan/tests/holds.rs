use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Nothing,
    Credential,
    Spec,
    ServiceKey,
    ServiceKeyGone,
}

/// What ends the hold of a failure, besides time.
#[rstest]
fn what_ends_a_hold(
    #[values(
        Reason::AuthenticationFailed,
        Reason::Forbidden,
        Reason::RateLimited,
        Reason::RemoteUnavailable,
        Reason::ServiceKeyInvalid,
        Reason::RemoteRejected,
        Reason::QuotaExceeded,
        Reason::RemoteMissing
    )]
    reason: Reason,
    #[values(Change::Nothing, Change::Credential, Change::Spec, Change::ServiceKey, Change::ServiceKeyGone)]
    change: Change,
) {
    let status = a_status_in_sync();
    let mut object = an_object();
    let before = an_observation(&object, &status);
    let backoff = a_backoff(&before, failure(reason), seconds(60));
    let cured_by_content =
        matches!(reason, Reason::RemoteRejected | Reason::QuotaExceeded | Reason::RemoteMissing);
    let ends = match change {
        Change::Nothing => false,
        Change::Credential | Change::Spec => cured_by_content,
        Change::ServiceKey | Change::ServiceKeyGone => true,
    };
    if change == Change::Spec {
        object.generation = 2;
    }
    let mut observed = an_observation(&object, &status);
    observed.backoff = Some(&backoff);
    match change {
        Change::Nothing | Change::Spec => {}
        Change::Credential => observed.digest = Some(digest_of("b")),
        Change::ServiceKey => observed.service_key_identity = Some("aicore-key/@21".to_owned()),
        Change::ServiceKeyGone => observed.service_key_identity = None,
    }
    let held = matches!(step(&observed), Step::NoPush(Why::BackingOff { .. }));
    assert_eq!(held, !ends);
}
