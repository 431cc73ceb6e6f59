use futures::FutureExt;
use proptest::prelude::*;

use super::{state::Position, *};
use crate::domain::{
    testing::{key, seconds},
    tools::bucket::Rate,
};

fn a_tenant(name: &str) -> Arc<Tenant> {
    Arc::new(Tenant { api_url: format!("https://{name}"), authorization_server: "b".to_owned() })
}

fn tenant() -> Limit {
    Limit::Tenant(a_tenant("a"))
}

/// An admission with so many places for each tenant, and the queue through which it wakes.
fn with_places(places: usize) -> (Arc<Admission>, Arc<Queue>) {
    let queue = Arc::new(Queue::default());
    (Admission::new(Arc::clone(&queue), places), queue)
}

fn request(who: &ObjectKey, uptime: Duration) -> Request<'_> {
    Request { who, priority: Priority::Routine, uptime }
}

/// A place for the resource of that name, if there is one.
fn enter(admission: &Arc<Admission>, limit: Limit, name: &str) -> Option<Permit> {
    admission.try_admit(limit, request(&key(name), Duration::ZERO)).ok().flatten()
}

/// Whom a worker would look at next.
fn woken(queue: &Queue) -> Option<ObjectKey> {
    queue.next().now_or_never().flatten()
}

/// A place, then its turn in the rate.
fn place_and_turn(
    admission: &Arc<Admission>,
    tenant: &Arc<Tenant>,
    rate: &RateLimiter,
    permit: Option<Permit>,
    request: Request<'_>,
) -> Result<Permit, Wait> {
    let permit = admission.enter(tenant, permit, request)?;
    admission.turn(&permit, rate, request)?;
    Ok(permit)
}

fn is_empty(admission: &Admission) -> bool {
    let state = admission.state.lock();
    state.usage.is_empty() && state.waiting.is_empty()
}

#[test]
fn whoever_leaves_a_tenant_wakes_the_next_in_line() {
    let (admission, queue) = with_places(2);
    let enter = |name: &str| enter(&admission, tenant(), name);
    let (first, second) = (enter("a").unwrap(), enter("b").unwrap());
    for late in ["c", "d", "c"] {
        assert!(enter(late).is_none());
    }
    drop(first);
    assert_eq!(queue.load().waiting, 1);
    assert_eq!(woken(&queue), Some(key("c")));
    let third = enter("c").unwrap();
    drop(second);
    assert_eq!(woken(&queue), Some(key("d")));
    drop(third);
    assert_eq!(queue.load().waiting, 0, "nobody is woken twice");
    drop(enter("d").unwrap());
    assert!(admission.state.lock().usage.is_empty());
    ["c", "d"].iter().for_each(|name| admission.pass_ended(&key(name), true));
    assert!(is_empty(&admission), "what nobody needs leaves no trace");
}

#[test]
fn who_got_in_by_itself_is_not_woken_again() {
    let (admission, queue) = with_places(1);
    let enter = |name: &str| enter(&admission, tenant(), name);
    let first = enter("a").unwrap();
    assert!(enter("b").is_none() && enter("c").is_none());
    drop(first);
    assert_eq!(woken(&queue), Some(key("b")));
    // Something else woke c before b came to it.
    let other = enter("c").unwrap();
    assert!(enter("b").is_none());
    drop(other);
    assert_eq!(queue.load().waiting, 0, "b is at work already");
    queue.done(&key("b"), None);
    assert_eq!(woken(&queue), Some(key("b")));
}

#[test]
fn all_who_waited_for_a_service_key_are_woken_at_once() {
    let (admission, queue) = with_places(1);
    let enter = |name: &str| enter(&admission, Limit::ServiceKey(key("key")), name);
    let reader = enter("a").unwrap();
    assert!(enter("b").is_none() && enter("c").is_none());
    drop(reader);
    assert_eq!(queue.load().waiting, 2);
    assert!(admission.state.lock().usage.is_empty());
}

/// Who was woken does not come (suspended, deleted, backing off meanwhile): the next in line must hear of the place.
#[test]
fn a_place_that_the_woken_one_does_not_take_goes_to_the_next() {
    let (admission, queue) = with_places(1);
    let enter = |name: &str| enter(&admission, tenant(), name);
    let first = enter("a").unwrap();
    for name in ["b", "c", "d"] {
        assert!(enter(name).is_none());
        admission.pass_ended(&key(name), true);
    }
    drop(first);
    assert_eq!(woken(&queue), Some(key("b")));
    assert_eq!(queue.load().waiting, 0, "one place, one to wake");
    admission.pass_ended(&key("b"), true);
    assert_eq!(woken(&queue), Some(key("c")), "b did not ask");
    admission.pass_ended(&key("c"), false);
    assert_eq!(woken(&queue), Some(key("d")), "the API server failed in c's pass");
    drop(enter("d").unwrap());
    admission.pass_ended(&key("d"), true);
    admission.remove(&key("c"));
    assert!(is_empty(&admission));
}

#[test]
fn so_does_a_place_whose_resource_is_gone() {
    let (admission, queue) = with_places(1);
    let enter = |name: &str| enter(&admission, tenant(), name);
    let first = enter("a").unwrap();
    for name in ["b", "c", "d"] {
        assert!(enter(name).is_none());
        admission.pass_ended(&key(name), true);
    }
    admission.remove(&key("b"));
    drop(first);
    assert_eq!(woken(&queue), Some(key("c")), "b waits no longer");
    queue.remove(&key("c"));
    admission.remove(&key("c"));
    assert_eq!(woken(&queue), Some(key("d")));
    admission.remove(&key("d"));
    assert!(is_empty(&admission));
}

#[test]
fn so_does_a_place_whose_resource_turns_to_another_tenant() {
    let (admission, queue) = with_places(1);
    let first = enter(&admission, tenant(), "a").unwrap();
    for name in ["b", "c"] {
        assert!(enter(&admission, tenant(), name).is_none());
        admission.pass_ended(&key(name), true);
    }
    drop(first);
    assert_eq!(woken(&queue), Some(key("b")));
    let elsewhere = enter(&admission, Limit::Tenant(a_tenant("z")), "b").unwrap();
    assert_eq!(woken(&queue), Some(key("c")));
    drop(elsewhere);
    admission.pass_ended(&key("b"), true);
    admission.remove(&key("c"));
    assert!(is_empty(&admission));
}

/// Refused, and woken before its pass has ended: the promise is for the next pass.
#[test]
fn a_place_that_becomes_free_during_the_pass_that_was_refused_is_not_lost() {
    let (admission, queue) = with_places(1);
    let first = enter(&admission, tenant(), "a").unwrap();
    assert!(enter(&admission, tenant(), "b").is_none());
    drop(first);
    admission.pass_ended(&key("b"), true);
    assert_eq!(woken(&queue), Some(key("b")));
    assert!(matches!(admission.state.lock().waiting[&key("b")].position, Position::Promised(_)));
    drop(enter(&admission, tenant(), "b").unwrap());
    admission.pass_ended(&key("b"), true);
    assert!(is_empty(&admission));
}

/// Its status has to say what it waits for.
#[test]
fn whoever_has_waited_for_long_goes_on_without_a_place() {
    let (admission, _) = with_places(1);
    let _first = enter(&admission, tenant(), "a").unwrap();
    let b = key("b");
    let ask = |uptime| admission.try_admit(tenant(), request(&b, uptime)).map(|permit| permit.is_some());
    let start = seconds(100);
    assert_eq!(ask(start), Err(Wait { requeue_after: LOOK_AGAIN }));
    admission.pass_ended(&b, true);
    assert_eq!(ask(start + seconds(4)), Err(Wait { requeue_after: LOOK_AGAIN }));
    admission.pass_ended(&b, true);
    assert_eq!(ask(start + NOTEWORTHY_WAIT), Ok(false));
    // It turns out that it needs no place: it has waited in vain.
    admission.pass_ended(&b, true);
    assert_eq!(ask(start + NOTEWORTHY_WAIT), Err(Wait { requeue_after: LOOK_AGAIN }));
}

/// Else a key that nobody can use would be read by one after the other.
#[test]
fn one_waits_once_for_a_service_key() {
    let (admission, _) = with_places(1);
    let limit = || Limit::ServiceKey(key("key"));
    let _reader = enter(&admission, limit(), "a").unwrap();
    let b = key("b");
    let ask = || admission.try_admit(limit(), request(&b, Duration::ZERO)).map(|permit| permit.is_some());
    assert_eq!(ask(), Err(Wait { requeue_after: LOOK_AGAIN }));
    admission.pass_ended(&b, true);
    assert_eq!(ask(), Ok(false));
    admission.pass_ended(&b, true);
    assert_eq!(ask(), Err(Wait { requeue_after: LOOK_AGAIN }), "the next time it waits again");
}

/// One request a second, one at once.
fn slow() -> RateLimiter {
    RateLimiter::new(Rate::new(1.0, 1))
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_kept_until_it_is_used() {
    let (admission, _) = with_places(8);
    let (rate, tenant) = (slow(), a_tenant("a"));
    let ask = |name: &str, uptime| {
        let result = place_and_turn(&admission, &tenant, &rate, None, request(&key(name), uptime)).map(drop);
        admission.pass_ended(&key(name), true);
        result.map_err(|wait| wait.requeue_after)
    };
    let start = seconds(100);
    assert_eq!(ask("a", start), Ok(()));
    assert_eq!(ask("b", start), Err(seconds(1)));
    assert_eq!(ask("c", start), Err(seconds(2)));
    // Who asks before its turn stays where it is.
    assert_eq!(ask("c", start), Err(seconds(2)));
    assert_eq!(ask("b", start), Err(seconds(1)));
    tokio::time::advance(seconds(2)).await;
    assert_eq!(ask("c", start + seconds(2)), Ok(()));
    assert_eq!(ask("b", start + seconds(2)), Ok(()));
    assert_eq!(ask("b", start + seconds(2)), Err(seconds(1)), "a turn is good for one request");
    admission.remove(&key("b"));
    assert!(is_empty(&admission));
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_given_up_with_what_it_was_for_and_kept_when_the_api_server_fails() {
    let (admission, _) = with_places(8);
    let (rate, tenant) = (slow(), a_tenant("a"));
    let ask = |uptime| place_and_turn(&admission, &tenant, &rate, None, request(&key("b"), uptime)).map(drop);
    let start = seconds(100);
    assert_eq!(ask(start), Ok(()));
    assert_eq!(ask(start), Err(Wait { requeue_after: seconds(1) }));
    admission.pass_ended(&key("b"), true);
    // A pass that could not find out whether it still wants to push, then one that has: it is suspended.
    admission.pass_ended(&key("b"), false);
    assert_eq!(ask(start), Err(Wait { requeue_after: seconds(1) }));
    admission.pass_ended(&key("b"), true);
    admission.pass_ended(&key("b"), true);
    assert_eq!(ask(start), Err(Wait { requeue_after: seconds(2) }));
}

#[tokio::test(start_paused = true)]
async fn without_a_place_the_turn_is_kept_and_waiting_gets_longer() {
    let (admission, _) = with_places(1);
    let (rate, tenant) = (RateLimiter::new(Rate::new(1.0, 2)), a_tenant("a"));
    let b = key("b");
    let ask = |uptime| {
        let result = place_and_turn(&admission, &tenant, &rate, None, request(&b, uptime));
        admission.pass_ended(&b, true);
        result.map_err(|wait| wait.requeue_after)
    };
    let start = seconds(100);
    let first = place_and_turn(&admission, &tenant, &rate, None, request(&key("a"), start)).unwrap();
    assert_eq!(ask(start).map(drop), Err(LOOK_AGAIN));
    assert_eq!(ask(start + seconds(9)).map(drop), Err(seconds(9)));
    drop(first);
    assert!(ask(start + seconds(9)).is_ok(), "the second of the two that the rate allows at once");
    assert!(is_empty(&admission));
}

#[tokio::test(start_paused = true)]
async fn whoever_has_to_wait_for_its_turn_gives_its_place_back() {
    let (admission, queue) = with_places(1);
    let (rate, tenant) = (slow(), a_tenant("a"));
    rate.reserve();
    let permit = enter(&admission, Limit::Tenant(Arc::clone(&tenant)), "a").unwrap();
    assert!(enter(&admission, Limit::Tenant(Arc::clone(&tenant)), "b").is_none());
    let a = key("a");
    assert!(place_and_turn(&admission, &tenant, &rate, Some(permit), request(&a, Duration::ZERO)).is_err());
    assert_eq!(woken(&queue), Some(key("b")));
}

/// Else the place would stay empty until its turn, and the others would wait behind it.
#[tokio::test(start_paused = true)]
async fn whoever_has_to_wait_for_its_turn_hands_on_what_it_was_promised() {
    let (admission, queue) = with_places(1);
    let (rate, tenant) = (slow(), a_tenant("a"));
    rate.reserve();
    let limit = || Limit::Tenant(Arc::clone(&tenant));
    let first = enter(&admission, limit(), "a").unwrap();
    for name in ["b", "c"] {
        assert!(enter(&admission, limit(), name).is_none());
        admission.pass_ended(&key(name), true);
    }
    drop(first);
    assert_eq!(woken(&queue), Some(key("b")));
    let b = key("b");
    assert!(place_and_turn(&admission, &tenant, &rate, None, request(&b, Duration::ZERO)).is_err());
    admission.pass_ended(&b, true);
    assert_eq!(woken(&queue), Some(key("c")));
}

#[derive(Clone, Debug)]
enum Step {
    /// A pass asks for a place at a limit, and goes on if it gets one.
    Asks {
        who: usize,
        limit: usize,
        rated: bool,
    },
    /// A pass that was admitted ends.
    Leaves(usize),
    /// A pass ends that did not ask.
    Ends {
        who: usize,
        concluded: bool,
    },
    Goes(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_usize..6, 0_usize..3, any::<bool>())
            .prop_map(|(who, limit, rated)| Step::Asks { who, limit, rated }),
        3 => (0_usize..6).prop_map(Step::Leaves),
        3 => (0_usize..6, any::<bool>()).prop_map(|(who, concluded)| Step::Ends { who, concluded }),
        1 => (0_usize..6).prop_map(Step::Goes),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Whatever passes do, no free place has waiters whom nobody woke, and nothing is kept of those who are gone.
    #[test]
    fn no_chain_of_wakes_breaks_and_nothing_leaks(steps in steps()) {
        let (admission, _queue) = with_places(2);
        let rate = RateLimiter::new(Rate::new(1.0, 2));
        let tenants = ["a", "z"].map(a_tenant);
        let keys: Vec<ObjectKey> = (0..6).map(|number| key(&number.to_string())).collect();
        let mut permits: Vec<Vec<Permit>> = (0..6).map(|_| Vec::new()).collect();
        for step in steps {
            match step {
                Step::Asks { who, limit, rated } => {
                    let request = request(&keys[who], Duration::ZERO);
                    let permit = match tenants.get(limit) {
                        Some(tenant) if rated => place_and_turn(&admission, tenant, &rate, None, request).ok(),
                        Some(tenant) => admission.try_admit(Limit::Tenant(Arc::clone(tenant)), request).ok().flatten(),
                        None => admission.try_admit(Limit::ServiceKey(key("key")), request).ok().flatten(),
                    };
                    permits[who].extend(permit);
                    if permits[who].is_empty() {
                        admission.pass_ended(&keys[who], true);
                        // Nobody comes for a promise whose pass has ended.
                        let state = admission.state.lock();
                        let position = state.waiting.get(&keys[who]).map(|waiting| &waiting.position);
                        prop_assert!(!matches!(position, Some(Position::Promised(_))), "{:?}", position);
                    }
                }
                Step::Leaves(who) => {
                    permits[who].clear();
                    admission.pass_ended(&keys[who], true);
                }
                Step::Ends { who, concluded } => admission.pass_ended(&keys[who], concluded),
                Step::Goes(who) => admission.remove(&keys[who]),
            }
            let state = admission.state.lock();
            for (limit, usage) in &state.usage {
                let places = if matches!(limit, Limit::Tenant(_)) { 2 } else { 1 };
                prop_assert!(usage.in_use <= places);
                prop_assert!(
                    usage.waiters.is_empty() || usage.in_use + usage.promised >= places,
                    "{:?} {:?}", limit, usage
                );
                let stand_here = |at: &&Position| matches!(at, Position::Waits(there, _) if there == limit);
                let promised = |at: &&Position| matches!(at, Position::Promised(there) if there == limit);
                let positions = || state.waiting.values().map(|waiting| &waiting.position);
                prop_assert_eq!(positions().filter(stand_here).count(), usage.waiters.len());
                prop_assert_eq!(positions().filter(promised).count(), usage.promised);
                let held = permits.iter().flatten().filter(|permit| permit.limit == *limit).count();
                prop_assert_eq!(held, usage.in_use);
            }
        }
        permits.clear();
        for key in &keys {
            admission.remove(key);
        }
        prop_assert!(is_empty(&admission), "{:?}", admission);
    }
}
