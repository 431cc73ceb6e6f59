//! An AICoreTenant, as far as the operator reads it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

use super::steering;
use crate::{
    api::{AICoreTenant, AICoreTenantSpec, AICoreTenantStatus},
    domain::parse::tenant::SharedTenant,
};

/// An AICoreTenant whose spec and status are not parsed yet, as [`super::UnvalidatedResource`].
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct UnvalidatedTenant {
    #[serde(default, deserialize_with = "steering")]
    pub(super) metadata: ObjectMeta,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Option<Value>,
}

impl UnvalidatedTenant {
    /// The AICoreTenant as decisions see it, and its status as far as it can be read. `None` for what no API server sends.
    pub(crate) fn check(self) -> Option<(SharedTenant, AICoreTenantStatus)> {
        let Self { metadata, spec, status } = self;
        let status =
            status.and_then(|status| AICoreTenantStatus::deserialize(status).ok()).unwrap_or_default();
        let tenant = match AICoreTenantSpec::deserialize(spec) {
            Ok(spec) => SharedTenant::from_resource(&AICoreTenant { metadata, spec, status: None }),
            Err(_) => SharedTenant::not_understood(&metadata),
        };
        Some((tenant?, status))
    }

    /// The AICoreTenant without spec and status.
    pub(crate) fn name(&self) -> Option<&str> {
        self.metadata.name.as_deref()
    }
}
