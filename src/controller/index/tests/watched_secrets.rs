use super::*;
use crate::domain::{
    parse::duration::ResyncInterval,
    testing::{HOUR, a_minute_later},
};

mod cached_keys;
mod changes;

#[test]
fn only_users_of_the_secret_are_woken_and_only_by_a_new_version() {
    let (one, two) = (object_named("one", 1), object_named("two", 2));
    let other = object_named("other", 3).with_spec(|spec| spec.secret_ref.name = "own".to_owned());
    let index = index_with(&[&one, &two, &other]);
    let both = [one.key.clone(), two.key.clone()];
    assert_eq!(sorted(index.apply_secret(&one.source(), "1")), both);
    assert!(index.apply_secret(&one.source(), "1").is_empty());
    assert_eq!(sorted(index.apply_secret(&one.source(), "2")), both);
    assert_eq!(index.apply_secret(&other.source(), "9"), just(&other));
    assert_eq!(
        sorted(index.apply_secret(&one.service_key(), "5")),
        [one.key.clone(), other.key.clone(), two.key.clone()]
    );
    assert_eq!(source_version(&index, &two).as_deref(), Some("2"));
    assert_eq!(source_version(&index, &other).as_deref(), Some("9"));
    assert_eq!(service_key_version(&index, &other).as_deref(), Some("5"));
}

#[test]
fn secrets_that_nobody_names_leave_no_trace() {
    let object = an_object();
    let index = index_with(&[&object]);
    for name in ["unrelated", "pull"] {
        assert!(index.apply_secret(&key(name), "1").is_empty());
    }
    let same_name_elsewhere = ObjectKey::new("other", "registry");
    assert!(index.apply_secret(&same_name_elsewhere, "1").is_empty());
    assert!(index.remove_secret(&same_name_elsewhere).is_empty());
    assert_eq!(index.0.lock().secrets.len(), 2);
    assert_eq!(source_version(&index, &object), None);
}

/// The watch repeats nothing for a Secret that is named later, so what it has not said is no absence.
#[test]
fn a_secret_is_lacking_once_the_watch_has_said_so() {
    let object = an_object();
    let index = index_with(&[&object]);
    let lacks_source = || snapshot(&index, &object).lacks_source;
    assert!(!lacks_source());
    index.apply_secret(&object.source(), "1");
    assert!(!lacks_source());
    index.remove_secret(&object.source());
    assert!(lacks_source());
    assert!(
        !snapshot(&index, &object)
            .without_watch()
            .known(ResyncInterval::Every(HOUR), a_minute_later())
            .lacks_source
    );
    index.apply_secret(&object.source(), "2");
    assert!(!lacks_source());
}

#[test]
fn a_secret_that_goes_wakes_its_users() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.source(), "1");
    assert_eq!(index.remove_secret(&object.source()), just(&object));
    assert_eq!(source_version(&index, &object), None);
    assert_eq!(
        index.apply_secret(&object.source(), "1"),
        just(&object),
        "it is back, even if its version were the same"
    );
}

#[test]
fn a_secret_deleted_while_the_watch_was_away_is_noticed() {
    let here = an_object();
    let there = in_other_namespace(&here, "other");
    let index = index_with(&[&here, &there]);
    for object in [&here, &there] {
        index.apply_secret(&object.source(), "1");
        index.apply_secret(&object.service_key(), "1");
    }
    index.secrets_list_begins(&Some(scope_of("ns")));
    assert!(index.apply_secret(&here.service_key(), "1").is_empty());
    assert_eq!(index.secrets_list_ends(&Some(scope_of("ns"))), just(&here));
    assert_eq!(source_version(&index, &here), None);
    assert_eq!(service_key_version(&index, &here).as_deref(), Some("1"));
    assert_eq!(source_version(&index, &there).as_deref(), Some("1"));
    // Once.
    index.secrets_list_begins(&EVERYWHERE);
    for secret in [here.service_key(), there.source(), there.service_key()] {
        index.apply_secret(&secret, "1");
    }
    assert!(index.secrets_list_ends(&EVERYWHERE).is_empty());
}

#[test]
fn a_list_that_is_under_way_says_nothing_about_what_is_named_meanwhile() {
    let object = an_object();
    let index = TestIndex::default();
    index.secrets_list_begins(&EVERYWHERE);
    assert!(index.apply_secret(&object.service_key(), "7").is_empty());
    index.apply_resource(object.clone(), a_new_status());
    index.cache_service_key(&place_of(&object), "7", Arc::new(1));
    assert!(index.secrets_list_ends(&EVERYWHERE).is_empty());
    assert_eq!(cached(&index, &object), Some(1));
}

#[test]
fn one_secret_may_be_both() {
    let object =
        an_object().with_spec(|spec| spec.ai_core_secret_ref.as_mut().unwrap().name = "registry".to_owned());
    let index = index_with(&[&object]);
    assert_eq!(index.apply_secret(&object.source(), "1"), just(&object));
    assert_eq!(source_version(&index, &object).as_deref(), Some("1"));
    assert_eq!(service_key_version(&index, &object).as_deref(), Some("1"));
    // It stays named when only one of the two names goes.
    let apart = changed(&object, |spec| {
        spec.ai_core_secret_ref.as_mut().unwrap().name = "aicore-key".to_owned();
    });
    index.apply_resource(apart.clone(), a_new_status());
    assert_eq!(source_version(&index, &object).as_deref(), Some("1"));
    assert_eq!(index.apply_secret(&apart.source(), "2"), just(&object));
    index.remove_resource(&object.key);
    assert_eq!(index.0.lock().secrets.len(), 0);
}

#[test]
fn a_changed_reference_moves_the_watch() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.source(), "1");
    let moved = changed(&object, |spec| spec.secret_ref.name = "other".to_owned());
    index.apply_resource(moved.clone(), a_new_status());
    assert!(index.apply_secret(&object.source(), "2").is_empty());
    assert_eq!(source_version(&index, &object), None);
    assert_eq!(index.apply_secret(&moved.source(), "3"), just(&object));
    assert_eq!(source_version(&index, &object).as_deref(), Some("3"));
}

/// The operator's own finalizer, an annotation, another interval: none of these is a reason to read the Secrets again.
#[test]
fn what_is_known_of_a_secret_stays_when_the_resource_changes() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.source(), "1");
    index.apply_secret(&object.source(), "2");
    index.apply_secret(&object.service_key(), "5");
    index.cache_service_key(&place_of(&object), "5", Arc::new(1));
    let since = snapshot(&index, &object).source_changed;
    assert!(since.is_some());
    let with_finalizer =
        Object { finalizer: true, ..changed(&object, |spec| spec.resync_interval = Some("1m".to_owned())) };
    index.apply_resource(with_finalizer, a_new_status());
    assert_eq!(source_version(&index, &object).as_deref(), Some("2"));
    assert_eq!(cached(&index, &object), Some(1));
    assert_eq!(snapshot(&index, &object).source_changed, since);
}
