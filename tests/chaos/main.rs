//! Chaos: a random adversary, and a judge that does not know the product.
//!
//! A real control plane, the operator as the processes that users run (one or two, with leader election), the test bed's proxies
//! between them, and the simulator of AI Core behind a relay. A seed decides what people do and what goes wrong ([`plan`], a pure
//! function); [`actions`] and [`troubles`] do it; [`recording`] is what happened; [`oracle`] judges that, rule by rule, from the
//! product's contract alone. No line of the product's library is used.
//!
//! - `make test` runs [`SHORT`]: the same few seeds each time. A fresh seed would let a change fail for what it did not touch;
//!   fresh ones are for the long run, whose finds become fixed seeds or tests of their own.
//! - `make chaos MINUTES=60` runs fresh seeds for that long, and prints what there was; `LANES=2` runs two at a time.
//! - `make soak MINUTES=60` asks for nothing but endurance: see [`soak`].
//! - `CHAOS_SEED=7` repeats one seed, in either.
//! - `make chaos-mutants` shows that the suite finds broken products (see `mutants/`).
//!
//! Wall clocks that jump and names that are not found come from a library under the process that stands in for those parts of
//! the C library (`testbed::system`); the program that is tested stays as it is.

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
mod clocks;
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
mod soak;
mod troubles;
mod troubles_of_ai_core;
mod world;

use std::{
    str::FromStr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{cluster::Stage, report::Totals};

/// The seeds of `make test`, with as many rounds as fit: one replica that watches some namespaces, and two that watch all, so that
/// `AICoreTenant`s are served.
const SHORT: [u64; 2] = [2, 8];
const SHORT_ROUNDS: usize = 1;
const SHORT_ROUND: Duration = Duration::from_secs(6);
const LONG_ROUNDS: usize = 3;
const LONG_ROUND: Duration = Duration::from_secs(20);

/// The seed that the environment asks for.
fn asked_seed() -> Option<u64> {
    number("CHAOS_SEED")
}

/// What the environment asks for, or this.
fn asked<T: FromStr>(variable: &str, otherwise: T) -> T {
    number(variable).unwrap_or(otherwise)
}

fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
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

/// For `CHAOS_MINUTES`, in `CHAOS_LANES` beside one another, each with a control plane of its own; with `CHAOS_STOP` the first find
/// ends it.
#[test]
#[ignore = "long: make chaos"]
fn a_long_run_finds_nothing() {
    let first = asked_seed().unwrap_or_else(|| world::wall_clock().as_second().unsigned_abs() * 1_000);
    let run = Arc::new(LongRun {
        until: Instant::now() + Duration::from_secs_f64(60.0 * asked("CHAOS_MINUTES", 1.0)),
        stop_at_first: std::env::var_os("CHAOS_STOP").is_some(),
        next: AtomicU64::new(first),
        totals: Mutex::default(),
    });
    let lanes = (0..asked("CHAOS_LANES", 1)).map(|_| {
        let run = Arc::clone(&run);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run.lane());
        })
    });
    let lanes: Vec<_> = lanes.collect();
    // What one has found is told, also when another one breaks.
    let broken = lanes.into_iter().map(std::thread::JoinHandle::join).filter(Result::is_err).count();
    let totals = run.totals.lock().unwrap();
    totals.print();
    assert_eq!(broken, 0, "lanes that ended early, see above");
    totals.assert_played();
    totals.assert_nothing_found();
}

/// Fresh seeds, until the time is over.
struct LongRun {
    until: Instant,
    stop_at_first: bool,
    next: AtomicU64,
    totals: Mutex<Totals>,
}

impl LongRun {
    async fn lane(&self) {
        let stage = Stage::start().await;
        while Instant::now() < self.until && !(self.stop_at_first && self.found_something()) {
            let plan = plan::episode(self.next.fetch_add(1, Ordering::Relaxed), LONG_ROUNDS, LONG_ROUND);
            let outcome = episode::run(&stage, &plan).await;
            self.totals.lock().unwrap().add(&outcome);
        }
        stage.stop().await;
    }

    fn found_something(&self) -> bool {
        self.totals.lock().unwrap().found_something()
    }
}
