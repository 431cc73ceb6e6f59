//! The custom resources `AICoreRegistrySecret` and `AICoreTenant`: their Rust types, and the CRDs made from them.
//!
//! Types only. What the fields mean to the operator is decided in [`crate::domain`]; no default is written into a spec,
//! because a default that the API server writes shows as drift in GitOps tools.

pub mod condition;
mod crd;
mod moment;
pub mod sizes;
#[allow(unreachable_pub, reason = "the derive macro makes these public in their module")]
mod spec;
mod status;
#[allow(unreachable_pub, reason = "the derive macro makes these public in their module")]
mod tenant;

pub use crd::{crd, tenant_crd};
pub use moment::Moment;
pub use spec::{
    AICoreRegistrySecret, AICoreRegistrySecretSpec, AICoreSecretRef, CreationPolicy, DeletionPolicy,
    SecretRef, TenantRef,
};
pub(crate) use spec::{
    DURATION, LOGIN_KEYS, NOT_ONE_KEY, ONE_KEY, REMOTE_NAME, RESYNC_INTERVAL, SECRET_KEY, SECRET_NAME,
};
pub use status::{
    AICoreRegistrySecretStatus, FailedAttempt, LeftBehind, UNOBSERVED_GENERATION, UnansweredWrite,
};
pub use tenant::{AICoreTenant, AICoreTenantSpec, AICoreTenantStatus, TenantQuota, TenantSecretRef};
pub(crate) use tenant::{NAMESPACE, NAMESPACE_PATTERNS, REMOTE_NAME_PATTERNS};

/// API group of the resource.
pub const GROUP: &str = "aicore-registry.dev";

/// Served and stored version of the resource.
pub const VERSION: &str = "v1alpha1";

/// Kind of the resource.
pub const KIND: &str = "AICoreRegistrySecret";

/// Kind of the resource that shares a service key.
pub const TENANT_KIND: &str = "AICoreTenant";

/// Finalizer that keeps a resource until its remote secret is deleted; present only while
/// `spec.deletionPolicy` is `Delete`.
pub const FINALIZER: &str = "aicore-registry.dev/remote-secret";

/// Annotation that asks for a push now: any value that differs from `status.lastHandledReconcileAt`. Of a value above 256 bytes
/// the status shows the beginning and a digest.
pub const REQUESTED_AT: &str = "aicore-registry.dev/requestedAt";

/// Annotation that, when `"true"`, lets a resource go without deleting its remote secret.
pub const ABANDON_REMOTE: &str = "aicore-registry.dev/abandon-remote";

/// Annotation of a Secret that says when its registry credential ends, where nothing else does: in RFC 3339, or in seconds since
/// 1970.
pub const EXPIRES_AT: &str = "aicore-registry.dev/expires-at";
