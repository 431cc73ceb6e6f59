//! What is known of tenants: of those with passes or waiters, and of the others for as long as somebody holds their connection.

use std::{collections::HashMap, sync::Arc};

use super::tenant::TenantState;
use crate::domain::parse::api_url::Tenant;

/// So many tenants are known before those are looked for that nobody holds.
const FEW: usize = 64;

/// All of them.
#[derive(Debug)]
pub(super) struct Tenants {
    known: HashMap<Arc<Tenant>, TenantState>,
    sweep_at: usize,
}

impl Default for Tenants {
    fn default() -> Self {
        Self { known: HashMap::new(), sweep_at: FEW }
    }
}

impl Tenants {
    /// What is known of the tenant. Makes room first: what is known of those that nobody waits for or holds a connection to.
    pub(super) fn of(&mut self, tenant: &Arc<Tenant>) -> &mut TenantState {
        if self.known.len() >= self.sweep_at && !self.known.contains_key(tenant) {
            self.known.retain(|tenant, state| !state.is_idle() || Arc::strong_count(tenant) > 1);
            self.sweep_at = (2 * self.known.len()).max(FEW);
        }
        self.known.entry(Arc::clone(tenant)).or_default()
    }

    pub(super) fn get_mut(&mut self, tenant: &Arc<Tenant>) -> Option<&mut TenantState> {
        self.known.get_mut(tenant)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Tenant>, &TenantState)> {
        self.known.iter()
    }

    #[cfg(test)]
    pub(super) fn get(&self, tenant: &Arc<Tenant>) -> Option<&TenantState> {
        self.known.get(tenant)
    }
}
