//! What is known of tenants: of those with passes or waiters, and of the others for as long as somebody holds their connection.

use std::{collections::HashMap, sync::Arc};

use super::{lane::Lane, tenant::TenantState};

/// So many tenants are known before those are looked for that nobody holds.
const FEW: usize = 64;

/// All of them.
#[derive(Debug)]
pub(super) struct Tenants {
    known: HashMap<Arc<Lane>, TenantState>,
    sweep_at: usize,
}

impl Default for Tenants {
    fn default() -> Self {
        Self { known: HashMap::new(), sweep_at: FEW }
    }
}

impl Tenants {
    /// What is known of the tenant. Makes room first: what is known of those that nobody waits for or holds a connection to.
    pub(super) fn of(&mut self, tenant: &Arc<Lane>) -> &mut TenantState {
        if self.known.len() >= self.sweep_at && !self.known.contains_key(tenant) {
            self.known.retain(|lane, state| !state.is_idle() || lane.is_held());
            self.sweep_at = (2 * self.known.len()).max(FEW);
        }
        self.known.entry(Arc::clone(tenant)).or_insert_with(|| {
            if tenant.is_proven() { TenantState::prompt() } else { TenantState::default() }
        })
    }

    pub(super) fn get_mut(&mut self, tenant: &Arc<Lane>) -> Option<&mut TenantState> {
        self.known.get_mut(tenant)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Lane>, &TenantState)> {
        self.known.iter()
    }

    #[cfg(test)]
    pub(super) fn get(&self, tenant: &Arc<Lane>) -> Option<&TenantState> {
        self.known.get(tenant)
    }
}
