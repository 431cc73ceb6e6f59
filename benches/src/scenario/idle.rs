//! Rotations one by one on a quiet system.

use super::{CONCURRENCY, Run, one_by_one, warm_up};
use crate::{
    counts::{answered, events_end, more},
    fleet::Fleet,
    plot::Plot,
    report::{Figure, Target},
    statistics::Sample,
    subject::Which,
};

const SCENARIO: &str = "rotation, idle";

pub(super) struct Round {
    pub(super) arrived: Sample,
    shown: Sample,
    pub(super) cpu_ms: f64,
    pub(super) requests: f64,
}

pub(super) async fn run(fleet: &Fleet, run: &mut Run<'_>) -> anyhow::Result<()> {
    let count = run.parameters.rotations.div_ceil(run.parameters.pairs);
    let (mut products, mut floors) = (Vec::new(), Vec::new());
    for pair in 0..run.parameters.pairs {
        for (which, rounds) in [(Which::Product, &mut products), (Which::Floor, &mut floors)] {
            rounds.push(round(fleet, which, count, &format!("idle-{pair}-{}", which.name())).await?);
        }
    }
    let pairs = |value: &dyn Fn(&Round) -> f64| -> Vec<(f64, f64)> {
        products.iter().zip(&floors).map(|(product, floor)| (value(product), value(floor))).collect()
    };
    for (percent, target) in [(50.0, Some(1.3)), (90.0, None), (99.0, Some(2.0)), (100.0, None)] {
        let name = if percent < 100.0 { format!("p{percent:.0}") } else { "max".to_owned() };
        // Of a largest value a median would hide what it is there to show.
        let of_pairs = if percent < 100.0 { Figure::paired } else { Figure::largest };
        let to_remote = of_pairs(
            SCENARIO,
            format!("until AI Core has it, {name}"),
            "ms",
            &pairs(&|round| round.arrived.percentile(percent)),
        );
        run.report.add(match target {
            Some(most) => to_remote.target(Target::RatioAtMost(most)),
            None => to_remote,
        });
        run.report.add(of_pairs(
            SCENARIO,
            format!("until the status shows it, {name}"),
            "ms",
            &pairs(&|round| round.shown.percentile(percent)),
        ));
    }
    run.report.add(
        Figure::paired(SCENARIO, "CPU of one rotation", "ms", &pairs(&|round| round.cpu_ms))
            .target(Target::AtMost(0.8)),
    );
    run.report.add(
        Figure::paired(SCENARIO, "API server requests of one rotation", "", &pairs(&|round| round.requests))
            .target(Target::AtMost(2.0)),
    );
    let distribution = |rounds: &[Round]| -> Vec<(f64, f64)> {
        let all = Sample::new(rounds.iter().flat_map(|round| round.arrived.values().to_vec()).collect());
        let count = all.values().len() as f64;
        all.values()
            .iter()
            .enumerate()
            .map(|(rank, latency)| (*latency, 100.0 * (rank as f64 + 1.0) / count))
            .filter(|(_, percent)| *percent <= 99.0)
            .collect()
    };
    let lines =
        vec![("product".to_owned(), distribution(&products)), ("floor".to_owned(), distribution(&floors))];
    let title = "Rotation on a quiet system: latency until AI Core has it";
    run.draw("rotation.svg", &Plot { title, x: "milliseconds", y: "percent of rotations", lines })
}

pub(super) async fn round(fleet: &Fleet, which: Which, count: usize, mark: &str) -> anyhow::Result<Round> {
    let subject = fleet.launch(which, CONCURRENCY, &[])?.start_ready().await?;
    fleet.settled().await?;
    warm_up(fleet, &format!("{mark}-warm")).await?;
    events_end(&fleet.client).await?;
    let (before, used) = (answered(&fleet.client).await?, subject.usage()?);
    let (arrived, shown) = one_by_one(fleet, count, mark).await?;
    let cpu = subject.usage()?.cpu.saturating_sub(used.cpu);
    let after = answered(&fleet.client).await?;
    subject.stop().await?;
    let requests: u64 = [
        "GET secrets/",
        "GET aicoreregistrysecrets/",
        "PATCH aicoreregistrysecrets/",
        "PATCH aicoreregistrysecrets/status",
        "POST events/",
        "PATCH events/",
    ]
    .into_iter()
    .map(|what| more(&before, &after, what))
    .sum();
    Ok(Round {
        arrived: Sample::new(arrived),
        shown: Sample::new(shown),
        cpu_ms: cpu.as_secs_f64() * 1e3 / count as f64,
        requests: requests as f64 / count as f64,
    })
}
