//! Start with resources of which nothing was ever sent.

use std::time::Duration;

use testbed::simulator::{Fault, Operation};
use tokio::time::Instant;

use super::{CONCURRENCY, Run, rate};
use crate::{
    fleet::{Fleet, PER_TENANT},
    plot::Plot,
    report::{Figure, Target},
    subject::Which,
};

/// Pairs of this scenario: each takes as long as many rotations.
const PAIRS: usize = 5;

pub(super) struct Start {
    pub(super) rate: f64,
    settled: Duration,
    pub(super) cpu_ms: f64,
    /// The most memory, in bytes.
    pub(super) peak_rss: u64,
    curve: Vec<(f64, f64)>,
}

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for latency in [Duration::ZERO, Duration::from_millis(50)] {
        let scenario = format!("cold start, AI Core takes {} ms", latency.as_millis());
        slow_down(fleet, latency);
        let mut pairs = Vec::new();
        let (mut settled, mut cpu) = (Vec::new(), Vec::new());
        for pair in 0..run.parameters.pairs.min(PAIRS) {
            let product = start(fleet, Which::Product).await?;
            let floor = start(fleet, Which::Floor).await?;
            pairs.push((product.rate, floor.rate));
            settled.push(product.settled.as_secs_f64());
            cpu.push((product.cpu_ms, floor.cpu_ms));
            if pair == 0 {
                lines.push((format!("product, {} ms", latency.as_millis()), product.curve));
                lines.push((format!("floor, {} ms", latency.as_millis()), floor.curve));
            }
        }
        slow_down(fleet, Duration::ZERO);
        run.report
            .add(Figure::paired(&scenario, "resources sent", "/s", &pairs).target(Target::RatioAtLeast(1.0)));
        if !latency.is_zero() {
            // A first push is one request, where the names of its tenant are known to be without its own.
            let possible = CONCURRENCY as f64 / latency.as_secs_f64();
            let shares: Vec<(f64, f64)> = pairs.iter().map(|pair| (pair.0, possible)).collect();
            run.report.add(
                Figure::paired(&scenario, "resources sent, beside what latency allows", "/s", &shares)
                    .beside("concurrency / latency")
                    .target(Target::RatioAtLeast(0.9)),
            );
        }
        run.report.add(Figure::median(&scenario, "until all are Ready", "s", &settled));
        run.report.add(Figure::paired(&scenario, "CPU of one resource", "ms", &cpu));
    }
    let title = "Cold start: resources that AI Core holds";
    run.draw("cold-start.svg", &Plot { title, x: "seconds after the start", y: "resources", lines })
}

fn slow_down(fleet: &Fleet, latency: Duration) {
    for tenant in 0..fleet.size.div_ceil(PER_TENANT) {
        let tenant = fleet.tenant(tenant);
        tenant.faults().clear();
        if !latency.is_zero() {
            for operation in [Operation::List, Operation::Patch, Operation::Create] {
                tenant.faults().always(operation, Fault::latency(latency));
            }
        }
    }
}

pub(super) async fn start(fleet: &Fleet, which: Which) -> anyhow::Result<Start> {
    fleet.forget_all().await?;
    let more: &[&str] = if which == Which::Floor { &["cold"] } else { &[] };
    let subject = fleet.launch(which, CONCURRENCY, more)?.start()?;
    let began = subject.started;
    fleet.arrivals.wait_count(fleet.size).await?;
    let settled: Instant = fleet.settled().await?;
    let usage = subject.usage()?;
    subject.stop().await?;
    let mut times: Vec<f64> =
        fleet.arrivals.writes().iter().map(|write| write.at.duration_since(began).as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    let last = times.last().copied().unwrap_or_default();
    Ok(Start {
        rate: rate(fleet.size, Duration::from_secs_f64(last.max(1e-6))),
        settled: settled.duration_since(began),
        cpu_ms: usage.cpu.as_secs_f64() * 1e3 / fleet.size as f64,
        peak_rss: usage.peak_rss,
        curve: times.iter().enumerate().map(|(count, time)| (*time, count as f64 + 1.0)).collect(),
    })
}
