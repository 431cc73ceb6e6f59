//! What one resource costs, by the number of resources.

use super::{CONCURRENCY, Run, burst, rate, restart, scrape};
use crate::{
    counts::{answered, more},
    fleet::Fleet,
    plot::Plot,
    report::Figure,
    subject::Which,
};

const SCENARIO: &str = "growth";
/// Scrapes of which the median is shown.
const SCRAPES: usize = 7;

pub(super) async fn run(run: &mut Run<'_>) -> anyhow::Result<()> {
    let mut fleet = Fleet::start(run.parameters).await?;
    run.report.facts.kubernetes = fleet.client.apiserver_version().await?.git_version;
    let (mut cpu, mut memory) = (Vec::new(), Vec::new());
    for size in sizes(run.parameters.resources) {
        run.step(&format!("growth: {size} resources"));
        fleet.grow(size).await?;
        fleet.forget_all().await?;
        let before = answered(&fleet.client).await?;
        let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start()?;
        fleet.arrivals.wait_count(size).await?;
        fleet.settled().await?;
        let after = answered(&fleet.client).await?;
        let usage = subject.usage()?;
        let last = fleet.arrivals.writes().iter().map(|write| write.at).max().unwrap_or(subject.started);
        let took = last.duration_since(subject.started);
        subject.stop().await?;
        let each = |total: f64| total / size as f64;
        let cpu_ms = usage.cpu.as_secs_f64() * 1e3;
        let gets = more(&before, &after, "GET secrets/") as f64;
        let writes = more(&before, &after, "PATCH aicoreregistrysecrets/status") as f64;
        let (requests, _) = fleet.arrivals.requests();
        for (what, unit, value) in [
            ("resources sent at the start", "/s", rate(size, took)),
            ("CPU of one resource", "ms", each(cpu_ms)),
            ("GETs of Secrets for one resource", "", each(gets)),
            ("status writes for one resource", "", each(writes)),
            ("requests to AI Core for one resource", "", each(requests as f64)),
            ("memory after the cold start", "MiB", usage.rss as f64 / 1_048_576.0),
        ] {
            run.report.add(Figure::new(SCENARIO, format!("{size}: {what}"), unit, value));
        }
        further(&fleet, run, size).await?;
        cpu.push((size as f64, cpu_ms / 1e3));
        memory.push((size as f64, usage.rss as f64 / 1_048_576.0));
    }
    fleet.control_plane.stop().await?;
    let lines = vec![("memory, MiB".to_owned(), memory), ("CPU of a cold start, s".to_owned(), cpu)];
    let title = "Memory and CPU by the number of resources";
    run.draw("growth.svg", &Plot { title, x: "resources", y: "MiB, seconds", lines })
}

/// What else there is to know of that many: a restart, the metrics, and all credentials that change at once.
async fn further(fleet: &Fleet, run: &mut Run<'_>, size: usize) -> anyhow::Result<()> {
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let in_sync = restart::in_sync(fleet, Which::Product, &format!("growth-{size}")).await?;
    let scraped = scrape::once(fleet, SCRAPES).await?;
    let burst = burst::burst(fleet, Which::Product, &format!("growth-{size}-burst")).await?;
    for (what, unit, value) in [
        ("restart in sync, until ready", "s", in_sync.ready.as_secs_f64()),
        ("restart in sync, requests to AI Core", "", in_sync.requests as f64),
        ("memory in sync", "MiB", mib(in_sync.usage.rss)),
        ("the most memory of a restart in sync", "MiB", mib(in_sync.usage.peak_rss)),
        ("a scrape takes, p50", "ms", scraped),
        ("burst of all, rotations sent", "/s", burst.rate),
        ("burst of all, until AI Core has it, p99", "ms", burst.latencies.percentile(99.0)),
        ("memory after the burst", "MiB", mib(burst.rss)),
    ] {
        run.report.add(Figure::new(SCENARIO, format!("{size}: {what}"), unit, value));
    }
    Ok(())
}

/// Up to the number that was asked for, in large steps; `GROWTH` names others.
fn sizes(most: usize) -> Vec<usize> {
    let asked = std::env::var("GROWTH").unwrap_or_default();
    let asked: Vec<usize> = asked.split(',').filter_map(|size| size.trim().parse().ok()).collect();
    if !asked.is_empty() {
        return asked;
    }
    let mut sizes: Vec<usize> = [100, 1000, 5000].into_iter().filter(|size| *size < most).collect();
    sizes.push(most);
    sizes
}
