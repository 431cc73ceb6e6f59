use std::collections::HashSet;

use super::*;

fn wait(object: &Object, status: &AICoreRegistrySecretStatus, uptime: Duration) -> Option<Duration> {
    let mut observed = an_observation(object, status);
    observed.now = resync_due_after(uptime);
    match step(&observed) {
        Step::NoPush(Why::InSync { requeue_after }) => requeue_after,
        Step::Push(_) => None,
        other => panic!("{other:?}"),
    }
}

fn with_unknown_digest() -> AICoreRegistrySecretStatus {
    AICoreRegistrySecretStatus { credentials_digest: Some("v0:00".to_owned()), ..a_status_in_sync() }
}

fn objects(interval: Option<&str>) -> Vec<Object> {
    (0..1000)
        .map(|number| Object {
            uid: format!("6f1d7c3e-{number:04x}-4000-8000-000000000000").into(),
            ..an_object().with_spec(|spec| spec.resync_interval = interval.map(str::to_owned))
        })
        .collect()
}

#[rstest]
#[case::resync_hourly(a_status_in_sync(), None, 60)]
#[case::resync_every_minute(a_status_in_sync(), Some("1m"), 6)]
#[case::unknown_digest(with_unknown_digest(), None, 60)]
#[case::unknown_digest_without_resyncs(with_unknown_digest(), Some("0s"), 60)]
fn a_restart_spreads_what_is_due(
    #[case] status: AICoreRegistrySecretStatus,
    #[case] interval: Option<&str>,
    #[case] window: u64,
) {
    let window = seconds(window);
    let waits: Vec<Duration> = objects(interval)
        .iter()
        .map(|object| wait(object, &status, Duration::ZERO).unwrap_or_default())
        .collect();
    assert!(waits.iter().all(|wait| *wait <= window));
    for tenth in 0..10 {
        let part = window / 10 * tenth..window / 10 * (tenth + 1);
        let count = waits.iter().filter(|wait| part.contains(*wait)).count();
        assert!((50..200).contains(&count), "{count} of 1000 in {part:?}");
    }
    assert!(waits.iter().collect::<HashSet<_>>().len() > 500);
}

#[test]
fn the_place_is_kept_until_its_turn() {
    let status = a_status_in_sync();
    for object in objects(None).iter().take(50) {
        let Some(whole) = wait(object, &status, Duration::ZERO) else {
            continue;
        };
        assert_eq!(wait(object, &status, whole / 2), whole.checked_sub(whole / 2));
        assert_eq!(wait(object, &status, whole), None);
        assert_eq!(wait(object, &status, LONG_UPTIME), None);
    }
}

/// An object with a place late in the window.
fn patient() -> Object {
    objects(None)
        .into_iter()
        .find(|object| {
            wait(object, &a_status_in_sync(), Duration::ZERO).is_some_and(|wait| wait > seconds(50))
        })
        .unwrap()
}

#[test]
fn changes_never_wait() {
    let object = patient();
    let (status, new) = (a_status_in_sync(), a_new_status());
    let mut observed = an_observation(&object, &status);
    observed.now = resync_due_after(Duration::ZERO);
    observed.digest = Some(digest_of("b"));
    assert_eq!(step(&observed), push(Cause::Changed));
    observed.service_key = usable("21", tenant("two"));
    assert_eq!(step(&observed), push(Cause::TenantChanged));
    observed.status = &new;
    assert_eq!(step(&observed), push(Cause::First));
}

/// To wait here would mean to report `Ready` for what is not known to be in AI Core.
#[rstest]
#[case::failed_rotation(a_status_saying("False", Reason::RemoteUnavailable, Some((RECONCILING, Reason::RemoteUnavailable))))]
#[case::failed_resync(a_status_after_failed_resync(Reason::AuthenticationFailed))]
#[case::secret_was_missing(a_status_saying("False", Reason::SecretNotFound, Some((RECONCILING, Reason::SecretNotFound))))]
fn only_what_is_in_sync_waits(
    #[case] status: AICoreRegistrySecretStatus,
    #[values(false, true)] unknown_digest: bool,
) {
    let object = patient();
    let mut status = status;
    if unknown_digest {
        status.credentials_digest = Some("v0:00".to_owned());
    }
    assert_eq!(wait(&object, &status, Duration::ZERO), None);
}

#[test]
fn a_failed_attempt_is_not_forgotten_over_the_spread() {
    let (object, status) = (patient(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.now = resync_due_after(Duration::ZERO);
    let backoff = a_backoff(&observed, failure(Reason::RemoteUnavailable), seconds(1));
    observed.backoff = Some(&backoff);
    observed.now.uptime = seconds(1);
    assert_eq!(step(&observed), push(Cause::Unconfirmed));
}

/// A standby has looked on for long when its turn comes.
#[rstest]
#[case::unknown_digest(with_unknown_digest())]
#[case::resync(a_status_in_sync())]
fn a_takeover_spreads_as_a_start_does(#[case] status: AICoreRegistrySecretStatus) {
    let waits: Vec<Duration> = objects(None)
        .iter()
        .take(60)
        .filter_map(|object| {
            let mut observed = an_observation(object, &status);
            observed.now = Now { leading: Duration::ZERO, ..resync_due_after(LONG_UPTIME) };
            match step(&observed) {
                Step::NoPush(Why::InSync { requeue_after }) => requeue_after,
                _ => None,
            }
        })
        .collect();
    assert!(waits.len() > 55, "{}", waits.len());
    assert!(waits.iter().filter(|wait| **wait < seconds(6)).count() < 15, "{waits:?}");
}

/// A fleet whose statuses a wrong clock has written is as due as one that nobody has looked after.
#[test]
fn what_is_due_because_its_times_cannot_be_is_spread_as_well() {
    let object = patient();
    let status = a_status_in_sync();
    let mut observed = an_observation(&object, &status);
    observed.now = Now { wall: at(LAST_SYNC - 86_400), uptime: LONG_UPTIME, leading: Duration::ZERO };
    let Step::NoPush(Why::InSync { requeue_after: Some(wait) }) = step(&observed) else {
        panic!("{:?}", step(&observed));
    };
    assert!(wait > seconds(50) && wait <= seconds(60), "{wait:?}");
    observed.now.leading = wait;
    assert_eq!(step(&observed), push(Cause::Resync));
}
