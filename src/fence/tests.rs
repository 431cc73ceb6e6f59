use std::{cell::Cell, pin::pin};

use futures::FutureExt;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn it_is_open_until_its_time_and_can_be_extended_before() {
    let fence = Fence::closed();
    assert!(!fence.is_open());
    assert!(fence.open(Instant::now() + SECOND));
    tokio::time::advance(SECOND / 2).await;
    assert!(fence.clone().extend(Instant::now() + SECOND));
    tokio::time::advance(Duration::from_nanos(999_999_999)).await;
    assert!(fence.is_open());
    tokio::time::advance(Duration::from_nanos(1)).await;
    assert!(!fence.is_open());
    assert!(!fence.extend(Instant::now() + SECOND), "it was closed for a moment");
    assert!(!fence.is_open());
}

#[tokio::test(start_paused = true)]
async fn it_is_not_opened_for_a_time_that_is_over() {
    let fence = Fence::closed();
    tokio::time::advance(SECOND).await;
    assert!(!fence.open(Instant::now()));
    assert!(fence.open(Instant::now() + SECOND));
    fence.close();
    assert!(!fence.is_open());
}

#[tokio::test(start_paused = true)]
async fn without_leader_election_it_never_closes() {
    let fence = Fence::always_open();
    fence.close();
    assert!(fence.is_open() && fence.extend(Instant::now()));
    assert_eq!(fence.wait_open().now_or_never(), Some(()));
}

/// As when the process is stopped while a request is under way, and goes on later.
#[tokio::test(start_paused = true)]
async fn no_step_begins_once_it_is_closed() {
    let fence = Fence::closed();
    assert!(fence.open(Instant::now() + SECOND));
    let steps = Cell::new(0);
    let endless = pin!(async {
        loop {
            steps.set(steps.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    let mut work = pin!(fence.guard(endless));
    assert_eq!((&mut work).now_or_never(), None::<()>);
    assert_eq!((&mut work).now_or_never(), None);
    assert_eq!(steps.get(), 2);
    tokio::time::advance(SECOND).await;
    assert_eq!((&mut work).now_or_never(), None);
    assert_eq!(steps.get(), 2);
    assert_eq!(fence.wait_open().now_or_never(), None);
}
