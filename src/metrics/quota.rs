//! What tenants said of their quotas, for as long as somebody is connected to them.

use std::{borrow::Cow, collections::BTreeMap, ops::Bound, sync::Arc};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::series::{Family, Page, Pieces};
use crate::domain::parse::api_url::Tenant;

const USED: Family = Family {
    name: "quota_used",
    help: "Docker registry secrets of the tenant, when it was last asked.",
    unit: None,
};
const LIMIT: Family =
    Family { name: "quota_limit", help: "Docker registry secrets that the tenant may have.", unit: None };

/// The longest label of a tenant, in bytes.
const LABEL_LIMIT: usize = 256;
/// Bytes of the hash in it.
const HASH_LENGTH: usize = 16;

/// The quotas of all tenants that somebody is connected to.
#[derive(Debug, Default)]
pub struct Quotas(Mutex<BTreeMap<Arc<Tenant>, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    holders: usize,
    told: Option<Quota>,
}

#[derive(Clone, Copy, Debug)]
struct Quota {
    used: u64,
    limit: u64,
}

/// A tenant that somebody is connected to. Its series go with the last of these.
#[derive(Debug)]
pub struct TenantQuota {
    tenant: Arc<Tenant>,
    quotas: Arc<Quotas>,
}

impl Quotas {
    /// Somebody is connected to the tenant, until the value is dropped.
    #[must_use]
    pub fn hold(self: &Arc<Self>, tenant: &Arc<Tenant>) -> TenantQuota {
        self.0.lock().entry(Arc::clone(tenant)).or_default().holders += 1;
        TenantQuota { tenant: Arc::clone(tenant), quotas: Arc::clone(self) }
    }

    fn page(
        &self,
        after: Option<&Arc<Tenant>>,
        page: &mut Page<'_>,
        value: fn(Quota) -> u64,
    ) -> Option<Arc<Tenant>> {
        let entries = self.0.lock();
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = entries.range::<Arc<Tenant>, _>((after, Bound::Unbounded));
        let last = rest.find(|(tenant, entry)| {
            if let Some(quota) = entry.told {
                page.add(&[("tenant", &label(&tenant.to_string()))], value(quota));
            }
            !page.has_room()
        });
        last.map(|(tenant, _)| Arc::clone(tenant))
    }
}

impl TenantQuota {
    /// The tenant said that it has and may have so many docker registry secrets.
    pub fn tell(&self, used: u64, limit: u64) {
        if let Some(entry) = self.quotas.0.lock().get_mut(&self.tenant) {
            entry.told = Some(Quota { used, limit });
        }
    }
}

impl Drop for TenantQuota {
    fn drop(&mut self) {
        let mut entries = self.quotas.0.lock();
        if let Some(entry) = entries.get_mut(&self.tenant) {
            entry.holders -= 1;
            if entry.holders == 0 {
                entries.remove(&self.tenant);
            }
        }
    }
}

/// The families, for [`super::Metrics::register_series`].
pub(super) fn pieces(quotas: &Arc<Quotas>) -> impl Fn() -> Pieces + Send + Sync + 'static {
    let quotas = Arc::clone(quotas);
    move || {
        let (used, limit) = (Arc::clone(&quotas), Arc::clone(&quotas));
        let used = USED.pieces(move |after, page| used.page(after, page, |quota| quota.used));
        let limit = LIMIT.pieces(move |after, page| limit.page(after, page, |quota| quota.limit));
        Box::new(used.chain(limit))
    }
}

/// A tenant's URLs are the text of somebody's service key. Of one that is too long the beginning stands for it, and a hash of
/// the whole, so that no two tenants have the same label.
fn label(tenant: &str) -> Cow<'_, str> {
    if tenant.len() <= LABEL_LIMIT {
        return tenant.into();
    }
    let hash = Sha256::digest(tenant);
    let hash = hash.iter().take(HASH_LENGTH).fold(0, |number: u128, byte| (number << 8) | u128::from(*byte));
    let ending = format!("…{hash:032x}");
    let room = LABEL_LIMIT.saturating_sub(ending.len());
    let end = (0..=room).rev().find(|end| tenant.is_char_boundary(*end)).unwrap_or_default();
    format!("{}{ending}", tenant.get(..end).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests;
