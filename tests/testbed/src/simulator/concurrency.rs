//! How many requests are in progress at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// Requests in progress: a request counts from its arrival until its answer, or what is sent of it, is handed to the
/// connection, or until the client goes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concurrency {
    /// Now.
    pub now: usize,
    /// The most at any one time.
    pub max: usize,
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// Every request, those for tokens included.
    All,
    /// Requests with a tenant's token.
    Tenant(String),
    /// Requests for one secret of a tenant, by path or by the body of a POST.
    Secret(String, String),
}

#[derive(Clone, Default)]
pub(super) struct Gauges(Arc<Mutex<HashMap<Scope, Concurrency>>>);

impl Gauges {
    pub(super) fn of(&self, scope: &Scope) -> Concurrency {
        self.lock().get(scope).copied().unwrap_or_default()
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn enter(&self, scope: Scope) -> Counted {
        let mut gauges = self.lock();
        let gauge = gauges.entry(scope.clone()).or_default();
        gauge.now += 1;
        gauge.max = gauge.max.max(gauge.now);
        drop(gauges);
        Counted { gauges: self.clone(), scope }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Scope, Concurrency>> {
        self.0.lock().expect("no holder panics")
    }
}

pub(super) struct Counted {
    gauges: Gauges,
    scope: Scope,
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(gauge) = self.gauges.lock().get_mut(&self.scope) {
            gauge.now -= 1;
        }
    }
}
