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
mod announce;
mod diagnostics;
mod errand;
#[cfg(test)]
mod fakes;
mod gather;
mod index;
#[cfg(test)]
mod model;
pub(crate) mod queue;
mod reconcile;
mod scopes;
mod series;
mod statuses;
mod sweep;
mod tenants;
mod watches;

use std::{collections::HashSet, convert::Infallible, pin::pin, sync::Arc, time::Duration};

use kube::Client;
use parking_lot::Mutex;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use self::diagnostics::Diagnostics;
use self::{
    adapters::{AiCore, Cluster, Kubernetes, Reach},
    admission::{Admission, Places, lane::Lane},
    index::Index,
    queue::{Priority, Queue},
    scopes::Scopes,
    statuses::{Statuses, Writer, Written},
};
use crate::{
    aicore::pool::{Connection, Pool},
    api::AICoreRegistrySecretStatus,
    clock::Clock,
    domain::{
        decide::{late_writes::LateWrites, retry_pace::RetryPace},
        parse::{
            allowed_hosts::AllowedHosts,
            duration::ResyncInterval,
            object::{Object, ObjectKey},
            service_key::ServiceKey,
        },
    },
    k8s::events,
    leadership::Leadership,
    metrics::Metrics,
};

/// How long running passes may take to end after the request to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
/// How long statuses that are being written may take after that. Together they leave room in a pod's grace period of 30 s to give
/// the Lease back.
const STATUSES_LIMIT: Duration = Duration::from_secs(4);

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
    kubernetes: Arc<K>,
    ai_core: A,
    settings: Settings,
    scopes: Arc<Scopes>,
    index: Arc<Index<ServiceKeyHeld<A::Connection>>>,
    statuses: Arc<Statuses<K, ServiceKeyHeld<A::Connection>>>,
    queue: Arc<Queue>,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
    retry_pace: Mutex<RetryPace>,
    late_writes: Mutex<LateWrites>,
    clock: Clock,
    /// Cancelled when passes are to wait for nothing any more.
    ending: CancellationToken,
}

impl<K, A: AiCore> Context<K, A> {
    /// Where the passes over the resource stand in line for requests by this connection.
    fn lane(&self, object: &Object, connection: &A::Connection) -> Arc<Lane> {
        let tenant = connection.tenant();
        Lane::of(tenant, connection.id(), self.index.credit(object, tenant))
    }

    /// Has those looked at for whom something has changed.
    fn wake(&self, woken: impl IntoIterator<Item = ObjectKey>) {
        for key in woken {
            self.queue.enqueue(&key, Priority::Urgent);
        }
    }
}

impl<K: Kubernetes, A: AiCore> Context<K, A> {
    /// Writes a status in the middle of a pass.
    async fn write_status(&self, object: &Arc<Object>, status: Arc<AICoreRegistrySecretStatus>) {
        let heard = self.index.heard(object);
        let written = self.statuses.write(object, &status).await;
        if written == Written::Now || !self.index.has_heard_since(object, heard) {
            self.index.record_status(object, status);
        }
    }
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
    writer: Writer<Cluster, ServiceKeyHeld>,
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
        let scopes = Arc::new(Scopes::of(&settings.namespaces));
        if scopes.tenants().is_some() {
            index.serve_tenants();
        }
        scopes.iter().for_each(|(_, watched)| index.secrets_are_awaited(&watched.scope));
        let queue = Arc::new(Queue::idle(settings.concurrency));
        let load = Arc::clone(&queue);
        let (events, publisher) = events::publisher(client.clone(), move || load.is_busy());
        let places = Places::new(settings.concurrency, settings.tenant_passes);
        let admission = Admission::new(Arc::clone(&queue), places);
        let watches = watches::Watches::new(&client, &settings, &scopes, &index, &queue, &admission);
        let diagnostics = Diagnostics::new(Arc::clone(&queue), Arc::clone(&scopes), leadership.clone());
        metrics.register(diagnostics.clone());
        metrics.register(series::NotUnderstood(Arc::clone(&index)));
        metrics.register_series(series::pieces(&index, leadership.clone()));
        let kubernetes = Arc::new(Cluster { client, events });
        let clock = Clock::start();
        let (statuses, writer) = Statuses::new(&kubernetes, &index, &queue, clock.clone());
        metrics.register(statuses::Owed(Arc::clone(&statuses)));
        let ending = CancellationToken::new();
        let ctx = Context {
            kubernetes,
            ai_core: pool,
            settings,
            scopes,
            index,
            statuses,
            queue,
            retry_pace: Mutex::default(),
            admission,
            metrics,
            late_writes: Mutex::default(),
            clock,
            ending,
        };
        (
            Self { ctx: Arc::new(ctx), leadership, watches, writer, publisher: Box::pin(publisher) },
            diagnostics,
        )
    }

    /// Runs until `stop`, then lets running passes end.
    ///
    /// # Errors
    /// When a task that lives as long as the process ends: the process must not go on half alive.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self { ctx, leadership, watches, mut writer, publisher } = self;
        let mut tasks: JoinSet<&'static str> = JoinSet::new();
        watches.spawn(&mut tasks);
        tasks.spawn(async move {
            publisher.await;
            "event publisher"
        });
        let leading = leadership.clone();
        tasks.spawn(async move {
            // Nobody wakes who meets the fence closed.
            leading.gained().await;
            leading.fence().guard(pin!(writer.run())).await;
            "writer of statuses"
        });
        let timers = Arc::clone(&ctx.queue);
        tasks.spawn(async move {
            timers.run_timers().await;
            "timers"
        });
        let sweeping = Arc::clone(&ctx);
        tasks.spawn(async move {
            sweep::run(&sweeping.scopes, &sweeping.index, &sweeping.queue).await;
            "sweep of what is not watched"
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
            ended = work(&ctx, &leadership, &mut passes) => Err(ended),
        };
        ctx.queue.close();
        // What waits for its turn has sent nothing yet; what has is given its time.
        ctx.ending.cancel();
        drain(passes).await;
        let _ = tokio::time::timeout(STATUSES_LIMIT, ctx.statuses.settled()).await;
        // Also those that the API server does not take, which nobody waits for.
        let unwritten = ctx.statuses.owed();
        if unwritten > 0 {
            warn!(
                unwritten,
                "the process ends before all statuses are written; the next one pushes what it finds to be new"
            );
        }
        tasks.shutdown().await;
        result
    }
}

/// Passes over what the queue hands out once this process leads and begins to work somewhere. Ends when a pass panics.
async fn work<K: Kubernetes, A: AiCore>(
    ctx: &Arc<Context<K, A>>,
    leadership: &Leadership,
    passes: &mut JoinSet<&'static str>,
) -> Error {
    leadership.gained().await;
    ctx.clock.lead();
    ctx.index.lead();
    let mut waiting = ctx.scopes.iter().map(|(place, _)| place).collect();
    begin(ctx, &mut waiting).await;
    info!(concurrency = ctx.settings.concurrency, "reconciling");
    let mut begins_everywhere = pin!(begin_all(ctx, &mut waiting));
    let mut waits_nowhere = pin!(end_waits(ctx));
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
            never = &mut begins_everywhere => match never {},
            never = &mut waits_nowhere => match never {},
        }
    }
}

/// Begins the work in all scopes, each at its time.
async fn begin_all<K, A: AiCore>(ctx: &Context<K, A>, waiting: &mut Vec<scopes::Place>) -> Infallible {
    while !waiting.is_empty() {
        begin(ctx, waiting).await;
    }
    std::future::pending().await
}

/// Waits until work begins in some of the scopes in which it has not, and begins it.
async fn begin<K, A: AiCore>(ctx: &Context<K, A>, waiting: &mut Vec<scopes::Place>) {
    let begun = ctx.scopes.next_to_begin(waiting).await;
    for scope in &begun {
        ctx.queue.start(scope.as_ref());
    }
    // In no order: neighbours are mostly of one tenant, where they would wait for one another.
    let resources = begun.iter().flat_map(|scope| ctx.index.resources_in(scope));
    // What is not begun yet takes none of them in.
    let resources: HashSet<_> = resources.chain(ctx.index.tenants()).collect();
    resources.iter().for_each(|key| ctx.queue.enqueue(key, Priority::Routine));
}

/// Has all those looked at who waited for the Secrets of their scope, when these are listed or waited for no longer.
async fn end_waits<K, A: AiCore>(ctx: &Context<K, A>) -> Infallible {
    let mut waiting = ctx.scopes.iter().map(|(place, _)| place).collect::<Vec<_>>();
    while !waiting.is_empty() {
        for scope in ctx.scopes.next_without_waiting(&mut waiting).await {
            let waited = ctx.index.secrets_are_awaited_no_more(&scope);
            waited.iter().for_each(|key| ctx.queue.enqueue(key, Priority::Routine));
        }
    }
    std::future::pending().await
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
        warn!(limit_s = DRAIN_LIMIT.as_secs(), "passes that were still running were cancelled");
        passes.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
