//! A watch that goes on for ever: it survives errors, lists again when its version has expired, slows down while it fails,
//! and says when it was last alive. Each watch is on its own, so that one that fails delays no other.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt, stream::BoxStream};
use kube::{
    Api, Resource,
    runtime::watcher::{self, Config, Event},
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::domain::bounds;

/// How long the API server keeps a watch open: below the 240 s after which load balancers drop quiet connections.
const WATCH_TIMEOUT_SECONDS: u32 = 200;
/// Objects in one page of a list.
const PAGE_SIZE: u32 = 500;
/// First and longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// After this long without one, a failure counts as the first.
const CALM: Duration = Duration::from_secs(90);

/// The configuration that all watches share.
#[must_use]
pub fn config() -> Config {
    Config::default().timeout(WATCH_TIMEOUT_SECONDS).page_size(PAGE_SIZE)
}

/// When a watch last did something: received an event, or an error that it goes on from.
#[derive(Debug)]
pub struct Pulse {
    name: &'static str,
    start: Instant,
    last_alive: AtomicU64,
    last_good: AtomicU64,
}

impl Pulse {
    /// A watch that has not begun yet counts as alive from now on.
    #[must_use]
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            start: Instant::now(),
            last_alive: AtomicU64::new(0),
            last_good: AtomicU64::new(0),
        })
    }

    /// What is watched.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Time since the watch last did anything, failing included.
    #[must_use]
    pub fn since_alive(&self) -> Duration {
        self.since(&self.last_alive)
    }

    /// Time since the watch last received something from the API server.
    #[must_use]
    pub fn since_good(&self) -> Duration {
        self.since(&self.last_good)
    }

    /// Notes a sign of life; `good` when the API server answered.
    pub fn beat(&self, good: bool) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_alive.store(now, Ordering::Relaxed);
        if good {
            self.last_good.store(now, Ordering::Relaxed);
        }
    }

    fn since(&self, then: &AtomicU64) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(then.load(Ordering::Relaxed)))
    }
}

/// Watches for ever and hands each event to `on`.
pub async fn run<K>(api: Api<K>, config: Config, pulse: Arc<Pulse>, on: impl FnMut(Event<K>))
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    follow(pulse, || watcher::watcher(api.clone(), config.clone()).boxed(), on).await;
}

async fn follow<K>(
    pulse: Arc<Pulse>,
    open: impl Fn() -> BoxStream<'static, watcher::Result<Event<K>>>,
    mut on: impl FnMut(Event<K>),
) {
    let mut events = open();
    let mut trouble = Trouble::default();
    loop {
        match next(&mut events).await {
            Some(Ok(event)) => {
                // The first event of a list comes before the API server was asked: it proves nothing.
                let good = !matches!(event, Event::Init);
                pulse.beat(good);
                if good && trouble.is_over() {
                    info!(watch = pulse.name, "watch works again");
                }
                on(event);
            }
            Some(Err(error)) => {
                pulse.beat(false);
                let pause = if expired(&error) { trouble.expired() } else { trouble.again() };
                warn!(watch = pulse.name, error = %describe(&error), pause_ms = pause.as_millis(), "watch failed");
                // A watcher whose *request* was answered 410 would ask for the expired version for ever.
                if is_expired(&error) {
                    events = open();
                }
                tokio::time::sleep(pause).await;
            }
            // A watcher never ends by itself; should one do, another takes its place.
            None => {
                pulse.beat(false);
                tokio::time::sleep(trouble.again()).await;
                events = open();
            }
        }
    }
}

/// Failures that follow each other. A list that works between two of them does not count as an end: with a version that
/// expires at once, each list is followed by another failure.
#[derive(Default)]
struct Trouble {
    failures: u32,
    last: Option<Instant>,
    announced: bool,
    /// Whether the last failure was that the version had expired.
    listing: bool,
}

impl Trouble {
    /// Another failure; how long to pause: twice as long as before, unless the last one is long ago.
    fn again(&mut self) -> Duration {
        let calm = self.last.is_none_or(|last| last.elapsed() > CALM);
        self.failures = if calm { 1 } else { self.failures.saturating_add(1) };
        self.last = Some(Instant::now());
        self.announced = true;
        self.listing = false;
        PAUSE.0.saturating_mul(2_u32.saturating_pow(self.failures - 1)).min(PAUSE.1)
    }

    /// The version has expired, as after a restart of the API server; how long to pause: not at all, since a list mends that,
    /// unless it did not mend it the last time.
    fn expired(&mut self) -> Duration {
        if self.listing {
            let pause = self.again();
            self.listing = true;
            return pause;
        }
        self.announced = true;
        self.listing = true;
        self.last = Some(Instant::now());
        Duration::ZERO
    }

    /// Whether this is the first success after a failure.
    fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.announced)
    }
}

async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    stream.next().await
}

/// Whether the API server no longer knows the version that the watch stands at.
fn expired(error: &watcher::Error) -> bool {
    is_expired(error) || matches!(error, watcher::Error::WatchError(status) if status.code == 410)
}

/// Whether it said so instead of opening the watch.
fn is_expired(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

/// The error without the debug form of the API server's whole answer.
fn describe(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => {
            // A proxy's whole page, when it was none of the API server's.
            format!("HTTP {}: {}", status.code, bounds::cut(status.message.clone(), bounds::MESSAGE))
        }
        other => super::error::describe(other),
    }
}

#[cfg(test)]
mod tests;
