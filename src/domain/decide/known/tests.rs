//! Whatever is called unchanged without reading anything, `plan` must call in sync.

mod waiting;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{
    api::{DeletionPolicy, Moment},
    domain::{
        decide::{
            memory::{Retry, SecretVersions},
            plan::{Plan, Step, Why, plan},
        },
        testing::*,
    },
};

const SEEN: Versions<'static> = Versions { source: Some("10"), service_key: Some("20") };
const EVERY_HOUR: ResyncInterval = ResyncInterval::Every(HOUR);

#[expect(clippy::option_option, reason = "as `at_rest` itself")]
fn rest(object: &Object, status: &AICoreRegistrySecretStatus) -> Option<Option<Duration>> {
    at_rest(object, status, SEEN, Versions::default(), None, EVERY_HOUR, a_minute_later())
}

/// An older version of the operator may have sent it all the same.
#[test]
fn what_the_schema_does_not_admit_is_never_at_rest() {
    for (interval, at_rest) in [("1h", true), ("1ms", false), ("soon", false)] {
        let object = an_object().with_spec(|spec| spec.resync_interval = Some(interval.to_owned()));
        let mut resource = crate::api::AICoreRegistrySecret::new("pull", (*object.spec).clone());
        resource.metadata.namespace = Some("ns".to_owned());
        resource.metadata.uid = Some("u".to_owned());
        let read = Object::from_resource(&resource).unwrap();
        let object = Object { inadmissible: read.inadmissible, ..object };
        assert_eq!(rest(&object, &a_status_in_sync()).is_some(), at_rest, "{interval}");
    }
}

#[test]
fn a_restart_in_sync_needs_nothing() {
    assert_eq!(rest(&an_object(), &a_status_in_sync()), Some(Some(seconds(3540))));
    let keeps_finalizer = Object {
        finalizer: true,
        ..an_object().with_spec(|spec| spec.deletion_policy = Some(DeletionPolicy::Delete))
    };
    assert_eq!(rest(&keeps_finalizer, &a_status_in_sync()), Some(Some(seconds(3540))));
    let answered = Object { requested_at: Some("1".into()), ..an_object() };
    let status =
        AICoreRegistrySecretStatus { last_handled_reconcile_at: Some("1".to_owned()), ..a_status_in_sync() };
    assert_eq!(rest(&answered, &status), Some(Some(seconds(3540))));
}

/// Neither a request nor a write is needed to know when a life turns.
#[test]
fn who_is_at_rest_waits_for_the_resync_or_for_the_turn_of_a_life() {
    let (object, memory, owner) = (an_object(), Memory::default(), Ownership::Owner { successor: None });
    for (ends, expected) in [(1000, 800..820), (1_000_000, 3540..3541)] {
        let moment = |second| Moment::of(at(LAST_SYNC + 60 + second));
        let status = AICoreRegistrySecretStatus {
            credential_expires_at: moment(ends),
            credential_expiring_from: moment(ends / 5 * 4),
            ..a_status_in_sync()
        };
        let known = Known {
            object: &object,
            status: &status,
            memory: &memory,
            versions: SEEN,
            ownership: &owner,
            lacks_source: false,
            overwritten: false,
            confirmation_due: false,
            default_resync_interval: EVERY_HOUR,
            now: a_minute_later(),
        };
        let wait = known.unchanged().unwrap().requeue_after.unwrap();
        assert!(expected.contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(known.turned(), None);
        let later = Known { now: Now { wall: at(LAST_SYNC + 60 + ends * 2), ..a_minute_later() }, ..known };
        assert_eq!(later.turned().map(|(_, events)| events.len()), Some(1));
    }
}

#[rstest]
#[case::deleting(|object: &mut Object| object.deleting = true)]
#[case::suspended(|object: &mut Object| Arc::make_mut(&mut object.spec).suspend = Some(true))]
#[case::finalizer_missing(|object: &mut Object| Arc::make_mut(&mut object.spec).deletion_policy = Some(DeletionPolicy::Delete))]
#[case::finalizer_left(|object: &mut Object| object.finalizer = true)]
#[case::forced(|object: &mut Object| object.requested_at = Some("1".into()))]
#[case::new_generation(|object: &mut Object| object.generation = 2)]
#[case::no_resync_any_more(|object: &mut Object| Arc::make_mut(&mut object.spec).resync_interval = Some("0s".to_owned()))]
#[case::shortened_and_due(|object: &mut Object| Arc::make_mut(&mut object.spec).resync_interval = Some("10s".to_owned()))]
fn the_resource_breaks_the_rest(#[case] change: fn(&mut Object)) {
    let mut object = an_object();
    change(&mut object);
    assert_eq!(rest(&object, &a_status_in_sync()), None);
}

#[rstest]
#[case::no_generation(|status: &mut AICoreRegistrySecretStatus| status.observed_generation = None)]
#[case::older_generation(|status: &mut AICoreRegistrySecretStatus| status.observed_generation = Some(0))]
#[case::no_condition(|status: &mut AICoreRegistrySecretStatus| status.conditions.clear())]
#[case::not_ready(|status: &mut AICoreRegistrySecretStatus| status.conditions = vec![condition(READY, "False", "Synced")])]
#[case::unknown(|status: &mut AICoreRegistrySecretStatus| status.conditions = vec![condition(READY, "Unknown", "Synced")])]
#[case::resumed(|status: &mut AICoreRegistrySecretStatus| status.conditions = vec![condition(READY, "True", "Suspended")])]
#[case::reconciling(|status: &mut AICoreRegistrySecretStatus| status.conditions.push(condition(RECONCILING, "True", "RateLimited")))]
#[case::stalled(|status: &mut AICoreRegistrySecretStatus| status.conditions.push(condition(STALLED, "True", "Forbidden")))]
#[case::no_digest(|status: &mut AICoreRegistrySecretStatus| status.credentials_digest = None)]
#[case::unknown_digest(|status: &mut AICoreRegistrySecretStatus| status.credentials_digest = Some("v0:00".to_owned()))]
#[case::no_push(|status: &mut AICoreRegistrySecretStatus| status.last_sync_time = None)]
#[case::no_next_resync(|status: &mut AICoreRegistrySecretStatus| status.next_resync_time = None)]
#[case::push_in_the_future(|status: &mut AICoreRegistrySecretStatus| status.last_sync_time = Some(Time(at(LAST_SYNC + 1000))))]
#[case::resync_due(|status: &mut AICoreRegistrySecretStatus| status.next_resync_time = Some(Time(at(LAST_SYNC + 60))))]
#[case::resync_overdue(|status: &mut AICoreRegistrySecretStatus| status.next_resync_time = Some(Time(at(LAST_SYNC))))]
fn the_status_breaks_the_rest(#[case] change: fn(&mut AICoreRegistrySecretStatus)) {
    let mut status = a_status_in_sync();
    change(&mut status);
    assert_eq!(rest(&an_object(), &status), None);
}

/// Each version is unknown, as pushed, as checked since, or another one.
#[rstest]
fn each_secret_must_be_as_pushed_or_as_checked(
    #[values(None, Some("10"), Some("11"), Some("12"))] source: Option<&str>,
    #[values(None, Some("20"), Some("21"), Some("22"))] service_key: Option<&str>,
    #[values(None, Some(("11", "21")))] checked: Option<(&str, &str)>,
    #[values(false, true)] pushed_known: bool,
) {
    let mut status = a_status_in_sync();
    if !pushed_known {
        status.secret_resource_version = None;
        status.ai_core_secret_resource_version = None;
    }
    let known = |version: Option<&str>, pushed: &str, checked: Option<&str>| {
        version.is_some_and(|version| (pushed_known && version == pushed) || checked == Some(version))
    };
    let quiet = known(source, "10", checked.map(|(source, _)| source))
        && known(service_key, "20", checked.map(|(_, key)| key));
    let rests = at_rest(
        &an_object(),
        &status,
        Versions { source, service_key },
        Versions { source: checked.map(|(source, _)| source), service_key: checked.map(|(_, key)| key) },
        None,
        EVERY_HOUR,
        a_minute_later(),
    );
    assert_eq!(rests, quiet.then(|| Some(seconds(3540))));
}

#[rstest]
#[case::never(ResyncInterval::Never, None, true, None)]
#[case::never_but_announced(ResyncInterval::Never, Some(3600), false, None)]
#[case::shorter_than_announced(
    ResyncInterval::Every(HOUR / 6),
    Some(3600),
    false,
    None
)]
#[case::as_late_as_the_spread(ResyncInterval::Every(HOUR), Some(3960), true, Some(3900))]
#[case::later_than_the_spread(ResyncInterval::Every(HOUR), Some(3961), false, None)]
#[case::longer_than_announced(
    ResyncInterval::Every(HOUR * 10),
    Some(3600),
    true,
    Some(3540)
)]
fn the_time_to_the_next_resync(
    #[case] default: ResyncInterval,
    #[case] announced: Option<i64>,
    #[case] quiet: bool,
    #[case] requeue_after: Option<u64>,
) {
    let mut status = a_status_in_sync();
    status.next_resync_time = announced.map(|after| Time(at(LAST_SYNC + after)));
    let rests = at_rest(&an_object(), &status, SEEN, Versions::default(), None, default, a_minute_later());
    assert_eq!(rests, quiet.then(|| requeue_after.map(seconds)));
}

fn statuses() -> impl Strategy<Value = AICoreRegistrySecretStatus> {
    let ready = prop_oneof![3 => Just("True"), 1 => Just("False"), 1 => Just("Unknown")];
    let reason = prop_oneof![2 => Just(Reason::Synced), 1 => prop::sample::select(Reason::ALL.to_vec())];
    let trouble = prop::option::of((
        prop_oneof![Just(RECONCILING), Just(STALLED)],
        prop::sample::select(Reason::ALL.to_vec()),
    ));
    (
        (ready, reason, trouble),
        prop_oneof![2 => Just(Some(digest_of("a"))), 1 => Just(Some(digest_of("b"))), 1 => Just(None)],
        prop_oneof![3 => Just(Some(LAST_SYNC)), 1 => Just(None)],
        prop::option::of(LAST_SYNC..LAST_SYNC + 7200),
        prop_oneof![3 => Just(Some(1)), 1 => Just(Some(-1))],
    )
        .prop_map(|((ready, reason, trouble), digest, last, next, generation)| {
            AICoreRegistrySecretStatus {
                credentials_digest: digest.map(|digest| digest.as_str().to_owned()),
                last_sync_time: last.map(|last| Time(at(last))),
                next_resync_time: next.map(|next| Time(at(next))),
                observed_generation: generation,
                ..a_status_saying(ready, reason, trouble)
            }
        })
}

proptest! {
    /// The shortcut never rests where a full look would act. The versions say that the content is that of the last push,
    /// so the digest is what the status has.
    #[test]
    fn whatever_rests_is_in_sync(status in statuses(), later in 0..10_000_i64, uptime in 0..100_u64) {
        let object = an_object();
        let now = Now { wall: at(LAST_SYNC + later), uptime: seconds(uptime), leading: seconds(uptime) };
        let rests = at_rest(&object, &status, SEEN, Versions::default(), None, EVERY_HOUR, now);
        if let Some(requeue_after) = rests {
            let mut observed = an_observation(&object, &status);
            observed.now = now;
            observed.digest = [digest_of("a"), digest_of("b")]
                .into_iter()
                .find(|digest| Some(digest.as_str()) == status.credentials_digest.as_deref());
            prop_assert_eq!(plan(&observed), Plan {
                finalizer: FinalizerStep::Keep,
                step: Step::NoPush(Why::InSync { requeue_after }),
            });
        }
    }
}

/// A resource in sync, with what makes the difference.
fn known<'a>(
    object: &'a Object,
    status: &'a AICoreRegistrySecretStatus,
    memory: &'a Memory,
    ownership: &'a Ownership,
) -> Known<'a> {
    Known {
        object,
        status,
        memory,
        versions: SEEN,
        ownership,
        lacks_source: false,
        overwritten: false,
        confirmation_due: false,
        default_resync_interval: EVERY_HOUR,
        now: a_minute_later(),
    }
}

fn backing_off() -> Memory {
    let (object, status) = (an_object(), a_status_in_sync());
    let backoff =
        a_backoff(&an_observation(&object, &status), failure(Reason::RemoteUnavailable), seconds(9));
    Memory { retry: Retry { backoff: Some(Box::new(backoff)), api_failures: 0 }, ..Memory::default() }
}

#[rstest]
#[case::nothing_special(Memory::default(), Ownership::Owner { successor: None }, true)]
#[case::api_server_failed_before(Memory::default().after_api_failure(1.0).0, Ownership::Owner { successor: None }, true)]
#[case::last_attempt_failed(backing_off(), Ownership::Owner { successor: None }, false)]
#[case::has_a_successor(Memory::default(), Ownership::Owner { successor: Some(key("younger")) }, false)]
#[case::owned_by_another(Memory::default(), Ownership::OwnedBy(key("older")), false)]
#[case::not_known_who_owns_it(Memory::default(), Ownership::Pending, false)]
fn memory_and_ownership_break_the_rest(
    #[case] memory: Memory,
    #[case] ownership: Ownership,
    #[case] quiet: bool,
) {
    let (object, status) = (an_object(), a_status_in_sync());
    let unchanged = known(&object, &status, &memory, &ownership).unchanged();
    assert_eq!(unchanged, quiet.then_some(Unchanged { requeue_after: Some(seconds(3540)) }));
}

#[test]
fn what_was_checked_since_the_push_counts() {
    let (object, status) = (an_object(), a_status_in_sync());
    let checked = SecretVersions { source: "11".into(), service_key: "21".into() };
    let memory = Memory { checked: Some(checked), ..Memory::default() };
    let ownership = Ownership::Owner { successor: None };
    let versions = Versions { source: Some("11"), service_key: Some("21") };
    let facts = Known { versions, ..known(&object, &status, &memory, &ownership) };
    assert!(facts.unchanged().is_some());
    let memory = Memory::default();
    assert!(Known { memory: &memory, ..facts }.unchanged().is_none());
}

#[rstest]
#[case::as_usual(|_: &mut Object| {}, Memory::default(), Ownership::Owner { successor: None }, true)]
#[case::may_turn_out_to_be_the_owner(|_: &mut Object| {}, Memory::default(), Ownership::Pending, true)]
#[case::deleting(|object: &mut Object| object.deleting = true, Memory::default(), Ownership::Owner { successor: None }, false)]
#[case::suspended(|object: &mut Object| Arc::make_mut(&mut object.spec).suspend = Some(true), Memory::default(), Ownership::Owner { successor: None }, false)]
#[case::backing_off(|_: &mut Object| {}, backing_off(), Ownership::Owner { successor: None }, false)]
#[case::owned_by_another(|_: &mut Object| {}, Memory::default(), Ownership::OwnedBy(key("older")), false)]
fn a_push_is_expected_of_what_nothing_keeps_from_it(
    #[case] change: fn(&mut Object),
    #[case] memory: Memory,
    #[case] ownership: Ownership,
    #[case] expected: bool,
) {
    let (mut object, status) = (an_object(), a_status_in_sync());
    change(&mut object);
    assert_eq!(known(&object, &status, &memory, &ownership).expects_push(), expected);
}
