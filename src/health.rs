//! Whether the process does its work. It says nothing about the API server: restarting the operator does not mend that.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::controller::Diagnostics;

/// A queue that has work and takes none for this long is stuck: longer than any pass may take.
const QUEUE_LIMIT: Duration = Duration::from_mins(5);
/// A watch that does nothing for this long, not even list anew or fail, is stuck: well longer than it may be silent
/// ([`SILENCE_LIMIT`](crate::k8s::watch::SILENCE_LIMIT)) and than any request of its own may take.
const WATCH_LIMIT: Duration = Duration::from_mins(10);

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
    /// The sentence for `/livez`.
    pub fn check(&self) -> Result<(), String> {
        let load = self.diagnostics.load();
        let mut progress = self.progress.lock();
        if load.waiting == 0 || load.taken != progress.taken {
            *progress = Progress { taken: load.taken, at: Instant::now() };
        }
        let stuck = progress.at.elapsed();
        if stuck > QUEUE_LIMIT {
            let waiting = match load.waiting {
                1 => "1 resource is".to_owned(),
                several => format!("{several} resources are"),
            };
            return Err(format!(
                "not alive: {waiting} waiting, and none was reconciled for {} s",
                stuck.as_secs()
            ));
        }
        match self.diagnostics.watches().find(|(_, age)| *age > WATCH_LIMIT) {
            Some((name, age)) => {
                Err(format!("not alive: the watch on {name} has made no progress for {} s", age.as_secs()))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
