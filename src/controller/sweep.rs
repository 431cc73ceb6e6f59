//! Looks at the resources of a scope whose Secrets are not watched, again and again: their changes are found all the same, only later.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use super::{
    index::Index,
    queue::{Priority, Queue},
    scopes::Scopes,
};
use crate::domain::parse::object::ObjectKey;

/// Between two steps.
const STEP: Duration = Duration::from_secs(10);
/// After so many steps without a watch that works the sweep begins: most of the time it is back before.
const PATIENCE: u32 = 6;
/// Steps in which each resource has its turn once. With the patience it is below five minutes.
const ROUND: usize = 20;
/// At most so many in one step: with more the round takes longer.
const LONGEST_STEP: usize = 500;

/// Sweeps for ever.
pub(super) async fn run<K>(scopes: &Scopes, index: &Index<K>, queue: &Queue) {
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deaf: Vec<u32> = scopes.iter().map(|_| 0).collect();
    let mut step = 0;
    loop {
        steps.tick().await;
        step += 1;
        for ((_, watched), deaf) in scopes.iter().zip(&mut deaf) {
            *deaf = if watched.secrets.hears() { 0 } else { deaf.saturating_add(1) };
            if *deaf <= PATIENCE {
                continue;
            }
            let resources = index.resources_in(&watched.scope);
            let round = ROUND.max(resources.len().div_ceil(LONGEST_STEP));
            resources
                .iter()
                .filter(|key| turn(key, round) == step % round)
                .for_each(|key| queue.enqueue(key, Priority::Routine));
        }
    }
}

/// In which step of a round a resource has its turn.
fn turn(key: &ObjectKey, round: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    usize::try_from(hasher.finish() % round as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use futures::FutureExt;
    use tokio::time::Instant;

    use super::*;
    use crate::{controller::scopes::Watched, domain::testing::object_named, k8s::watch::WatchHealth};

    struct Run {
        scopes: Scopes,
        secrets: Arc<WatchHealth>,
        index: Index<u32>,
        queue: Queue,
    }

    impl Run {
        fn of(resources: usize) -> Self {
            let [watch, secrets] = ["resources", "secrets"].map(|name| Arc::new(WatchHealth::new(name)));
            let watched = Watched { scope: None, resources: watch, secrets: Arc::clone(&secrets) };
            let (index, queue) = (Index::default(), Queue::default());
            for number in 0..resources {
                let object = object_named(&format!("object-{number}"), 1);
                index.apply_resource(object, crate::api::AICoreRegistrySecretStatus::default());
            }
            Self { scopes: Scopes::watched(vec![watched]).all_listed(), secrets, index, queue }
        }

        /// Sweeps for so long; when each resource was woken, in whole seconds.
        async fn sweep(&self, seconds: u64) -> BTreeMap<ObjectKey, Vec<u64>> {
            let start = Instant::now();
            let mut woken: BTreeMap<ObjectKey, Vec<u64>> = BTreeMap::new();
            let take = async {
                loop {
                    while let Some(key) = self.queue.next().now_or_never().flatten() {
                        self.queue.done(&key, None);
                        woken.entry(key).or_default().push(start.elapsed().as_secs());
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            };
            let both = async { tokio::join!(run(&self.scopes, &self.index, &self.queue), take) };
            let _ = tokio::time::timeout(Duration::from_secs(seconds), both).await;
            woken
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_watch_works_nobody_is_woken() {
        let run = Run::of(100);
        assert_eq!(run.sweep(80).await.len(), 0);
        run.secrets.received();
        assert_eq!(run.sweep(80).await.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_watch_each_has_its_turn_within_five_minutes_and_again_and_again() {
        let run = Run::of(5000);
        run.secrets.failed("denied");
        let woken = run.sweep(299 + 200).await;
        assert_eq!(woken.len(), 5000);
        assert!(woken.values().all(|at| at[0] < 300 && at.len() >= 2), "each within five minutes, and again");
        let mut by_step: BTreeMap<u64, usize> = BTreeMap::new();
        woken.values().flatten().for_each(|at| *by_step.entry(*at / 10).or_default() += 1);
        assert!(by_step.values().all(|count| (150..=350).contains(count)), "evenly: {by_step:?}");
        assert!(by_step.keys().all(|step| *step >= 6), "not in the first minute");
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_there_are_a_step_is_short() {
        let run = Run::of(20_000);
        run.secrets.failed("denied");
        let woken = run.sweep(200).await;
        let mut by_step: BTreeMap<u64, usize> = BTreeMap::new();
        woken.values().flatten().for_each(|at| *by_step.entry(*at / 10).or_default() += 1);
        assert!(by_step.values().all(|count| *count <= 650), "{by_step:?}");
    }

    /// A watch on which nothing arrives, not even a bookmark.
    #[tokio::test(start_paused = true)]
    async fn a_silent_watch_counts_as_none() {
        let run = Run::of(100);
        let woken = run.sweep(400).await;
        assert_eq!(woken.len(), 100);
        assert!(woken.values().all(|at| at[0] >= 90 + 60 && at[0] < 400));
    }
}
