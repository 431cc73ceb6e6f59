//! Whether the process does its work. It says nothing about the API server: restarting the operator does not mend that.

use std::{fmt, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::controller::Diagnostics;

/// A queue that has work and takes none for this long is stuck: longer than any pass may take.
const QUEUE_LIMIT: Duration = Duration::from_mins(5);
/// A watch that does nothing for this long, not even list anew or fail, is stuck: well longer than it may be silent
/// ([`SILENCE_LIMIT`](crate::k8s::watch::SILENCE_LIMIT)) and than any request of its own may take.
const WATCH_LIMIT: Duration = Duration::from_mins(10);

/// Why the process counts as stuck; the sentence for `/livez`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// The queue has work, and hands none out.
    #[error("not alive: {}, and none was reconciled for {} s", Waiting(*waiting), since.as_secs())]
    Queue {
        /// How many resources wait.
        waiting: usize,
        /// For how long none was handed out.
        since: Duration,
    },
    /// A watch does nothing.
    #[error("not alive: the watch on {watch} has made no progress for {} s", since.as_secs())]
    Watch {
        /// What is watched.
        watch: &'static str,
        /// For how long nothing came of it.
        since: Duration,
    },
}

/// So many resources that wait.
struct Waiting(usize);

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 resource is waiting"),
            several => write!(f, "{several} resources are waiting"),
        }
    }
}

/// Watches over the signs of life.
#[derive(Debug)]
pub struct Liveness {
    diagnostics: Diagnostics,
    progress: Mutex<Progress>,
}

#[derive(Clone, Copy, Debug)]
struct Progress {
    taken: u64,
    at: Instant,
}

impl Liveness {
    /// Alive from now on.
    #[must_use]
    pub fn new(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, progress: Mutex::new(Progress { taken: 0, at: Instant::now() }) }
    }

    /// Whether the process does its work.
    ///
    /// # Errors
    /// What is stuck.
    pub fn check(&self) -> Result<(), Stuck> {
        let load = self.diagnostics.load();
        let mut progress = self.progress.lock();
        if load.waiting == 0 || load.taken != progress.taken {
            *progress = Progress { taken: load.taken, at: Instant::now() };
        }
        let since = progress.at.elapsed();
        if since > QUEUE_LIMIT {
            return Err(Stuck::Queue { waiting: load.waiting, since });
        }
        match self.diagnostics.watches().find(|(_, age)| *age > WATCH_LIMIT) {
            Some((watch, since)) => Err(Stuck::Watch { watch, since }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
