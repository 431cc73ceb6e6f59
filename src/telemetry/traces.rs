//! Traces by OTLP, as the environment variables of OpenTelemetry say. Spans wait in a queue of bounded length, and are dropped
//! when it is full: nobody waits for the collector.

use std::time::Duration;

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::{
    Layer,
    layer::{Context, Filter},
    registry::LookupSpan,
};

use super::collector::Collector;
use crate::domain::tools::invalid::Quoted;

/// The operator's name, unless the environment gives it another one.
const SERVICE: &str = "aicore-registry-operator";
/// Limit on one request to the collector, unless the environment sets another one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of the process may wait for the collector.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// What the environment asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TraceConfig {
    /// No traces.
    Nothing,
    /// Traces.
    Traces(ExporterSettings),
    /// Traces that cannot be had.
    Unsupported(Unsupported),
}

/// What the environment asks for and this program does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsupported {
    #[error("OTEL_TRACES_EXPORTER is {}; only otlp and none are supported", Quoted(.0))]
    Exporter(String),
    #[error(
        "OTEL_EXPORTER_OTLP_PROTOCOL is {}; only http/protobuf is supported (port 4318 of a collector)",
        Quoted(.0)
    )]
    Protocol(String),
}

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoTraces {
    #[error("the HTTP client for the collector cannot be set up")]
    Http(#[from] reqwest::Error),
    #[error("the OTEL_EXPORTER_OTLP_* variables cannot be used")]
    Variables(#[from] ExporterBuildError),
}

/// What is not left to the SDK, which reads the environment too.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExporterSettings {
    named: bool,
    timeout: Duration,
}

impl TraceConfig {
    pub(super) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| {
            variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        // The variable for traces counts for more than the one for everything.
        let otlp = |name: &str| {
            set(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
                .or_else(|| set(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let exporter = set("OTEL_TRACES_EXPORTER").unwrap_or_else(|| "otlp".to_owned());
        if disabled || exporter == "none" || otlp("ENDPOINT").is_none() {
            return Self::Nothing;
        }
        if exporter != "otlp" {
            return Self::Unsupported(Unsupported::Exporter(exporter));
        }
        match otlp("PROTOCOL").as_deref() {
            None | Some("http/protobuf") => {}
            Some(other) => return Self::Unsupported(Unsupported::Protocol(other.to_owned())),
        }
        let named_by_attribute = || {
            set("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|attributes| {
                attributes.split(',').any(|attribute| attribute.trim().starts_with("service.name="))
            })
        };
        Self::Traces(ExporterSettings {
            named: set("OTEL_SERVICE_NAME").is_some() || named_by_attribute(),
            timeout: otlp("TIMEOUT")
                .and_then(|milliseconds| milliseconds.parse().ok())
                .map_or(DEFAULT_TIMEOUT, Duration::from_millis),
        })
    }
}

/// Traces that are on their way.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts the thread that sends them.
    pub(super) fn start(
        settings: &ExporterSettings,
        runtime: Handle,
        roots: Option<&[u8]>,
    ) -> Result<Self, NoTraces> {
        let collector = Collector::new(settings.timeout, runtime, roots)?;
        let exporter = SpanExporter::builder().with_http().with_http_client(collector).build()?;
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if !settings.named {
            resource = resource.with_service_name(SERVICE);
        }
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Self(provider.build()))
    }

    /// Takes the spans of this program. Events stay in the log.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer: SdkTracer = self.0.tracer(SERVICE);
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(OwnSpans)
    }

    pub(super) fn finish(self) {
        // What cannot be sent now is lost; the collector's own troubles were logged before.
        let _ = self.0.shutdown_with_timeout(FLUSH_LIMIT);
    }
}

/// Spans of this program, whatever is logged.
struct OwnSpans;

impl OwnSpans {
    fn wants(metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("aicore_registry_operator")
    }
}

impl<S> Filter<S> for OwnSpans {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn config(variables: &[(&str, &str)]) -> TraceConfig {
        TraceConfig::from_environment(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn settings(variables: &[(&str, &str)]) -> ExporterSettings {
        match config(variables) {
            TraceConfig::Traces(settings) => settings,
            other => panic!("{variables:?}: {other:?}"),
        }
    }

    #[test]
    fn without_an_endpoint_or_when_switched_off_there_is_nothing() {
        for variables in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_SERVICE_NAME", "mine"), ("OTEL_TRACES_SAMPLER", "always_on")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(config(variables), TraceConfig::Nothing, "{variables:?}");
        }
    }

    #[test]
    fn the_variables_for_traces_count_for_more() {
        assert_eq!(settings(&[ENDPOINT]), ExporterSettings { named: false, timeout: DEFAULT_TIMEOUT });
        let timeouts = [("OTEL_EXPORTER_OTLP_TIMEOUT", "100"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "200")];
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces");
        assert_eq!(settings(&[traces, timeouts[0]]).timeout, Duration::from_millis(100));
        assert_eq!(settings(&[ENDPOINT, timeouts[0], timeouts[1]]).timeout, Duration::from_millis(200));
        assert!(settings(&[ENDPOINT, ("OTEL_SERVICE_NAME", "mine")]).named);
        assert!(settings(&[ENDPOINT, ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=mine")]).named);
    }

    #[test]
    fn what_is_not_supported_is_said() {
        for (variables, part) in [
            ([ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "port 4318"),
            ([ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")], "http/json"),
            ([ENDPOINT, ("OTEL_TRACES_EXPORTER", "zipkin")], "zipkin"),
        ] {
            let TraceConfig::Unsupported(unsupported) = config(&variables) else { panic!("{variables:?}") };
            let sentence = unsupported.to_string();
            assert!(sentence.contains(part), "{sentence}");
        }
    }
}
