//! Healthy rotations beside neighbours in trouble, and the same rotations when all is quiet.

use std::time::Duration;

use testbed::simulator::Tenant;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::milliseconds;
use crate::{
    fleet::{Fleet, PER_TENANT, Rotation},
    report::{Figure, Report, Target},
    statistics::Sample,
};

/// The same operator, when nobody is in trouble.
pub(super) const QUIET: &str = "quiet";
/// Healthy rotations in a second. They begin on time whether those before have arrived or not, so that one that takes long
/// does not hide that others would have.
const PER_SECOND: u64 = 8;
/// How long what has not arrived at the end of a round is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a round showed.
pub(super) struct Round {
    /// Milliseconds until AI Core had it, of each rotation; for one that did not arrive, how long it was waited for.
    pub(super) latencies: Sample,
    /// How many did not arrive.
    pub(super) missing: usize,
}

/// Healthy rotations, evenly over `time`; each resource of the fleet has one at most.
pub(super) async fn healthy(fleet: &Fleet, time: Duration, mark: &str) -> anyhow::Result<Round> {
    let count = fleet.size.min((time.as_secs_f64() * PER_SECOND as f64) as usize).max(1);
    let numbers: Vec<usize> = (0..count).map(|number| spread(number, fleet.size)).collect();
    let rotations = evenly(fleet, &numbers, time, mark).await?;
    Ok(arrivals(fleet, &rotations).await)
}

/// The same while `trouble` goes on, which ends only with an error.
pub(super) async fn healthy_beside(
    fleet: &Fleet,
    time: Duration,
    mark: &str,
    trouble: impl Future<Output = anyhow::Error>,
) -> anyhow::Result<Round> {
    tokio::select! {
        round = healthy(fleet, time, mark) => round,
        error = trouble => Err(error),
    }
}

/// Changes the credentials of these resources of the fleet, evenly over `time`.
pub(super) async fn evenly(
    fleet: &Fleet,
    numbers: &[usize],
    time: Duration,
    mark: &str,
) -> anyhow::Result<Vec<Rotation>> {
    let mut ticks = interval(time / u32::try_from(numbers.len().max(1))?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut rotations = Vec::new();
    for &number in numbers {
        ticks.tick().await;
        rotations.push(fleet.rotate(number, mark).await?);
    }
    Ok(rotations)
}

/// Waits for rotations, up to a minute from now.
pub(super) async fn arrivals(fleet: &Fleet, rotations: &[Rotation]) -> Round {
    let arrived = fleet.arrivals.wait_all(rotations, Instant::now() + PATIENCE).await;
    let missing = arrived.iter().filter(|arrived| arrived.is_none()).count();
    let ended = Instant::now();
    let latencies = rotations
        .iter()
        .zip(&arrived)
        .map(|(rotation, arrived)| milliseconds(rotation.answered, arrived.unwrap_or(ended)))
        .collect();
    Round { latencies: Sample::new(latencies), missing }
}

/// Reports the rounds with trouble beside those without, which are called `name`.
pub(super) fn report(report: &mut Report, scenario: &str, name: &str, pairs: &[(Round, Round)]) {
    let of = |value: &dyn Fn(&Round) -> f64| -> Vec<(f64, f64)> {
        pairs.iter().map(|(trouble, without)| (value(trouble), value(without))).collect()
    };
    let percentile = |percent: f64| of(&|round| round.latencies.percentile(percent));
    report.add(
        Figure::paired(scenario, "until AI Core has a healthy rotation, p50", "ms", &percentile(50.0))
            .beside(name)
            .target(Target::RatioAtMost(1.5)),
    );
    report.add(
        Figure::paired(scenario, "until AI Core has a healthy rotation, p99", "ms", &percentile(99.0))
            .beside(name),
    );
    report.add(
        Figure::largest(scenario, "until AI Core has a healthy rotation, max", "ms", &percentile(100.0))
            .beside(name)
            .target(Target::AtMost(2000.0)),
    );
    let missing = pairs.iter().map(|(trouble, without)| trouble.missing + without.missing).sum::<usize>();
    report.add(
        Figure::new(scenario, "healthy rotations not sent within a minute", "", missing as f64)
            .target(Target::AtMost(0.0)),
    );
}

/// Tenants of the fleet.
pub(super) fn tenants(fleet: &Fleet) -> impl Iterator<Item = Tenant> {
    (0..fleet.size.div_ceil(PER_TENANT)).map(|number| fleet.tenant(number))
}

/// Resource number `number` of `size`, so that neighbours are of different tenants and none comes twice.
fn spread(number: usize, size: usize) -> usize {
    /// A prime: no fleet is a multiple of it.
    const STEP: usize = 7919;
    number * STEP % size
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_resource_comes_twice() {
        for size in [60, 1000, 5000] {
            assert_eq!((0..size).map(|number| spread(number, size)).collect::<BTreeSet<_>>().len(), size);
        }
    }
}
