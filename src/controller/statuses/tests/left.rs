//! What passes have left to be written, while others wait and at the end of the process.

use rstest::rstest;

use super::*;
use crate::controller::queue::Priority;

impl World {
    /// Somebody waits to be reconciled.
    fn is_busy(&self) {
        self.ctx.queue.enqueue(&object_named("waits", 9).key, Priority::Urgent);
    }

    /// Nobody does.
    async fn is_idle(&self) {
        self.ctx.queue.next().await.unwrap();
    }

    fn has(&self, number: i64) -> Object {
        let object = object_named(&format!("r{number}"), number);
        self.ctx.index.apply_resource(object.clone(), AICoreRegistrySecretStatus::default());
        object
    }

    /// A pass ends with that.
    async fn ends(&self, object: &Object, status: &Arc<AICoreRegistrySecretStatus>) -> Written {
        let object = Arc::new(object.clone());
        self.ctx.index.record_status(&object, Arc::clone(status));
        self.ctx.statuses.write_later(&object, status).await
    }

    fn answers_slowly(&self) {
        self.ctx.kubernetes.hangs.lock().unwrap().insert("write status slowly");
    }
}

/// How long the fake takes for a slow answer.
const SLOW_ANSWER: Duration = Duration::from_secs(3);

#[tokio::test(start_paused = true)]
async fn while_others_wait_a_pass_ends_without_its_status_and_few_are_written_at_a_time() {
    let world = World::new();
    world.is_busy();
    world.answers_slowly();
    let objects: Vec<Object> = (0..120).map(|number| world.has(number)).collect();
    let began = tokio::time::Instant::now();
    for object in &objects {
        assert_eq!(world.ends(object, &a_status("1")).await, Written::Later);
        // Of two, the newer one is written.
        assert_eq!(world.ends(object, &a_status("2")).await, Written::Later);
    }
    assert_eq!((began.elapsed(), world.journal().len()), (Duration::ZERO, 0));
    assert_eq!((world.ctx.statuses.owed(), world.ctx.statuses.refused()), (120, 0));
    world.writes_for(PATIENCE * 2 + PATIENCE / 2).await;
    assert_eq!(world.journal(), ["write status"; BESIDE_BUSY * 3]);
    // When nobody waits any more, they go on faster.
    world.is_idle().await;
    world.writes_for(PATIENCE * 3 / 4).await;
    assert_eq!(world.journal().len(), BESIDE as usize);
    world.writes_for(HOUR).await;
    assert_eq!((world.ctx.statuses.owed(), version(&world).as_deref()), (0, Some("2")));
    assert!(world.journal().iter().all(|line| line == "write status"));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_waits_a_pass_writes_its_status_itself() {
    let world = World::new();
    assert_eq!(world.ends(&world.object, &a_status("1")).await, Written::Now);
    assert_eq!(version(&world).as_deref(), Some("1"));
}

/// Then the passes are held back by the API server.
#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_wait() {
    let world = World::new();
    world.is_busy();
    let most = i64::try_from(WAITING).unwrap();
    for number in 0..most {
        assert_eq!(world.ends(&world.has(number), &a_status("1")).await, Written::Later);
    }
    let more = world.has(most);
    assert_eq!(world.ends(&more, &a_status("1")).await, Written::Now);
    assert_eq!((world.ctx.statuses.owed(), world.journal().len()), (WAITING, 1));
    // Whoever waits already is not one more.
    assert_eq!(world.ends(&world.has(0), &a_status("2")).await, Written::Later);
    assert_eq!(world.ctx.statuses.owed(), WAITING);
    world.writes_for(seconds(1)).await;
    assert_eq!((world.ctx.statuses.owed(), world.journal().len()), (0, WAITING));
}

/// What is sent next may depend on it.
#[tokio::test(start_paused = true)]
async fn in_the_middle_of_a_pass_the_status_is_there_before_it_goes_on() {
    let world = World::new();
    world.is_busy();
    // One that only waits is not written any more.
    world.ends(&world.object, &a_status("1")).await;
    assert_eq!(write(&world, &world.object, &a_status("2")).await, Written::Now);
    assert_eq!((version(&world).as_deref(), world.ctx.statuses.owed()), (Some("2"), 0));
    world.writes_for(HOUR).await;
    assert_eq!(world.journal(), ["write status"]);
    // One that is under way is waited for.
    world.ends(&world.object, &a_status("3")).await;
    let object = Arc::new(world.object.clone());
    world.ctx.statuses.debts.lock().start_left().unwrap();
    let status = a_status("4");
    let mut next = Box::pin(world.ctx.statuses.write(&object, &status));
    assert!(tokio::time::timeout(PATIENCE / 2, &mut next).await.is_err());
    let place = Arc::clone(&world.ctx.statuses.beside).acquire_owned().await.unwrap();
    let (object, status) = (Arc::clone(&object), a_status("3"));
    world.ctx.statuses.ended(&Ended {
        object,
        status,
        basis: Basis::any_of(1),
        result: Ok(()),
        _place: Some(place),
    });
    assert_eq!(next.await, Written::Now);
    assert_eq!(version(&world).as_deref(), Some("4"));
    // But not for longer than for any other answer.
    world.ends(&world.object, &a_status("5")).await;
    world.ctx.statuses.debts.lock().start_left().unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(write(&world, &world.object, &a_status("6")).await, Written::Later);
    assert_eq!(began.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_beside_the_passes_is_tried_again_as_any_other() {
    let world = World::new();
    world.is_busy();
    world.refuse("write status");
    world.ends(&world.object, &a_status("1")).await;
    world.writes_for(seconds(60)).await;
    let attempts = world.journal().len();
    assert!((5..=12).contains(&attempts), "{attempts}");
    assert_eq!((world.ctx.statuses.owed(), world.ctx.statuses.refused()), (1, 1));
    assert_eq!(world.ends(&world.object, &a_status("2")).await, Written::Later);
    assert!(!world.ctx.statuses.are_any_left(), "its pause stands");
    world.accept_all();
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!((version(&world).as_deref(), world.ctx.statuses.owed()), (Some("2"), 0));
}

/// An API server that takes its time for each takes more at a time.
#[tokio::test(start_paused = true)]
async fn the_more_wait_the_more_are_written_at_a_time() {
    let world = World::new();
    world.is_busy();
    world.answers_slowly();
    for number in 0..1_000 {
        world.ends(&world.has(number), &a_status("1")).await;
    }
    world.writes_for(PATIENCE / 2).await;
    let at_a_time = world.journal().len();
    assert!((BESIDE_BUSY + 5..=BESIDE_BUSY + 8).contains(&at_a_time), "{at_a_time}");
}

impl World {
    /// The status of this resource takes so long; and `taken` says whether it is taken then.
    fn status_takes(&self, uid: &str, time: Duration, taken: bool) {
        self.ctx.kubernetes.status_answers.lock().unwrap().insert(uid.to_owned(), (time, taken));
    }

    fn is_written(&self, object: &Object) -> bool {
        self.ctx.kubernetes.taken.lock().unwrap().contains_key(&*object.uid)
    }

    /// The process ends. Returns how long the statuses take.
    async fn settles(&self) -> Duration {
        self.ctx.queue.close();
        let began = tokio::time::Instant::now();
        tokio::select! {
            () = self.ctx.statuses.settled() => began.elapsed(),
            () = self.writes_for(HOUR) => panic!("it did not settle"),
        }
    }
}

/// As behind a webhook of another namespace. Those that were tried have places of their own, and those that are tried give theirs up.
#[rstest]
#[case::few(12)]
#[case::many(100)]
#[case::very_many(750)]
#[tokio::test(start_paused = true)]
async fn neighbours_whose_statuses_are_held_hold_nobody_up_for_long(
    #[case] neighbours: i64,
    #[values(false, true)] at_once: bool,
) {
    let world = World::new();
    world.is_busy();
    for number in 0..neighbours {
        let object = world.has(number);
        world.status_takes(&object.uid, seconds(10), false);
        world.ends(&object, &a_status("1")).await;
    }
    if !at_once {
        world.writes_for(seconds(200)).await;
    }
    let healthy = world.has(neighbours);
    assert_eq!(world.ends(&healthy, &a_status("1")).await, Written::Later);
    let limit = if at_once { seconds(2 + neighbours.unsigned_abs() / 6) } else { seconds(1) };
    world.writes_for(limit).await;
    assert!(world.is_written(&healthy), "after {limit:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_is_not_busy() {
    let world = World::new();
    world.is_busy();
    world.answers_slowly();
    for number in 0..40 {
        world.ends(&world.has(number), &a_status("1")).await;
    }
    // The first 32 give their places up after a second.
    assert_eq!(world.settles().await, PATIENCE + SLOW_ANSWER);
    assert_eq!(world.ctx.statuses.owed(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_the_newest_status() {
    let world = World::new();
    world.is_busy();
    world.answers_slowly();
    world.ends(&world.object, &a_status("1")).await;
    world.writes_for(Duration::from_millis(10)).await;
    assert_eq!(world.journal(), ["write status"]);
    // While it is under way.
    world.ctx.index.record_status(&world.object, a_status("2"));
    world.settles().await;
    assert_eq!((version(&world).as_deref(), world.ctx.statuses.owed()), (Some("2"), 0));
}

/// After a write without an answer.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_what_is_to_be_confirmed_too() {
    let world = World::new();
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status");
    write(&world, &world.object, &a_status("0")).await;
    world.writes_for(seconds(12)).await;
    world.ctx.kubernetes.hangs.lock().unwrap().clear();
    world.writes_for(LONGEST_PAUSE).await;
    world.is_busy();
    world.ends(&world.object, &a_status("1")).await;
    assert_eq!((world.ctx.statuses.owed(), world.ctx.statuses.refused()), (1, 0));
    world.settles().await;
    assert_eq!(version(&world).as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_does_not_wait_for_what_is_refused() {
    let world = World::new();
    world.is_busy();
    world.refuse("write status");
    for number in 0..100 {
        world.ends(&world.has(number), &a_status("1")).await;
    }
    assert!(world.settles().await < seconds(1));
    assert_eq!(world.ctx.statuses.refused(), 100);
}

/// The write for the one before fails after it.
#[tokio::test(start_paused = true)]
async fn what_is_created_anew_while_both_writes_fail_is_written() {
    let world = World::new();
    world.is_busy();
    let old = world.has(1);
    world.status_takes(&old.uid, seconds(10), false);
    world.ends(&old, &a_status("1")).await;
    world.writes_for(Duration::from_millis(9_500)).await;
    world.ctx.index.remove_resource(&old.key);
    let new = Object { uid: "another".into(), ..old.clone() };
    world.ctx.index.apply_resource(new.clone(), AICoreRegistrySecretStatus::default());
    world.status_takes("another", Duration::from_millis(700), false);
    world.is_idle().await;
    let ends = async {
        assert_eq!(world.ends(&new, &a_status("7")).await, Written::Later);
    };
    tokio::join!(ends, world.writes_for(Duration::from_millis(900)));
    world.ctx.kubernetes.status_answers.lock().unwrap().clear();
    world.writes_for(seconds(60)).await;
    assert!(world.is_written(&new));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_waits_for_nobody_who_is_gone() {
    let world = World::new();
    world.is_busy();
    let object = world.has(1);
    world.ends(&object, &a_status("1")).await;
    world.ctx.index.remove_resource(&object.key);
    assert_eq!(world.settles().await, Duration::ZERO);
}
