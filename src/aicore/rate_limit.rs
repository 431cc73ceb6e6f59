//! The request rate of a tenant.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::tools::{
    bucket::{Bucket, Rate},
    shares::Shares,
};

/// After so long in which there were more turns than anybody wanted, it does not count any more who has had how many.
const FORGET: Duration = Duration::from_secs(1);

/// The request rate of one tenant, shared by all who write to it. Namespaces have the same share of it where it is short: each turn is on
/// the account of one.
#[derive(Debug)]
pub struct RateLimiter {
    turns: Mutex<Turns>,
    rate: Rate,
    start: Instant,
}

#[derive(Debug, Default)]
struct Turns {
    bucket: Bucket,
    shares: Shares,
}

/// Which request of a pass a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    First,
    Further,
}

impl RateLimiter {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { turns: Mutex::default(), rate, start: Instant::now() }
    }

    /// Takes a turn for the first request of a pass of that namespace, which is sent now.
    ///
    /// # Errors
    /// The time until there is one; nothing is reserved for that time.
    pub(crate) fn take(&self, namespace: &str) -> Result<(), Duration> {
        let (uptime, turns) = (self.start.elapsed(), &mut *self.turns.lock());
        turns.forget_what_was(uptime);
        turns.bucket.take_now(self.rate, uptime)?;
        turns.shares.serve(namespace);
        Ok(())
    }

    /// How many turns more than others the namespace has had: whoever has the least lead is next.
    pub(crate) fn lead(&self, namespace: &str) -> u64 {
        self.turns.lock().shares.lead(namespace)
    }

    /// The time until there are `turns` at once, zero when there are now; `None`: there are never so many.
    pub(crate) fn until_free(&self, turns: u32) -> Option<Duration> {
        self.turns.lock().bucket.until_free(turns, self.rate, self.start.elapsed())
    }

    /// The time until there are `turns` beyond those that are `promised` to others, or all that there can be at once, and nobody has
    /// taken them for as long as one turn takes; `None`: there are never so many.
    pub(crate) fn until_left_over(&self, turns: u32, promised: u32) -> Option<Duration> {
        let turns = turns.saturating_add(promised.min(self.rate.burst().saturating_sub(turns)));
        self.turns.lock().bucket.until_left_over(turns, self.rate, self.start.elapsed())
    }

    /// Waits for the turn of the first request of a pass of that namespace. Given up before its time, the turn is there for others.
    pub(crate) async fn wait_first(&self, namespace: &str) {
        self.reserve(namespace, Which::First).await;
    }

    /// Waits for the turn of one more request of a pass of that namespace. It comes before the first requests of passes that have not
    /// begun, so that a pass that has begun comes to its end; those of the namespace begin the later for it. Given up before its time,
    /// the turn is there for others.
    pub(crate) async fn wait(&self, namespace: &str) {
        self.reserve(namespace, Which::Further).await;
    }

    async fn reserve(&self, namespace: &str, which: Which) {
        let at = {
            let (uptime, turns) = (self.start.elapsed(), &mut *self.turns.lock());
            turns.forget_what_was(uptime);
            match which {
                Which::First => turns.shares.serve(namespace),
                Which::Further => turns.shares.take(namespace),
            }
            uptime + turns.bucket.take(self.rate, uptime)
        };
        let reserved = Reserved { limiter: self, namespace, at };
        tokio::time::sleep_until(self.start + reserved.at).await;
    }
}

impl Turns {
    fn forget_what_was(&mut self, uptime: Duration) {
        if self.bucket.full_for(uptime) >= FORGET {
            self.shares.forget();
        }
    }
}

/// A turn that may be in the future.
struct Reserved<'a> {
    limiter: &'a RateLimiter,
    namespace: &'a str,
    at: Duration,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.limiter.start.elapsed() < self.at {
            let turns = &mut *self.limiter.turns.lock();
            turns.bucket.give_back(self.limiter.rate);
            turns.shares.give_back(self.namespace);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_taken_or_waited_for() {
        let limiter = RateLimiter::new(Rate::new(1.0, 2));
        assert_eq!(limiter.until_free(2), Some(Duration::ZERO));
        assert_eq!((limiter.take("ns"), limiter.take("ns")), (Ok(()), Ok(())));
        assert_eq!(limiter.take("ns"), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take("ns"), Err(Duration::from_secs(1)), "nothing was reserved");
        let start = Instant::now();
        limiter.wait("ns").await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        assert_eq!(limiter.until_free(1), Some(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_comes_before_those_who_have_not_begun_and_may_give_up() {
        let limiter = RateLimiter::new(Rate::new(1.0, 1));
        limiter.wait("ns").await;
        let (mut first, mut second) = (Box::pin(limiter.wait("ns")), Box::pin(limiter.wait("ns")));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(limiter.until_free(1), Some(Duration::from_secs(3)));
        drop(second);
        assert_eq!(limiter.until_free(1), Some(Duration::from_secs(2)));
        first.await;
        assert_eq!(limiter.until_free(1), Some(Duration::from_secs(1)), "what was used is not given back");
    }

    #[tokio::test(start_paused = true)]
    async fn each_turn_is_on_the_account_of_a_namespace_while_turns_are_short() {
        let limiter = RateLimiter::new(Rate::new(1.0, 2));
        limiter.take("a").unwrap();
        limiter.wait("a").await;
        let leads = || (limiter.lead("a"), limiter.lead("b"));
        assert_eq!(leads(), (2, 0));
        let given_up = Box::pin(limiter.wait("b")).now_or_never();
        assert_eq!((given_up, leads()), (None, (2, 0)));
        limiter.wait_first("b").await;
        assert_eq!(leads(), (2, 1));
        limiter.wait_first("b").await;
        assert_eq!(leads(), (1, 1), "what counts is what each has had beyond whoever is served");
        // A turn for each that is promised to another, and one that nobody has wanted for a while.
        assert_eq!(limiter.until_left_over(1, 0), Some(Duration::from_secs(2)));
        assert_eq!(limiter.until_left_over(1, 1), Some(Duration::from_secs(3)));
        assert_eq!(limiter.until_left_over(1, 5), Some(Duration::from_secs(3)), "no more than there can be");
        assert_eq!(limiter.until_left_over(3, 0), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        limiter.take("b").unwrap();
        assert_eq!(leads(), (0, 1), "it was in the lead, and nobody else came");
        tokio::time::advance(Duration::from_secs(3)).await;
        limiter.take("a").unwrap();
        assert_eq!(leads(), (1, 0), "there was enough for all");
    }
}
