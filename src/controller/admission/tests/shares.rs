//! Who has the turns of a tenant's rate when more than one of its lanes wait for them.

use super::*;

/// A resource of that namespace.
fn of(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(namespace, name)
}

/// It asks for a place in the lane, takes its turn, and is answered.
fn pass(
    admission: &Arc<Admission>,
    lane: &Arc<Lane>,
    rate: &Arc<RateLimiter>,
    who: &ObjectKey,
) -> Option<Permit> {
    admission.keep_to(lane, rate);
    let permit = admission.enter(lane, None, urgent(who)).ok();
    if let Some(permit) = &permit {
        admission.turn(permit, rate).unwrap();
        permit.answered();
        permit.attempted(true);
    }
    permit
}

/// The same; the pass ends.
fn passes(admission: &Arc<Admission>, lane: &Arc<Lane>, rate: &Arc<RateLimiter>, who: &ObjectKey) -> bool {
    let passes = pass(admission, lane, rate, who).is_some();
    admission.pass_ended(who, true);
    passes
}

/// Two lanes of one tenant, and its rate, of which greedy has had two turns and nothing is left.
fn used_up(lanes: usize) -> (Arc<Admission>, Arc<Queue>, [Arc<Lane>; 2], Arc<RateLimiter>) {
    let (admission, queue) = with_places(32, lanes);
    let lanes = [a_lane("a", Credit::Proven), a_lane("a", Credit::Untried)];
    let rate = Arc::new(RateLimiter::new(Rate::new(1.0, 2)));
    for number in 0..2 {
        assert!(passes(&admission, &lanes[1], &rate, &of("greedy", &number.to_string())));
    }
    (admission, queue, lanes, rate)
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_for_the_namespace_that_has_had_fewest_whatever_its_lane() {
    let (admission, queue, [proven, untried], rate) = used_up(8);
    rate.take("greedy").unwrap_err();
    let (greedy, modest) = (of("greedy", "a"), of("modest", "b"));
    assert!(!passes(&admission, &untried, &rate, &greedy));
    assert!(!passes(&admission, &proven, &rate, &modest));
    advance(seconds(1)).await;
    time_is(&admission);
    assert_eq!((woken(&queue), woken(&queue)), (Some(modest.clone()), None));
    assert!(passes(&admission, &proven, &rate, &modest));
    advance(seconds(1)).await;
    time_is(&admission);
    assert_eq!((woken(&queue), woken(&queue)), (Some(greedy.clone()), None));
    assert!(passes(&admission, &untried, &rate, &greedy));
    assert!(is_empty(&admission));
}

/// Its lane has no place, since it is answered late: what it does not use is for others, and the whole of it.
#[tokio::test(start_paused = true)]
async fn whoever_is_next_and_cannot_go_holds_up_nobody() {
    let (admission, queue, [proven, untried], rate) = used_up(1);
    advance(seconds(1)).await;
    let slow = of("modest", "slow");
    admission.keep_to(&proven, &rate);
    let held: Vec<_> = ["slow", "slower"]
        .into_iter()
        .map(|name| admission.enter(&proven, None, urgent(&of("modest", name))).ok())
        .collect();
    admission.turn(held[0].as_ref().unwrap(), &rate).unwrap();
    assert!(held[1].is_none(), "the lane has one place");
    admission.pass_ended(&of("modest", "slower"), true);
    let start = Instant::now();
    for round in 0..10 {
        let greedy = of("greedy", &format!("a-{round}"));
        if !passes(&admission, &untried, &rate, &greedy) {
            while queue.load().waiting == 0 {
                advance(Duration::from_millis(100)).await;
                time_is(&admission);
            }
            assert_eq!((woken(&queue), woken(&queue)), (Some(greedy.clone()), None));
            assert!(passes(&admission, &untried, &rate, &greedy));
        }
        queue.done(&greedy, None);
    }
    assert!(start.elapsed() <= seconds(11), "{:?}", start.elapsed());
    drop(held);
    admission.remove(&of("modest", "slower"));
    admission.pass_ended(&slow, true);
    assert!(is_empty(&admission));
}

/// Passes that have a place and no turn yet are not overtaken by a namespace that has had more, however long they need.
#[tokio::test(start_paused = true)]
async fn a_turn_that_is_promised_is_not_left_over() {
    let (admission, queue, [proven, untried], rate) = used_up(8);
    advance(seconds(1)).await;
    admission.keep_to(&proven, &rate);
    let permit = admission.enter(&proven, None, urgent(&of("modest", "a"))).unwrap();
    assert!(!passes(&admission, &untried, &rate, &of("greedy", "a")));
    advance(Duration::from_millis(900)).await;
    time_is(&admission);
    assert_eq!(woken(&queue), None);
    admission.turn(&permit, &rate).unwrap();
    advance(Duration::from_millis(200)).await;
    time_is(&admission);
    assert_eq!(woken(&queue), Some(of("greedy", "a")), "nobody else waits any more");
}
