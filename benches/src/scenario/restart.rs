//! Start with everything in sync.

use std::time::Duration;

use super::{CONCURRENCY, Run, follow};
use crate::{
    counts::{Counts, answered, more},
    fleet::Fleet,
    report::{Figure, Target},
    subject::{Usage, Which},
};

const SCENARIO: &str = "restart in sync";

/// A start with everything in sync.
pub(super) struct InSync {
    /// Requests to AI Core.
    pub(super) requests: u64,
    before: Counts,
    after: Counts,
    /// From the start of the process until its watches run.
    pub(super) ready: Duration,
    /// What it had used by then.
    pub(super) usage: Usage,
}

impl InSync {
    /// Requests of this kind to the API server, without so many that are those of the one rotation.
    pub(super) fn asked(&self, what: &str, own: u64) -> f64 {
        more(&self.before, &self.after, what).saturating_sub(own) as f64
    }
}

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let start = in_sync(fleet, Which::Product, "restart").await?;
    let report = &mut *run.report;
    report.add(
        Figure::new(SCENARIO, "requests to AI Core", "", start.requests as f64).target(Target::AtMost(0.0)),
    );
    // Those of the one rotation are its own.
    for (what, verb, own) in [
        ("status writes", "PATCH aicoreregistrysecrets/status", 1),
        ("GETs of Secrets", "GET secrets/", 2),
        ("writes of events", "POST events/", 0),
    ] {
        report.add(Figure::new(SCENARIO, what, "", start.asked(verb, own)).target(Target::AtMost(0.0)));
    }
    for (what, verb) in [
        ("lists of Secrets (pages)", "LIST secrets/"),
        ("lists of resources (pages)", "LIST aicoreregistrysecrets/"),
    ] {
        report.add(Figure::new(SCENARIO, what, "", start.asked(verb, 0)));
    }
    report.add(Figure::new(SCENARIO, "CPU until ready", "ms", start.usage.cpu.as_secs_f64() * 1e3));
    report.add(Figure::new(SCENARIO, "until ready", "s", start.ready.as_secs_f64()));

    let mut times = Vec::new();
    for pair in 0..run.parameters.pairs {
        times.push(first_rotation(fleet, Which::Product, pair, "restart").await?);
    }
    run.report.add(
        Figure::median(SCENARIO, "from the start of the process to the first rotation sent", "s", &times)
            .target(Target::AtMost(1.0)),
    );
    Ok(())
}

/// Starts the program with everything in sync, and rotates one credential.
///
/// # Errors
/// When the rotation does not arrive.
pub(super) async fn in_sync(fleet: &Fleet, which: Which, mark: &str) -> anyhow::Result<InSync> {
    fleet.settled().await?;
    fleet.arrivals.forget();
    let before = answered(&fleet.client).await?;
    let mut subject = fleet.launch(which, CONCURRENCY, &[])?.start()?;
    let ready = subject.wait_ready().await?.duration_since(subject.started);
    let usage = subject.usage()?;
    let (requests, _) = fleet.arrivals.requests();
    // It shows that everything before it was dealt with: what changed comes first, but one is enough to see.
    follow(fleet, &fleet.rotate(0, mark).await?).await?;
    let after = answered(&fleet.client).await?;
    subject.stop().await?;
    Ok(InSync { requests, before, after, ready, usage })
}

/// Seconds from the start of the process until the first rotation is sent. The change is there when the process starts, or a
/// moment later: it does not know which.
///
/// # Errors
/// When the rotation does not arrive.
pub(super) async fn first_rotation(
    fleet: &Fleet,
    which: Which,
    number: usize,
    mark: &str,
) -> anyhow::Result<f64> {
    let subject = fleet.launch(which, CONCURRENCY, &[])?.start()?;
    let rotation = fleet.rotate(number % fleet.size, &format!("{mark}-{number}-{}", which.name())).await?;
    let arrived = fleet.arrivals.wait(&rotation.name, &rotation.content).await?;
    let seconds = arrived.duration_since(subject.started).as_secs_f64();
    fleet.settled().await?;
    subject.stop().await?;
    Ok(seconds)
}
