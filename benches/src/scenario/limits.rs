//! A tenant that answers 429 beside one that is well.

use std::time::Duration;

use testbed::simulator::{Fault, Operation, RetryAfter};

use super::{CONCURRENCY, Run, beside::QUIET, follow, warm_up};
use crate::{
    fleet::{Fleet, PER_TENANT},
    report::{Figure, Target},
    statistics::Sample,
    subject::Which,
};

const SCENARIO: &str = "a tenant that answers 429";
/// Rotations in a round.
const ROTATIONS: usize = 100;

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    anyhow::ensure!(fleet.size > PER_TENANT, "two tenants are needed: N is at least {}", PER_TENANT + 1);
    let count = ROTATIONS.min(run.parameters.rotations);
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    warm_up(fleet, "limits-warm").await?;
    let mut pairs = Vec::new();
    for pair in 0..run.parameters.pairs {
        let quiet = healthy(fleet, count, &format!("well-{pair}")).await?;
        let sick = fleet.tenant(0);
        sick.faults().always(Operation::Patch, Fault::rate_limited(RetryAfter::Seconds(1)));
        let all: Vec<usize> = (0..PER_TENANT).collect();
        fleet
            .each(all, |number| async move { fleet.rotate(number, &format!("sick-{pair}")).await.map(drop) })
            .await?;
        let beside = healthy(fleet, count, &format!("beside-{pair}")).await?;
        sick.faults().clear();
        tokio::time::timeout(Duration::from_secs(120), fleet.settled()).await??;
        pairs.push((beside.median(), quiet.median()));
    }
    run.report.add(
        Figure::paired(SCENARIO, "until AI Core has a healthy rotation, p50", "ms", &pairs)
            .beside(QUIET)
            .target(Target::RatioAtMost(1.5)),
    );
    subject.stop().await
}

async fn healthy(fleet: &Fleet, count: usize, mark: &str) -> anyhow::Result<Sample> {
    let mut latencies = Vec::new();
    for number in 0..count {
        let resource = PER_TENANT + number % (fleet.size - PER_TENANT);
        let rotation = fleet.rotate(resource, &format!("{mark}-{number}")).await?;
        latencies.push(follow(fleet, &rotation).await?.0);
    }
    Ok(Sample::new(latencies))
}
