//! The shell around the decisions: watches feed the [`index`], the index says which resources to reconcile, the [`queue`]
//! hands them to workers, and each worker passes over one resource at a time.
//!
//! ```text
//! watches ──► index ──► queue ──► worker: gather ─► plan ─► act ─► report ──► status, events
//!                ▲                                                   │
//!                └───────────── what to remember ◄───────────────────┘
//! ```

mod act;
mod adapters;
mod admission;
mod diagnostics;
#[cfg(test)]
mod fakes;
mod gather;
mod index;
pub(crate) mod queue;
mod reconcile;
mod series;
mod watches;

use std::{pin::pin, sync::Arc, time::Duration};

use kube::Client;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use self::diagnostics::Diagnostics;
use self::{
    adapters::{AiCore, Cluster, Kubernetes},
    admission::{Admission, Places},
    index::Index,
    queue::{Priority, Queue},
};
use crate::{
    aicore::pool::{Connection, Pool},
    clock::Clock,
    domain::parse::{allowed_hosts::AllowedHosts, duration::ResyncInterval, service_key::ServiceKey},
    k8s::events,
    leadership::Leadership,
    metrics::Metrics,
};

/// How long running passes may take to end after the request to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
/// How long to wait for the list of Secrets before resources are reconciled all the same, each Secret by its own request.
const SECRETS_LIST_LIMIT: Duration = Duration::from_secs(30);

/// What decides about resources and is not theirs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespaces to watch; empty: all.
    pub namespaces: Vec<String>,
    /// Label selector of the resources to reconcile.
    pub label_selector: Option<String>,
    /// Maximum number of concurrent reconciles.
    pub concurrency: usize,
    /// How many of them may be of one tenant.
    pub(crate) tenant_passes: usize,
    /// For resources without `spec.resyncInterval`.
    pub(crate) default_resync_interval: ResyncInterval,
    /// Where the operator may connect to.
    pub(crate) allowed_hosts: AllowedHosts,
    /// How long a watch may be silent before it lists anew: [`SILENCE_LIMIT`](crate::k8s::watch::SILENCE_LIMIT).
    pub watch_silence_limit: Duration,
}

/// A service key that was read, and the connection that it opens.
#[derive(Debug)]
pub(crate) struct ServiceKeyHeld<C = Connection> {
    version: String,
    key: ServiceKey,
    connection: Arc<C>,
}

/// Everything that passes share.
struct Context<K, A: AiCore> {
    kubernetes: K,
    ai_core: A,
    settings: Settings,
    index: Arc<Index<ServiceKeyHeld<A::Connection>>>,
    queue: Arc<Queue>,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
    clock: Clock,
}

/// Why the controller ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A task that lives as long as the process has ended.
    #[error("{0} ended by itself")]
    TaskEnded(&'static str),
    /// A task panicked.
    #[error("a task failed: {0}")]
    TaskFailed(#[from] JoinError),
}

/// The controller, ready to run.
pub struct Controller {
    ctx: Arc<Context<Cluster, Pool>>,
    leadership: Leadership,
    watches: watches::Watches,
    publisher: futures::future::BoxFuture<'static, ()>,
}

impl Controller {
    /// Builds it; nothing is sent yet.
    #[must_use]
    pub fn new(
        client: Client,
        settings: Settings,
        pool: Pool,
        leadership: Leadership,
        metrics: Arc<Metrics>,
    ) -> (Self, Diagnostics) {
        let index = Arc::new(Index::following());
        let queue = Arc::new(Queue::idle(settings.concurrency));
        let load = Arc::clone(&queue);
        let (events, publisher) = events::publisher(client.clone(), move || load.load().waiting > 0);
        let places = Places::new(settings.concurrency, settings.tenant_passes);
        let admission = Admission::new(Arc::clone(&queue), places);
        let watches = watches::Watches::new(&client, &settings, &index, &queue, &admission);
        let diagnostics = Diagnostics::new(Arc::clone(&queue), &watches, leadership.clone());
        metrics.register(diagnostics.clone());
        metrics.register_series(series::pieces(&index, leadership.clone()));
        let kubernetes = Cluster { client, events };
        let clock = Clock::start();
        let ctx = Context { kubernetes, ai_core: pool, settings, index, queue, admission, metrics, clock };
        (Self { ctx: Arc::new(ctx), leadership, watches, publisher: Box::pin(publisher) }, diagnostics)
    }

    /// Runs until `stop`, then lets running passes end.
    ///
    /// # Errors
    /// When a task that lives as long as the process ends: the process must not go on half alive.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self { ctx, leadership, watches, publisher } = self;
        let mut tasks: JoinSet<&'static str> = JoinSet::new();
        let listed = watches.listed();
        watches.spawn(&mut tasks);
        tasks.spawn(async move {
            publisher.await;
            "event publisher"
        });
        let timers = Arc::clone(&ctx.queue);
        tasks.spawn(async move {
            timers.run_timers().await;
            "timers"
        });
        let admission = Arc::clone(&ctx.admission);
        tasks.spawn(async move {
            admission.run().await;
            "admission"
        });
        let mut passes: JoinSet<&'static str> = JoinSet::new();
        let result = tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = first_end(&mut tasks) => Err(ended),
            ended = work(&ctx, &leadership, listed, &mut passes) => Err(ended),
        };
        ctx.queue.close();
        drain(passes).await;
        tasks.shutdown().await;
        result
    }
}

/// Passes over what the queue hands out once the caches are filled and this process leads. Ends when a pass panics.
async fn work<K: Kubernetes, A: AiCore>(
    ctx: &Arc<Context<K, A>>,
    leadership: &Leadership,
    listed: watch::Receiver<watches::Listed>,
    passes: &mut JoinSet<&'static str>,
) -> Error {
    if watches::wait_until_listed(listed, SECRETS_LIST_LIMIT).await {
        info!("resources and Secrets are listed");
    } else {
        warn!(
            limit_s = SECRETS_LIST_LIMIT.as_secs(),
            "the Secrets could not be listed; changes of Secrets go unnoticed until they can be, and resources are looked at \
             by their own timers"
        );
    }
    leadership.gained().await;
    ctx.queue.start();
    ctx.index.lead().iter().for_each(|key| ctx.queue.enqueue(key, Priority::Routine));
    info!(concurrency = ctx.settings.concurrency, "reconciling");
    loop {
        tokio::select! {
            next = ctx.queue.next() => {
                let Some(key) = next else {
                    return Error::TaskEnded("queue");
                };
                let (ctx, fence) = (Arc::clone(ctx), leadership.fence().clone());
                passes.spawn(async move {
                    let pass = pin!(reconcile::reconcile(&ctx, &key));
                    let requeue_after = fence.guard(pass).await;
                    ctx.queue.done(&key, requeue_after);
                    "pass"
                });
            }
            Some(ended) = passes.join_next() => {
                if let Err(error) = ended {
                    return Error::TaskFailed(error);
                }
            }
        }
    }
}

async fn first_end(tasks: &mut JoinSet<&'static str>) -> Error {
    match tasks.join_next().await {
        Some(Ok(name)) => Error::TaskEnded(name),
        Some(Err(error)) => Error::TaskFailed(error),
        None => std::future::pending().await,
    }
}

async fn drain(mut passes: JoinSet<&'static str>) {
    let all = async { while passes.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_LIMIT, all).await.is_err() {
        warn!(limit_s = DRAIN_LIMIT.as_secs(), "passes that were still running are given up");
        passes.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process whose workers or watches have ended looks healthy and does nothing.
    #[tokio::test]
    async fn a_task_that_ends_or_panics_ends_the_controller() {
        let mut tasks: JoinSet<&'static str> = JoinSet::new();
        tasks.spawn(std::future::pending());
        tasks.spawn(async { "watch on Secrets" });
        assert_eq!(first_end(&mut tasks).await.to_string(), "watch on Secrets ended by itself");
        tasks.spawn(async { panic!("boom") });
        assert!(matches!(first_end(&mut tasks).await, Error::TaskFailed(_)));
    }
}
