//! Rotations while Secrets change that nobody named.

use std::{cell::Cell, time::Duration};

use futures::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{CONCURRENCY, Run, beside::QUIET, one_by_one, warm_up};
use crate::{
    fleet::Fleet,
    report::{Figure, Target},
    statistics::Sample,
    subject::Which,
};

/// Rotations in a round.
const ROTATIONS: usize = 50;
/// Changes at once.
const AT_ONCE: usize = 16;

struct Round {
    p50: f64,
    p99: f64,
    cores: f64,
    made: f64,
}

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let count = ROTATIONS.min(run.parameters.rotations);
    for per_second in [200_u64, 500] {
        let scenario = format!("noise, {per_second} other changes a second");
        let mut rounds = Vec::new();
        let mut beside_quiet = Vec::new();
        for pair in 0..run.parameters.pairs {
            let mark = format!("noise-{per_second}-{pair}");
            let quiet = round(fleet, Which::Product, 0, count, &format!("{mark}-quiet")).await?;
            let product = round(fleet, Which::Product, per_second, count, &format!("{mark}-product")).await?;
            let floor = round(fleet, Which::Floor, per_second, count, &format!("{mark}-floor")).await?;
            beside_quiet.push((product.p50, quiet.p50));
            rounds.push((product, floor));
        }
        let pairs = |value: &dyn Fn(&Round) -> f64| -> Vec<(f64, f64)> {
            rounds.iter().map(|(product, floor)| (value(product), value(floor))).collect()
        };
        let report = &mut *run.report;
        report.add(Figure::paired(&scenario, "changes made", "/s", &pairs(&|round| round.made)));
        report.add(
            Figure::paired(&scenario, "CPU", "% of a core", &pairs(&|round| round.cores * 100.0))
                .target(Target::RatioAtMost(1.2)),
        );
        report.add(Figure::paired(&scenario, "until AI Core has it, p50", "ms", &pairs(&|round| round.p50)));
        report.add(Figure::paired(&scenario, "until AI Core has it, p99", "ms", &pairs(&|round| round.p99)));
        report.add(
            Figure::paired(&scenario, "p50, beside the product's own without noise", "ms", &beside_quiet)
                .beside(QUIET)
                .target(Target::RatioAtMost(1.2)),
        );
    }
    Ok(())
}

async fn round(
    fleet: &Fleet,
    which: Which,
    per_second: u64,
    count: usize,
    mark: &str,
) -> anyhow::Result<Round> {
    let subject = fleet.launch(which, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    warm_up(fleet, &format!("{mark}-warm")).await?;
    let (used, began) = (subject.usage()?, Instant::now());
    let made = Cell::new(0_u32);
    let rotations = one_by_one(fleet, count, mark);
    let (arrived, _) = if per_second == 0 {
        rotations.await?
    } else {
        let noise = make_noise(fleet, per_second, mark, &made);
        tokio::select! {
            result = rotations => result?,
            never = noise => return Err(never),
        }
    };
    let took = began.elapsed().as_secs_f64();
    let cpu = subject.usage()?.cpu.saturating_sub(used.cpu).as_secs_f64();
    subject.stop().await?;
    let sample = Sample::new(arrived);
    Ok(Round {
        p50: sample.median(),
        p99: sample.percentile(99.0),
        cores: cpu / took,
        made: f64::from(made.get()) / took,
    })
}

/// Changes unrelated Secrets at that rate, as far as the API server can; returns only when that fails.
async fn make_noise(fleet: &Fleet, per_second: u64, mark: &str, made: &Cell<u32>) -> anyhow::Error {
    let mut ticks = interval(Duration::from_micros(1_000_000 / per_second));
    // Changes that could not be made in time are left out, not made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let changes = stream::unfold((ticks, 0), |(mut ticks, number)| async move {
        ticks.tick().await;
        Some((number, (ticks, number + 1)))
    });
    let mut changes = std::pin::pin!(
        changes
            .map(|number| async move { fleet.touch_unrelated(number, &format!("{mark}-{number}")).await })
            .buffer_unordered(AT_ONCE)
    );
    while let Some(result) = changes.next().await {
        match result {
            Ok(()) => made.set(made.get() + 1),
            Err(error) => return error,
        }
    }
    anyhow::anyhow!("the noise has ended")
}
