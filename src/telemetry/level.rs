//! How much is logged, which can be changed while the program runs.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// The level of the log. Cheap to clone; clones are the same level.
#[derive(Clone, Debug)]
pub struct LogLevel {
    filter: reload::Handle<EnvFilter, Registry>,
    current: Arc<Mutex<String>>,
}

impl LogLevel {
    /// With this filter to begin with.
    pub(super) fn new(text: &str) -> Result<(Self, reload::Layer<EnvFilter, Registry>), String> {
        let (layer, filter) = reload::Layer::new(parse(text)?);
        Ok((Self { filter, current: Arc::new(Mutex::new(text.trim().to_owned())) }, layer))
    }

    /// What is logged now.
    #[must_use]
    pub fn current(&self) -> String {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs this from now on.
    ///
    /// # Errors
    /// One sentence when the text is not a filter.
    pub fn set(&self, text: &str) -> Result<(), String> {
        let filter = parse(text)?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        self.filter.reload(filter).map_err(|error| format!("the filter cannot be changed: {error}"))?;
        text.trim().clone_into(&mut current);
        Ok(())
    }
}

/// kube logs each request that fails as an error, without saying which; whoever sent it says it better. A filter that names the
/// module brings it back.
const TWICE_TOLD: &str = "kube_client::client::builder=off";

fn parse(text: &str) -> Result<EnvFilter, String> {
    let wrong = |why: String| {
        format!(
            "{text:?} is not a log filter: {why}; use error, warn, info, debug, trace or off, or a list such as \
             info,aicore_registry_operator=debug"
        )
    };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    // A single word would else be taken for the name of a module, and silence everything but that.
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    if let Some(part) = parts.iter().find(|part| !part.contains('=') && !is_level(part)) {
        return Err(wrong(format!("{part:?} is not a level")));
    }
    let text = format!("{TWICE_TOLD},{}", parts.join(","));
    EnvFilter::try_new(text).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_lists_are_filters() {
        for text in ["debug", " INFO\n", "off", "info,aicore_registry_operator=debug", "warn, kube=trace"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["", "debgu", "info,", "a=b=c", "a=loud", "6", "aicore_registry_operator"] {
            let sentence = parse(text).unwrap_err();
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
