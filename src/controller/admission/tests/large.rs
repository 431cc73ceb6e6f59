//! Passes that hold a large payload, some of them of tenants that hang.

use super::*;

fn who(namespace: &str, number: usize) -> ObjectKey {
    ObjectKey::new(namespace, &number.to_string())
}

/// A pass with a large payload that waits for an answer, if it may; else it ends.
fn holds(admission: &Arc<Admission>, lane: &Arc<Lane>, who: &ObjectKey) -> Option<Permit> {
    let request = request(who);
    let permit = admission.enter(lane, None, request);
    let held = permit.and_then(|permit| admission.hold_large_payload(&permit, request).map(|()| permit));
    if held.is_err() {
        admission.pass_ended(who, true);
    }
    held.ok()
}

/// While it waits for its tenant, nothing large is kept for it.
#[tokio::test(start_paused = true)]
async fn a_place_is_of_use_with_a_place_in_the_tenant_only() {
    let (admission, queue) = with_places(8, 1);
    let lanes = ["one", "two", "a", "b"].map(a_proven_one);
    let [one, two, of_a, of_b] = &lanes;
    let (a, b) = (who("a", 0), who("b", 0));
    let first = holds(&admission, one, &who("one", 0)).unwrap();
    let second = holds(&admission, two, &who("two", 0)).unwrap();
    assert!(holds(&admission, of_a, &a).is_none() && holds(&admission, of_b, &b).is_none());
    assert!(admission.awaits_large_payload(&a), "so it reads nothing before it has its place");
    drop(first);
    assert_eq!(woken(&queue), Some(a.clone()));
    let other = enter(&admission, of_a, "other").unwrap();
    assert!(holds(&admission, of_a, &a).is_none());
    assert_eq!(woken(&queue), Some(b.clone()), "a has no place in its tenant");
    let third = holds(&admission, of_b, &b).unwrap();
    assert!(!admission.awaits_large_payload(&a) && !admission.awaits_large_payload(&b));
    drop((second, third, other));
    [a, b, who("one", 0), who("two", 0), key("other")].iter().for_each(|key| admission.remove(key));
    assert!(is_empty(&admission));
}

#[tokio::test(start_paused = true)]
async fn tenants_that_hang_hold_up_nobody_who_is_answered() {
    let (admission, _) = with_places(32, 8);
    let (hung, healthy) = (a_proven_one("hung"), a_proven_one("healthy"));
    let mut held = vec![holds(&admission, &hung, &who("a", 0)).unwrap()];
    assert!(holds(&admission, &hung, &who("a", 1)).is_none(), "a namespace leaves the other place to others");
    held.extend(holds(&admission, &hung, &who("b", 0)));
    let rotated = who("c", 0);
    assert!(holds(&admission, &healthy, &rotated).is_none());
    advance(PATIENCE).await;
    time_is(&admission);
    // Whatever is tried in the tenant that hangs, and in others that were never heard of.
    let invented = (0..10).map(|number| (a_tenant(&format!("invented-{number}")), format!("ns-{number}")));
    let attempts = invented.chain(["a", "b"].map(|namespace| (Arc::clone(&hung), namespace.to_owned())));
    held.extend(attempts.filter_map(|(lane, namespace)| holds(&admission, &lane, &who(&namespace, 2))));
    assert_eq!(held.len(), 2, "those who are waited for have their own");
    for _ in 0..3 {
        let permit = holds(&admission, &healthy, &rotated).unwrap();
        permit.answered();
        drop(permit);
        admission.pass_ended(&rotated, true);
    }
    held.clear();
}
