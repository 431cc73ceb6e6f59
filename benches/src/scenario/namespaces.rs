//! Many namespaces, each with watches of its own: whether all of them hear a change at once after a start, and after the API
//! server was started again. Beside it, the same operator with one watch for all namespaces goes through the same: a start and
//! an API server that has just begun cost something of their own.

use super::{CONCURRENCY, Run, beside};
use crate::{
    counts::events_end,
    fleet::Fleet,
    neighbours::Neighbours,
    subject::{Launch, Which},
};

/// The operator that is compared with.
const ONE_WATCH: &str = "one watch";

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let trouble = &run.parameters.trouble;
    let names: Vec<String> = (0..trouble.namespaces).map(|number| format!("many-{number}")).collect();
    let mut neighbours = Neighbours::of(fleet);
    for name in &names {
        neighbours.add(name, &[fleet.simulator.tenant(name)], 1).await?;
    }
    let flag = format!("--watch-namespaces={}", names.join(","));
    let many = fleet.launch(Which::Product, CONCURRENCY, &[&flag])?;
    let one = fleet.launch(Which::Product, CONCURRENCY, &[])?;
    let first = one.start_ready().await?;
    neighbours.in_sync(neighbours.len(), "many-first").await?;
    events_end(&fleet.client).await?;
    first.stop().await?;

    let (mut starts, mut restarts) = (Vec::new(), Vec::new());
    for pair in 0..trouble.pairs {
        let with_many = rounds(fleet, &neighbours, &many, &format!("many-{pair}")).await?;
        let with_one = rounds(fleet, &neighbours, &one, &format!("one-{pair}")).await?;
        starts.push((with_many.0, with_one.0));
        restarts.push((with_many.1, with_one.1));
    }
    let watched = format!("{} namespaces, each watched", names.len());
    beside::report(run.report, &format!("{watched}: after a start"), ONE_WATCH, &starts);
    let scenario = format!("{watched}: after the API server was started again");
    beside::report(run.report, &scenario, ONE_WATCH, &restarts);
    neighbours.remove().await
}

/// After a start, and after the API server was started again.
async fn rounds(
    fleet: &Fleet,
    neighbours: &Neighbours<'_>,
    launch: &Launch,
    mark: &str,
) -> anyhow::Result<(beside::Round, beside::Round)> {
    let subject = launch.start_ready().await?;
    let started = round(fleet, neighbours, &format!("{mark}-start")).await?;
    fleet.control_plane.stop_api_server().await?;
    fleet.control_plane.start_api_server().await?;
    let restarted = round(fleet, neighbours, &format!("{mark}-restart")).await?;
    subject.stop().await?;
    Ok((started, restarted))
}

/// One change in each namespace, all at once.
async fn round(fleet: &Fleet, neighbours: &Neighbours<'_>, mark: &str) -> anyhow::Result<beside::Round> {
    let rotations = neighbours.rotate_all(neighbours.len(), mark).await?;
    let round = beside::arrivals(fleet, &rotations).await;
    events_end(&fleet.client).await?;
    Ok(round)
}
