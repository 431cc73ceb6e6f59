//! Writes statuses, so that none holds anything back: a pass waits a moment for the answer and goes on, and what the API server
//! has not taken is written again beside the passes, always the newest, without a look at anything else.
//!
//! Nor must they take the API server's time from what is sent to AI Core: while resources wait to be reconciled, those of first pushes are
//! written beside the passes, a few at a time.

mod debts;
mod owed;
mod writer;

use std::{fmt, sync::Arc, time::Duration};

use futures::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, mpsc};
use tracing::{debug, info, warn};

use self::{
    debts::{Debts, Taken},
    writer::{Attempt, Ended},
};
pub(super) use self::{owed::Owed, writer::Writer};
use super::{
    adapters::Kubernetes,
    index::Index,
    queue::{Priority, Queue},
};
use crate::{
    api::AICoreRegistrySecretStatus,
    clock::Clock,
    domain::parse::{object::Object, resource_version::Basis},
    jitter,
    k8s::error::Error,
};

/// How long a pass waits for the answer. A healthy API server needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// Writes that have taken longer, and go on beside the passes. While there is one, no pass waits for its own.
const SLOW: u32 = 64;
/// Statuses that are written again at a time.
const AGAIN: u32 = 16;
/// Statuses that passes have left to be written, at a time.
const BESIDE: u32 = 32;
/// And while resources wait to be reconciled.
const BESIDE_BUSY: usize = 6;
/// One more for so many that wait to be written: an API server that answers late is not therefore told late.
const PER_PLACE: usize = 128;
/// So many wait for that. The passes write what is more: if the process is killed, what was sent for those is sent once again; and when it
/// ends, there is time for about so many.
const WAITING: usize = 2_048;

/// What became of a status that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The API server has it.
    Now,
    /// It will be written when that is possible; until then it is what the index has.
    Later,
    /// The resource is not what the status was made from: what a pass over what it is will be written.
    Outdated,
    /// There is no such resource any more.
    Gone,
}

/// All writing of statuses. `C` is what the index keeps of service keys.
pub(super) struct Statuses<K, C> {
    kubernetes: Arc<K>,
    index: Arc<Index<C>>,
    queue: Arc<Queue>,
    clock: Clock,
    debts: Mutex<Debts>,
    /// There is something to write sooner than before.
    sooner: Arc<Notify>,
    /// A write beside the passes has ended.
    one_ended: Notify,
    handed_over: mpsc::Sender<Attempt>,
    slow: Arc<Semaphore>,
    beside: Arc<Semaphore>,
    again: Arc<Semaphore>,
}

impl<K: Kubernetes, C: Send + Sync + 'static> Statuses<K, C> {
    /// Nothing is owed yet. The writer is to run as long as there are passes.
    pub(super) fn new(
        kubernetes: &Arc<K>,
        index: &Arc<Index<C>>,
        queue: &Arc<Queue>,
        clock: Clock,
    ) -> (Arc<Self>, Writer<K, C>) {
        let (sender, receiver) = mpsc::channel(SLOW as usize);
        let statuses = Arc::new(Self {
            kubernetes: Arc::clone(kubernetes),
            index: Arc::clone(index),
            queue: Arc::clone(queue),
            clock,
            debts: Mutex::default(),
            sooner: Arc::default(),
            one_ended: Notify::new(),
            handed_over: sender,
            slow: Arc::new(Semaphore::new(SLOW as usize)),
            beside: Arc::new(Semaphore::new(BESIDE as usize)),
            again: Arc::new(Semaphore::new(AGAIN as usize)),
        });
        let writer = Writer {
            statuses: Arc::clone(&statuses),
            handed_over: receiver,
            under_way: FuturesUnordered::new(),
        };
        (statuses, writer)
    }

    /// Writes the status of a resource: what comes next in its pass may depend on it. An older one that is being written
    /// beside the passes is waited for. The caller gives the status to the index before it waits for anything else: what is written
    /// again is what the index has then.
    pub(super) async fn write(
        &self,
        object: &Arc<Object>,
        status: &Arc<AICoreRegistrySecretStatus>,
    ) -> Written {
        let heard = self.index.heard(object);
        let is_free = async {
            loop {
                let one_ended = self.one_ended.notified();
                if !self.debts.lock().is_under_way(object) {
                    return;
                }
                one_ended.await;
            }
        };
        match tokio::time::timeout(PATIENCE, is_free).await {
            // It was made before this word of another process.
            Ok(()) if self.index.has_heard_since(object, heard) => Written::Outdated,
            Ok(()) => self.attempt(object, status).await,
            Err(_) => Written::Later,
        }
    }

    /// Has the status written soon, while resources wait to be reconciled; else as [`Self::write`].
    pub(super) async fn write_later(
        &self,
        object: &Arc<Object>,
        status: &Arc<AICoreRegistrySecretStatus>,
    ) -> Written {
        if self.queue.is_busy() && self.debts.lock().line_up(object, WAITING, self.clock.now().uptime) {
            self.sooner.notify_one();
            return Written::Later;
        }
        self.write(object, status).await
    }

    async fn attempt(&self, object: &Arc<Object>, status: &Arc<AICoreRegistrySecretStatus>) -> Written {
        let basis = self.index.basis(object);
        if self.debts.lock().are_outdated(object, &basis) {
            return Written::Outdated;
        }
        if !self.debts.lock().are_clear(object, &basis, self.clock.now().uptime) {
            return Written::Later;
        }
        self.index.tells(object, status);
        let (kubernetes, about, what) =
            (Arc::clone(&self.kubernetes), Arc::clone(object), Arc::clone(status));
        let mut request = Box::pin(async move { kubernetes.write_status(&about, &what, basis).await });
        match tokio::time::timeout(self.patience(), &mut request).await {
            Ok(Ok(())) => {
                self.index.may_have_told(object);
                let taken = self.debts.lock().taken(object, self.clock.now().uptime);
                Self::log_if_late(object, taken);
                Written::Now
            }
            Ok(Err(Error::NotFound)) if !self.index.holds(object) => {
                self.debts.lock().forget(object);
                Written::Gone
            }
            Ok(Err(error @ Error::Outdated)) => {
                self.failed(object, basis, &error);
                Written::Outdated
            }
            Ok(Err(error)) => {
                self.failed(object, basis, &error);
                Written::Later
            }
            Err(_) => {
                let Ok(place) = Arc::clone(&self.slow).try_acquire_owned() else {
                    drop(request);
                    self.failed(object, basis, &Error::Timeout);
                    return Written::Later;
                };
                self.debts.lock().under_way(object);
                let (object, status) = (Arc::clone(object), Arc::clone(status));
                let attempt: Attempt = Box::pin(async move {
                    Ended { object, status, basis, result: request.await, _place: Some(place) }
                });
                // There are as many places in the channel.
                let _ = self.handed_over.try_send(attempt);
                Written::Later
            }
        }
    }

    /// Waits until what passes have left to be written is written and no write is under way, and lets no other begin. For the end of the
    /// process.
    pub(super) async fn settled(&self) {
        let all_written = async {
            loop {
                let one_ended = self.one_ended.notified();
                if self.debts.lock().are_settled() {
                    break;
                }
                one_ended.await;
            }
            tokio::join!(self.slow.acquire_many(SLOW), self.beside.acquire_many(BESIDE))
        };
        // What was refused is not tried again, and no longer waited for than until the answers are there.
        let _ = tokio::join!(self.again.acquire_many(AGAIN), all_written);
    }

    /// Whether passes have left any to be written that was not tried yet.
    #[cfg(test)]
    pub(super) fn are_any_left(&self) -> bool {
        self.debts.lock().waiting() > 0
    }

    /// How long a pass waits.
    fn patience(&self) -> Duration {
        if self.slow.available_permits() < SLOW as usize { Duration::ZERO } else { PATIENCE }
    }

    /// Resources whose status the API server does not have.
    pub(super) fn owed(&self) -> usize {
        self.debts.lock().owed()
    }

    /// Those of them for which a write has failed.
    fn refused(&self) -> usize {
        self.debts.lock().refused()
    }

    fn failed(&self, object: &Arc<Object>, basis: Basis, error: &Error) {
        let answered = match error {
            Error::Forbidden(_) | Error::NotFound | Error::Outdated => true,
            // What a gateway in between, or the API server for lack of time, gave up may be done all the same.
            Error::Refused { code, .. } => *code < 500,
            _ => false,
        };
        if !self.index.holds(object) {
            // Nothing is owed to what is gone, and what was created anew has debts of its own.
            self.debts.lock().forget(object);
            return;
        }
        let (uptime, jitter) = (self.clock.now().uptime, jitter::fraction());
        let unwritten = if matches!(error, Error::Outdated) {
            let unwritten = self.debts.lock().outdated(object, basis, uptime, jitter);
            self.is_outdated(object, basis);
            unwritten
        } else {
            // What had no answer may be taken.
            if answered {
                self.index.has_not_told(object);
            } else {
                self.index.may_have_told(object);
            }
            self.debts.lock().failed(object, answered, uptime, jitter)
        };
        self.sooner.notify_one();
        let (namespace, resource, attempts) =
            (&*object.key.namespace, &*object.key.name, unwritten.attempts());
        let retry_s = unwritten.due().saturating_sub(uptime).as_secs_f64();
        // At first, and then ever more seldom: it may go on for days. Mostly the watch is about to show that the resource is gone, or
        // how it was changed.
        let is_expected = matches!(error, Error::NotFound | Error::Outdated) && attempts == 1;
        if attempts.is_power_of_two() && !is_expected {
            warn!(
                namespace, resource, attempts, %error, retry_s,
                "a request to the API server failed: the status is not written; trying again, everything else goes on"
            );
        } else {
            debug!(namespace, resource, attempts, %error, retry_s, "the status is still not written");
        }
    }

    fn is_outdated(&self, object: &Object, basis: Basis) {
        if self.index.was_outdated(object, basis) {
            self.queue.enqueue(&object.key, Priority::Urgent);
        }
    }

    fn log_if_late(object: &Object, taken: Taken) {
        if let Taken::AfterFailures(attempts) = taken {
            let (namespace, resource) = (&*object.key.namespace, &*object.key.name);
            info!(namespace, resource, attempts, "the status is written");
        }
    }
}

impl<K, C> fmt::Debug for Statuses<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statuses").field("debts", &self.debts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
