//! How much is logged, which can be changed while the program runs, and what never is.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{Metadata, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::{
    EnvFilter, Registry,
    filter::{FilterExt, ParseError},
    layer::{Context, Filter},
    reload,
};

use crate::domain::tools::invalid::Quoted;

/// Why a text is not what to log.
#[derive(Debug, thiserror::Error)]
pub enum BadFilter {
    /// A part of it is no level.
    #[error("{} is not a log filter: {} is not a level; {}", Quoted(filter), Quoted(part), FORMS)]
    NotALevel {
        /// The whole text.
        filter: String,
        /// The part.
        part: String,
    },
    /// It is not even a list of levels.
    #[error("{} is not a log filter: {why}; {}", Quoted(filter), FORMS)]
    Directive {
        /// The whole text.
        filter: String,
        /// What the parser says.
        why: ParseError,
    },
    /// Logging has ended.
    #[error("the log level cannot be changed any more")]
    Ended(#[from] reload::Error),
}

/// What can be written instead.
const FORMS: &str =
    "use error, warn, info, debug, trace or off, or a list such as info,aicore_registry_operator=debug";

/// The level of the log. Cheap to clone; clones are the same level.
#[derive(Clone, Debug)]
pub struct LogLevel {
    filter: reload::Handle<EnvFilter, Registry>,
    current: Arc<Mutex<String>>,
}

impl LogLevel {
    /// With this filter to begin with.
    pub(super) fn new(text: &str) -> Result<(Self, impl Filter<Registry> + use<>), BadFilter> {
        let (wanted, filter) = reload::Layer::new(parse(text)?);
        let level = Self { filter, current: Arc::new(Mutex::new(text.trim().to_owned())) };
        Ok((level, wanted.and(WithoutContent)))
    }

    /// What is logged now.
    #[must_use]
    pub fn current(&self) -> String {
        self.current.lock().clone()
    }

    /// Logs this from now on.
    ///
    /// # Errors
    /// When the text is not a filter.
    pub fn set(&self, text: &str) -> Result<(), BadFilter> {
        let filter = parse(text)?;
        let mut current = self.current.lock();
        self.filter.reload(filter)?;
        text.trim().clone_into(&mut current);
        Ok(())
    }
}

/// Who may speak at all, whatever filter is set: this program, and libraries whose lines were read and found to hold names, sizes
/// and states. Others quote what they receive and send: `kube_client` whole answers that it does not understand, `kube_runtime` and
/// `h2` what a server says in an error.
const SPEAKERS: [&str; 5] = [
    "aicore_registry_operator",
    "hyper_util",
    "kube_client::client::builder",
    "opentelemetry",
    "opentelemetry_sdk",
];

/// Lets [`SPEAKERS`] through. A filter of its own, since in an `EnvFilter` the directive that names a module best wins.
struct WithoutContent;

impl WithoutContent {
    fn admits(metadata: &Metadata<'_>) -> bool {
        SPEAKERS.iter().any(|speaker| {
            // A crate's name, or the path of one of its modules.
            metadata.target().strip_prefix(speaker).is_some_and(|rest| {
                rest.is_empty()
                    || rest.starts_with("::")
                    || (*speaker == "opentelemetry" && rest.starts_with('-'))
            })
        })
    }
}

impl<S> Filter<S> for WithoutContent {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::admits(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::admits(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

/// kube logs each request that fails as an error, without saying which; whoever sent it says it better. A filter that names the
/// module brings it back.
const TWICE_TOLD: &str = "kube_client::client::builder=off";

fn parse(text: &str) -> Result<EnvFilter, BadFilter> {
    let filter = || text.to_owned();
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    // A single word would else be taken for the name of a module, and silence everything but that.
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    if let Some(part) = parts.iter().find(|part| !part.contains('=') && !is_level(part)) {
        return Err(BadFilter::NotALevel { filter: filter(), part: (*part).to_owned() });
    }
    EnvFilter::try_new(format!("{TWICE_TOLD},{}", parts.join(",")))
        .map_err(|why| BadFilter::Directive { filter: filter(), why })
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::{Layer, fmt, layer::SubscriberExt};

    use super::*;

    #[test]
    fn levels_and_lists_are_filters() {
        for text in ["debug", " INFO\n", "off", "info,aicore_registry_operator=debug", "warn, kube=trace"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["", "debgu", "info,", "a=b=c", "a=loud", "6", "aicore_registry_operator"] {
            let sentence = parse(text).unwrap_err().to_string();
            assert!(sentence.contains("is not a log filter") && sentence.contains("use error"), "{sentence}");
        }
    }

    #[test]
    fn the_line_that_says_nothing_new_can_be_asked_for() {
        let target = TWICE_TOLD.split('=').next().unwrap();
        assert!(parse("trace").unwrap().to_string().contains(TWICE_TOLD));
        let asked = parse(&format!("info,{target}=error")).unwrap().to_string();
        assert!(asked.contains(&format!("{target}=error")) && !asked.contains(TWICE_TOLD), "{asked}");
    }

    /// What is logged with this filter, by modules that log every line that there could be.
    fn logged(filter: &str) -> Vec<String> {
        macro_rules! at_each_level {
            ($($target:literal)*) => { $(
                tracing::error!(target: $target, $target);
                tracing::warn!(target: $target, $target);
                tracing::info!(target: $target, $target);
                tracing::debug!(target: $target, $target);
                tracing::trace!(target: $target, $target);
            )* };
        }
        let lines = Lines::default();
        let (_level, filter) = LogLevel::new(filter).unwrap();
        let written = lines.clone();
        let layer = fmt::layer().without_time().with_target(false).with_level(false).with_ansi(false);
        let layer = layer.with_writer(move || written.clone()).with_filter(filter);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _span =
                tracing::error_span!(target: "aicore_registry_operator::x", "reconcile", namespace = "ml")
                    .entered();
            let _inner =
                tracing::error_span!(target: "kube_client::client", "inner", secret = "s3cr3tCanary")
                    .entered();
            at_each_level! {
                "aicore_registry_operator" "aicore_registry_operator::k8s::watch" "hyper_util::client::legacy::pool"
                "kube_client" "kube_client::client" "kube_client::client::client_ext" "kube_client::config" "kube_client_x"
                "kube_core::request" "kube_runtime::watcher" "h2::codec::framed_read" "h2::client" "hyper::proto::h1::io"
                "reqwest::connect" "rustls::client" "tower::buffer" "tower_http::trace" "log" "aicore_registry_operator_x"
            }
        });
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.dedup();
        lines
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The most specific directive wins in a filter, so every way to name a module is tried.
    #[test]
    fn no_filter_brings_back_the_lines_that_can_hold_content() {
        for filter in [
            "trace",
            "kube_client=trace",
            "kube_client::client=trace",
            "info,kube_client::client=debug",
            "off,kube_client::client=warn,kube_runtime::watcher=trace,h2=trace,hyper=trace,reqwest=trace",
            "[reconcile]=trace",
            "[reconcile{namespace=ml}]=trace",
            "[reconcile{namespace=m.*}]=trace",
            "kube_client::client[inner]=trace",
            "kube_client::client[{secret}]=trace",
            "[{secret=s.*}]=trace",
            "trace,kube=trace,kube_client::client::client_ext=trace",
        ] {
            let shown = logged(filter);
            let foreign: Vec<_> = shown
                .iter()
                .filter(|line| {
                    !line.ends_with("aicore_registry_operator")
                        && !line.ends_with("aicore_registry_operator::k8s::watch")
                        && !line.ends_with("hyper_util::client::legacy::pool")
                })
                .collect();
            assert_eq!(foreign, Vec::<&String>::new(), "{filter}");
            assert!(!shown.iter().any(|line| line.contains("s3cr3tCanary")), "{filter}: {shown:?}");
        }
        assert_eq!(logged("trace").len(), 3, "what may speak does");
        assert_eq!(logged("error").len(), 3);
    }

    #[test]
    fn what_was_set_is_shown() {
        let (level, _layer) = LogLevel::new("info").unwrap();
        assert_eq!(level.current(), "info");
        level.set(" debug\n").unwrap();
        assert_eq!(level.current(), "debug");
        assert!(level.set("loud").is_err());
        assert_eq!(level.current(), "debug");
    }
}
