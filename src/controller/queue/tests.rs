use std::{collections::HashMap as Map, sync::Arc};

use futures::FutureExt;
use proptest::prelude::*;

use super::*;

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

async fn take(queue: &Queue) -> String {
    queue.next().await.unwrap().name.to_string()
}

#[tokio::test(start_paused = true)]
async fn changes_come_before_routine_and_nothing_is_taken_twice() {
    let queue = Queue::default();
    for name in ["a", "b", "c"] {
        queue.enqueue(&key(name), Priority::Routine);
    }
    queue.enqueue(&key("c"), Priority::Urgent);
    queue.enqueue(&key("c"), Priority::Urgent);
    queue.enqueue(&key("a"), Priority::Routine);
    assert_eq!(queue.load().waiting, 3);
    assert_eq!([take(&queue).await, take(&queue).await, take(&queue).await], ["c", "a", "b"]);
    assert_eq!(queue.load(), Load { waiting: 0, running: 3, taken: 3 });
}

/// Of a replica that stands by: what happens meanwhile must not pile up.
#[tokio::test(start_paused = true)]
async fn an_idle_queue_takes_nothing_in_until_it_is_started() {
    let queue = Queue::idle(1);
    queue.enqueue(&key("a"), Priority::Urgent);
    assert_eq!(queue.load(), Load { waiting: 0, running: 0, taken: 0 });
    queue.start(None);
    queue.enqueue(&key("b"), Priority::Urgent);
    assert_eq!(take(&queue).await, "b");
}

#[tokio::test(start_paused = true)]
async fn woken_while_running_means_once_more_after_it() {
    let queue = Queue::default();
    queue.enqueue(&key("a"), Priority::Urgent);
    take(&queue).await;
    queue.enqueue(&key("a"), Priority::Urgent);
    queue.enqueue(&key("a"), Priority::Routine);
    assert_eq!(queue.load().waiting, 0);
    queue.done(&key("a"), Some(Duration::from_secs(3600)));
    assert_eq!(take(&queue).await, "a");
    queue.done(&key("a"), None);
    assert_eq!(queue.load(), Load { waiting: 0, running: 0, taken: 2 });
}

#[tokio::test(start_paused = true)]
async fn timers_fire_in_order_and_a_wake_replaces_them() {
    let queue = Arc::new(Queue::default());
    let timers = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.run_timers().await }
    });
    let start = Instant::now();
    for (name, seconds) in [("late", 30), ("early", 10), ("woken", 20)] {
        queue.enqueue(&key(name), Priority::Urgent);
        take(&queue).await;
        queue.done(&key(name), Some(Duration::from_secs(seconds)));
    }
    queue.enqueue(&key("woken"), Priority::Urgent);
    assert_eq!(take(&queue).await, "woken");
    queue.done(&key("woken"), None);
    assert_eq!(take(&queue).await, "early");
    assert_eq!(start.elapsed().as_secs(), 10);
    queue.done(&key("early"), None);
    assert_eq!(take(&queue).await, "late");
    assert_eq!(start.elapsed().as_secs(), 30);
    queue.close();
    timers.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn forgotten_objects_are_not_handed_out() {
    let queue = Queue::default();
    queue.enqueue(&key("a"), Priority::Urgent);
    queue.enqueue(&key("b"), Priority::Urgent);
    queue.remove(&key("a"));
    assert_eq!(take(&queue).await, "b");
    queue.remove(&key("b"));
    queue.done(&key("b"), None);
    assert_eq!(queue.load(), Load { waiting: 0, running: 0, taken: 1 });
    assert!(queue.state.lock().slots.is_empty());
}

#[tokio::test]
async fn closing_lets_every_worker_go() {
    let queue = Arc::new(Queue::default());
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.next().await })
        })
        .collect();
    tokio::task::yield_now().await;
    queue.close();
    for worker in workers {
        assert_eq!(worker.await.unwrap(), None);
    }
    queue.run_timers().await;
}

/// Every wake is followed by a look that begins after it, and no two looks at one object overlap.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_is_lost_under_load() {
    const OBJECTS: u64 = 50;
    const WAKES: u64 = 20_000;
    let queue = Arc::new(Queue::default());
    let wanted: Arc<Mutex<Map<String, u64>>> = Arc::default();
    let seen: Arc<Mutex<Map<String, u64>>> = Arc::default();
    let looking: Arc<Mutex<Map<String, bool>>> = Arc::default();
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (queue, wanted, seen, looking) =
                (Arc::clone(&queue), Arc::clone(&wanted), Arc::clone(&seen), Arc::clone(&looking));
            tokio::spawn(async move {
                while let Some(key) = queue.next().await {
                    let name = key.name.to_string();
                    assert_eq!(looking.lock().insert(name.clone(), true).filter(|busy| *busy), None);
                    let want = wanted.lock()[&name];
                    tokio::task::yield_now().await;
                    seen.lock().insert(name.clone(), want);
                    looking.lock().insert(name, false);
                    queue.done(&key, None);
                }
            })
        })
        .collect();
    for i in 0..WAKES {
        let name = format!("object-{}", i * 7919 % OBJECTS);
        wanted.lock().insert(name.clone(), i);
        queue.enqueue(&key(&name), if i % 3 == 0 { Priority::Urgent } else { Priority::Routine });
        if i % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::timeout(Duration::from_secs(30), async {
        while *seen.lock() != *wanted.lock() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("every wake is followed by a look");
    queue.close();
    for worker in workers {
        worker.await.unwrap();
    }
}

/// What other namespaces have to do does not matter, however much it is.
#[tokio::test(start_paused = true)]
async fn namespaces_have_turns() {
    let queue = Queue::default();
    for number in 0..5000 {
        queue.enqueue(&key(&number.to_string()), Priority::Urgent);
    }
    queue.enqueue(&ObjectKey::new("other", "rotated"), Priority::Urgent);
    take(&queue).await;
    assert_eq!(take(&queue).await, "rotated");
}

/// Whoever something is kept for comes before the others of its namespace, as soon as it can.
#[tokio::test(start_paused = true)]
async fn what_is_ahead_comes_first() {
    let queue = Queue::default();
    for name in ["a", "b", "c", "d"] {
        queue.enqueue(&key(name), Priority::Routine);
    }
    assert_eq!(take(&queue).await, "a");
    queue.enqueue_ahead(&key("a"), Priority::Routine);
    queue.enqueue_ahead(&key("d"), Priority::Routine);
    queue.done(&key("a"), None);
    queue.enqueue(&key("b"), Priority::Urgent);
    let order = [take(&queue).await, take(&queue).await, take(&queue).await, take(&queue).await];
    assert_eq!(order, ["b", "a", "d", "c"], "a was enqueued first");
}

/// In a burst, the places of many lines become free in another order than that of the changes.
#[tokio::test(start_paused = true)]
async fn of_those_for_whom_a_place_is_kept_the_oldest_change_is_first() {
    let queue = Queue::default();
    let refused = Some(Duration::from_secs(4));
    for name in ["a", "b", "c"] {
        queue.enqueue(&key(name), Priority::Urgent);
        assert_eq!(take(&queue).await, name);
        queue.done(&key(name), refused);
    }
    // One looks in between, and is refused again.
    assert!(queue.state.lock().fire(Instant::now() + Duration::from_secs(4)));
    for name in ["a", "b", "c"] {
        assert_eq!(take(&queue).await, name);
        queue.done(&key(name), refused);
    }
    // Another change of this one is a later one.
    queue.enqueue(&key("a"), Priority::Urgent);
    assert_eq!(take(&queue).await, "a");
    queue.done(&key("a"), refused);
    for name in ["a", "c", "b"] {
        queue.enqueue_ahead(&key(name), Priority::Urgent);
    }
    assert_eq!([take(&queue).await, take(&queue).await, take(&queue).await], ["b", "c", "a"]);
}

fn next(queue: &Queue) -> Option<ObjectKey> {
    queue.next().now_or_never().flatten()
}

#[tokio::test(start_paused = true)]
async fn so_many_run_and_those_that_are_set_aside_do_not_count() {
    let queue = Queue::idle(2);
    queue.start(None);
    for name in ["a", "b", "c", "d", "e"] {
        queue.enqueue(&key(name), Priority::Routine);
    }
    assert!(next(&queue).is_some() && next(&queue).is_some());
    assert_eq!(next(&queue), None);
    queue.set_aside(1);
    assert_eq!(next(&queue), Some(key("c")));
    assert_eq!(next(&queue), None);
    queue.set_aside(0);
    queue.done(&key("a"), None);
    assert_eq!(next(&queue), None, "three run, and two may");
    queue.done(&key("b"), None);
    assert_eq!(next(&queue), Some(key("d")));
}

/// Else it could fill with passes that hang all that may be set aside.
#[tokio::test(start_paused = true)]
async fn one_namespace_has_eight_times_the_limit_with_those_set_aside() {
    let queue = Queue::idle(1);
    queue.start(None);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
        queue.enqueue(&key(name), Priority::Urgent);
        if next(&queue).is_some() {
            queue.set_aside(queue.load().running);
        }
    }
    assert_eq!(queue.load(), Load { waiting: 1, running: 8, taken: 8 });
    queue.enqueue(&ObjectKey::new("other", "rotated"), Priority::Routine);
    assert_eq!(next(&queue), Some(ObjectKey::new("other", "rotated")));
    queue.done(&key("a"), None);
    assert_eq!(next(&queue), Some(key("i")));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_an_object_is_told_when_one_may_go() {
    let queue = Arc::new(Queue::idle(1));
    queue.start(None);
    let taken = Arc::new(Mutex::new(Vec::new()));
    let worker = tokio::spawn({
        let (queue, taken) = (Arc::clone(&queue), Arc::clone(&taken));
        async move {
            while let Some(key) = queue.next().await {
                taken.lock().push(key.name.to_string());
            }
        }
    });
    for name in ["a", "b", "c"] {
        queue.enqueue(&key(name), Priority::Routine);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*taken.lock(), ["a"]);
    queue.set_aside(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*taken.lock(), ["a", "b"]);
    queue.done(&key("b"), None);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*taken.lock(), ["a", "b", "c"]);
    queue.close();
    worker.await.unwrap();
}

proptest! {
    /// Whatever happens in whatever order, the counts agree with the lists.
    #[test]
    fn counts_stay_true(steps in prop::collection::vec((0_u8..5, 0_u8..4), 0..200)) {
        let mut state = State::default();
        let mut running: Vec<ObjectKey> = Vec::new();
        let start = Instant::now();
        for (step, object) in steps {
            let key = key(&format!("{object}"));
            let cause = if object == 3 { Cause::PlaceKept } else { Cause::Event };
            match step {
                0 => { state.enqueue(&key, Wake { priority: Priority::Routine, cause }); }
                1 => { state.enqueue(&key, Wake { priority: Priority::Urgent, cause }); }
                2 => running.extend(state.take()),
                3 => if let Some(key) = running.pop() {
                    let requeue_after = (object > 1).then(|| start + Duration::from_secs(u64::from(object)));
                    state.done(&key, requeue_after);
                },
                _ => { state.fire(start + Duration::from_secs(2)); }
            }
            let queued = state.slots.values().filter(|slot| matches!(slot.phase, Phase::Queued(_))).count();
            prop_assert_eq!(state.waiting, queued);
            prop_assert_eq!(state.line.len(), queued);
            prop_assert_eq!(state.running_in.values().sum::<usize>(), state.running);
            prop_assert_eq!(state.running, running.len());
            let timers = state.slots.values().filter(|slot| slot.timer.is_some()).count();
            prop_assert_eq!(state.timers.len(), timers);
        }
        while state.take().is_some() {}
        prop_assert_eq!(state.waiting, 0);
    }
}
