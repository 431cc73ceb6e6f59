use super::*;
use crate::domain::decide::{failure::Failure, reason::Reason};

#[test]
fn are_shared_by_all_users_and_go_with_the_last() {
    let (one, two) = (object_named("one", 1), object_named("two", 2));
    let index = index_with(&[&one, &two]);
    index.apply_secret(&one.service_key(), "5");
    assert_eq!(cached(&index, &one), None);
    index.cache_service_key(&place_of(&one), "5", Arc::new(7));
    assert_eq!((cached(&index, &one), cached(&index, &two)), (Some(7), Some(7)));
    index.remove_resource(&one.key);
    assert_eq!(cached(&index, &two), Some(7));
    index.remove_resource(&two.key);
    index.apply_resource(one.clone(), a_new_status());
    assert_eq!(cached(&index, &one), None);
}

#[test]
fn are_told_apart_by_the_key_within_the_secret() {
    let plain = object_named("plain", 1);
    let picks = object_named("picks", 2)
        .with_spec(|spec| spec.ai_core_secret_ref.as_mut().unwrap().key = Some("credentials".to_owned()));
    let index = index_with(&[&plain, &picks]);
    index.apply_secret(&plain.service_key(), "5");
    index.cache_service_key(&place_of(&picks), "5", Arc::new(2));
    assert_eq!((cached(&index, &plain), cached(&index, &picks)), (None, Some(2)));
    index.cache_service_key(&place_of(&plain), "5", Arc::new(1));
    index.cache_service_key(&place_of(&picks), "5", Arc::new(3));
    assert_eq!((cached(&index, &plain), cached(&index, &picks)), (Some(1), Some(3)));
}

#[test]
fn go_with_the_version() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.service_key(), "5");
    index.cache_service_key(&place_of(&object), "5", Arc::new(1));
    index.apply_secret(&object.service_key(), "5");
    assert_eq!(cached(&index, &object), Some(1));
    index.apply_secret(&object.service_key(), "6");
    assert_eq!(cached(&index, &object), None);
    index.cache_service_key(&place_of(&object), "5", Arc::new(1));
    assert_eq!(cached(&index, &object), None, "read before the change");
    index.cache_service_key(&place_of(&object), "6", Arc::new(2));
    index.remove_secret(&object.service_key());
    assert_eq!(cached(&index, &object), None);
}

#[test]
fn go_with_a_secret_that_a_list_does_not_have() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.cache_service_key(&place_of(&object), "5", Arc::new(1));
    index.secrets_list_begins(&EVERYWHERE);
    assert_eq!(index.secrets_list_ends(&EVERYWHERE), just(&object));
    assert_eq!(cached(&index, &object), None);
}

/// The watch says nothing about a Secret until it changes, if nobody named it when it was listed.
#[test]
fn make_the_version_known_where_the_watch_said_nothing() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.cache_service_key(&place_of(&object), "5", Arc::new(1));
    assert_eq!(service_key_version(&index, &object).as_deref(), Some("5"));
    assert_eq!(cached(&index, &object), Some(1));
    assert!(index.apply_secret(&object.service_key(), "5").is_empty());
}

/// Else a deletion that overtook the answer to a read would never be noticed, and a namespace could hang on it.
#[test]
fn do_not_bring_back_a_secret_that_is_gone() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.service_key(), "5");
    index.remove_secret(&object.service_key());
    index.cache_service_key(&place_of(&object), "5", Arc::new(1));
    assert_eq!(service_key_version(&index, &object), None);
    assert_eq!(cached(&index, &object), None);
    index.apply_secret(&object.service_key(), "6");
    index.cache_service_key(&place_of(&object), "6", Arc::new(2));
    assert_eq!(cached(&index, &object), Some(2));
    index.secrets_list_begins(&EVERYWHERE);
    index.secrets_list_ends(&EVERYWHERE);
    index.cache_service_key(&place_of(&object), "6", Arc::new(2));
    assert_eq!(service_key_version(&index, &object), None);
    assert_eq!(cached(&index, &object), None);
}

#[test]
fn are_forgotten_at_the_version_that_was_refused() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.service_key(), "5");
    index.cache_service_key(&place_of(&object), "5", Arc::new(7));
    index.forget_service_key(&place_of(&object), "4");
    assert_eq!(cached(&index, &object), Some(7), "what was read since is another");
    index.forget_service_key(&place_of(&object), "5");
    assert_eq!(cached(&index, &object), None);
    index.cache_service_key(&place_of(&object), "5", Arc::new(8));
    assert_eq!(cached(&index, &object), Some(8));
}

fn unusable(index: &TestIndex, object: &Object) -> Option<String> {
    let known = index.snapshot(&object.key).unwrap().unusable_key?;
    Some(known.message.clone())
}

#[test]
fn that_cannot_be_used_are_known_until_the_secret_changes() {
    let object = an_object();
    let index = index_with(&[&object]);
    let failure = |text: &str| Failure::new(Reason::ServiceKeyInvalid, text);
    // The first read teaches the version.
    index.cache_unusable_key(&place_of(&object), "5", &failure("five"));
    assert_eq!(unusable(&index, &object).as_deref(), Some("five"));
    index.apply_secret(&object.service_key(), "6");
    assert_eq!(unusable(&index, &object), None);
    index.cache_unusable_key(&place_of(&object), "5", &failure("late"));
    assert_eq!(unusable(&index, &object), None);
    index.cache_unusable_key(&place_of(&object), "6", &failure("six"));
    assert_eq!(unusable(&index, &object).as_deref(), Some("six"));
    index.remove_secret(&object.service_key());
    index.apply_secret(&object.service_key(), "6");
    assert_eq!(unusable(&index, &object), None);
}

/// The key within the Secret is a user's text.
#[test]
fn that_cannot_be_used_do_not_add_up() {
    let picks = |number: u32| {
        an_object()
            .with_spec(|spec| spec.ai_core_secret_ref.as_mut().unwrap().key = Some(format!("key-{number}")))
    };
    let index = index_with(&[&picks(0)]);
    for number in 0..100 {
        index.apply_resource(picks(number), a_new_status());
        index.cache_unusable_key(
            &place_of(&picks(number)),
            "5",
            &Failure::new(Reason::ServiceKeyInvalid, "none"),
        );
        assert!(unusable(&index, &picks(number)).is_some());
    }
    let known = (0..100).filter(|number| {
        index.apply_resource(picks(*number), a_new_status());
        unusable(&index, &picks(*number)).is_some()
    });
    assert_eq!(known.count(), 32);
}
