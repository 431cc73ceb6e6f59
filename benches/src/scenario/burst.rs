//! All Secrets change at once.

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{CONCURRENCY, Run, milliseconds, rate};
use crate::{
    counts::{answered, more},
    fleet::{Fleet, Rotation},
    report::{Figure, Target},
    statistics::Sample,
    subject::Which,
};

const SCENARIO: &str = "rotation burst";

pub(super) struct Burst {
    pub(super) rate: f64,
    pub(super) latencies: Sample,
    /// Changes of Secrets, a second: how fast the work comes.
    pub(super) changes: f64,
    pub(super) more_than_needed: usize,
    pub(super) rss: u64,
    /// GETs of Secrets, for each rotation.
    pub(super) gets: f64,
    /// Writes of statuses, for each rotation.
    pub(super) status_writes: f64,
}

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let mut rounds = Vec::new();
    for pair in 0..run.parameters.pairs {
        let product = burst(fleet, Which::Product, &format!("burst-{pair}-product")).await?;
        let floor = burst(fleet, Which::Floor, &format!("burst-{pair}-floor")).await?;
        rounds.push((product, floor));
    }
    let pairs = |value: &dyn Fn(&Burst) -> f64| -> Vec<(f64, f64)> {
        rounds.iter().map(|(product, floor)| (value(product), value(floor))).collect()
    };
    let report = &mut *run.report;
    report.add(
        Figure::paired(SCENARIO, "rotations sent", "/s", &pairs(&|burst| burst.rate))
            .target(Target::RatioAtLeast(0.9)),
    );
    report.add(Figure::paired(SCENARIO, "credentials changed", "/s", &pairs(&|burst| burst.changes)));
    for (percent, target) in [(50.0, None), (99.0, Some(Target::RatioAtMost(1.3)))] {
        let what = format!("until AI Core has it, p{percent:.0}");
        let latencies = pairs(&|burst| burst.latencies.percentile(percent));
        report.add(Figure { target, ..Figure::paired(SCENARIO, what, "ms", &latencies) });
    }
    report.add(Figure::paired(
        SCENARIO,
        "writes beyond one for each rotation",
        "",
        &pairs(&|burst| burst.more_than_needed as f64),
    ));
    report.add(Figure::paired(SCENARIO, "GETs of Secrets for one", "", &pairs(&|burst| burst.gets)));
    report.add(Figure::paired(SCENARIO, "status writes for one", "", &pairs(&|burst| burst.status_writes)));
    report.add(Figure::paired(
        SCENARIO,
        "memory after it",
        "MiB",
        &pairs(&|burst| burst.rss as f64 / 1_048_576.0),
    ));
    Ok(())
}

pub(super) async fn burst(fleet: &Fleet, which: Which, mark: &str) -> anyhow::Result<Burst> {
    let subject = fleet.launch(which, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    fleet.arrivals.forget();
    let before = answered(&fleet.client).await?;
    let rotations: Mutex<Vec<Rotation>> = Mutex::default();
    let began = Instant::now();
    fleet
        .each((0..fleet.size).collect(), |number| {
            let rotations = &rotations;
            async move {
                let rotation = fleet.rotate(number, mark).await?;
                rotations.lock().push(rotation);
                Ok(())
            }
        })
        .await?;
    let changes = rate(fleet.size, began.elapsed());
    let rotations = rotations.into_inner();
    let mut latencies = Vec::new();
    let mut last = began;
    for rotation in &rotations {
        let arrived = fleet.arrivals.wait(&rotation.name, &rotation.content).await?;
        last = last.max(arrived);
        latencies.push(milliseconds(rotation.answered, arrived));
    }
    fleet.settled().await?;
    let after = answered(&fleet.client).await?;
    let each = |what: &str| more(&before, &after, what) as f64 / fleet.size as f64;
    let rss = subject.usage()?.rss;
    subject.stop().await?;
    Ok(Burst {
        rate: rate(fleet.size, last - began),
        latencies: Sample::new(latencies),
        changes,
        more_than_needed: fleet.arrivals.writes().len().saturating_sub(fleet.size),
        rss,
        gets: each("GET secrets/"),
        status_writes: each("PATCH aicoreregistrysecrets/status"),
    })
}
