//! What the parts of one simulator share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    concurrency::Gauges, entry::Entry, journal::Journal, tenant::TenantState, tls::Authority, tokens::Tokens,
};

pub(super) struct Shared {
    /// Base of the URLs of the API, without a trailing slash.
    pub(super) url: String,
    /// URL of an authorization server, without a trailing slash; [`TENANT`](super::options::TENANT) stands for the tenant's name.
    pub(super) authorization_url: String,
    /// The certificate authority, if TLS is served.
    pub(super) authority: Option<Authority>,
    pub(super) keep_journal: bool,
    pub(super) tenants: Mutex<BTreeMap<String, Arc<TenantState>>>,
    pub(super) tokens: Tokens,
    pub(super) gauges: Gauges,
    pub(super) journal: Journal,
    pub(super) observers: Mutex<Vec<mpsc::UnboundedSender<Arc<Entry>>>>,
    pub(super) requests: Counter,
    pub(super) connections: Counter,
    /// Requests that go on without their client.
    pub(super) late: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// Counts from 1.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Shared {
    pub(super) fn new(
        url: String,
        authorization_url: String,
        authority: Option<Authority>,
        keep_journal: bool,
    ) -> Self {
        Self {
            url,
            authorization_url,
            authority,
            keep_journal,
            tenants: Mutex::default(),
            tokens: Tokens::default(),
            gauges: Gauges::default(),
            journal: Journal::new(),
            observers: Mutex::default(),
            requests: Counter::default(),
            connections: Counter::default(),
            late: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn tenant(&self, name: &str) -> Option<Arc<TenantState>> {
        self.tenants.lock().expect("no holder panics").get(name).cloned()
    }

    /// Tells a request that has ended to the journals and to those who watch.
    pub(super) fn record(&self, entry: Entry) {
        let entry = Arc::new(entry);
        if self.keep_journal {
            if let Some(tenant) = entry.tenant.as_ref().and_then(|name| self.tenant(name)) {
                tenant.journal.add(Arc::clone(&entry));
            }
            self.journal.add(Arc::clone(&entry));
        }
        let mut observers = self.observers.lock().expect("no holder panics");
        observers.retain(|observer| observer.send(Arc::clone(&entry)).is_ok());
    }
}
