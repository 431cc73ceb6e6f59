//! The request rate of a tenant.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::tools::bucket::{Bucket, Rate};

/// The request rate of one tenant, shared by all who write to it.
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

    /// Reserves the next request, and says how long it is until its turn. What was reserved is used up, so that whoever waits
    /// elsewhere keeps its turn.
    pub fn reserve(&self) -> Duration {
        self.bucket.lock().take(self.rate, self.start.elapsed())
    }

    /// Reserves the next request and waits for its turn.
    pub async fn wait(&self) {
        tokio::time::sleep(self.reserve()).await;
    }
}
