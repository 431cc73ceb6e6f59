//! Bounds of the schema, in characters and items. The operator keeps them by itself too: the schema in the cluster may be an older
//! one without them, and what the operator writes must fit the schema. [`crate::domain::parse::bounds`] does both.

/// `spec.secretRef.server`, and an item of `spec.registries` and `status.registries`.
pub const REGISTRY: usize = 255;
/// Items of `spec.registries` and of `status.registries`.
pub const REGISTRIES: usize = 64;
/// A key of a Secret, which Kubernetes limits to the same.
pub const SECRET_KEY: usize = 253;
/// `spec.resyncInterval`.
pub const INTERVAL: usize = 32;
/// Conditions. The operator has five; others could write more.
pub const CONDITIONS: usize = 8;
/// `message` of a condition, as in the Kubernetes API conventions. The operator writes less.
pub const MESSAGE: usize = 32_768;
/// `reason` of a condition, as in the Kubernetes API conventions.
pub const REASON: usize = 1024;
/// `type` of a condition, as in the Kubernetes API conventions.
pub const CONDITION_TYPE: usize = 316;
/// `status.apiURL` and `status.authorizationServer`. A service key with a URL above 1024 bytes is refused.
pub const URL: usize = 2048;
/// `status.credentialsDigest`; it has 35 characters today.
pub const DIGEST: usize = 128;
/// A resourceVersion, which is opaque, and has some twenty digits at most.
pub const RESOURCE_VERSION: usize = 128;
/// `status.lastHandledReconcileAt`, and the annotation that it answers.
pub const REQUEST: usize = 256;
