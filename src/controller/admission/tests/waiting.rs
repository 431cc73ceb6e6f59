//! What there is to say of a wait.

use super::*;

/// Its status has to say what it waits for, once there is something to say, and once.
#[tokio::test(start_paused = true)]
async fn whoever_has_waited_for_long_is_told_once_and_stays_in_line() {
    let (admission, _) = with_places(8, 1);
    let tenant = a_tenant("a");
    let _first = enter(&admission, &tenant, "a").unwrap();
    let b = key("b");
    let ask = || {
        let wait = admission.try_admit(Limit::Lane(Arc::clone(&tenant)), request(&b)).unwrap_err();
        admission.pass_ended(&b, true);
        (wait.is_noteworthy, wait.requeue_after)
    };
    let mut looks = Vec::new();
    for look in 0..9 {
        let (is_noteworthy, left) = ask();
        // At the first of them there is nothing to say.
        if look == 6 {
            admission.told(&b);
        }
        looks.push((is_noteworthy, left.as_secs()));
        sleep(left).await;
    }
    assert_eq!(
        looks,
        [
            (false, 4),
            (false, 4),
            (false, 8),
            (false, 16),
            (false, 28),
            (true, 60),
            (true, 60),
            (false, 60),
            (false, 60)
        ]
    );
    // What was rotated before that was said with it.
    admission.changed(&b, Duration::from_mins(10));
    assert!(!ask().0);
    sleep(Duration::from_secs(1)).await;
    admission.changed(&b, Duration::ZERO);
    assert!(ask().0);
}

/// It turns out that it needs no place: it has waited in vain, and waits for nothing.
#[tokio::test(start_paused = true)]
async fn whoever_goes_on_and_asks_for_nothing_leaves_the_line() {
    let (admission, queue) = with_places(8, 1);
    let tenant = a_tenant("a");
    let first = enter(&admission, &tenant, "a").unwrap();
    assert!(enter_or_end(&admission, &tenant, "b").is_none());
    advance(NOTEWORTHY_WAIT).await;
    let limit = Limit::Lane(Arc::clone(&tenant));
    assert!(admission.try_admit(limit, request(&key("b"))).unwrap_err().is_noteworthy);
    admission.goes_on(&key("b"));
    admission.pass_ended(&key("b"), true);
    drop(first);
    assert_eq!(woken(&queue), None);
    assert!(is_empty(&admission));
}
