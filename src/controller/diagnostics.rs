//! What the outside may know of the controller: metrics of its present state, and whether it is ready and alive.

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Unit,
};

use super::{
    queue::Queue,
    scopes::{NotReady, Ready, Scopes, Watched},
};
use crate::{
    k8s::{rights::Rights, watch::WatchHealth},
    leadership::Leadership,
    metrics::encode_gauge,
};

/// Whether the controller is ready and alive, and what waits. Cheap to clone.
#[derive(Clone)]
pub struct Diagnostics {
    queue: Arc<Queue>,
    scopes: Arc<Scopes>,
    leadership: Leadership,
    rights: Rights,
}

/// A process that can do its work, and the rights that it lacks; the sentence for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyBut {
    ready: Ready,
    missing: Option<String>,
}

impl fmt::Display for ReadyBut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.ready, &self.missing) {
            (ready, None) => ready.fmt(f),
            (Ready::Everywhere, Some(missing)) => write!(f, "{}, but {missing}", Ready::Everywhere),
            (ready @ Ready::NotIn(_), Some(missing)) => write!(f, "{ready}; {missing}"),
        }
    }
}

/// A process that cannot do its work, and the rights that it lacks; the sentence for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReadyAnd {
    not_ready: NotReady,
    missing: Option<String>,
}

impl std::error::Error for NotReadyAnd {}

impl fmt::Display for NotReadyAnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.not_ready.fmt(f)?;
        self.missing.as_ref().map_or(Ok(()), |missing| write!(f, "; {missing}"))
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnostics").field("load", &self.queue.load()).finish_non_exhaustive()
    }
}

impl Diagnostics {
    pub(super) fn new(queue: Arc<Queue>, scopes: Arc<Scopes>, leadership: Leadership) -> Self {
        Self { queue, scopes, leadership, rights: Rights::default() }
    }

    /// With what is known of the account's rights.
    #[must_use]
    pub(crate) fn with_rights(self, rights: Rights) -> Self {
        Self { rights, ..self }
    }

    /// With empty caches that count as filled, and these watches on resources and on Secrets, if there are any.
    #[cfg(test)]
    pub(crate) fn of(queue: Arc<Queue>, health: &[Arc<WatchHealth>], leadership: Leadership) -> Self {
        let scopes = match health {
            [resources, secrets] => {
                vec![Watched { scope: None, resources: Arc::clone(resources), secrets: Arc::clone(secrets) }]
            }
            _ => Vec::new(),
        };
        Self::new(queue, Arc::new(Scopes::watched(scopes).all_listed()), leadership)
    }

    /// Waits until the caches are filled, as far as they can be.
    pub async fn warm(&self) {
        self.scopes.warm().await;
    }

    /// Whether this process can do its work, and where it cannot nevertheless.
    ///
    /// # Errors
    /// What is missing.
    pub fn ready(&self) -> Result<ReadyBut, NotReadyAnd> {
        let missing = self.rights.clause();
        match self.scopes.ready() {
            Ok(ready) => Ok(ReadyBut { ready, missing }),
            Err(not_ready) => Err(NotReadyAnd { not_ready, missing }),
        }
    }

    /// Passes taken by workers since the start, passes that wait, and passes that run.
    #[must_use]
    pub fn load(&self) -> super::queue::Load {
        self.queue.load()
    }

    /// For each watch, its name and the time since it last did anything.
    pub fn watches(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.health().map(|health| (health.name(), health.since_alive()))
    }

    fn health(&self) -> impl Iterator<Item = &WatchHealth> {
        self.scopes.iter().flat_map(|(_, Watched { resources, secrets, .. })| [&**resources, &**secrets])
    }
}

impl Collector for Diagnostics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "a queue is never 2^52 long")]
        let waiting = self.queue.load().waiting as f64;
        encode_gauge(&mut encoder, "queue_depth", "Resources that wait in the work queue.", waiting)?;
        self.encode_ages(&mut encoder)?;
        self.encode_works(&mut encoder)?;
        let leader = self.leadership.is_leader();
        let help = "1 if this replica is the leader, 0 if it stands by.";
        encode_gauge(&mut encoder, "leader", help, f64::from(u8::from(leader)))
    }
}

impl Diagnostics {
    fn encode_ages(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "watch_age",
            "Time since the API server last sent something on the watch, bookmarks included; the oldest where there are several.",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for name in ["resources", "secrets"] {
            let oldest =
                self.health().filter(|health| health.name() == name).map(WatchHealth::since_received).max();
            if let Some(age) = oldest {
                ConstGauge::new(age.as_secs_f64()).encode(family.encode_family(&[("watch", name)])?)?;
            }
        }
        Ok(())
    }

    /// One series for each watch: as many as there are namespaces in the configuration, times two.
    fn encode_works(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "watch_up",
            "1 if the watch has listed, its last request did not fail, and something arrived within the last 90 s, else 0; \
             namespace is empty for all namespaces.",
            None,
            MetricType::Gauge,
        )?;
        for health in self.health() {
            let namespace = health.namespace().map_or("", |namespace| &**namespace);
            let labels = [("watch", health.name()), ("namespace", namespace)];
            ConstGauge::new(i64::from(health.hears())).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
