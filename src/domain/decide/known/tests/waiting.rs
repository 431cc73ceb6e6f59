//! What there is to say of a wait that has become long.

use super::*;
use crate::domain::decide::{backoff::Circumstances, reason::Reason};

fn knows<'a>(
    object: &'a Object,
    status: &'a AICoreRegistrySecretStatus,
    memory: &'a Memory,
    versions: Versions<'a>,
) -> Known<'a> {
    Known {
        object,
        status,
        memory,
        versions,
        ownership: &Ownership::Owner { successor: None },
        lacks_source: false,
        overwritten: false,
        confirmation_due: false,
        default_resync_interval: EVERY_HOUR,
        now: a_minute_later(),
    }
}

fn waiting(object: &Object, status: &AICoreRegistrySecretStatus, versions: Versions<'_>) -> Waiting {
    let memory = Memory {
        checked: Some(SecretVersions { source: "11".into(), service_key: "20".into() }),
        ..Memory::default()
    };
    knows(object, status, &memory, versions).waiting()
}

/// Nothing of its Secrets is needed to say that.
#[test]
fn before_the_first_outcome_it_says_that_it_waits() {
    let versions = Versions::default();
    let object = Object { requested_at: Some("1".into()), ..an_object() };
    let Waiting::Says(status) = waiting(&object, &a_new_status(), versions) else { panic!() };
    let said = |type_: &str| {
        let condition = condition::find(&status.conditions, type_).unwrap();
        format!("{}/{}", condition.status, condition.reason)
    };
    assert_eq!([said(READY), said(RECONCILING)], ["Unknown/Progressing", "True/Progressing"]);
    assert_eq!((status.observed_generation, &status.last_handled_reconcile_at), (Some(-1), &None));
    // Once.
    assert_eq!(waiting(&object, &status, versions), Waiting::Nothing);
}

#[rstest]
#[case::unchanged("10", "20", Waiting::Nothing)]
#[case::read_since_and_the_same("11", "20", Waiting::Nothing)]
#[case::rotated("12", "20", Waiting::NeedsLook)]
#[case::another_key("10", "21", Waiting::NeedsLook)]
fn whether_ready_is_still_true_depends_on_what_has_changed(
    #[case] source: &str,
    #[case] key: &str,
    #[case] expected: Waiting,
) {
    let versions = Versions { source: Some(source), service_key: Some(key) };
    assert_eq!(waiting(&an_object(), &a_status_in_sync(), versions), expected);
    assert_eq!(waiting(&an_object(), &a_status_in_sync(), Versions::default()), Waiting::NeedsLook);
    let changed = Object { generation: 2, ..an_object() };
    assert_eq!(waiting(&changed, &a_status_in_sync(), versions), Waiting::NeedsLook);
    let deleting = Object { deleting: true, ..an_object() };
    assert_eq!(waiting(&deleting, &a_status_in_sync(), versions), Waiting::Nothing);
}

/// A failure in the status is true until something is seen that may have mended it.
#[rstest]
#[case::of_another_process(None, Waiting::NeedsLook)]
#[case::as_it_was(Some(("10", "20")), Waiting::Nothing)]
#[case::rotated(Some(("9", "20")), Waiting::NeedsLook)]
#[case::another_key(Some(("10", "19")), Waiting::NeedsLook)]
fn what_is_wrong_is_looked_at_when_it_may_be_mended(
    #[case] failed_with: Option<(&str, &str)>,
    #[case] expected: Waiting,
    #[values("False", "True")] ready: &str,
) {
    let versions = Versions { source: Some("10"), service_key: Some("20") };
    let object = an_object();
    let mut status = a_status_in_sync();
    let reason = if ready == "True" { "Synced" } else { "RemoteRejected" };
    status.conditions = vec![condition(READY, ready, reason), condition(STALLED, "True", "RemoteRejected")];
    status.conditions[0].observed_generation = Some(1);
    let backoff = failed_with.map(|(source, key)| {
        let observed = an_observation(&object, &status);
        let read = SecretVersions { source: source.into(), service_key: key.into() };
        let then = Circumstances { read: Some(read), ..observed.circumstances() };
        Box::new(a_backoff(&observed, failure(Reason::RemoteRejected), HOUR).having_read(&then))
    });
    let memory = Memory { retry: Retry { backoff, api_failures: 0 }, ..Memory::default() };
    let known = |lacks_source| Known { lacks_source, ..knows(&object, &status, &memory, versions) };
    assert_eq!(known(false).waiting(), expected);
    // So does the place for which it waits: without a reason for another attempt it asks for none.
    let may_go = failed_with.is_none() || expected == Waiting::NeedsLook;
    assert_eq!(known(false).expects_push(), may_go);
    assert!(!known(true).expects_push(), "without a Secret");
}
