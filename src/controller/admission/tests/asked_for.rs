//! What a person asks for in an outage.

use super::*;

/// An attempt that is told at once that the tenant is unavailable.
fn fails(admission: &Arc<Admission>, tenant: &Arc<Lane>, name: &str) {
    let permit = enter(admission, tenant, name).unwrap();
    permit.unanswered();
    permit.attempted(false);
    drop(permit);
    admission.pass_ended(&key(name), true);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_wait_for_a_probe_and_is_one_in_a_second() {
    let (admission, queue) = with_places(32, 8);
    let tenant = a_proven_one("a");
    fails(&admission, &tenant, "a");
    fails(&admission, &tenant, "b");
    for wait in [1, 1, 2, 4, 8] {
        advance(seconds(wait)).await;
        fails(&admission, &tenant, "c");
    }
    advance(seconds(1)).await;
    for name in ["before", "d", "e"] {
        assert!(enter_or_end(&admission, &tenant, name).is_none());
    }
    let ask_for = |name: &str| {
        admission.is_asked_for(&tenant, request(&key(name)));
        enter_or_end(&admission, &tenant, name)
    };
    let permit = ask_for("d").unwrap();
    assert!(ask_for("e").is_none(), "another one in the same second");
    permit.unanswered();
    permit.attempted(false);
    drop(permit);
    admission.pass_ended(&key("d"), true);
    assert!(enter_or_end(&admission, &tenant, "before").is_none(), "the probes go on as they would have");
    advance(seconds(1)).await;
    let permit = ask_for("e").unwrap();
    permit.answered();
    permit.attempted(true);
    assert_eq!(woken(&queue), Some(key("before")), "and the first answer ends the outage");
    drop(permit);
}
