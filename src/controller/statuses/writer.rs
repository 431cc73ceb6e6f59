//! Writes statuses beside the passes: those that passes have left to be written, and those that the API server has not taken.

use std::sync::Arc;

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{BESIDE, BESIDE_BUSY, PATIENCE, PER_PLACE, Statuses};
use crate::{
    api::AICoreRegistrySecretStatus,
    controller::adapters::Kubernetes,
    domain::parse::{
        object::{Object, ObjectKey},
        resource_version::Basis,
    },
    k8s::error::Error,
};

/// Does what passes have left behind.
pub(in crate::controller) struct Writer<K, C> {
    pub(super) statuses: Arc<Statuses<K, C>>,
    pub(super) handed_over: mpsc::Receiver<Attempt>,
    pub(super) under_way: FuturesUnordered<Attempt>,
}

/// One write that is under way.
pub(super) type Attempt = BoxFuture<'static, Ended>;

pub(super) struct Ended {
    pub(super) object: Arc<Object>,
    pub(super) status: Arc<AICoreRegistrySecretStatus>,
    pub(super) basis: Basis,
    pub(super) result: Result<(), Error>,
    pub(super) _place: Option<OwnedSemaphorePermit>,
}

impl<K: Kubernetes, C: Send + Sync + 'static> Statuses<K, C> {
    pub(super) fn ended(&self, ended: &Ended) {
        self.note_end(ended);
        self.one_ended.notify_waiters();
    }

    fn note_end(&self, Ended { object, status, basis, result, .. }: &Ended) {
        let uptime = self.clock.now().uptime;
        let is_newest = self.index.status(&object.key).is_none_or(|(_, newest)| newest == *status);
        match result {
            Ok(()) => {
                self.index.may_have_told(object);
                let taken = if is_newest {
                    self.debts.lock().taken(object, uptime)
                } else {
                    self.debts.lock().overtaken(object, uptime)
                };
                self.sooner.notify_one();
                Self::log_if_late(object, taken);
            }
            // The pass over what the resource is now has ended meanwhile.
            Err(Error::Outdated) if !is_newest && self.index.holds(object) => {
                self.debts.lock().overtaken(object, uptime);
                self.is_outdated(object, *basis);
                self.sooner.notify_one();
            }
            Err(error) => self.failed(object, *basis, error),
        }
    }

    /// The next status that passes have left to be written, once there is a place for it. Who is slow gives the place up as in a pass.
    async fn next_left(&self) -> Attempt {
        loop {
            let one_ended = self.one_ended.notified();
            let waiting = self.debts.lock().waiting();
            if waiting == 0 {
                std::future::pending::<()>().await;
            }
            let under_way = (BESIDE as usize).saturating_sub(self.beside.available_permits());
            if under_way >= BESIDE_BUSY + waiting / PER_PLACE && self.queue.is_busy() {
                one_ended.await;
                continue;
            }
            let Ok(place) = Arc::clone(&self.beside).acquire_owned().await else {
                std::future::pending().await
            };
            let Some(started) = self.debts.lock().start_left() else { continue };
            let Some((object, status, basis)) = self.newest(&started) else { continue };
            let (kubernetes, slow, sooner) =
                (Arc::clone(&self.kubernetes), Arc::clone(&self.slow), Arc::clone(&self.sooner));
            return Box::pin(async move {
                let mut request = Box::pin(kubernetes.write_status(&object, &status, basis));
                let result = match tokio::time::timeout(PATIENCE, &mut request).await {
                    Ok(result) => result,
                    Err(_) => {
                        drop(place);
                        sooner.notify_one();
                        match slow.try_acquire() {
                            Ok(_place) => request.as_mut().await,
                            Err(_) => Err(Error::Timeout),
                        }
                    }
                };
                drop(request);
                Ended { object, status, basis, result, _place: None }
            });
        }
    }

    /// The next status that is due to be written again, once it is and there is a place for it.
    async fn next_again(&self) -> Attempt {
        loop {
            let due = self.debts.lock().next_due();
            match due {
                Some(due) => tokio::time::sleep(due.saturating_sub(self.clock.now().uptime)).await,
                None => std::future::pending().await,
            }
            let Ok(place) = Arc::clone(&self.again).acquire_owned().await else {
                std::future::pending().await
            };
            let Some(started) = self.debts.lock().start_again(self.clock.now().uptime) else { continue };
            let Some((object, status, basis)) = self.newest(&started) else { continue };
            let kubernetes = Arc::clone(&self.kubernetes);
            return Box::pin(async move {
                let result = kubernetes.write_status(&object, &status, basis).await;
                Ended { object, status, basis, result, _place: Some(place) }
            });
        }
    }

    /// The resource of which a write begins, and its status; `None`: it is gone, and owed nothing, or a pass is to write it.
    fn newest(
        &self,
        (key, uid): &(ObjectKey, Arc<str>),
    ) -> Option<(Arc<Object>, Arc<AICoreRegistrySecretStatus>, Basis)> {
        let found = self.index.status(key).filter(|(object, _)| object.uid == *uid);
        let Some((object, status)) = found else {
            self.debts.lock().forget_as(key, uid);
            self.one_ended.notify_waiters();
            return None;
        };
        if self.debts.lock().leave_to_pass(&object, self.clock.now().uptime) {
            self.one_ended.notify_waiters();
            return None;
        }
        let basis = self.index.basis(&object);
        self.index.tells(&object, &status);
        Some((object, status, basis))
    }
}

impl<K: Kubernetes, C: Send + Sync + 'static> Writer<K, C> {
    /// Never ends.
    pub(in crate::controller) async fn run(&mut self) {
        loop {
            tokio::select! {
                Some(ended) = self.under_way.next() => self.statuses.ended(&ended),
                Some(attempt) = self.handed_over.recv() => self.under_way.push(attempt),
                attempt = self.statuses.next_left() => self.under_way.push(attempt),
                attempt = self.statuses.next_again() => self.under_way.push(attempt),
                () = self.statuses.sooner.notified() => {}
            }
        }
    }
}
