//! What the demo applies.

use serde_json::{Value, json};

use super::{NAMESPACE, RESOURCE};
use crate::simulator::Tenant;

/// Name of the Secret with the service key.
const SERVICE_KEY: &str = "aicore-key";

/// The Secret with the AI Core service binding, as the SAP BTP service operator writes it.
pub(super) fn service_key(tenant: &Tenant) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": SERVICE_KEY, "namespace": NAMESPACE },
        "stringData": tenant.binding_data(),
    })
}

/// The Secret with the registry credential; each rotation has another password.
pub(super) fn registry_credential(rotation: u32) -> Value {
    let config =
        json!({ "auths": { "ghcr.io": { "username": "robot", "password": format!("token-{rotation}") } } });
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": RESOURCE, "namespace": NAMESPACE },
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": config.to_string() },
    })
}

/// The resource.
pub(super) fn resource() -> Value {
    json!({
        "apiVersion": "aicore-registry.dev/v1alpha1",
        "kind": "AICoreRegistrySecret",
        "metadata": { "name": RESOURCE, "namespace": NAMESPACE },
        "spec": { "secretRef": { "name": RESOURCE }, "aiCoreSecretRef": { "name": SERVICE_KEY } },
    })
}

/// The same for the reader's eyes.
pub(super) fn shown() -> String {
    format!(
        "Secret {RESOURCE}    type kubernetes.io/dockerconfigjson, a credential for ghcr.io
Secret {SERVICE_KEY}   an AI Core service binding, as the SAP BTP service operator writes it
---
apiVersion: aicore-registry.dev/v1alpha1
kind: AICoreRegistrySecret
metadata:
  name: {RESOURCE}
  namespace: {NAMESPACE}
spec:
  secretRef:
    name: {RESOURCE}
  aiCoreSecretRef:
    name: {SERVICE_KEY}"
    )
}
