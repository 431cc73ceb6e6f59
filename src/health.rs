//! Whether the process does its work. It says nothing about the API server: restarting the operator does not mend that.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::controller::Vitals;

/// A queue that has work and takes none for this long is stuck: longer than any pass may take.
const QUEUE_LIMIT: Duration = Duration::from_mins(5);
/// A watch that does nothing for this long, not even fail, is dead: longer than the API server keeps one open.
const WATCH_LIMIT: Duration = Duration::from_mins(10);

/// Watches over the signs of life.
#[derive(Debug)]
pub struct Liveness {
    vitals: Vitals,
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
    pub fn new(vitals: Vitals) -> Self {
        Self { vitals, progress: Mutex::new(Progress { taken: 0, at: Instant::now() }) }
    }

    /// Whether the process does its work.
    ///
    /// # Errors
    /// The sentence for `/livez`.
    pub fn check(&self) -> Result<(), String> {
        let load = self.vitals.load();
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = load.waiting == 0 || self.vitals.ready().is_err();
        if idle || load.taken != progress.taken {
            *progress = Progress { taken: load.taken, at: Instant::now() };
        }
        let stuck = progress.at.elapsed();
        if stuck > QUEUE_LIMIT {
            return Err(format!(
                "dead: {} resources wait, and none was looked at for {} s",
                load.waiting,
                stuck.as_secs()
            ));
        }
        match self.vitals.watches().find(|(_, age)| *age > WATCH_LIMIT) {
            Some((name, age)) => {
                Err(format!("dead: the watch on {name} has done nothing for {} s", age.as_secs()))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        controller::queue::{Priority, Queue},
        domain::object::ObjectKey,
        k8s::watch::Pulse,
        leadership::Leadership,
    };

    const SECOND: Duration = Duration::from_secs(1);

    fn liveness(queue: &Arc<Queue>, pulses: &[Arc<Pulse>]) -> Liveness {
        Liveness::new(Vitals::of(Arc::clone(queue), pulses, Leadership::always()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_nobody_works_off_is_noticed() {
        let queue = Arc::new(Queue::default());
        let liveness = liveness(&queue, &[]);
        tokio::time::advance(QUEUE_LIMIT * 3).await;
        assert_eq!(liveness.check(), Ok(()), "there was nothing to do");
        let (one, other) = (ObjectKey::new("ns", "one"), ObjectKey::new("ns", "other"));
        queue.enqueue(&one, Priority::Urgent);
        queue.enqueue(&other, Priority::Urgent);
        tokio::time::advance(QUEUE_LIMIT).await;
        assert_eq!(liveness.check(), Ok(()), "it may be the next second's work");
        assert_eq!(queue.next().await, Some(one), "it moves");
        tokio::time::advance(SECOND).await;
        assert_eq!(liveness.check(), Ok(()));
        tokio::time::advance(QUEUE_LIMIT + SECOND).await;
        let sentence = liveness.check().unwrap_err();
        assert!(sentence.starts_with("dead: 1 resources wait"), "{sentence}");
        queue.next().await;
        assert_eq!(liveness.check(), Ok(()), "it moves again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_does_nothing_is_noticed_and_one_that_fails_is_not_to_blame() {
        let pulses = [Pulse::new("resources"), Pulse::new("secrets")];
        let liveness = liveness(&Arc::default(), &pulses);
        // The API server is away for hours.
        for _ in 0..100 {
            tokio::time::advance(WATCH_LIMIT / 2).await;
            pulses.iter().for_each(|pulse| pulse.beat(false));
            assert_eq!(liveness.check(), Ok(()));
        }
        tokio::time::advance(WATCH_LIMIT / 2).await;
        pulses[0].beat(true);
        tokio::time::advance(WATCH_LIMIT / 2 + SECOND).await;
        let sentence = liveness.check().unwrap_err();
        assert!(sentence.starts_with("dead: the watch on secrets has done nothing"), "{sentence}");
    }

    /// It takes nothing in, so nothing can pile up that would make it look dead.
    #[tokio::test(start_paused = true)]
    async fn a_replica_that_stands_by_is_alive() {
        let queue = Arc::new(Queue::idle());
        let liveness = liveness(&queue, &[]);
        queue.enqueue(&ObjectKey::new("ns", "one"), Priority::Urgent);
        tokio::time::advance(QUEUE_LIMIT * 3).await;
        assert_eq!(liveness.check(), Ok(()));
    }
}
