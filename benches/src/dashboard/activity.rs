//! What happens in the picture.

use std::time::Duration;

use tokio::time;

use super::{
    replica::Replica,
    scrapes::Scraper,
    team::{CHATBOT, FORECAST, SEARCH, TRIAL, VISION, rotated},
    world::World,
};
use crate::parameters::Parameters;

/// Seconds that the picture shows.
pub(super) const SECONDS: u64 = 300;
/// How many credentials change in one second after the other.
const ROTATIONS: [usize; 10] = [1, 1, 0, 2, 1, 1, 0, 1, 3, 1];

/// Credentials that change, one after the other.
pub(super) struct Rotations {
    all: Vec<(&'static str, String)>,
    count: usize,
}

impl Rotations {
    /// None has changed yet.
    pub(super) fn new() -> Self {
        Self { all: rotated(), count: 0 }
    }

    /// Those of one second.
    pub(super) async fn second(&mut self, world: &World, second: u64) -> anyhow::Result<()> {
        let count = ROTATIONS.get(second as usize % ROTATIONS.len()).copied().unwrap_or_default();
        for (namespace, name) in self.all.iter().cycle().skip(self.count).take(count) {
            self.count += 1;
            world.credential(namespace, name, &format!("mark-{}", self.count)).await?;
        }
        Ok(())
    }
}

/// Plays it. The first of the two replicas leads at the start.
pub(super) async fn play(
    world: &World,
    parameters: &Parameters,
    scraper: &Scraper,
    rotations: &mut Rotations,
    mut replicas: Vec<Replica>,
) -> anyhow::Result<Vec<Replica>> {
    let mut ticks = time::interval(Duration::from_secs(1));
    for second in 0..SECONDS {
        ticks.tick().await;
        match second {
            20 => world.resource(CHATBOT.name, "nvcr-pull").await?,
            45 => world.fail(FORECAST),
            70 => world.recover(FORECAST),
            95 => {
                world.service_key(TRIAL, "not-the-secret").await?;
                world.resource(TRIAL.name, "ghcr-pull").await?;
            }
            120 => {
                for name in SEARCH.names() {
                    world.credential(SEARCH.name, &name, "all-at-once").await?;
                }
            }
            145 => world.resource(VISION.name, "nvcr-pull").await?,
            170 => world.delete(CHATBOT.name, "nvcr-pull").await?,
            // A node is drained: its pod ends, another one leads, and a new one takes its place.
            200 => {
                let leader = replicas.remove(0);
                scraper.remove(&leader.target);
                leader.stop().await?;
            }
            208 => {
                let replica = Replica::start(world, parameters, 2, "standing by").await?;
                scraper.add(&replica.target);
                replicas.push(replica);
            }
            240 => world.service_key(TRIAL, "not-the-secret-either").await?,
            _ => {}
        }
        rotations.second(world, second).await?;
    }
    Ok(replicas)
}
