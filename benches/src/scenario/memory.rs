//! How much memory the operator takes.

use super::{CONCURRENCY, Run};
use crate::{
    fleet::Fleet,
    report::{Figure, Target},
    subject::Which,
};

const SCENARIO: &str = "memory";
const MIB: f64 = 1024.0 * 1024.0;

pub(super) async fn one(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    let usage = subject.usage()?;
    run.report.add(
        Figure::new(SCENARIO, "with one resource", "MiB", usage.rss as f64 / MIB)
            .target(Target::AtMost(12.0)),
    );
    subject.stop().await
}

pub(super) async fn all(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    let usage = subject.usage()?;
    let what = format!("with {} resources and {} unrelated Secrets", fleet.size, fleet.unrelated);
    run.report.add(Figure::new(SCENARIO, what, "MiB", usage.rss as f64 / MIB).target(Target::AtMost(32.0)));
    run.report.add(
        Figure::new(SCENARIO, "the most during the start", "MiB", usage.peak_rss as f64 / MIB)
            .target(Target::AtMost(28.0)),
    );
    let one = run.report.find(SCENARIO, "with one resource").map_or(0.0, |figure| figure.product);
    let each = (usage.rss as f64 / 1024.0 - one * 1024.0) / fleet.size as f64;
    run.report.add(Figure::new(SCENARIO, "each further resource", "KiB", each).target(Target::AtMost(2.5)));
    subject.stop().await
}
