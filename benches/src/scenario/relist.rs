//! The version that the watches stand at has expired, so everything is listed again.

use super::{CONCURRENCY, Run, follow};
use crate::{
    counts::answered,
    fleet::Fleet,
    report::{Figure, Target},
    subject::Which,
};

const SCENARIO: &str = "relist";

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    let used = subject.usage()?;
    fleet.arrivals.forget();
    // An API server that has just started knows no history: a watch from before the last writes is answered 410.
    fleet.write_elsewhere(10).await?;
    fleet.control_plane.stop_api_server().await?;
    fleet.control_plane.start_api_server().await?;
    let rotation = fleet.rotate(0, "relist").await?;
    follow(fleet, &rotation).await?;
    let cpu = subject.usage()?.cpu.saturating_sub(used.cpu);
    // It counts from its start.
    let counts = answered(&fleet.client).await?;
    let count = |what: &str| counts.get(what).copied().unwrap_or_default();
    let report = &mut *run.report;
    report.add(Figure::new(SCENARIO, "lists of Secrets (pages)", "", count("LIST secrets/") as f64));
    // The rotation has its own: the Secret and, once in the life of a process, the service key.
    for (what, found, own) in [
        ("pushes of unchanged Secrets", fleet.arrivals.writes().len() as u64, 1),
        ("GETs of unchanged Secrets", count("GET secrets/"), 2),
        ("status writes", count("PATCH aicoreregistrysecrets/status"), 1),
    ] {
        let figure = Figure::new(SCENARIO, what, "", found.saturating_sub(own) as f64);
        report.add(figure.target(Target::AtMost(0.0)));
    }
    report.add(Figure::new(SCENARIO, "CPU", "ms", cpu.as_secs_f64() * 1e3));
    subject.stop().await
}
