mod asked_for;
mod fairness;
mod large;
mod model;
mod shares;
mod waiting;

use futures::FutureExt;
use tokio::time::{advance, sleep};

use super::*;
use crate::domain::{
    decide::{credit::Credit, outage::LONGEST_PROBE},
    parse::api_url::Tenant,
    testing::{key, seconds},
    tools::bucket::Rate,
};

/// A tenant that nobody has heard of.
fn a_tenant(name: &str) -> Arc<Lane> {
    a_lane(name, Credit::Unproven)
}

/// A tenant that has answered.
fn a_proven_one(name: &str) -> Arc<Lane> {
    a_lane(name, Credit::Proven)
}

fn a_lane(name: &str, credit: Credit) -> Arc<Lane> {
    let tenant = Tenant { api_url: format!("https://{name}"), authorization_server: "b".to_owned() };
    Lane::of(&Arc::new(tenant), 1, credit)
}

/// An admission of so many passes, and the queue through which it wakes.
fn with_places(concurrency: usize, tenant: usize) -> (Arc<Admission>, Arc<Queue>) {
    let queue = Arc::new(Queue::default());
    (Admission::new(Arc::clone(&queue), Places::new(concurrency, tenant)), queue)
}

fn request(who: &ObjectKey) -> Request<'_> {
    Request { who, priority: Priority::Routine }
}

fn urgent(who: &ObjectKey) -> Request<'_> {
    Request { who, priority: Priority::Urgent }
}

/// A place in the tenant for the resource of that name, if there is one.
fn enter(admission: &Arc<Admission>, tenant: &Arc<Lane>, name: &str) -> Option<Permit> {
    admission.try_admit(Limit::Lane(Arc::clone(tenant)), request(&key(name))).ok().flatten()
}

/// The same; a pass that is refused ends.
fn enter_or_end(admission: &Arc<Admission>, tenant: &Arc<Lane>, name: &str) -> Option<Permit> {
    let permit = enter(admission, tenant, name);
    if permit.is_none() {
        admission.pass_ended(&key(name), true);
    }
    permit
}

/// The tenant answers so often, at once.
fn answers(admission: &Arc<Admission>, tenant: &Arc<Lane>, times: usize) {
    let rate = Arc::new(RateLimiter::new(Rate::new(1000.0, 1000)));
    for _ in 0..times {
        let who = key("answers");
        let permit = admission.enter(tenant, None, request(&who)).unwrap();
        admission.turn(&permit, &rate).unwrap();
        permit.answered();
        permit.attempted(true);
        drop(permit);
        admission.pass_ended(&who, true);
    }
}

/// An attempt of that resource without an answer.
async fn hangs(admission: &Arc<Admission>, tenant: &Arc<Lane>, name: &str) {
    let who = key(name);
    let permit = admission.enter(tenant, None, request(&who)).unwrap();
    sleep(seconds(15)).await;
    drop(permit);
    admission.pass_ended(&who, true);
}

/// Whom a worker would look at next.
fn woken(queue: &Queue) -> Option<ObjectKey> {
    queue.next().now_or_never().flatten()
}

/// What is due by now is done.
fn time_is(admission: &Arc<Admission>) {
    assert!(admission.run().now_or_never().is_none());
}

fn is_empty(admission: &Admission) -> bool {
    let state = &admission.inner.lock().state;
    let idle = state.lanes.iter().all(|(_, known)| known.is_idle());
    idle && state.waiting.iter().next().is_none()
        && state.passes.iter().next().is_none()
        && state.entrances.iter().all(entrance::Entrance::is_empty)
        && state.shared.iter().next().is_none()
        && state.next_event().is_none()
        && state.passes.aside() == 0
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_a_tenant_wakes_the_next_in_line() {
    let (admission, queue) = with_places(8, 2);
    let tenant = a_tenant("a");
    answers(&admission, &tenant, 8);
    let (first, second) =
        (enter(&admission, &tenant, "a").unwrap(), enter(&admission, &tenant, "b").unwrap());
    for late in ["c", "d", "c"] {
        assert!(enter_or_end(&admission, &tenant, late).is_none());
    }
    drop(first);
    assert_eq!(queue.load().waiting, 1);
    assert_eq!(woken(&queue), Some(key("c")));
    let third = enter(&admission, &tenant, "c").unwrap();
    drop(second);
    assert_eq!(woken(&queue), Some(key("d")));
    drop(third);
    assert_eq!(queue.load().waiting, 0, "nobody is woken twice");
    drop(enter(&admission, &tenant, "d").unwrap());
    ["c", "d"].iter().for_each(|name| admission.pass_ended(&key(name), true));
    assert!(is_empty(&admission), "what nobody needs leaves no trace");
}

/// A place that was promised is not for whoever comes by.
#[tokio::test(start_paused = true)]
async fn nobody_comes_before_those_who_wait() {
    let (admission, queue) = with_places(8, 1);
    let tenant = a_tenant("a");
    let first = enter(&admission, &tenant, "a").unwrap();
    assert!(enter_or_end(&admission, &tenant, "b").is_none());
    drop(first);
    assert!(enter_or_end(&admission, &tenant, "c").is_none());
    assert_eq!(woken(&queue), Some(key("b")));
    assert!(enter(&admission, &tenant, "b").is_some());
}

#[tokio::test(start_paused = true)]
async fn changes_come_before_routine_and_whoever_changes_meanwhile_moves_up() {
    let (admission, queue) = with_places(8, 1);
    let tenant = a_tenant("a");
    let first = enter(&admission, &tenant, "a").unwrap();
    for name in ["b", "c", "d"] {
        assert!(enter_or_end(&admission, &tenant, name).is_none());
    }
    assert!(admission.try_admit(Limit::Lane(Arc::clone(&tenant)), urgent(&key("d"))).is_err());
    admission.pass_ended(&key("d"), true);
    drop(first);
    assert_eq!(woken(&queue), Some(key("d")));
}

/// Who was woken does not come (suspended, deleted, backing off meanwhile): the next in line must hear of the place.
#[tokio::test(start_paused = true)]
async fn a_place_that_the_woken_one_does_not_take_goes_to_the_next() {
    let (admission, queue) = with_places(8, 1);
    let tenant = a_tenant("a");
    let first = enter(&admission, &tenant, "a").unwrap();
    for name in ["b", "c", "d", "e", "f"] {
        assert!(enter_or_end(&admission, &tenant, name).is_none());
    }
    drop(first);
    assert_eq!(woken(&queue), Some(key("b")));
    assert_eq!(queue.load().waiting, 0, "one place, one to wake");
    admission.pass_ended(&key("b"), true);
    assert_eq!(woken(&queue), Some(key("c")), "b did not ask");
    admission.pass_ended(&key("c"), false);
    assert_eq!(woken(&queue), Some(key("d")), "the API server failed in c's pass");
    admission.remove(&key("d"));
    assert_eq!(woken(&queue), Some(key("e")), "d is gone");
    let elsewhere = enter(&admission, &a_tenant("z"), "e").unwrap();
    assert_eq!(woken(&queue), Some(key("f")), "e turned to another tenant");
    drop((elsewhere, enter(&admission, &tenant, "f").unwrap()));
    ["c", "e", "f"].iter().for_each(|name| admission.pass_ended(&key(name), true));
    assert!(is_empty(&admission));
}

/// Refused, and woken before its pass has ended: the promise is for the next pass.
#[tokio::test(start_paused = true)]
async fn a_place_that_becomes_free_during_the_pass_that_was_refused_is_not_lost() {
    let (admission, queue) = with_places(8, 1);
    let tenant = a_tenant("a");
    let first = enter(&admission, &tenant, "a").unwrap();
    assert!(enter(&admission, &tenant, "b").is_none());
    drop(first);
    admission.pass_ended(&key("b"), true);
    assert_eq!(woken(&queue), Some(key("b")));
    drop(enter(&admission, &tenant, "b").unwrap());
    admission.pass_ended(&key("b"), true);
    assert!(is_empty(&admission));
}

#[tokio::test(start_paused = true)]
async fn all_who_waited_for_a_service_key_are_woken_at_once_and_wait_once() {
    let (admission, queue) = with_places(8, 1);
    let enter = |name: &str| admission.try_admit(Limit::ServiceKey(key("key")), request(&key(name)));
    let reader = enter("a").unwrap().unwrap();
    for name in ["b", "c"] {
        // Also when something else wakes it meanwhile.
        for _ in 0..2 {
            assert_eq!(enter(name).unwrap_err(), Wait::until(LOOK_AGAIN));
            admission.pass_ended(&key(name), true);
        }
    }
    drop(reader);
    let reader = enter("d").unwrap().unwrap();
    for name in ["b", "c"] {
        assert_eq!(woken(&queue), Some(key(name)));
        assert!(
            enter(name).unwrap().is_none(),
            "else a key that nobody can use would be read by one after the other"
        );
        admission.pass_ended(&key(name), true);
    }
    assert_eq!(woken(&queue), None);
    drop(reader);
    assert!(is_empty(&admission));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_long_for_a_service_key_looks_by_itself() {
    let (admission, queue) = with_places(8, 1);
    let enter = |name: &str| admission.try_admit(Limit::ServiceKey(key("key")), request(&key(name)));
    let reader = enter("a").unwrap().unwrap();
    assert_eq!(enter("b").unwrap_err(), Wait::until(LOOK_AGAIN));
    admission.pass_ended(&key("b"), true);
    advance(LOOK_AGAIN).await;
    assert!(enter("b").unwrap().is_none());
    admission.pass_ended(&key("b"), true);
    drop(reader);
    assert_eq!(woken(&queue), None);
    assert!(is_empty(&admission));
}

/// Neither that it has waited for something else before, nor for the key as it was, lets anybody read it beside the one who does.
#[tokio::test(start_paused = true)]
async fn each_service_key_is_waited_for_from_its_own_beginning() {
    let (admission, queue) = with_places(8, 1);
    let tenant = a_tenant("a");
    let read = |name: &str, secret: &str| {
        let permit = admission.try_admit(Limit::ServiceKey(key(secret)), request(&key(name)));
        admission.pass_ended(&key(name), permit.is_err());
        permit
    };
    let waits = || Wait::until(LOOK_AGAIN);
    let holder = enter(&admission, &tenant, "holder").unwrap();
    assert!(enter(&admission, &tenant, "b").is_none());
    advance(2 * LOOK_AGAIN).await;
    let reader = read("a", "key").unwrap();
    assert_eq!(read("b", "key").unwrap_err(), waits());
    advance(LOOK_AGAIN / 2).await;
    assert_eq!(read("b", "another").map(drop), Ok(()), "nobody reads that one");
    assert_eq!(read("b", "key").unwrap_err(), waits());
    drop(reader);
    assert_eq!(woken(&queue), Some(key("b")));
    assert!(admission.try_admit(Limit::ServiceKey(key("key")), request(&key("b"))).unwrap().is_none());
    // It waits for its turn, and the key is replaced.
    assert!(enter(&admission, &tenant, "b").is_none());
    let reader = read("a", "key").unwrap();
    assert_eq!(read("b", "key").unwrap_err(), waits());
    drop((reader, holder));
}

/// One request a second, one at once.
fn slow() -> Arc<RateLimiter> {
    Arc::new(RateLimiter::new(Rate::new(1.0, 1)))
}

/// A pass that needs no token: place, turn, answer.
fn passes(admission: &Arc<Admission>, tenant: &Arc<Lane>, rate: &Arc<RateLimiter>, name: &str) -> bool {
    let who = key(name);
    let result = admission.enter(tenant, None, request(&who)).and_then(|permit| {
        admission.turn(&permit, rate)?;
        permit.answered();
        permit.attempted(true);
        Ok(())
    });
    admission.pass_ended(&who, true);
    result.is_ok()
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_rate_is_woken_when_its_turn_comes() {
    let (admission, queue) = with_places(32, 8);
    let (rate, tenant) = (slow(), a_tenant("a"));
    let runner = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.run().await }
    });
    let start = Instant::now();
    assert!(passes(&admission, &tenant, &rate, "a"));
    for name in ["b", "c", "d"] {
        assert!(!passes(&admission, &tenant, &rate, name));
    }
    let mut turns = Vec::new();
    for _ in 0..3 {
        let who = queue.next().await.unwrap();
        turns.push((who.name.to_string(), start.elapsed().as_secs()));
        assert!(passes(&admission, &tenant, &rate, &who.name));
        queue.done(&who, None);
    }
    assert_eq!(turns, [("b".to_owned(), 1), ("c".to_owned(), 2), ("d".to_owned(), 3)]);
    assert!(is_empty(&admission));
    runner.abort();
}

/// However long nothing could be sent, and however many wait: nobody has a turn from before.
#[tokio::test(start_paused = true)]
async fn after_an_outage_the_rate_holds() {
    let (admission, queue) = with_places(32, 8);
    let tenant = a_tenant("a");
    let rate = Arc::new(RateLimiter::new(Rate::new(2.0, 2)));
    let runner = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.run().await }
    });
    let outage = seconds(45);
    let start = Instant::now();
    let keys: Vec<ObjectKey> = (0..40).map(|number| key(&number.to_string())).collect();
    keys.iter().for_each(|who| queue.enqueue(who, Priority::Routine));
    let mut sent = Vec::new();
    while sent.len() < keys.len() {
        let who = queue.next().await.unwrap();
        let entered = admission.enter(&tenant, None, request(&who)).and_then(|permit| {
            admission.turn(&permit, &rate)?;
            Ok(permit)
        });
        let mut again = None;
        if let Ok(permit) = entered {
            let available = start.elapsed() >= outage;
            if available {
                permit.answered();
                sent.push(start.elapsed());
            } else {
                permit.unanswered();
                again = Some(seconds(1));
            }
            permit.attempted(available);
        }
        admission.pass_ended(&who, true);
        queue.done(&who, again);
        if again.is_some() {
            queue.enqueue(&who, Priority::Routine);
        }
    }
    for (number, at) in sent.iter().enumerate() {
        let within = sent[number..].iter().take_while(|later| **later < *at + seconds(1)).count();
        assert!(within <= 4, "{within} requests in the second after {at:?}");
    }
    assert!(sent[0] <= outage + LONGEST_PROBE, "{:?}", sent[0]);
    runner.abort();
}
