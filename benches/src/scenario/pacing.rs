//! A fleet that no test machine carries, in virtual time; see [`crate::pacing`].

use std::time::Duration;

use super::Run;
use crate::{
    pacing::{Fleet, simulate},
    report::Figure,
};

/// Passes that one operator makes in a second, if this run has not measured it.
const USUAL_RATE: f64 = 400.0;

pub(super) fn run(run: &mut Run<'_>) {
    let measured = run.report.find("cold start, AI Core takes 0 ms", "resources sent");
    let passes_per_second = measured.map_or(USUAL_RATE, |figure| figure.product);
    for (shards, outage) in [(1, 0), (4, 0), (1, 3600), (4, 3600)] {
        let fleet = Fleet {
            resources: 100_000,
            tenants: 2000,
            shards,
            passes_per_second,
            // The operator's defaults.
            tenant_rate: (10.0, 20),
            outage: Duration::from_secs(outage),
        };
        let came_of_it = simulate(fleet, 1);
        let scenario = format!(
            "100,000 resources, 2,000 tenants, {shards} shards at {passes_per_second:.0}/s, {}",
            if outage == 0 { "all due at once".to_owned() } else { format!("after an outage of {outage} s") }
        );
        for (what, unit, value) in [
            ("half accepted after", "s", came_of_it.half.as_secs_f64()),
            ("99 of 100 accepted after", "s", came_of_it.nearly_all.as_secs_f64()),
            ("all accepted after", "s", came_of_it.all.as_secs_f64()),
            ("attempts during the outage", "", came_of_it.failed_attempts as f64),
            ("most attempts", "/s", came_of_it.peak_attempts_per_second as f64),
            ("most token requests", "/s", came_of_it.peak_tokens_per_second as f64),
        ] {
            run.report.add(Figure::new(&scenario, what, unit, value));
        }
    }
}
