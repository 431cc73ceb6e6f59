//! A watch that goes on for ever: it survives errors, lists again when its version has expired or when the API server has sent
//! nothing for long, slows down while it fails, and says how it is. Each watch is on its own, so that one that fails delays no
//! other.

mod answer;
mod backoff;
mod comeback;
#[cfg(test)]
mod fuzz;
mod health;
mod wire;

use std::{error::Error, fmt::Debug, sync::Arc, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use kube::{
    Api, Client, Resource,
    runtime::watcher::{self, Config, Event},
};
use serde::de::DeserializeOwned;
use tracing::{debug, info, warn};

pub(crate) use self::health::WatchHealth;
use self::{
    backoff::WatchBackoff,
    comeback::{Comeback, Trouble},
    wire::{Places, Unusable},
};
use crate::{api::KIND, domain::parse::bounds, jitter};

/// How long the API server keeps a watch open: below the 240 s after which load balancers drop quiet connections.
const WATCH_TIMEOUT_SECONDS: u32 = 200;
/// How long a watch may be silent before it is taken for deaf. The API server sends a bookmark about once a minute, and one
/// just before it ends a watch: this is longer than any watch lives. A watch is deaf when its version is of a future that an etcd
/// restored from a backup has yet to reach, when a connection is half open, and behind a proxy that keeps answers back.
pub(crate) const SILENCE_LIMIT: Duration = Duration::from_secs(240);

/// A watch that was open for so long has worked: that its connection breaks then is no failure of it.
const WELL_OPEN: Duration = Duration::from_secs(1);

/// The configuration that all watches share.
#[must_use]
pub(crate) fn config() -> Config {
    Config::default().timeout(WATCH_TIMEOUT_SECONDS)
}

/// What all watches of a process share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watcher {
    client: Client,
    places: Places,
    silence_limit: Duration,
    comeback: Arc<Comeback>,
}

impl Watcher {
    /// Watches by this client. A watch that is silent for `silence_limit` lists anew: see [`SILENCE_LIMIT`].
    #[must_use]
    pub(crate) fn new(client: Client, silence_limit: Duration) -> Self {
        Self { client, places: Places::default(), silence_limit, comeback: Arc::default() }
    }

    /// Watches for ever and hands each event to `on`.
    pub(crate) async fn run<K>(
        &self,
        health: Arc<WatchHealth>,
        api: impl FnOnce(Client) -> Api<K>,
        config: Config,
        on: impl FnMut(Event<K>),
    ) where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let api = api(wire::connect(
            &self.client,
            Arc::clone(&health),
            self.places.clone(),
            Arc::clone(&self.comeback),
        ));
        let open = || watcher::watcher(api.clone(), config.clone()).boxed();
        follow(&health, self.silence_limit, &self.comeback, open, on).await;
    }
}

async fn follow<K>(
    health: &WatchHealth,
    silence_limit: Duration,
    comeback: &Comeback,
    open: impl Fn() -> BoxStream<'static, watcher::Result<Event<K>>>,
    mut on: impl FnMut(Event<K>),
) {
    let anew = || {
        health.listed();
        open()
    };
    let (watch, namespace) = (health.name(), health.namespace().map(|namespace| &**namespace));
    let mut events = anew();
    let mut backoff = WatchBackoff::default();
    let works_again = |backoff: &mut WatchBackoff| {
        if backoff.is_over() {
            info!(watch, namespace, "watch works again");
        }
    };
    loop {
        let next = tokio::select! {
            biased;
            // Not every sign of life is an event.
            () = health.arrival(), if backoff.announced() => {
                works_again(&mut backoff);
                continue;
            }
            next = events.next() => next,
            () = health.silent(silence_limit) => {
                let seconds = silence_limit.as_secs();
                warn!(watch, namespace, seconds, "the watch was silent for too long; listing again");
                events = anew();
                continue;
            }
        };
        match next {
            Some(Ok(event)) => {
                match event {
                    // The first event of a list comes before the API server was asked: it proves nothing.
                    Event::Init => {}
                    Event::InitDone => {
                        health.completed();
                        works_again(&mut backoff);
                    }
                    Event::InitApply(_) | Event::Apply(_) | Event::Delete(_) => works_again(&mut backoff),
                }
                health.handed_over();
                on(event);
            }
            // Like one that has ended, it is opened again at once.
            Some(Err(error)) if is_cut(&error) && health.since_opened() >= WELL_OPEN => {
                debug!(watch, namespace, error = %describe(&error), "the watch was cut");
            }
            Some(Err(error)) => {
                let cheap = is_cheap(&error);
                let pause = match cheap {
                    true => backoff.failed_cheaply(jitter::fraction()),
                    false if expired(&error) => backoff.expired(),
                    false => backoff.failed(),
                };
                let (told, pause_ms) = (describe(&error), pause.as_secs_f64() * 1e3);
                // While the same goes on for hours, ever less often.
                if health.failed(&told) || backoff.failures().is_power_of_two() {
                    warn!(watch, namespace, error = %told, pause_ms, "watch failed");
                } else {
                    debug!(watch, namespace, error = %told, pause_ms, "watch failed");
                }
                // A watcher whose *request* was answered 410 would ask for the expired version for ever.
                if is_expired(&error) {
                    events = anew();
                }
                match cheap.then(|| trouble(&error)).flatten() {
                    Some(trouble) => comeback.wait(pause, trouble, jitter::fraction()).await,
                    None => tokio::time::sleep(pause).await,
                }
            }
            // A watcher never ends by itself; should one do, another takes its place.
            None => {
                health.failed("it ended");
                tokio::time::sleep(backoff.failed()).await;
                events = anew();
            }
        }
    }
}

/// Whether all that failed was a request, without an answer that was worth anything: it may be repeated soon.
fn is_cheap(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(cause) | watcher::Error::WatchStartFailed(cause)) = error else {
        return false;
    };
    !is_expired(error) && !is_unusable(cause)
}

/// Whether the connection of a watch broke; what arrived before was as it should be.
fn is_cut(error: &watcher::Error) -> bool {
    // What the reader was given is within its error, which does not name it as its source.
    matches!(error, watcher::Error::WatchFailed(kube::Error::ReadEvents(cut))
        if !cut.get_ref().is_some_and(|cause| is_unusable(cause)))
}

fn is_unusable(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |cause| (*cause).source()).any(<dyn Error>::is::<Unusable>)
}

/// What a failure that is cheap tells of the API server; `None`: it does not want this, and another watch that works says nothing about
/// it.
fn trouble(error: &watcher::Error) -> Option<Trouble> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            (!matches!(status.code, 403 | 404)).then_some(Trouble::Answered)
        }
        _ => Some(Trouble::Unreachable),
    }
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
            // The answer for a kind that is not known; the other kind that is watched is one of Kubernetes' own.
            if status.code == 404 && status.message.trim() == "404 page not found" {
                return format!("the API server does not know {KIND}s; is the CRD installed?");
            }
            // A proxy's whole page, when it was none of the API server's.
            format!("HTTP {}: {}", status.code, bounds::cut(status.message.clone(), bounds::MESSAGE))
        }
        other => super::error::describe(other),
    }
}

#[cfg(test)]
mod tests;
