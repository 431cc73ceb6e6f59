//! Chaos: a random adversary, and a judge that does not know the product.
//!
//! A real control plane, the operator as the processes that users run (one or two, with leader election), the test bed's proxies
//! between them, and the simulator of AI Core behind a relay. A seed decides what people do and what goes wrong ([`plan`], a pure
//! function); [`actions`] and [`troubles`] do it; [`recording`] is what happened; [`oracle`] judges that, rule by rule, from the
//! product's contract alone. No line of the product's library is used.
//!
//! - `make test` runs [`SHORT`]: the same few seeds each time. A fresh seed would let a change fail for what it did not touch;
//!   fresh ones are for the long run, whose finds become fixed seeds or tests of their own.
//! - `make chaos MINUTES=60` runs fresh seeds for that long, and prints what there was.
//! - `CHAOS_SEED=7` repeats one seed, in either.
//! - `make chaos-mutants` shows that the suite finds broken products (see `mutants/`).
//!
//! Left out: jumps of the wall clock, which need a library under the process that lies about the time (unit tests in virtual time
//! do it); DNS failures, because there are no names here (refused connections are what they become); and the compaction of etcd,
//! of which a client sees that a watch is answered 410, which happens here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test reports what is wrong by a panic, also from a helper"
)]
#![allow(clippy::disallowed_methods, reason = "the suite has clocks of its own: the real ones")]

mod actions;
mod cluster;
mod credential;
mod episode;
mod observer;
mod oracle;
mod plan;
mod recording;
mod replicas;
mod report;
mod settle;
mod troubles;
mod troubles_of_ai_core;
mod world;

use std::time::Duration;

use tokio::time::Instant;

use crate::{cluster::Stage, report::Totals};

/// The seeds of `make test`, with as many rounds as fit.
const SHORT: [u64; 2] = [1, 2];
const SHORT_ROUNDS: usize = 1;
const SHORT_ROUND: Duration = Duration::from_secs(6);
const LONG_ROUNDS: usize = 3;
const LONG_ROUND: Duration = Duration::from_secs(20);

/// The seed that the environment asks for.
fn asked_seed() -> Option<u64> {
    Some(std::env::var("CHAOS_SEED").ok()?.parse().expect("CHAOS_SEED is a number"))
}

#[tokio::test]
async fn a_short_run_finds_nothing() {
    let stage = Stage::start().await;
    let seeds = asked_seed().map_or(SHORT.to_vec(), |seed| vec![seed]);
    let mut totals = Totals::default();
    for seed in seeds {
        let plan = plan::episode(seed, SHORT_ROUNDS, SHORT_ROUND);
        totals.add(&episode::run(&stage, &plan).await);
    }
    totals.print();
    stage.stop().await;
    totals.assert_nothing_found();
}

/// For `CHAOS_MINUTES`; with `CHAOS_STOP` the first find ends it.
#[tokio::test]
#[ignore = "long: make chaos"]
async fn a_long_run_finds_nothing() {
    let minutes =
        std::env::var("CHAOS_MINUTES").map_or(1.0, |text| text.parse().expect("CHAOS_MINUTES is a number"));
    let (began, limit) = (Instant::now(), Duration::from_secs_f64(60.0 * minutes));
    let stop_at_first = std::env::var_os("CHAOS_STOP").is_some();
    let stage = Stage::start().await;
    let mut totals = Totals::default();
    let first = asked_seed().unwrap_or_else(|| world::wall_clock().as_second().unsigned_abs() * 1_000);
    let mut seed = first;
    while began.elapsed() < limit && !(stop_at_first && totals.found_something()) {
        let plan = plan::episode(seed, LONG_ROUNDS, LONG_ROUND);
        totals.add(&episode::run(&stage, &plan).await);
        seed += 1;
    }
    totals.print();
    stage.stop().await;
    totals.assert_nothing_found();
}
