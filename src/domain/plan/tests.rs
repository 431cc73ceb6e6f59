use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rstest::rstest;

use super::*;
use crate::{
    api::{condition::RECONCILING, condition::STALLED},
    domain::testing::*,
};

mod deletion;
mod resting;

fn step(observed: &Observed<'_>) -> Step {
    plan(observed).step
}

fn push(cause: Cause) -> Step {
    Step::Push(Push { cause, create: true })
}

fn in_sync(again: impl Into<Option<u64>>) -> Step {
    Step::Rest(Rest::InSync {
        again: again.into().map(seconds),
    })
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

    let pace = a_hold(&observed, failure(Reason::AuthenticationFailed), seconds(9));
    observed.pace = Some(&pace);
    assert_eq!(
        step(&observed),
        Step::Rest(Rest::Held {
            left: seconds(9),
            failure: failure(Reason::AuthenticationFailed)
        })
    );

    observed.standing = Standing::Undecided;
    assert_eq!(step(&observed), Step::Rest(Rest::Undecided));

    observed.service_key = unusable(Reason::ServiceKeyInvalid);
    assert_eq!(
        step(&observed),
        Step::Rest(Rest::Unusable(failure(Reason::ServiceKeyInvalid)))
    );

    observed.source = unusable(Reason::SecretNotFound);
    assert_eq!(
        step(&observed),
        Step::Rest(Rest::Unusable(failure(Reason::SecretNotFound)))
    );

    observed.standing = Standing::LostTo(key("older"));
    assert_eq!(step(&observed), Step::Rest(Rest::LostTo(key("older"))));

    let suspended = an_object().with_spec(|spec| spec.suspend = Some(true));
    observed.object = &suspended;
    assert_eq!(step(&observed), Step::Rest(Rest::Suspended));

    let deleting = Object {
        deleting: true,
        finalizer: true,
        ..suspended.clone()
    };
    observed.object = &deleting;
    assert_eq!(step(&observed), Step::LetGo(LetGo::Suspended));
}

#[test]
fn nothing_to_do_is_no_matter_of_who_owns_the_name() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.standing = Standing::Undecided;
    assert_eq!(step(&observed), in_sync(3540));
}

#[test]
fn an_heir_does_not_keep_the_owner_from_pushing() {
    let (object, status) = (an_object(), a_status_in_sync());
    let mut observed = an_observation(&object, &status);
    observed.digest = Some(digest_of("b"));
    observed.standing = Standing::Owner {
        heir: Some(key("younger")),
    };
    assert_eq!(step(&observed), push(Cause::Changed));
}

mod causes {
    use super::*;

    #[rstest]
    #[case::never_seen(AICoreRegistrySecretStatus::default())]
    #[case::default_of_the_schema(a_new_status())]
    #[case::no_digest(AICoreRegistrySecretStatus { credentials_digest: None, ..a_status_in_sync() })]
    #[case::no_push(AICoreRegistrySecretStatus { last_sync_time: None, ..a_status_in_sync() })]
    fn first(#[case] status: AICoreRegistrySecretStatus) {
        let object = an_object();
        assert_eq!(step(&an_observation(&object, &status)), push(Cause::First));
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
        let status = AICoreRegistrySecretStatus {
            credentials_digest: Some("v0:00".to_owned()),
            ..a_status_in_sync()
        };
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

    #[test]
    fn a_failed_attempt_is_repeated_when_its_hold_is_over() {
        let (object, status) = (an_object(), a_status_in_sync());
        let mut observed = an_observation(&object, &status);
        let pace = a_hold(&observed, failure(Reason::RemoteUnavailable), seconds(1));
        observed.now.uptime += seconds(1);
        observed.pace = Some(&pace);
        assert_eq!(step(&observed), push(Cause::Unconfirmed));
    }

    #[rstest]
    #[case(None, true)]
    #[case(Some(CreationPolicy::IfMissing), true)]
    #[case(Some(CreationPolicy::Never), false)]
    fn creation_is_as_the_policy_says(#[case] policy: Option<CreationPolicy>, #[case] create: bool) {
        let object = an_object().with_spec(|spec| spec.creation_policy = policy);
        let status = a_new_status();
        let Step::Push(push) = step(&an_observation(&object, &status)) else {
            panic!("no push");
        };
        assert_eq!(push.create, create);
    }
}

mod forced {
    use super::*;

    fn requested(value: &str) -> Object {
        Object {
            requested_at: Some(value.into()),
            ..an_object()
        }
    }

    fn answered(value: Option<&str>) -> AICoreRegistrySecretStatus {
        AICoreRegistrySecretStatus {
            last_handled_reconcile_at: value.map(str::to_owned),
            ..a_status_in_sync()
        }
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
        let waits = Failure {
            retry_after: Some(seconds(3600)),
            ..failure(Reason::RateLimited)
        };
        for reason in [waits, failure(Reason::AuthenticationFailed)] {
            let (status, later) = (answered(None), answered(Some("1")));
            let mut observed = an_observation(&object, &status);
            let pace = a_hold(&observed, reason.clone(), seconds(60));
            observed.pace = Some(&pace);
            assert_eq!(step(&observed), push(Cause::Forced));
            observed.status = &later;
            assert_eq!(
                step(&observed),
                Step::Rest(Rest::Held {
                    left: seconds(60),
                    failure: reason
                })
            );
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
    #[case::conflict(Standing::LostTo(key("older")), Rest::LostTo(key("older")))]
    #[case::undecided(Standing::Undecided, Rest::Undecided)]
    fn does_not_override_the_rights_of_others(#[case] standing: Standing, #[case] expected: Rest) {
        let (object, status) = (requested("1"), answered(None));
        let mut observed = an_observation(&object, &status);
        observed.standing = standing;
        assert_eq!(step(&observed), Step::Rest(expected));
    }

    #[test]
    fn does_not_override_suspension_nor_what_is_missing() {
        let status = answered(None);
        let suspended = requested("1").with_spec(|spec| spec.suspend = Some(true));
        assert_eq!(
            step(&an_observation(&suspended, &status)),
            Step::Rest(Rest::Suspended)
        );
        let object = requested("1");
        let mut observed = an_observation(&object, &status);
        observed.source = unusable(Reason::SecretInvalid);
        assert_eq!(
            step(&observed),
            Step::Rest(Rest::Unusable(failure(Reason::SecretInvalid)))
        );
    }
}

mod holds {
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
        #[values(
            Change::Nothing,
            Change::Credential,
            Change::Spec,
            Change::ServiceKey,
            Change::ServiceKeyGone
        )]
        change: Change,
    ) {
        let status = a_status_in_sync();
        let mut object = an_object();
        let before = an_observation(&object, &status);
        let pace = a_hold(&before, failure(reason), seconds(60));
        let cured_by_content = matches!(
            reason,
            Reason::RemoteRejected | Reason::QuotaExceeded | Reason::RemoteMissing
        );
        let ends = match change {
            Change::Nothing => false,
            Change::Credential | Change::Spec => cured_by_content,
            Change::ServiceKey | Change::ServiceKeyGone => true,
        };
        if change == Change::Spec {
            object.generation = 2;
        }
        let mut observed = an_observation(&object, &status);
        observed.pace = Some(&pace);
        match change {
            Change::Nothing | Change::Spec => {}
            Change::Credential => observed.digest = Some(digest_of("b")),
            Change::ServiceKey => observed.service_key_identity = Some("aicore-key/@21".to_owned()),
            Change::ServiceKeyGone => observed.service_key_identity = None,
        }
        let held = matches!(step(&observed), Step::Rest(Rest::Held { .. }));
        assert_eq!(held, !ends);
    }
}

mod resyncs {
    use super::*;

    fn every(interval: &str) -> Object {
        an_object().with_spec(|spec| spec.resync_interval = Some(interval.to_owned()))
    }

    #[rstest]
    #[case::as_announced(every("1h"), 60, in_sync(3540))]
    #[case::due_when_announced(every("1h"), 3600, push(Cause::Resync))]
    #[case::long_overdue(every("1h"), 1_000_000, push(Cause::Resync))]
    #[case::never(every("0s"), 1_000_000, in_sync(None))]
    #[case::shortened(every("10m"), 60, in_sync(600))]
    #[case::shortened_and_due(every("10m"), 660, push(Cause::Resync))]
    #[case::lengthened_counts_from_the_next_one(every("10h"), 3600, push(Cause::Resync))]
    #[case::default(an_object(), 3600, push(Cause::Resync))]
    #[case::what_admission_refuses_counts_as_absent(every("soon"), 3599, in_sync(1))]
    fn interval(#[case] object: Object, #[case] later: i64, #[case] expected: Step) {
        let status = a_status_in_sync();
        let mut observed = an_observation(&object, &status);
        observed.now.wall = at(LAST_SYNC + later);
        assert_eq!(step(&observed), expected);
    }

    #[test]
    fn the_default_may_be_never() {
        let (object, status) = (an_object(), a_status_in_sync());
        let mut observed = an_observation(&object, &status);
        observed.default_resync_interval = ResyncInterval::Never;
        observed.now.wall = at(LAST_SYNC + 1_000_000);
        assert_eq!(step(&observed), in_sync(None));
    }

    /// From never to an interval: the status announces no time, so the interval counts from the last push.
    #[test]
    fn an_interval_without_an_announced_time() {
        let object = every("1h");
        let status = AICoreRegistrySecretStatus {
            next_resync_time: None,
            ..a_status_in_sync()
        };
        let mut observed = an_observation(&object, &status);
        assert_eq!(step(&observed), in_sync(3900));
        observed.now.wall = at(LAST_SYNC + 3960);
        assert_eq!(step(&observed), push(Cause::Resync));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_but_does_not_fail() {
        let (object, status) = (an_object(), a_status_in_sync());
        let mut observed = an_observation(&object, &status);
        observed.now.wall = at(LAST_SYNC - 100);
        assert_eq!(step(&observed), in_sync(3700));
    }
}

mod spread {
    use std::collections::HashSet;

    use super::*;

    fn wait(object: &Object, status: &AICoreRegistrySecretStatus, uptime: Duration) -> Option<Duration> {
        let mut observed = an_observation(object, status);
        observed.now = resync_due_after(uptime);
        match step(&observed) {
            Step::Rest(Rest::InSync { again }) => again,
            Step::Push(_) => None,
            other => panic!("{other:?}"),
        }
    }

    fn with_unknown_digest() -> AICoreRegistrySecretStatus {
        AICoreRegistrySecretStatus {
            credentials_digest: Some("v0:00".to_owned()),
            ..a_status_in_sync()
        }
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
            let count = waits.iter().filter(|wait| part.contains(wait)).count();
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
            assert_eq!(wait(object, &status, whole / 2), Some(whole - whole / 2));
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
        let pace = a_hold(&observed, failure(Reason::RemoteUnavailable), seconds(1));
        observed.pace = Some(&pace);
        observed.now.uptime = seconds(1);
        assert_eq!(step(&observed), push(Cause::Unconfirmed));
    }
}

mod finalizers {
    use super::*;

    #[rstest]
    #[case(None, false, FinalizerStep::Keep)]
    #[case(None, true, FinalizerStep::Remove)]
    #[case(Some(DeletionPolicy::Retain), false, FinalizerStep::Keep)]
    #[case(Some(DeletionPolicy::Retain), true, FinalizerStep::Remove)]
    #[case(Some(DeletionPolicy::Delete), false, FinalizerStep::Add)]
    #[case(Some(DeletionPolicy::Delete), true, FinalizerStep::Keep)]
    fn follow_the_policy(
        #[case] policy: Option<DeletionPolicy>,
        #[case] finalizer: bool,
        #[case] expected: FinalizerStep,
    ) {
        let status = a_status_in_sync();
        let mut object = Object {
            finalizer,
            ..an_object().with_spec(|spec| spec.deletion_policy = policy)
        };
        assert_eq!(plan(&an_observation(&object, &status)).finalizer, expected);
        // Also where nothing is pushed.
        let mut observed = an_observation(&object, &status);
        observed.source = unusable(Reason::SecretNotFound);
        assert_eq!(plan(&observed).finalizer, expected);
        observed.standing = Standing::LostTo(key("older"));
        assert_eq!(plan(&observed).finalizer, expected);
        let suspended = object.clone().with_spec(|spec| spec.suspend = Some(true));
        observed.object = &suspended;
        assert_eq!(plan(&observed).finalizer, expected);
        // The API server takes no new finalizers while an object is being deleted; removing it is a step of its own.
        object.deleting = true;
        assert_eq!(
            plan(&an_observation(&object, &status)).finalizer,
            FinalizerStep::Keep
        );
    }
}
