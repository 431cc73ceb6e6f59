//! What the operator counts and measures (OpenMetrics; times in seconds). Names and labels are part of its interface.

pub(crate) mod quota;
pub(crate) mod series;

use std::{borrow::Cow, fmt, iter, sync::Arc, time::Duration};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use self::{quota::Quotas, series::Pieces};

/// What all names begin with.
const PREFIX: &str = "aicore_registry";

/// From a fraction of a millisecond, which a rotation on an idle machine takes, to the minutes of a backoff.
const BUCKETS: [f64; 16] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics that are counted as things happen. What is a property of the present state is read at the time of the scrape:
/// what has a few series (queue, watches) by collectors, [`Metrics::register`]; what has as many as there are objects
/// (resources, tenants) piece by piece, [`Metrics::register_series`].
pub struct Metrics {
    registry: Mutex<Registry>,
    series: Mutex<Vec<Box<dyn Fn() -> Pieces + Send + Sync>>>,
    reconciles: Family<OutcomeLabels, Counter>,
    reconcile_duration: Histogram,
    remote_requests: Family<RequestLabels, Counter>,
    remote_request_duration: Histograms<MethodLabels>,
    token_requests: Family<CodeLabels, Counter>,
    rotation_latency: Histogram,
    quotas: Arc<Quotas>,
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

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
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
        let mut registry = Registry::with_prefix(PREFIX);
        let metrics = Self {
            registry: Mutex::default(),
            series: Mutex::default(),
            reconciles: Family::default(),
            reconcile_duration: histogram(),
            remote_requests: Family::default(),
            remote_request_duration: Histograms::new_with_constructor(histogram),
            token_requests: Family::default(),
            rotation_latency: histogram(),
            quotas: Arc::default(),
            remote_orphaned: Counter::default(),
        };
        registry.register(
            "reconcile",
            "Passes over a resource (reconciles), by outcome",
            metrics.reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "Duration of a pass over a resource",
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
            "Duration of requests to AI Core",
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
            "remote_orphaned",
            "Remote secrets that were to be deleted and stayed behind",
            metrics.remote_orphaned.clone(),
        );
        registry.register(
            "build",
            "Version of the operator",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        *metrics.registry.lock() = registry;
        metrics.register_series(quota::pieces(&metrics.quotas));
        metrics
    }

    /// Adds something with a few series that is read at each scrape.
    pub(crate) fn register(&self, collector: impl Collector + 'static) {
        self.registry.lock().register_collector(Box::new(collector));
    }

    /// Adds families with many series. `pieces` is called at each scrape.
    pub(crate) fn register_series(&self, pieces: impl Fn() -> Pieces + Send + Sync + 'static) {
        self.series.lock().push(Box::new(pieces));
    }

    /// The exposition in OpenMetrics text format, in pieces, each of which is written when it is asked for. The first one
    /// holds everything that has a few series.
    ///
    /// # Errors
    /// When a collector fails to write.
    pub fn exposition(&self) -> Result<impl Iterator<Item = String> + Send + use<>, fmt::Error> {
        let mut first = String::new();
        encode_registry(&mut first, &self.registry.lock())?;
        let mut last = String::new();
        encode_eof(&mut last)?;
        let series = self.series.lock();
        let many: Vec<Pieces> = series.iter().map(|pieces| pieces()).collect();
        Ok(iter::once(first).chain(many.into_iter().flatten()).chain(iter::once(last)))
    }

    /// A pass over a resource ended.
    pub(crate) fn reconciled(&self, outcome: &'static str, took: Duration) {
        self.reconciles.get_or_create(&OutcomeLabels { outcome }).inc();
        self.reconcile_duration.observe(took.as_secs_f64());
    }

    /// A request to AI Core ended. `code` is `none` when there was no answer.
    pub(crate) fn remote_request(&self, method: &str, code: &str, took: Duration) {
        self.remote_requests
            .get_or_create(&RequestLabels { method: method.to_owned(), code: code_label(code).into_owned() })
            .inc();
        self.remote_request_duration
            .get_or_create(&MethodLabels { method: method.to_owned() })
            .observe(took.as_secs_f64());
    }

    /// A request to an authorization server ended.
    pub fn token_request(&self, code: &str) {
        self.token_requests.get_or_create(&CodeLabels { code: code_label(code).into_owned() }).inc();
    }

    /// AI Core accepted a credential, this long after the event that it had changed.
    pub fn rotated(&self, latency: Duration) {
        self.rotation_latency.observe(latency.as_secs_f64());
    }

    /// What tenants said of their quotas.
    #[must_use]
    pub fn quotas(&self) -> &Arc<Quotas> {
        &self.quotas
    }

    /// A remote secret stays behind, as things are. Its resource may come back to it, which a counter cannot take back.
    pub fn orphaned(&self) {
        self.remote_orphaned.inc();
    }
}

/// A status code that IANA lists stands for itself, and any other for its class, as `4xx`: a server may answer with 900
/// codes, and each of them is a series for as long as the process lives.
fn code_label(code: &str) -> Cow<'_, str> {
    let listed =
        |code: u16| http::StatusCode::from_u16(code).is_ok_and(|code| code.canonical_reason().is_some());
    match code.parse::<u16>() {
        Ok(number) if !listed(number) => format!("{}xx", number / 100).into(),
        _ => code.into(),
    }
}

/// Writes one gauge without labels; for collectors.
///
/// # Errors
/// When the encoder fails to write.
pub(crate) fn encode_gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: f64,
) -> fmt::Result {
    use prometheus_client::{
        encoding::EncodeMetric,
        metrics::{MetricType, gauge::ConstGauge},
    };
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}

#[cfg(test)]
mod tests;
