//! A bound on what is logged: whatever happens, and however often, the log neither fills a disk nor drowns those that collect it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{Level, Metadata, warn};

use crate::domain::tools::bucket::{Bucket, Rate};

/// Lines in the long run, per second, and at once: more than one for each push that an API server takes.
const LINES: (f64, u32) = (1000.0, 10_000);
/// How often it is said that lines were left out.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Counts lines. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Flood(Arc<State>);

#[derive(Debug)]
struct State {
    start: Instant,
    bucket: Mutex<Bucket>,
    left_out: AtomicU64,
}

impl Flood {
    /// None were written yet.
    pub(super) fn new() -> Self {
        Self(Arc::new(State { start: Instant::now(), bucket: Mutex::default(), left_out: AtomicU64::new(0) }))
    }

    /// Whether one more line may be written. Errors, which end the process, and what is said here always may.
    pub(super) fn admits(&self, line: &Metadata<'_>) -> bool {
        if *line.level() == Level::ERROR || line.target() == module_path!() {
            return true;
        }
        let State { start, bucket, left_out } = &*self.0;
        let admitted = bucket.lock().take_now(Rate::new(LINES.0, LINES.1), start.elapsed()).is_ok();
        if !admitted {
            left_out.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Says how many lines were left out. Never ends.
    pub(super) async fn report(self) {
        loop {
            tokio::time::sleep(SAID_EVERY).await;
            let lines = self.0.left_out.swap(0, Ordering::Relaxed);
            if lines > 0 {
                warn!(lines, "lines were left out of the log: there were more than {} a second", LINES.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tracing_subscriber::{
        fmt::{self, writer::MakeWriterExt},
        layer::SubscriberExt,
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_bound_lines_are_left_out_and_that_is_said() {
        let (flood, memory) = (Flood::new(), Buffer::default());
        let (bound, written) = (flood.clone(), memory.clone());
        let writer = (move || memory.clone()).with_filter(move |line: &Metadata<'_>| bound.admits(line));
        let _log = tracing::subscriber::set_default(
            tracing_subscriber::registry().with(fmt::layer().with_ansi(false).with_writer(writer)),
        );
        let lines = |part: &str| {
            let text = String::from_utf8(written.0.lock().clone()).unwrap();
            text.lines().filter(|line| line.contains(part)).count()
        };
        (0..25_000).for_each(|_| tracing::info!("something"));
        assert_eq!(lines("something"), 10_000);
        tracing::error!("the end");
        assert_eq!(lines("the end"), 1);
        let _ = tokio::time::timeout(SAID_EVERY + Duration::from_secs(1), flood.report()).await;
        assert_eq!(
            lines("lines were left out of the log: there were more than 1000 a second lines=15000"),
            1
        );
        tracing::info!("something");
        assert_eq!(lines("something"), 10_001, "there is room again");
    }
}
