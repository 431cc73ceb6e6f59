//! What a run says.

use std::{collections::BTreeMap, fmt::Debug, path::Path, time::Duration};

use crate::{plan::Episode, recording::Record, settle::Settled, world::World};

/// At most so many finds of one rule are printed for one seed.
const SHOWN: usize = 4;

/// Faults that each seed of a long run has at least, on average; three hundred are usual.
const LEAST_FAULTS: usize = 50;

/// Something that must not be.
#[derive(Clone, Debug)]
pub(crate) struct Find {
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

/// What became of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) finds: Vec<Find>,
    rounds: Vec<Settled>,
    counts: BTreeMap<&'static str, usize>,
    /// How often each kind of trouble came.
    troubles: BTreeMap<String, usize>,
    took: Duration,
}

impl Outcome {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            finds: Vec::new(),
            rounds: Vec::new(),
            counts: BTreeMap::new(),
            troubles: BTreeMap::new(),
            took: Duration::ZERO,
        }
    }

    /// A round has come to its end.
    pub(crate) fn settled(&mut self, number: usize, settled: Settled) {
        println!(
            "chaos: seed {} round {number} recovered in {:.1} s, {} that were held in {:.1} s more; heard all in {:.1} s",
            self.seed,
            settled.alone.as_secs_f64(),
            settled.held,
            settled.asked.as_secs_f64(),
            settled.probed.as_secs_f64(),
        );
        self.rounds.push(settled);
    }

    /// Takes over what the world has counted.
    pub(crate) fn counted(&mut self, world: &World<'_>) {
        let journal = world.simulator.journal().entries();
        let spoilt = journal.iter().filter(|entry| entry.faulty || entry.status.is_none()).count();
        world.count("requests to AI Core", journal.len());
        world.count("of them spoilt", spoilt);
        let asked = world.proxies.iter().flat_map(testbed::proxy::Proxy::seen);
        let refused = asked.filter(|seen| seen.status.is_none_or(|status| !status.is_success())).count();
        world.count("requests to the API server that failed", refused);
        self.counts = world.tools().counts.clone();
        self.troubles = world.tools().troubles.clone();
        self.took = world.now();
    }

    /// Writes down what happened, for who looks for the cause: there are secret values of this suite in it.
    pub(crate) fn keep(&self, plan: &Episode, record: &Record) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}", self.seed));
        std::fs::create_dir_all(&folder).unwrap();
        for (number, (place, text)) in
            record.visible.iter().enumerate().filter(|(_, (place, _))| place.starts_with("log"))
        {
            std::fs::write(folder.join(format!("{number}-{}.txt", place.replace(' ', "-"))), text).unwrap();
        }
        let lists: [(&str, Vec<String>); 7] = [
            ("plan", vec![format!("{plan:#?}")]),
            ("requests", lines(&record.requests)),
            ("specs", lines(&record.specs)),
            ("removals", lines(&record.removals)),
            ("sources", lines(&record.sources)),
            ("keys", lines(&record.keys)),
            ("states", lines(&record.states)),
        ];
        for (name, lines) in lists {
            std::fs::write(folder.join(format!("{name}.txt")), lines.join("\n")).unwrap();
        }
        println!("chaos: seed {}: logs and what was recorded are in {}", self.seed, folder.display());
    }

    pub(crate) fn print(&self) {
        println!("chaos: seed {} took {:.0} s: {:?}", self.seed, self.took.as_secs_f64(), self.counts);
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        for find in &self.finds {
            let count = shown.entry(find.rule).or_default();
            *count += 1;
            if *count <= SHOWN {
                println!("chaos: FOUND with CHAOS_SEED={}: not so: {}: {}", self.seed, find.rule, find.what);
            }
        }
        for (rule, count) in shown.into_iter().filter(|(_, count)| *count > SHOWN) {
            println!("chaos: seed {}: {count} times: {rule}", self.seed);
        }
    }
}

fn lines<T: Debug>(list: &[T]) -> Vec<String> {
    list.iter().map(|item| format!("{item:?}")).collect()
}

/// All seeds of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    seeds: Vec<u64>,
    lost: Vec<u64>,
    counts: BTreeMap<&'static str, usize>,
    troubles: BTreeMap<String, usize>,
    took: Duration,
    recoveries: Vec<Duration>,
    rules: BTreeMap<&'static str, usize>,
}

impl Totals {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.seeds.push(outcome.seed);
        if !outcome.finds.is_empty() {
            self.lost.push(outcome.seed);
        }
        for (kind, count) in &outcome.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        for (kind, count) in &outcome.troubles {
            *self.troubles.entry(kind.clone()).or_default() += count;
        }
        self.took += outcome.took;
        self.recoveries.extend(outcome.rounds.iter().map(|round| round.alone));
        for find in &outcome.finds {
            *self.rules.entry(find.rule).or_default() += 1;
        }
    }

    pub(crate) fn found_something(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(crate) fn print(&self) {
        let mut recoveries = self.recoveries.clone();
        recoveries.sort();
        // In tenths.
        let at = |part: usize| {
            let place = recoveries.len() * part / 10;
            recoveries
                .get(place.min(recoveries.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
                .as_secs_f64()
        };
        println!(
            "chaos: {} seeds in {:.1} min: {:?}",
            self.seeds.len(),
            self.took.as_secs_f64() / 60.0,
            self.seeds
        );
        println!("chaos: {} faults in all; {:?}", self.faults(), self.counts);
        println!("chaos: troubles by kind: {:?}", self.troubles);
        println!(
            "chaos: {} recoveries: half within {:.1} s, nine in ten within {:.1} s, all within {:.1} s",
            recoveries.len(),
            at(5),
            at(9),
            at(10),
        );
        println!("chaos: seeds with finds: {}; found by rule: {:?}", self.lost.len(), self.rules);
    }

    /// Troubles, and what came of them: answers that were spoilt, and requests that failed.
    fn faults(&self) -> usize {
        let kinds = ["troubles", "of them spoilt", "requests to the API server that failed"];
        kinds.iter().filter_map(|kind| self.counts.get(kind)).sum()
    }

    /// A run that has not done what it is for has found nothing out.
    #[track_caller]
    pub(crate) fn assert_played(&self) {
        assert!(
            !self.seeds.is_empty(),
            "chaos: no seed was played to its end, so nothing is known: give the run more minutes"
        );
        assert!(
            self.faults() >= LEAST_FAULTS * self.seeds.len(),
            "chaos: {} seeds had only {} faults, fewer than {LEAST_FAULTS} each: the troubles do not reach the operator",
            self.seeds.len(),
            self.faults(),
        );
    }

    #[track_caller]
    pub(crate) fn assert_nothing_found(&self) {
        assert!(
            self.lost.is_empty(),
            "chaos: repeat with CHAOS_SEED=, one of {:?}: {:?}",
            self.lost,
            self.rules
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(faults: usize) -> Totals {
        let mut totals = Totals::default();
        let counts = BTreeMap::from([("troubles", faults), ("rotations", 9_000)]);
        totals.add(&Outcome { counts, ..Outcome::new(7) });
        totals
    }

    #[test]
    #[should_panic(expected = "no seed was played to its end")]
    fn a_run_without_a_seed_does_not_pass() {
        Totals::default().assert_played();
    }

    #[test]
    #[should_panic(expected = "fewer than 50 each")]
    fn a_run_without_faults_does_not_pass() {
        played(LEAST_FAULTS - 1).assert_played();
    }

    #[test]
    fn a_run_with_both_passes() {
        played(LEAST_FAULTS).assert_played();
    }
}
