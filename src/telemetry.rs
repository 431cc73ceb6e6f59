//! The log and, if a collector is configured, the traces.

mod collector;
mod flood;
mod level;
mod one_line;
mod traces;

use clap::ValueEnum;
use opentelemetry::trace::TraceContextExt;
use tokio::runtime::Handle;
use tracing::{Metadata, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    Layer,
    fmt::{self, writer::MakeWriterExt},
    layer::SubscriberExt,
    util::{SubscriberInitExt, TryInitError},
};

pub use self::level::{BadFilter, LogLevel};
use self::{
    flood::Flood,
    one_line::OneLine,
    traces::{TraceConfig, Traces},
};
use crate::error::WithCauses;

/// Format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// Plain text, for people.
    Text,
}

/// Why logging cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `--log-level`.
    #[error("--log-level: {0}")]
    Level(BadFilter),
    /// It was started before.
    #[error("logging cannot be started")]
    Started(#[from] TryInitError),
}

/// What was started.
#[derive(Debug)]
pub struct Telemetry {
    level: LogLevel,
    traces: Option<Traces>,
}

impl Telemetry {
    /// Starts logging to standard error, and traces if the environment (`OTEL_*`) names a collector. `roots` are certificates
    /// (PEM) to trust in addition to the system's.
    ///
    /// # Errors
    /// When the level is not a filter, or logging was started before.
    pub fn start(
        format: LogFormat,
        level: &str,
        runtime: &Handle,
        roots: Option<&[u8]>,
    ) -> Result<Self, TelemetryError> {
        let (level, filter) = LogLevel::new(level).map_err(TelemetryError::Level)?;
        let (traces, trouble) = match TraceConfig::from_environment(|name| std::env::var(name).ok()) {
            TraceConfig::Nothing => (None, None),
            TraceConfig::Traces(settings) => match Traces::start(&settings, runtime.clone(), roots) {
                Ok(traces) => (Some(traces), None),
                Err(error) => (None, Some(WithCauses(&error).to_string())),
            },
            TraceConfig::Unsupported(unsupported) => (None, Some(unsupported.to_string())),
        };
        let flood = Flood::new();
        runtime.spawn(flood.clone().report());
        let admits = move |line: &Metadata<'_>| flood.admits(line);
        let log = match format {
            LogFormat::Json => fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_writer(std::io::stderr.with_filter(admits))
                .with_filter(filter)
                .boxed(),
            LogFormat::Text => fmt::layer()
                .with_ansi(false)
                .with_writer(OneLine.with_filter(admits))
                .with_filter(filter)
                .boxed(),
        };
        tracing_subscriber::registry().with(log).with(traces.as_ref().map(Traces::layer)).try_init()?;
        if let Some(sentence) = trouble {
            tracing::warn!("no traces are sent: {sentence}");
        }
        Ok(Self { level, traces })
    }

    /// The level of the log, which can be changed.
    #[must_use]
    pub fn level(&self) -> LogLevel {
        self.level.clone()
    }

    /// Sends what is left, for a short time at most. To be called while the runtime still runs, and outside of it.
    pub fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish();
        }
    }
}

/// Writes the trace's id into the span's field `trace_id`, from where it comes into each line of the log. Without traces the
/// field stays away.
pub fn show_trace_id(span: &Span) {
    let context = span.context();
    let context = context.span().span_context().clone();
    if context.is_valid() {
        span.record("trace_id", field::display(context.trace_id()));
    }
}

/// Tells the trace, and only that, what came of the span's work.
pub fn set_outcome(span: &Span, outcome: &'static str) {
    span.set_attribute("outcome", outcome);
}
