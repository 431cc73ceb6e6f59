//! The request rate of a tenant.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::tools::bucket::{Bucket, Rate};

/// The request rate of one tenant, shared by all who write to it.
#[derive(Debug)]
pub struct RateLimiter {
    bucket: Mutex<Bucket>,
    rate: Rate,
    start: Instant,
}

impl RateLimiter {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { bucket: Mutex::new(Bucket::default()), rate, start: Instant::now() }
    }

    /// Takes a turn for a request that is sent now.
    ///
    /// # Errors
    /// The time until there is one; nothing is reserved for that time.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.bucket.lock().take_now(self.rate, self.start.elapsed())
    }

    /// How many turns there are now.
    pub(crate) fn free(&self) -> u32 {
        self.bucket.lock().free(self.rate, self.start.elapsed())
    }

    /// The time until there are `turns` at once, zero when there are now; `None`: there are never so many.
    pub(crate) fn until_free(&self, turns: u32) -> Option<Duration> {
        self.bucket.lock().until_free(turns, self.rate, self.start.elapsed())
    }

    /// Waits for the turn of one more request of a pass. It comes before the first requests of passes that have not begun, so
    /// that a pass that has begun comes to its end. Given up before its time, the turn is there for others.
    pub(crate) async fn wait(&self) {
        let reserved = Reserved { limiter: self, at: self.start.elapsed() + self.reserve() };
        tokio::time::sleep_until(self.start + reserved.at).await;
    }

    fn reserve(&self) -> Duration {
        self.bucket.lock().take(self.rate, self.start.elapsed())
    }
}

/// A turn that may be in the future.
struct Reserved<'a> {
    limiter: &'a RateLimiter,
    at: Duration,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if self.limiter.start.elapsed() < self.at {
            self.limiter.bucket.lock().give_back(self.limiter.rate);
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
        assert_eq!((limiter.free(), limiter.until_free(2)), (2, Some(Duration::ZERO)));
        assert_eq!((limiter.take(), limiter.take()), (Ok(()), Ok(())));
        assert_eq!(limiter.take(), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take(), Err(Duration::from_secs(1)), "nothing was reserved");
        let start = Instant::now();
        limiter.wait().await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        assert_eq!((limiter.free(), limiter.until_free(1)), (0, Some(Duration::from_secs(1))));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_comes_before_those_who_have_not_begun_and_may_give_up() {
        let limiter = RateLimiter::new(Rate::new(1.0, 1));
        limiter.wait().await;
        let (mut first, mut second) = (Box::pin(limiter.wait()), Box::pin(limiter.wait()));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(limiter.until_free(1), Some(Duration::from_secs(3)));
        drop(second);
        assert_eq!(limiter.until_free(1), Some(Duration::from_secs(2)));
        first.await;
        assert_eq!(limiter.until_free(1), Some(Duration::from_secs(1)), "what was used is not given back");
    }
}
