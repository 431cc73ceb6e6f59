//! What the outside may know of the controller: metrics of its present state, and whether it is ready and alive.

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};
use tokio::sync::watch;

use super::{
    ServiceKeyHeld,
    feeds::{Feeds, Listed},
    index::Index,
    queue::Queue,
};
use crate::{
    api::condition::{self, READY},
    domain::object::ObjectKey,
    k8s::watch::Pulse,
    metrics::encode_gauge,
};

/// Signs of life. Cheap to clone.
#[derive(Clone)]
pub struct Vitals {
    queue: Arc<Queue>,
    index: Arc<Index<ServiceKeyHeld>>,
    pulses: Arc<[Arc<Pulse>]>,
    listed: watch::Receiver<Listed>,
}

impl fmt::Debug for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vitals").field("load", &self.queue.load()).finish_non_exhaustive()
    }
}

impl Vitals {
    pub(super) fn new(queue: Arc<Queue>, index: &Arc<Index<ServiceKeyHeld>>, feeds: &Feeds) -> Self {
        Self { queue, index: Arc::clone(index), pulses: feeds.pulses().into(), listed: feeds.listed() }
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
        self.pulses.iter().map(|pulse| (pulse.name(), pulse.since_alive()))
    }
}

impl Collector for Vitals {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "a queue is never 2^52 long")]
        let waiting = self.queue.load().waiting as f64;
        encode_gauge(&mut encoder, "queue_depth", "Resources that wait to be looked at", waiting)?;
        self.encode_watches(&mut encoder)?;
        self.encode_resources(&mut encoder)
    }
}

impl Vitals {
    fn encode_watches(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "watch_age_seconds",
            "Time since the API server last sent something on the watch; the oldest where there are several",
            None,
            MetricType::Gauge,
        )?;
        for name in ["resources", "secrets"] {
            let oldest =
                self.pulses.iter().filter(|pulse| pulse.name() == name).map(|pulse| pulse.since_good()).max();
            if let Some(age) = oldest {
                ConstGauge::new(age.as_secs_f64()).encode(family.encode_family(&[("watch", name)])?)?;
            }
        }
        Ok(())
    }

    /// Read from the index, so that series go with their resource.
    fn encode_resources(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut resources: Vec<(ObjectKey, bool, Option<i64>)> = Vec::new();
        self.index.for_each(|key, status| {
            let ready =
                condition::find(&status.conditions, READY).is_some_and(|ready| ready.status == "True");
            resources.push((
                key.clone(),
                ready,
                status.last_sync_time.as_ref().map(|time| time.0.as_second()),
            ));
        });
        let labels =
            |key: &ObjectKey| [("namespace", key.namespace.to_string()), ("name", key.name.to_string())];
        let mut family = encoder.encode_descriptor(
            "resource_ready",
            "1 if AI Core holds the credential that the Secret holds now, else 0",
            None,
            MetricType::Gauge,
        )?;
        for (key, ready, _) in &resources {
            ConstGauge::new(i64::from(*ready)).encode(family.encode_family(&labels(key))?)?;
        }
        let mut family = encoder.encode_descriptor(
            "resource_last_sync_timestamp_seconds",
            "When AI Core last accepted the credential, in seconds since 1970",
            None,
            MetricType::Gauge,
        )?;
        for (key, _, synced) in &resources {
            if let Some(synced) = synced {
                ConstGauge::new(*synced).encode(family.encode_family(&labels(key))?)?;
            }
        }
        Ok(())
    }
}
