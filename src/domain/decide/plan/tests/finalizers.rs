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
    let mut object = Object { finalizer, ..an_object().with_spec(|spec| spec.deletion_policy = policy) };
    assert_eq!(plan(&an_observation(&object, &status)).finalizer, expected);
    // Also where nothing is pushed.
    let mut observed = an_observation(&object, &status);
    observed.source = unusable(Reason::SecretNotFound);
    assert_eq!(plan(&observed).finalizer, expected);
    observed.ownership = Ownership::OwnedBy(key("older"));
    assert_eq!(plan(&observed).finalizer, expected);
    let suspended = object.clone().with_spec(|spec| spec.suspend = Some(true));
    observed.object = &suspended;
    assert_eq!(plan(&observed).finalizer, expected);
    // The API server takes no new finalizers while an object is being deleted; removing it is a step of its own.
    object.deleting = true;
    assert_eq!(plan(&an_observation(&object, &status)).finalizer, FinalizerStep::Keep);
}
