//! The run that the picture shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time;

use super::{
    activity::{self, Rotations, SECONDS},
    questions::{Scrape, Window},
    replica::Replica,
    scrapes::{self, Scraper},
    world::World,
};
use crate::parameters::Parameters;

/// Seconds that are scraped before those that are shown: a dashboard is looked at while the operator has long been running.
const BEFORE: u64 = 30;

/// A run that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// The time to show.
    pub window: Window,
    /// What was scraped.
    pub scrapes: Vec<Scrape>,
}

/// Runs the operator, and scrapes it.
///
/// # Errors
/// When something does not start, or the resources do not become ready.
pub async fn record(parameters: &Parameters) -> anyhow::Result<Recording> {
    let world = World::start(parameters).await?;
    let prometheus = Scraper::start(world.addresses())?;
    let mut replicas = Vec::new();
    for (number, ready) in ["reconciling", "standing by"].into_iter().enumerate() {
        let replica = Replica::start(&world, parameters, number, ready).await?;
        prometheus.add(&replica.target);
        replicas.push(replica);
    }
    let mut rotations = Rotations::new();
    let mut ticks = time::interval(Duration::from_secs(1));
    for second in 0..BEFORE {
        ticks.tick().await;
        rotations.second(&world, second).await?;
    }
    world.check_ready().await?;
    let start = scrapes::now();
    let seconds = i64::try_from(SECONDS)?;
    let window = Window { start, end: start + seconds * 1000, step: 2000, rate_interval: 15_000 };
    let replicas = activity::play(&world, parameters, &prometheus, &mut rotations, replicas).await?;
    time::sleep(Duration::from_secs(2)).await;
    let scrapes = prometheus.finish();
    for replica in replicas {
        replica.stop().await?;
    }
    Ok(Recording { window, scrapes })
}
