//! Nothing happens.

use std::time::Duration;

use super::{CONCURRENCY, Run};
use crate::{
    counts::{answered, events_end},
    fleet::Fleet,
    report::{Figure, Target},
    subject::Which,
};

const SCENARIO: &str = "at rest";

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    events_end(&fleet.client).await?;
    let (before, used) = (answered(&fleet.client).await?, subject.usage()?);
    fleet.arrivals.forget();
    let seconds = run.parameters.rest_seconds;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let cpu = subject.usage()?.cpu.saturating_sub(used.cpu).as_secs_f64();
    let after = answered(&fleet.client).await?;
    // Watches that ended in between are the API server's own doing, every few minutes.
    let requests: u64 = after
        .iter()
        .filter(|(what, _)| !what.starts_with("WATCH"))
        .map(|(what, count)| count - before.get(what).unwrap_or(&0))
        .sum();
    run.report.add(
        Figure::new(SCENARIO, format!("CPU over {seconds} s"), "% of a core", cpu * 100.0 / seconds as f64)
            .target(Target::AtMost(0.1)),
    );
    run.report.add(
        Figure::new(SCENARIO, "requests to the API server", "", requests as f64).target(Target::AtMost(0.0)),
    );
    let (remote, _) = fleet.arrivals.requests();
    run.report
        .add(Figure::new(SCENARIO, "requests to AI Core", "", remote as f64).target(Target::AtMost(0.0)));
    subject.stop().await
}
