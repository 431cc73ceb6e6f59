//! What there is to say of a wait that has become long.

use super::*;

fn waiting(object: &Object, status: &AICoreRegistrySecretStatus, versions: Versions<'_>) -> Waiting {
    let memory = Memory {
        checked: Some(Checked { source: "11".into(), service_key: "20".into() }),
        ..Memory::default()
    };
    let known = Known {
        object,
        status,
        memory: &memory,
        versions,
        ownership: &Ownership::Owner { successor: None },
        overwritten: false,
        confirmation_due: false,
        default_resync_interval: EVERY_HOUR,
        now: a_minute_later(),
    };
    known.waiting()
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
    // Nobody takes it for more than it is.
    let mut status = a_status_in_sync();
    status.conditions = vec![condition(READY, "False", "RemoteUnavailable")];
    assert_eq!(waiting(&an_object(), &status, versions), Waiting::Nothing);
}
