use super::*;

fn since(index: &TestIndex, object: &Object) -> Option<Instant> {
    snapshot(index, object).source_changed
}

async fn a_second() {
    tokio::time::advance(seconds(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_sight_is_none_and_the_first_unanswered_one_counts() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.source(), "1");
    assert_eq!(since(&index, &object), None);
    a_second().await;
    let second = Instant::now();
    index.apply_secret(&object.source(), "2");
    assert_eq!(since(&index, &object), Some(second));
    a_second().await;
    index.apply_secret(&object.source(), "3");
    assert_eq!(since(&index, &object), Some(second));
    index.record(&object, None, Memory::default(), None);
    assert_eq!(since(&index, &object), Some(second), "a pass without an answer");
    index.record(&object, None, Memory::default(), Some(second));
    assert_eq!(since(&index, &object), None);
    a_second().await;
    index.apply_secret(&object.source(), "4");
    assert_eq!(since(&index, &object), Some(Instant::now()));
    index.record(&object, None, Memory::default(), Some(second));
    assert_eq!(
        since(&index, &object),
        Some(Instant::now()),
        "the answer to an earlier change is none to this one"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_version_is_no_change() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.source(), "1");
    index.apply_secret(&object.source(), "1");
    assert_eq!(since(&index, &object), None);
}

#[tokio::test(start_paused = true)]
async fn each_user_answers_for_itself() {
    let (one, two) = (object_named("one", 1), object_named("two", 2));
    let index = index_with(&[&one, &two]);
    index.apply_secret(&one.source(), "1");
    index.apply_secret(&one.source(), "2");
    let at = since(&index, &one);
    assert!(at.is_some());
    index.record(&one, None, Memory::default(), at);
    assert_eq!((since(&index, &one), since(&index, &two)), (None, at));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_replaced_has_changed() {
    let object = an_object();
    let index = index_with(&[&object]);
    index.apply_secret(&object.source(), "1");
    index.remove_secret(&object.source());
    assert_eq!(since(&index, &object), None, "there is nothing to send");
    a_second().await;
    index.apply_secret(&object.source(), "2");
    assert_eq!(since(&index, &object), Some(Instant::now()));
}

/// A resource that is created while the operator runs: nothing tells the version of its Secrets but the read.
#[tokio::test(start_paused = true)]
async fn a_read_counts_as_the_first_sight() {
    let object = an_object();
    let index = index_with(&[&object]);
    let memory = Memory {
        checked: Some(SecretVersions { source: "1".into(), service_key: "5".into() }),
        ..Memory::default()
    };
    index.record(&object, None, memory.clone(), None);
    assert_eq!(source_version(&index, &object).as_deref(), Some("1"));
    assert_eq!(service_key_version(&index, &object).as_deref(), Some("5"));
    index.apply_secret(&object.source(), "2");
    assert_eq!(since(&index, &object), Some(Instant::now()));
    index.record(&object, None, memory, None);
    assert_eq!(source_version(&index, &object).as_deref(), Some("2"), "the watch knows better");
}
