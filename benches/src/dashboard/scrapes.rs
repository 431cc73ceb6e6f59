//! Scrapes each target once a second, as Prometheus does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{task::JoinHandle, time};

use super::questions::Scrape;

/// Time between two scrapes.
const INTERVAL: Duration = Duration::from_secs(1);

/// Where to scrape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// The metrics.
    pub(super) url: String,
    /// Labels that Prometheus adds.
    pub(super) labels: BTreeMap<String, String>,
}

/// Scrapes until it is finished or dropped.
pub(super) struct Scraper {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    targets: Vec<Target>,
    scrapes: Vec<Scrape>,
}

impl Scraper {
    /// Starts without a target. In what is scraped, each first text of `addresses` is replaced by the second.
    pub(super) fn start(addresses: Vec<(String, String)>) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(INTERVAL * 9 / 10).build()?;
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut ticks = time::interval(INTERVAL);
            let mut known: Vec<Target> = Vec::new();
            loop {
                ticks.tick().await;
                let targets = lock(&shared).targets.clone();
                let time = now();
                for target in &targets {
                    let text = scrape(&client, &target.url, &addresses).await.unwrap_or_default();
                    lock(&shared).scrapes.push(Scrape { time, target: target.labels.clone(), text });
                }
                // Their series end.
                for gone in known.iter().filter(|known| !targets.contains(known)) {
                    let text = String::new();
                    lock(&shared).scrapes.push(Scrape { time, target: gone.labels.clone(), text });
                }
                known = targets;
            }
        });
        Ok(Self { state, task })
    }

    /// From now on this target is scraped.
    pub(super) fn add(&self, target: &Target) {
        lock(&self.state).targets.push(target.clone());
    }

    /// From now on it is not.
    pub(super) fn remove(&self, target: &Target) {
        lock(&self.state).targets.retain(|known| known != target);
    }

    /// All scrapes.
    pub(super) fn finish(self) -> Vec<Scrape> {
        std::mem::take(&mut lock(&self.state).scrapes)
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn scrape(
    client: &reqwest::Client,
    url: &str,
    addresses: &[(String, String)],
) -> anyhow::Result<String> {
    let text = client.get(url).send().await?.error_for_status()?.text().await?;
    Ok(addresses.iter().fold(text, |text, (from, to)| text.replace(from, to)))
}

/// In milliseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "the only place where the picture's clock is read")]
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
