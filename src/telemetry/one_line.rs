//! A writer for the log in text form: what is logged as one event is one line, whatever is in it. The formatter escapes some
//! control characters, and neither line breaks nor what reorders text.

use std::io::{Stderr, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::domain::tools::printable::Printable;

/// To standard error.
pub(super) struct OneLine;

impl MakeWriter<'_> for OneLine {
    type Writer = Event<Stderr>;

    fn make_writer(&self) -> Self::Writer {
        Event(std::io::stderr())
    }
}

/// Takes events, each as one piece, as the layer for formatted output gives them.
pub(super) struct Event<W>(W);

impl<W: Write> Write for Event<W> {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = format!("{}\n", Printable::new(text.trim_end_matches('\n')));
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{fmt, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_forges_a_line_of_the_log() {
        let memory = Buffer::default();
        let written = memory.clone();
        let layer = fmt::layer().with_ansi(false).with_writer(move || Event(memory.clone()));
        let hostile = "x\n2026-01-01T00:00:00Z ERROR forged\u{1b}[2J\u{202e}\u{2028}\r::error::y";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(shown = %hostile, debug = ?hostile, "said: {hostile}");
            tracing::info_span!("pass", name = %hostile).in_scope(|| tracing::info!("second"));
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.ends_with('\n') && text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{2028}']), "{text:?}");
    }
}
