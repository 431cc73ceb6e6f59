//! What the outside may know of the controller: metrics of its present state, and whether it is ready and alive.

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Unit,
};
use tokio::sync::watch;

use super::{SECRETS_LIST_LIMIT, queue::Queue};
use crate::{
    controller::watches::{self, Listed, Watches},
    k8s::watch::WatchHealth,
    leadership::Leadership,
    metrics::encode_gauge,
};

/// Whether the controller is ready and alive, and what waits. Cheap to clone.
#[derive(Clone)]
pub struct Diagnostics {
    queue: Arc<Queue>,
    health: Arc<[Arc<WatchHealth>]>,
    listed: watch::Receiver<Listed>,
    leadership: Leadership,
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnostics").field("load", &self.queue.load()).finish_non_exhaustive()
    }
}

impl Diagnostics {
    pub(super) fn new(queue: Arc<Queue>, watches: &Watches, leadership: Leadership) -> Self {
        let (health, listed) = (watches.health().into(), watches.listed());
        Self { queue, health, listed, leadership }
    }

    /// With empty caches that count as filled, and these watches.
    #[cfg(test)]
    pub(crate) fn of(queue: Arc<Queue>, health: &[Arc<WatchHealth>], leadership: Leadership) -> Self {
        let listed = watch::Sender::new(Listed { scopes: 1, resources: 1, secrets: 1 }).subscribe();
        Self { queue, health: health.into(), listed, leadership }
    }

    /// Waits until the caches are filled, as far as they can be.
    pub async fn warm(&self) {
        watches::wait_until_listed(self.listed.clone(), SECRETS_LIST_LIMIT).await;
    }

    /// Whether the caches are filled; else what is missing.
    ///
    /// # Errors
    /// The sentence for `/readyz`.
    pub fn ready(&self) -> Result<(), String> {
        let listed = *self.listed.borrow();
        if listed.complete() {
            return Ok(());
        }
        Err(format!(
            "not ready: resources listed in {} of {} scopes, Secrets in {} (is the CRD installed, and may the ServiceAccount \
             list and watch aicoreregistrysecrets and secrets?)",
            listed.resources, listed.scopes, listed.secrets
        ))
    }

    /// Passes taken by workers since the start, passes that wait, and passes that run.
    #[must_use]
    pub fn load(&self) -> super::queue::Load {
        self.queue.load()
    }

    /// For each watch, its name and the time since it last did anything.
    pub fn watches(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.health.iter().map(|health| (health.name(), health.since_alive()))
    }
}

impl Collector for Diagnostics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "a queue is never 2^52 long")]
        let waiting = self.queue.load().waiting as f64;
        encode_gauge(&mut encoder, "queue_depth", "Resources that wait to be looked at.", waiting)?;
        self.encode_watches(&mut encoder)?;
        let leader = self.leadership.is_leader();
        let help = "1 if this replica is the one that writes, 0 if it stands by.";
        encode_gauge(&mut encoder, "leader", help, f64::from(u8::from(leader)))
    }
}

impl Diagnostics {
    fn encode_watches(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "watch_age",
            "Time since the API server last sent something on the watch, bookmarks included; the oldest where there are several.",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for name in ["resources", "secrets"] {
            let oldest = self
                .health
                .iter()
                .filter(|health| health.name() == name)
                .map(|health| health.since_received())
                .max();
            if let Some(age) = oldest {
                ConstGauge::new(age.as_secs_f64()).encode(family.encode_family(&[("watch", name)])?)?;
            }
        }
        Ok(())
    }
}
