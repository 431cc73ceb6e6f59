//! Two operators that share the resources by label.

use std::collections::{BTreeMap, BTreeSet};

use super::{CONCURRENCY, Run, rate};
use crate::{
    fleet::Fleet,
    report::{Figure, Target},
    subject::Which,
};

const SCENARIO: &str = "two shards, cold start";

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    fleet.forget_all().await?;
    let mut subjects = Vec::new();
    for shard in ["0", "1"] {
        let selector = format!("--watch-label-selector=shard={shard}");
        subjects.push(fleet.launch(Which::Product, CONCURRENCY / 2, &[&selector])?.start()?);
    }
    let began = subjects[0].started;
    fleet.arrivals.wait_count(fleet.size).await?;
    fleet.settled().await?;
    for subject in subjects {
        subject.stop().await?;
    }
    let writes = fleet.arrivals.writes();
    let last = writes.iter().map(|write| write.at).max().unwrap_or(began);
    let mut times_written: BTreeMap<&(String, String), usize> = BTreeMap::new();
    let mut tokens: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for write in &writes {
        *times_written.entry(&write.secret).or_default() += 1;
        tokens.entry(&write.secret.0).or_default().extend(write.token);
    }
    let doubled = times_written.values().filter(|times| **times > 1).count();
    // A tenant belongs to one shard, so that its writes carry one token.
    let shared = tokens.values().filter(|tokens| tokens.len() > 1).count();
    let report = &mut *run.report;
    report.add(Figure::new(SCENARIO, "resources sent by both", "/s", rate(fleet.size, last - began)));
    report.add(
        Figure::new(SCENARIO, "resources written by both", "", doubled as f64).target(Target::AtMost(0.0)),
    );
    report.add(
        Figure::new(SCENARIO, "tenants that both wrote to", "", shared as f64).target(Target::AtMost(0.0)),
    );
    Ok(())
}
