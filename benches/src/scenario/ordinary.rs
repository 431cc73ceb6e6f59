//! The operator beside the floor and beside one as its users would have written it, all in turn.

use std::collections::BTreeMap;

use super::{
    CONCURRENCY, Run, burst, cold, idle,
    restart::{first_rotation, in_sync},
    synced_by_product,
};
use crate::{fleet::Fleet, report::Comparison, subject::Which};

/// Rounds of each scenario, at most: there are four programs.
const ROUNDS: usize = 3;
const MIB: f64 = 1024.0 * 1024.0;

/// Values of one scenario, in the order in which they are to be shown.
#[derive(Default)]
struct Values(Vec<Value>);

struct Value {
    what: &'static str,
    unit: &'static str,
    /// Of each round.
    of: BTreeMap<Which, Vec<f64>>,
}

impl Values {
    fn add<const N: usize>(&mut self, which: Which, values: [(&'static str, &'static str, f64); N]) {
        for (what, unit, value) in values {
            let place = self.0.iter().position(|known| known.what == what).unwrap_or_else(|| {
                self.0.push(Value { what, unit, of: BTreeMap::new() });
                self.0.len() - 1
            });
            self.0[place].of.entry(which).or_default().push(value);
        }
    }

    fn report(self, scenario: &str, run: &mut Run<'_>) {
        for Value { what, unit, of } in self.0 {
            let rounds = |which| of.get(&which).cloned().unwrap_or_default();
            run.report.compare(Comparison::new(scenario, what, unit, rounds));
        }
    }
}

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let rounds = run.parameters.pairs.min(ROUNDS);
    let rotations = run.parameters.rotations.div_ceil(run.parameters.pairs);
    let mut values = Values::default();
    for _ in 0..rounds {
        for which in Which::ALL {
            let start = cold::start(fleet, which).await?;
            values.add(
                which,
                [
                    ("resources sent", "/s", start.rate),
                    ("CPU of one resource", "ms", start.cpu_ms),
                    ("memory, the most", "MiB", start.peak_rss as f64 / MIB),
                ],
            );
        }
    }
    values.report("cold start", run);
    synced_by_product(fleet).await?;

    let mut values = Values::default();
    for round in 0..rounds {
        for which in Which::ALL {
            let mark = format!("ordinary-{round}-{}", which.name());
            let round = idle::round(fleet, which, rotations, &mark).await?;
            values.add(
                which,
                [
                    ("until AI Core has it, p50", "ms", round.arrived.median()),
                    ("until AI Core has it, p99", "ms", round.arrived.percentile(99.0)),
                    ("CPU of one rotation", "ms", round.cpu_ms),
                    ("API server requests of one rotation", "", round.requests),
                ],
            );
        }
    }
    values.report("rotation, idle", run);

    let mut values = Values::default();
    for round in 0..rounds {
        for which in Which::ALL {
            let mark = format!("ordinary-burst-{round}-{}", which.name());
            let burst = burst::burst(fleet, which, &mark).await?;
            values.add(
                which,
                [
                    ("rotations sent", "/s", burst.rate),
                    ("credentials changed", "/s", burst.changes),
                    ("until AI Core has it, p50", "ms", burst.latencies.median()),
                    ("until AI Core has it, p99", "ms", burst.latencies.percentile(99.0)),
                    ("writes beyond one for each rotation", "", burst.more_than_needed as f64),
                    ("GETs of Secrets for one", "", burst.gets),
                    ("status writes for one", "", burst.status_writes),
                    ("memory after it", "MiB", burst.rss as f64 / MIB),
                ],
            );
        }
    }
    values.report("rotation burst", run);
    restarts(fleet, rounds).await?.report("restart in sync", run);
    // What comes next begins with what the product has written.
    synced_by_product(fleet).await
}

/// Of all but the floor, which does not know what is in sync.
async fn restarts(fleet: &Fleet, rounds: usize) -> anyhow::Result<Values> {
    let mut values = Values::default();
    for round in 0..rounds {
        for which in [Which::Product, Which::OrdinaryCached, Which::OrdinaryMetadata] {
            settle(fleet, which).await?;
            let start = in_sync(fleet, which, &format!("ordinary-restart-{round}-{}", which.name())).await?;
            let first = first_rotation(fleet, which, round, "ordinary-first").await?;
            values.add(
                which,
                [
                    ("requests to AI Core", "", start.requests as f64),
                    ("status writes", "", start.asked("PATCH aicoreregistrysecrets/status", 1)),
                    ("GETs of Secrets", "", start.asked("GET secrets/", 2)),
                    ("CPU until ready", "ms", start.usage.cpu.as_secs_f64() * 1e3),
                    ("until ready", "s", start.ready.as_secs_f64()),
                    ("memory when ready", "MiB", start.usage.rss as f64 / MIB),
                    ("from the start of the process to the first rotation sent", "s", first),
                ],
            );
        }
    }
    Ok(values)
}

/// Gives the program the time to see that all is in sync, so that its next start finds what it wrote itself.
async fn settle(fleet: &Fleet, which: Which) -> anyhow::Result<()> {
    let subject = fleet.launch(which, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    subject.stop().await
}
