//! Tenants that hang, that nobody has heard of, and that answer late, beside one that answers.

use super::*;
use crate::controller::admission::entrance::Crowd;

const HEALTHY: &str = "healthy";

/// Whether a rotation of the healthy tenant would pass now.
fn healthy_passes(admission: &Arc<Admission>, tenant: &Arc<Lane>) -> bool {
    let who = ObjectKey::new("other", HEALTHY);
    let permit = admission.enter(tenant, None, urgent(&who));
    if let Ok(permit) = &permit {
        permit.answered();
    }
    admission.pass_ended(&who, true);
    permit.is_ok()
}

/// How many passes there are that count.
fn counted(admission: &Admission) -> usize {
    let state = &admission.inner.lock().state;
    state.passes.iter().count() - state.passes.aside()
}

/// How many places of that crowd are in use, and how many wait for one.
fn at_entrance(admission: &Admission, crowd: Crowd) -> (usize, usize) {
    let state = &mut admission.inner.lock().state;
    let entrance = state.entrances.of(crowd);
    (entrance.in_use(), entrance.waiting())
}

#[tokio::test(start_paused = true)]
async fn passes_that_wait_for_long_do_not_count() {
    let (admission, _) = with_places(32, 8);
    let tenants: Vec<_> = (0..4).map(|number| a_tenant(&number.to_string())).collect();
    let mut held = Vec::new();
    for (tenant_number, tenant) in tenants.iter().enumerate() {
        answers(&admission, tenant, 8);
        for number in 0..8 {
            let who = key(&format!("{tenant_number}-{number}"));
            held.push(admission.enter(tenant, None, request(&who)).unwrap());
        }
    }
    assert_eq!(counted(&admission), 32);
    advance(PATIENCE).await;
    time_is(&admission);
    assert_eq!(counted(&admission), 0);
    // And no more of them come in.
    assert!(tenants.iter().all(|tenant| enter(&admission, tenant, "more").is_none()));
    held.iter().for_each(Permit::answered);
    assert_eq!(counted(&admission), 32);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn however_many_are_invented_they_have_the_entrance() {
    let (admission, queue) = with_places(32, 8);
    let healthy = a_proven_one(HEALTHY);
    let mut held = Vec::new();
    for number in 0..150 {
        held.extend(enter_or_end(&admission, &a_tenant(&number.to_string()), &number.to_string()));
    }
    assert_eq!((held.len(), counted(&admission)), (24, 0));
    assert!(healthy_passes(&admission, &healthy));
    // Others that nobody has heard of have the rest.
    let another = ObjectKey::new("new", "new");
    let permit = admission.enter(&a_tenant("new"), None, request(&another)).unwrap();
    permit.answered();
    assert_eq!(at_entrance(&admission, Crowd::Unheard).0, 24, "it has answered, and is proven");
    drop(permit);
    admission.pass_ended(&another, true);
    // Each that leaves lets in the next.
    held.truncate(20);
    assert_eq!(queue.load().waiting, 4);
    assert_eq!(at_entrance(&admission, Crowd::Unheard).1, 122);
}

/// At a cold start nobody is known, and each is after its first token.
#[tokio::test(start_paused = true)]
async fn a_tenant_leaves_the_entrance_with_its_first_answer_and_its_resources_with_it() {
    let (admission, queue) = with_places(4, 4);
    let (tenant, other) = (a_tenant("a"), a_tenant("b"));
    let permit = admission.enter(&tenant, None, request(&key("a"))).unwrap();
    for name in ["b", "c"] {
        assert!(enter_or_end(&admission, &tenant, name).is_none());
    }
    let _others: Vec<_> =
        (0..2).filter_map(|n| enter(&admission, &a_tenant(&n.to_string()), &n.to_string())).collect();
    assert!(enter_or_end(&admission, &other, "d").is_none(), "the last place is for other namespaces");
    permit.answered();
    // b has the second place of the tenant, and d the one at the entrance.
    assert_eq!((woken(&queue), woken(&queue), woken(&queue)), (Some(key("b")), Some(key("d")), None));
    let second = admission.enter(&tenant, None, request(&key("b"))).unwrap();
    second.answered();
    assert_eq!(woken(&queue), Some(key("c")));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_late_keeps_to_the_entrance_and_has_its_places_there() {
    let (admission, _) = with_places(8, 4);
    let tenant = a_tenant("a");
    for round in 0..6 {
        let permits: Vec<_> =
            (0..4).filter_map(|n| enter_or_end(&admission, &tenant, &n.to_string())).collect();
        assert_eq!(permits.len(), (round + 1).min(4));
        let permits: Vec<_> = permits
            .into_iter()
            .map(|permit| admission.enter(&tenant, Some(permit), request(&key("any"))).unwrap())
            .collect();
        sleep(seconds(10)).await;
        time_is(&admission);
        assert_eq!(counted(&admission), 0);
        permits.iter().for_each(Permit::answered);
        drop(permits);
        (0..4).for_each(|n| admission.remove(&key(&n.to_string())));
        assert!(is_empty(&admission));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_had_no_answer_goes_through_the_entrance_until_the_api_answers() {
    let (admission, _) = with_places(8, 4);
    let tenant = a_lane("a", Credit::Doubtful);
    answers(&admission, &tenant, 4);
    hangs(&admission, &tenant, "a").await;
    let permit = admission.enter(&tenant, None, request(&key("a"))).unwrap();
    assert_eq!(counted(&admission), 0);
    permit.answered();
    assert_eq!(counted(&admission), 0, "a token is no sign that the API answers");
    admission.turn(&permit, &slow()).unwrap();
    permit.answered();
    assert_eq!(counted(&admission), 1);
    drop(permit);
}

/// One of ten requests is answered: what hangs hangs aside, and what is answered goes on.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_answers_now_and_then_costs_the_others_nothing() {
    let (admission, _) = with_places(8, 2);
    let tenant = a_tenant("a");
    for round in 0..5 {
        for number in 0..9 {
            hangs(&admission, &tenant, &number.to_string()).await;
            sleep(LONGEST_PROBE).await;
            assert_eq!(counted(&admission), 0, "round {round}");
        }
        answers(&admission, &tenant, 1);
    }
    assert!(is_empty(&admission));
}

/// However many resources it has, and however long: one asks in about ten seconds. When it answers, all go on.
#[tokio::test(start_paused = true)]
async fn in_an_outage_one_asks_at_a_time_and_all_go_on_after_it() {
    let (admission, queue) = with_places(32, 8);
    let tenant = a_tenant("a");
    let rate = Arc::new(RateLimiter::new(Rate::new(100.0, 100)));
    let runner = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.run().await }
    });
    let timers = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.run_timers().await }
    });
    answers(&admission, &tenant, 8);
    for number in 0..500 {
        queue.enqueue(&key(&number.to_string()), Priority::Routine);
    }
    let (start, outage) = (Instant::now(), seconds(180));
    let (mut asked, mut served) = (0, Vec::new());
    while served.len() < 500 {
        let who = queue.next().await.unwrap();
        let entered = admission.enter(&tenant, None, request(&who)).and_then(|permit| {
            admission.turn(&permit, &rate)?;
            Ok(permit)
        });
        let again = match entered {
            Err(Wait { requeue_after, .. }) => Some(requeue_after),
            Ok(permit) => {
                permit.answered();
                let available = start.elapsed() >= outage;
                permit.attempted(available);
                drop(permit);
                if available {
                    served.push(start.elapsed());
                } else {
                    asked += 1;
                }
                (!available).then_some(seconds(5))
            }
        };
        admission.pass_ended(&who, true);
        queue.done(&who, again);
    }
    assert!((15..=30).contains(&asked), "{asked} requests in three minutes");
    let last = served.iter().max().unwrap();
    assert!(*last <= outage + seconds(15), "{last:?}");
    runner.abort();
    timers.abort();
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_tenants_is_bounded_by_those_that_exist() {
    let (admission, _) = with_places(32, 8);
    let held: Vec<_> = (0..50).map(|number| a_tenant(&format!("held-{number}"))).collect();
    // By a connection, and by who claims something.
    let _holders: Vec<_> = held.iter().map(|lane| [lane.tenant(), lane.tenant(), lane.tenant()]).collect();
    held.iter().for_each(|tenant| answers(&admission, tenant, 1));
    for number in 0..1000 {
        answers(&admission, &a_tenant(&number.to_string()), 1);
        let state = &admission.inner.lock().state;
        assert!(state.lanes.iter().count() <= 2 * held.len().max(64));
    }
    let state = &admission.inner.lock().state;
    assert!(held.iter().all(|tenant| state.lanes.get(tenant).is_some()));
}

/// A server that takes three seconds is slow; it waits neither for those that are invented nor for those that have gone silent.
#[tokio::test(start_paused = true)]
async fn whoever_is_slow_waits_for_nobody_who_hangs() {
    let (admission, _) = with_places(32, 8);
    let [slow, late] =
        [("slow", 3), ("late", 5)].map(|(name, seconds_each)| (a_proven_one(name), seconds(seconds_each)));
    let rate = Arc::new(RateLimiter::new(Rate::new(1000.0, 1000)));
    let mut held = Vec::new();
    let mut hang = |credit: Credit| {
        for number in 0..150 {
            let who = ObjectKey::new(&format!("ns-{}", number % 20), &format!("{credit:?}-{number}"));
            let its_own = a_lane(&format!("{credit:?}-{number}"), credit);
            held.extend(admission.enter(&its_own, None, request(&who)));
            admission.pass_ended(&who, true);
        }
    };
    hang(Credit::Unproven);
    hang(Credit::Doubtful);
    for round in 0..5 {
        for (lane, takes) in [&slow, &late] {
            // Two one after the other, the second while the first waits for its answer.
            let mut under_way = Vec::new();
            for name in ["first", "second"] {
                let who = ObjectKey::new("other", name);
                let permit = admission.enter(lane, None, urgent(&who));
                let permit = permit.unwrap_or_else(|wait| panic!("{name} of round {round} waits: {wait:?}"));
                admission.turn(&permit, &rate).unwrap();
                under_way.push((permit, who));
                sleep(seconds(1)).await;
                time_is(&admission);
            }
            sleep(takes.saturating_sub(seconds(2))).await;
            for (permit, who) in under_way {
                permit.answered();
                permit.attempted(true);
                drop(permit);
                admission.pass_ended(&who, true);
            }
        }
    }
    assert_eq!(at_entrance(&admission, Crowd::Unheard).0, 32);
    assert_eq!(at_entrance(&admission, Crowd::Silent).0, 32);
    assert_eq!(counted(&admission), 0);
}

/// Requests for some remote secrets hang, and those of others are answered.
#[tokio::test(start_paused = true)]
async fn resources_that_hang_leave_their_turn_in_the_lane_to_others() {
    let (admission, queue) = with_places(32, 8);
    let lane = a_proven_one("a");
    let runner = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.run().await }
    });
    let mut held = Vec::new();
    for number in 0..7 {
        let who = key(&number.to_string());
        held.extend(admission.enter(&lane, None, urgent(&who)));
        admission.pass_ended(&who, true);
    }
    let start = Instant::now();
    let healthy = ObjectKey::new("other", HEALTHY);
    assert!(admission.enter(&lane, None, urgent(&healthy)).is_err());
    admission.pass_ended(&healthy, true);
    loop {
        let who = queue.next().await.unwrap();
        let permit = admission.enter(&lane, None, urgent(&who)).unwrap();
        if who == healthy {
            break;
        }
        held.push(permit);
        admission.pass_ended(&who, true);
    }
    assert!(start.elapsed() <= PATIENCE, "{:?}", start.elapsed());
    runner.abort();
}

/// They are answered, each after fourteen seconds: those of another namespace are not kept out.
#[tokio::test(start_paused = true)]
async fn what_is_slow_in_one_namespace_leaves_places_of_the_lane_to_others() {
    let (admission, _) = with_places(32, 8);
    let lane = a_proven_one("a");
    let mut held = Vec::new();
    for number in 0..20 {
        let who = key(&number.to_string());
        held.extend(admission.enter(&lane, None, urgent(&who)));
        admission.pass_ended(&who, true);
        sleep(PATIENCE).await;
        time_is(&admission);
    }
    assert_eq!(held.len(), 8);
    assert!(healthy_passes(&admission, &lane));
}
