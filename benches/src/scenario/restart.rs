//! Start with everything in sync.

use super::{CONCURRENCY, Run, follow};
use crate::{
    counts::{answered, more},
    fleet::Fleet,
    report::{Figure, Target},
    subject::Which,
};

const SCENARIO: &str = "restart in sync";

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    fleet.settled().await?;
    fleet.arrivals.forget();
    let before = answered(&fleet.client).await?;
    let mut subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start()?;
    let ready = subject.wait_ready().await?;
    // A rotation shows that everything before it was dealt with: what changed comes first, but one is enough to see.
    let cpu = subject.usage()?.cpu;
    let (requests, _) = fleet.arrivals.requests();
    let rotation = fleet.rotate(0, "restart").await?;
    follow(fleet, &rotation).await?;
    let after = answered(&fleet.client).await?;
    let report = &mut *run.report;
    report.add(Figure::new(SCENARIO, "requests to AI Core", "", requests as f64).target(Target::AtMost(0.0)));
    // Those of the one rotation are its own.
    for (what, verb, own) in [
        ("status writes", "PATCH aicoreregistrysecrets/status", 1),
        ("GETs of Secrets", "GET secrets/", 2),
        ("writes of events", "POST events/", 0),
    ] {
        let count = more(&before, &after, verb).saturating_sub(own);
        report.add(Figure::new(SCENARIO, what, "", count as f64).target(Target::AtMost(0.0)));
    }
    for (what, verb) in [
        ("lists of Secrets (pages)", "LIST secrets/"),
        ("lists of resources (pages)", "LIST aicoreregistrysecrets/"),
    ] {
        report.add(Figure::new(SCENARIO, what, "", more(&before, &after, verb) as f64));
    }
    report.add(Figure::new(SCENARIO, "CPU until ready", "ms", cpu.as_secs_f64() * 1e3));
    report.add(Figure::new(
        SCENARIO,
        "until ready",
        "s",
        ready.duration_since(subject.started).as_secs_f64(),
    ));
    subject.stop().await?;

    let mut times = Vec::new();
    for pair in 0..run.parameters.pairs {
        // The change is there when the process starts, or a moment later: it does not know which.
        let subject = fleet.launch(Which::Product, CONCURRENCY, &[])?.start()?;
        let rotation = fleet.rotate(pair % fleet.size, &format!("restart-{pair}")).await?;
        let arrived = fleet.arrivals.wait(&rotation.name, &rotation.content).await?;
        times.push(arrived.duration_since(subject.started).as_secs_f64());
        fleet.settled().await?;
        subject.stop().await?;
    }
    run.report.add(
        Figure::median(SCENARIO, "from the start of the process to the first rotation sent", "s", &times)
            .target(Target::AtMost(1.0)),
    );
    Ok(())
}
