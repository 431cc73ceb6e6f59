//! Statuses that cannot be written hold nothing back, and are written later.

use rstest::rstest;

use super::*;
use crate::domain::testing::{a_status_in_sync, seconds};

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_written_is_written_later_and_nothing_else_is_done_for_it() {
    let world = World::new();
    world.refuse("write status");
    let requeue_after = world.pass().await.unwrap();
    assert!(requeue_after > HOUR / 2, "the pass is over: {requeue_after:?}");
    assert_eq!(world.journal().last().unwrap(), "write status");
    assert_eq!((outcomes(&world, "Created"), outcomes(&world, "ApiServerError")), (1, 0));
    assert_eq!(world.ctx.statuses.owed(), 1);
    assert_eq!(world.snapshot().memory.retry.api_failures, 0);
    // A pass in between finds that all is well.
    world.pass().await;
    assert_eq!(world.journal(), Vec::<String>::new());
    world.writes_for(Duration::from_secs(60)).await;
    let attempts = world.journal();
    assert!(attempts.iter().all(|request| request == "write status"), "{attempts:?}");
    assert!((4..=12).contains(&attempts.len()), "{attempts:?}");
    world.accept_all();
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!(world.journal(), ["write status"]);
    assert_eq!(world.ready(), "True/Synced");
    assert_eq!(world.ctx.statuses.owed(), 0);
    // What was answered with 500 may have been done, and late.
    world.writes_for(HOUR).await;
    assert_eq!(world.journal(), ["write status"]);
}

/// Whatever becomes of statuses, what has to be done is done, and the newest status is what is written in the end.
#[tokio::test(start_paused = true)]
async fn rotations_go_on_while_the_status_is_refused_or_not_answered() {
    for hangs in [false, true] {
        let world = in_sync(an_object()).await;
        if hangs {
            world.ctx.kubernetes.hangs.lock().unwrap().insert("write status");
        } else {
            world.refuse("write status");
        }
        for (version, password) in [("2", "b"), ("3", "c"), ("4", "d")] {
            world.rotated(version, password);
            let started = Instant::now();
            world.pass().await;
            assert!(started.elapsed() <= Duration::from_secs(1), "{:?}", started.elapsed());
            let journal = world.journal();
            assert_eq!(journal[..2], ["read Secret", PUSH], "{version}");
            assert_eq!(
                journal.len(),
                if version == "2" { 3 } else { 2 },
                "one attempt, and no other by a rotation"
            );
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        assert_eq!(latencies(&world), 3);
        world.accept_all();
        world.ctx.kubernetes.hangs.lock().unwrap().clear();
        world.writes_for(2 * LONGEST_PAUSE).await;
        let written = world.ctx.kubernetes.status.lock().unwrap().clone().unwrap();
        assert_eq!(written.secret_resource_version.as_deref(), Some("4"), "hangs: {hangs}");
        assert_eq!(world.ctx.statuses.owed(), 0);
        assert_eq!(world.snapshot().memory.retry.api_failures, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspension_counts_while_the_status_cannot_be_written() {
    let mut world = in_sync(an_object()).await;
    world.refuse("write status");
    world.rotated("2", "b");
    world.pass().await;
    world.object = world.object.clone().with_spec(|spec| spec.suspend = Some(true));
    world.applied();
    world.rotated("3", "c");
    world.journal();
    world.pass().await;
    assert_eq!(world.journal(), ["read Secret"], "neither a push nor an attempt before its time");
    world.accept_all();
    world.writes_for(LONGEST_PAUSE).await;
    assert_eq!(world.ready(), "False/Suspended", "the last rotation was not pushed");
}

/// The watch shows what another process told last while the pass has its own status written: it says nothing that it has not heard.
#[rstest]
#[case::which_is_refused(6)]
#[case::of_which_nobody_knows_what_became(5)]
#[tokio::test(start_paused = true)]
async fn a_pass_that_hears_another_ones_word_while_it_writes_is_decided_again(#[case] there: u64) {
    let world = World::taking_over();
    world.is_at(there, 5);
    world.ctx.kubernetes.hangs.lock().unwrap().insert("write status slowly");
    let last_word = a_status_in_sync();
    let (requeue_after, ()) = tokio::join!(world.pass(), async {
        tokio::time::sleep(seconds(1) / 2).await;
        assert_eq!(world.journal().last().unwrap(), "write status");
        world.ctx.index.apply_resource(world.object.clone(), last_word.clone());
        world.is_at(there, 6);
    });
    assert_eq!(requeue_after, Some(Duration::ZERO));
    let (_, known) = world.ctx.index.status(&world.object.key).unwrap();
    assert_eq!(*known, last_word);
}
