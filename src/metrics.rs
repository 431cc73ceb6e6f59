//! What the operator counts and measures (OpenMetrics; times in seconds). Names and labels are part of its interface.

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::domain::api_url::Tenant;

/// From a fraction of a millisecond, which a rotation on an idle machine takes, to the minutes of a backoff.
const BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics that are counted as things happen. What is a property of the present state (resources, queue, watches) is
/// read at the time of the scrape, by collectors that are registered with [`Metrics::register`].
#[derive(Debug)]
pub struct Metrics {
    registry: std::sync::Mutex<Registry>,
    reconciles: Family<OutcomeLabels, Counter>,
    reconcile_duration: Histogram,
    remote_requests: Family<RequestLabels, Counter>,
    remote_request_duration: Histograms<MethodLabels>,
    token_requests: Family<CodeLabels, Counter>,
    rotation_latency: Histogram,
    quota_used: Family<TenantLabels, Gauge>,
    quota_limit: Family<TenantLabels, Gauge>,
    remote_orphaned: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    tenant: String,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("aicore_registry");
        let metrics = Self {
            registry: std::sync::Mutex::default(),
            reconciles: Family::default(),
            reconcile_duration: histogram(),
            remote_requests: Family::default(),
            remote_request_duration: Histograms::new_with_constructor(histogram),
            token_requests: Family::default(),
            rotation_latency: histogram(),
            quota_used: Family::default(),
            quota_limit: Family::default(),
            remote_orphaned: Counter::default(),
        };
        registry.register(
            "reconcile",
            "Passes over a resource, by what came of them",
            metrics.reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "Time that a pass over a resource took",
            Unit::Seconds,
            metrics.reconcile_duration.clone(),
        );
        registry.register(
            "remote_requests",
            "Requests to AI Core; code is none without an answer",
            metrics.remote_requests.clone(),
        );
        registry.register_with_unit(
            "remote_request_duration",
            "Time that requests to AI Core took",
            Unit::Seconds,
            metrics.remote_request_duration.clone(),
        );
        registry.register(
            "token_requests",
            "Requests to authorization servers; code is none without an answer",
            metrics.token_requests.clone(),
        );
        registry.register_with_unit(
            "rotation_latency",
            "Time from the event that a Secret changed to AI Core accepting the new credential",
            Unit::Seconds,
            metrics.rotation_latency.clone(),
        );
        registry.register(
            "quota_used",
            "Docker registry secrets of the tenant, when it was last asked",
            metrics.quota_used.clone(),
        );
        registry.register(
            "quota_limit",
            "Docker registry secrets that the tenant may have",
            metrics.quota_limit.clone(),
        );
        registry.register(
            "remote_orphaned",
            "Remote secrets that stayed behind because the service key was gone first",
            metrics.remote_orphaned.clone(),
        );
        registry.register(
            "build",
            "Version of the operator",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        *metrics.lock() = registry;
        metrics
    }

    /// Adds something that is read at each scrape.
    pub fn register(&self, collector: impl Collector + 'static) {
        self.lock().register_collector(Box::new(collector));
    }

    /// The exposition, in OpenMetrics text format.
    ///
    /// # Errors
    /// When a collector fails to write.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.lock())?;
        Ok(text)
    }

    /// A pass over a resource ended.
    pub fn reconciled(&self, outcome: &'static str, took: Duration) {
        self.reconciles.get_or_create(&OutcomeLabels { outcome }).inc();
        self.reconcile_duration.observe(took.as_secs_f64());
    }

    /// A request to AI Core ended. `code` is `none` when there was no answer.
    pub fn remote_request(&self, method: &str, code: &str, took: Duration) {
        self.remote_requests
            .get_or_create(&RequestLabels { method: method.to_owned(), code: code.to_owned() })
            .inc();
        self.remote_request_duration
            .get_or_create(&MethodLabels { method: method.to_owned() })
            .observe(took.as_secs_f64());
    }

    /// A request to an authorization server ended.
    pub fn token_request(&self, code: &str) {
        self.token_requests.get_or_create(&CodeLabels { code: code.to_owned() }).inc();
    }

    /// AI Core accepted a credential, this long after the event that it had changed.
    pub fn rotated(&self, latency: Duration) {
        self.rotation_latency.observe(latency.as_secs_f64());
    }

    /// A tenant told its quota.
    pub fn quota(&self, tenant: &Arc<Tenant>, used: u64, limit: u64) {
        let labels = TenantLabels { tenant: tenant.to_string() };
        self.quota_used.get_or_create(&labels).set(i64::try_from(used).unwrap_or(i64::MAX));
        self.quota_limit.get_or_create(&labels).set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// A remote secret stayed behind.
    pub fn orphaned(&self) {
        self.remote_orphaned.inc();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Writes one gauge without labels; for collectors.
///
/// # Errors
/// When the encoder fails to write.
pub fn encode_gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    use prometheus_client::{
        encoding::EncodeMetric,
        metrics::{MetricType, gauge::ConstGauge},
    };
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}
