//! How watches that could not reach the API server find out that it is back: they look in turn, one at a time, and when one of them gets
//! through, all others follow. So the return is noticed soon, however few there are, and asked after seldom, however many.

use std::time::Duration;

use tokio::sync::{Mutex, Notify};

/// Time until the one whose turn it is looks.
const LOOK_AFTER: Duration = Duration::from_millis(500);
/// The same, if the API server was reached and could not answer: a look costs it something.
const LOOK_AFTER_ANSWER: Duration = Duration::from_secs(2);
/// Over how long the others spread when one has got through.
const RETURN_WINDOW: Duration = Duration::from_millis(500);

/// What the request that failed tells of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It cannot be reached, or the connection was cut.
    Unreachable,
    /// It was reached, and has answered with an error of its own.
    Answered,
}

/// Shared by all watches of a process.
#[derive(Debug, Default)]
pub(super) struct Comeback {
    back: Notify,
    turn: Mutex<()>,
}

impl Comeback {
    /// A watch that had failed has a good answer.
    pub(super) fn announce(&self) {
        self.back.notify_waiters();
    }

    /// Waits until a watch may try again: when its own pause has ended, when it is its turn to look, or soon after another one has got
    /// through. `fraction`, in `0.0..=1.0`, tells how soon.
    pub(super) async fn wait(&self, pause: Duration, trouble: Trouble, fraction: f64) {
        let look_after = match trouble {
            Trouble::Unreachable => LOOK_AFTER,
            Trouble::Answered => LOOK_AFTER_ANSWER,
        };
        let turn = async {
            // First come, first served; given up when the wait ends otherwise.
            let _turn = self.turn.lock().await;
            tokio::time::sleep(look_after).await;
        };
        tokio::select! {
            () = self.back.notified() => tokio::time::sleep(RETURN_WINDOW.mul_f64(fraction.clamp(0.0, 1.0))).await,
            () = turn => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn waits(comeback: &Comeback, pause: Duration, trouble: Trouble) -> Duration {
        let start = Instant::now();
        comeback.wait(pause, trouble, 0.5).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn they_look_in_turn() {
        let comeback = Comeback::default();
        let wait = || waits(&comeback, LONG, Trouble::Unreachable);
        let (first, second, third) = tokio::join!(wait(), wait(), wait());
        assert_eq!([first, second, third], [LOOK_AFTER, LOOK_AFTER * 2, LOOK_AFTER * 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_pause_ends_before_the_turn() {
        let comeback = Comeback::default();
        let short = LOOK_AFTER / 4;
        let wait = |pause| waits(&comeback, pause, Trouble::Unreachable);
        let (first, second) = tokio::join!(wait(short), wait(LONG));
        assert_eq!([first, second], [short, short + LOOK_AFTER], "whoever goes gives up its turn");
        assert_eq!(waits(&comeback, LONG, Trouble::Answered).await, LOOK_AFTER_ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn all_follow_the_one_that_got_through() {
        let comeback = Arc::new(Comeback::default());
        let start = Instant::now();
        let waiting: Vec<_> = (0..400)
            .map(|_| {
                let comeback = Arc::clone(&comeback);
                tokio::spawn(async move { waits(&comeback, LONG, Trouble::Unreachable).await })
            })
            .collect();
        tokio::time::sleep(LOOK_AFTER / 2).await;
        comeback.announce();
        for wait in waiting {
            assert!(wait.await.unwrap() <= LOOK_AFTER / 2 + RETURN_WINDOW);
        }
        assert!(start.elapsed() <= LOOK_AFTER / 2 + RETURN_WINDOW);
    }
}
