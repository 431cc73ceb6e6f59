//! What passes over AICoreTenants begin with, and what comes of them.

use std::sync::Arc;

use super::{
    Index, State,
    claims::ClaimIndex,
    credentials::{CredentialId, Verdict},
    tenants::place_of,
    watched_secrets::SecretEntry,
};
use crate::{
    api::AICoreTenantStatus,
    controller::errand::KeyFound,
    domain::{
        decide::{
            failure::Failure,
            tenant::{TenantKnown, TenantMemory},
        },
        parse::{
            object::{Now, Object, ObjectKey},
            tenant::SharedTenant,
        },
    },
};

/// What a pass over an AICoreTenant begins with.
#[derive(Debug)]
pub(in crate::controller) struct TenantSnapshot<K> {
    pub(in crate::controller) tenant: Arc<SharedTenant>,
    status: Arc<AICoreTenantStatus>,
    memory: TenantMemory,
    /// resourceVersion of the Secret with the service key, if it was seen.
    pub(in crate::controller) key_version: Option<Arc<str>>,
    /// The service key, if it was read at this version.
    pub(in crate::controller) service_key: Option<Arc<K>>,
    /// Why the service key cannot be used, if that is known at this version.
    pub(in crate::controller) unusable_key: Option<Arc<Failure>>,
    /// Whether the first list of Secrets may yet show its Secret; `None`: it is over.
    pub(in crate::controller) unseen: Option<bool>,
    granted: Option<bool>,
    resources: usize,
}

impl<K> TenantSnapshot<K> {
    /// What of it decides without a request. `watched`: whether a change of its Secret would have been heard of.
    pub(in crate::controller) fn known(&self, watched: bool, now: Now) -> TenantKnown<'_> {
        TenantKnown {
            tenant: &self.tenant,
            status: &self.status,
            memory: &self.memory,
            key_version: self.key_version.as_deref().filter(|_| watched),
            granted: self.granted,
            resources: self.resources,
            now,
        }
    }

    /// Its status.
    pub(in crate::controller) fn status(&self) -> &AICoreTenantStatus {
        &self.status
    }
}

impl<K> Index<K> {
    /// What is known of an AICoreTenant.
    #[must_use]
    pub(in crate::controller) fn tenant_snapshot(&self, name: &str) -> Option<TenantSnapshot<K>> {
        let state = self.0.lock();
        let entry = state.tenants.get(name)?;
        let place = place_of(&entry.tenant);
        let secret = place.as_ref().and_then(|place| state.secrets.get(&place.secret));
        let field = place.as_ref().and_then(|place| place.field.as_deref());
        Some(TenantSnapshot {
            tenant: Arc::clone(&entry.tenant),
            status: Arc::clone(&entry.status),
            memory: entry.memory.clone(),
            key_version: secret.and_then(SecretEntry::version),
            service_key: secret.and_then(|secret| secret.cached(field)).map(|(key, _)| key),
            unusable_key: secret.and_then(|secret| secret.unusable(field)),
            unseen: state
                .first_lists
                .unseen(&entry.tenant.key().namespace, None, secret)
                .map(|unseen| unseen.service_key),
            granted: state.claims.granted(&entry.tenant.key()),
            resources: state.tenants.count_users(name),
        })
    }

    /// The service key that the AICoreTenant has now; `None`: none that can be used.
    pub(in crate::controller) fn tenant_uses(&self, tenant: &SharedTenant, credential: Option<CredentialId>) {
        let mut state = self.0.lock();
        if state.tenants.this(tenant).is_some() {
            state.claims.uses(&tenant.key(), credential);
        }
    }

    /// What the authorization server made of the service key of the AICoreTenant. Returns the resources to look at because of that.
    #[must_use]
    pub(in crate::controller) fn tenant_judged(
        &self,
        tenant: &SharedTenant,
        granted: bool,
    ) -> Vec<ObjectKey> {
        let mut state = self.0.lock();
        if state.tenants.this(tenant).is_none() {
            return Vec::new();
        }
        let verdict = if granted { Verdict::Granted } else { Verdict::Refused };
        state.claims.judge(&tenant.key(), verdict)
    }

    /// Whether this very AICoreTenant is there, and its service key is where and as it was found.
    #[must_use]
    pub(in crate::controller) fn tenant_stands(&self, tenant: &SharedTenant, key: &KeyFound) -> bool {
        let mut state = self.0.lock();
        let Some(place) = state.tenants.this(tenant).and_then(|entry| place_of(&entry.tenant)) else {
            return false;
        };
        let version = state.secrets.get(&place.secret).and_then(SecretEntry::version);
        key.holds(&place, version.as_deref())
    }

    /// Records what came of a pass over the AICoreTenant.
    pub(in crate::controller) fn record_tenant(
        &self,
        tenant: &SharedTenant,
        status: Option<AICoreTenantStatus>,
        change: impl FnOnce(&mut TenantMemory),
    ) {
        let mut state = self.0.lock();
        let Some(entry) = state.tenants.this(tenant) else { return };
        if let Some(status) = status {
            entry.status = Arc::new(status);
        }
        change(&mut entry.memory);
    }

    /// The resource has changed how many secrets its tenant has, or has met the quota. Returns the AICoreTenant to look at, if it
    /// names one that does not know.
    #[must_use]
    pub(in crate::controller) fn quota_changed(&self, object: &Object) -> Option<ObjectKey> {
        let mut state = self.0.lock();
        let entry = state.tenants.of(object)?;
        let known = std::mem::replace(&mut entry.memory.quota_changed, true);
        (!known).then(|| entry.tenant.key())
    }
}

impl<K> State<K> {
    /// Carries out a change of what is known of the resource's service key. Returns whom to look at, with the AICoreTenant that the
    /// resource names, if that changed what is known.
    pub(super) fn judging(
        &mut self,
        object: &Object,
        change: impl FnOnce(&mut ClaimIndex) -> Vec<ObjectKey>,
    ) -> Vec<ObjectKey> {
        let before = self.claims.granted(&object.key);
        let mut wakes = change(&mut self.claims);
        if self.claims.granted(&object.key) != before {
            wakes.extend(self.tenants.of(object).map(|entry| entry.tenant.key()));
        }
        wakes
    }
}
