//! Who else is about to create something with a service key.

use rstest::rstest;

use super::*;
use crate::{
    api::CreationPolicy,
    domain::{
        decide::reason::Reason,
        testing::{a_backoff, an_observation, failure},
    },
};

/// Two with one service key, of which nothing was pushed.
fn two() -> (TestIndex, Object, Object) {
    let (one, other) = (object_named("one", 1), object_named("other", 2));
    (index_with(&[&one, &other]), one, other)
}

#[test]
fn those_whose_first_push_is_to_come_are_company() {
    let (index, one, other) = two();
    assert!(index.has_company(&one) && index.has_company(&other));
    // Each is none for itself.
    index.remove_resource(&other.key);
    assert!(!index.has_company(&one));
    // Nor is one that is not known.
    assert!(!index.has_company(&other));
    // Another service key says nothing of this one.
    let elsewhere =
        other.with_spec(|spec| spec.ai_core_secret_ref.as_mut().unwrap().name = "another".to_owned());
    index.apply_resource(elsewhere.clone(), a_new_status());
    assert!(!index.has_company(&one) && !index.has_company(&elsewhere));
}

#[rstest]
#[case::suspended(|spec: &mut AICoreRegistrySecretSpec| spec.suspend = Some(true))]
#[case::creates_nothing(|spec: &mut AICoreRegistrySecretSpec| spec.creation_policy = Some(CreationPolicy::Never))]
#[case::no_name_for_ai_core(|spec: &mut AICoreRegistrySecretSpec| spec.remote_name = Some("Not A Name".to_owned()))]
fn who_creates_nothing_by_its_spec_is_none(#[case] change: fn(&mut AICoreRegistrySecretSpec)) {
    let (index, one, other) = two();
    index.apply_resource(changed(&other, change), a_new_status());
    assert!(!index.has_company(&one));
}

#[test]
fn who_was_pushed_failed_goes_or_lacks_its_secret_is_none() {
    let (index, one, other) = two();
    index.record_status(&other, Arc::new(a_status_in_sync()));
    assert!(!index.has_company(&one), "the status says that it was pushed");

    let (index, one, other) = two();
    let _ = index.accepted(&other, &claim_in("one", "other"));
    assert!(!index.has_company(&one), "it was pushed just now");

    let (index, one, other) = two();
    let status = a_new_status();
    let backoff = a_backoff(&an_observation(&other, &status), failure(Reason::Forbidden), seconds(60));
    let retry = Retry { backoff: Some(Box::new(backoff)), api_failures: 0 };
    index.record(&other, None, Memory { retry, ..Memory::default() }, None);
    assert!(!index.has_company(&one), "it was refused");

    let (index, one, other) = two();
    index.apply_resource(Object { deleting: true, ..other }, a_new_status());
    assert!(!index.has_company(&one), "it is being deleted");

    let source = |spec: &mut AICoreRegistrySecretSpec| spec.secret_ref.name = "its-own".to_owned();
    let (index, one, other) = two();
    let other = changed(&other, source);
    index.apply_resource(other.clone(), a_new_status());
    assert!(index.has_company(&one));
    index.apply_secret(&other.source(), "1");
    index.remove_secret(&other.source());
    assert!(!index.has_company(&one), "its Secret is gone");
}

/// However many there are, a few are looked at: who comes next in their order, and then from the beginning.
#[test]
fn few_of_many_are_looked_at() {
    let objects: Vec<Object> =
        (0..1_000).map(|number| object_named(&format!("pull-{number:04}"), number)).collect();
    let index = index_with(&objects.iter().collect::<Vec<_>>());
    for pushed in &objects[..900] {
        index.record_status(pushed, Arc::new(a_status_in_sync()));
    }
    assert!(!index.has_company(&objects[0]));
    assert!(index.has_company(&objects[850]) && index.has_company(&objects[950]));
    // After the last one comes the first one.
    for pushed in &objects[901..] {
        index.record_status(pushed, Arc::new(a_status_in_sync()));
    }
    assert!(!index.has_company(&objects[900]) && index.has_company(&objects[899]));
}
