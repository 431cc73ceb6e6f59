mod cold;
mod first_lists;
mod large;
mod neighbours;
mod outages;
mod shares;

use super::*;

/// A process whose workers or watches have ended looks healthy and does nothing.
#[tokio::test]
async fn a_task_that_ends_or_panics_ends_the_controller() {
    let mut tasks: JoinSet<&'static str> = JoinSet::new();
    tasks.spawn(std::future::pending());
    tasks.spawn(async { "watch on Secrets" });
    assert_eq!(first_end(&mut tasks).await.to_string(), "watch on Secrets ended by itself");
    tasks.spawn(async { panic!("boom") });
    assert!(matches!(first_end(&mut tasks).await, Error::TaskFailed(_)));
}
