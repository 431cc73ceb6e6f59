//! The access tokens of all tenants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{random, tenant::TenantState};

/// A token that was issued once.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) tenant: Arc<TenantState>,
    /// Counts the tokens of all tenants from 1.
    pub(super) number: u64,
    expires: Instant,
}

impl Issued {
    pub(super) fn is_valid(&self) -> bool {
        Instant::now() < self.expires
    }
}

/// Tokens stay known after they expire, so that the journal can tell whose they were.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Issued>>);

impl Tokens {
    /// A new token that begins with `mark`, and its number.
    pub(super) fn issue(&self, tenant: &Arc<TenantState>, mark: &str, lifetime: Duration) -> (String, u64) {
        let token = format!("{mark}{}", random::token());
        let mut tokens = self.0.lock().expect("no holder panics");
        let number = tokens.len() as u64 + 1;
        let issued = Issued { tenant: Arc::clone(tenant), number, expires: Instant::now() + lifetime };
        tokens.insert(token.clone(), issued);
        (token, number)
    }

    pub(super) fn find(&self, token: &str) -> Option<Issued> {
        self.0.lock().expect("no holder panics").get(token).cloned()
    }

    /// Ends all tokens of `tenant` now.
    pub(super) fn revoke(&self, tenant: &Arc<TenantState>) {
        let now = Instant::now();
        let mut tokens = self.0.lock().expect("no holder panics");
        for issued in tokens.values_mut().filter(|issued| Arc::ptr_eq(&issued.tenant, tenant)) {
            issued.expires = issued.expires.min(now);
        }
    }
}
