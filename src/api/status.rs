//! What the operator reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Moment, sizes};

/// `status.observedGeneration` of a resource that has not been looked at yet; no generation has this number, so kstatus
/// and `kubectl wait` never take a new resource for a finished one.
pub const UNOBSERVED_GENERATION: i64 = -1;

/// The outcome of the last reconcile of the resource. It never holds a password, a token or another secret value.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AICoreRegistrySecretStatus {
    /// The `metadata.generation` that the conditions speak of; -1 before the first outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// `Ready`: AI Core holds the credential that the Secret holds now, as far as the operator knows. `Reconciling`: the
    /// operator is about to do something. `Stalled`: a person has to do something. `CredentialExpiring`, `CredentialExpired`: the
    /// credential that AI Core holds, or the service key, ends soon or has ended; absent otherwise.
    #[serde(default)]
    // Keeps the empty list from becoming a default of the schema.
    #[schemars(skip_serializing_if = "Vec::is_empty", length(max = sizes::CONDITIONS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// Name of the docker registry secret in AI Core.
    #[schemars(length(max = 63))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_name: Option<String>,

    /// AI Core API, without `/v2`, that accepted the last push, or that the first one may have reached.
    #[serde(rename = "apiURL")]
    #[schemars(length(max = sizes::URL))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,

    /// Authorization server (`url` of the service key) that belongs to `apiURL`. Together they identify the tenant.
    #[schemars(length(max = sizes::URL))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_server: Option<String>,

    /// Registries that the last accepted push held credentials for, as they were sent.
    #[schemars(length(max = sizes::REGISTRIES), inner(length(max = sizes::REGISTRY)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registries: Option<Vec<String>>,

    /// Keyed digest (`v1:` and 32 hexadecimal digits of HMAC-SHA-256) of what AI Core accepted last. It changes when the
    /// credential changes, and tells nothing about it to someone without the AI Core service key. Absent before the first push, and
    /// when another resource may have the name: from `RemoteConflict`, `NamespaceNotAllowed` or `RemoteNameNotAllowed` on, until
    /// the credential is accepted again.
    #[schemars(length(max = sizes::DIGEST))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_digest: Option<String>,

    /// `metadata.resourceVersion` of the Secret with the registry credential, as read for the last accepted push.
    #[schemars(length(max = sizes::RESOURCE_VERSION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_resource_version: Option<String>,

    /// `metadata.resourceVersion` of the Secret with the AI Core service key, as read for the last accepted push.
    #[schemars(length(max = sizes::RESOURCE_VERSION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_core_secret_resource_version: Option<String>,

    /// When AI Core last accepted the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<Time>,

    /// When the credential is sent again although it has not changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_resync_time: Option<Time>,

    /// When the credential that AI Core holds ends, as far as that can be known without asking its registry: of several entries,
    /// the earliest.
    #[schemars(with = "Option<Time>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_expires_at: Option<Moment>,

    /// From when on less than a fifth of the life of that credential is left, counted from when its end was first seen.
    #[schemars(with = "Option<Time>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_expiring_from: Option<Moment>,

    /// When the service key ends, if it is one with an X.509 certificate.
    #[schemars(with = "Option<Time>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_key_expires_at: Option<Moment>,

    /// From when on less than a fifth of the life of that certificate is left.
    #[schemars(with = "Option<Time>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_key_expiring_from: Option<Moment>,

    /// The value of the annotation `aicore-registry.dev/requestedAt` that was answered last. Of a value above 256 bytes, its
    /// beginning and a digest of it.
    #[schemars(length(max = sizes::REQUEST))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// The failed attempt that the conditions speak of, where the next one is far away: so that it is not repeated before its
    /// time when the operator starts again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_attempt: Option<Box<FailedAttempt>>,

    /// The docker registry secret that stays behind in AI Core because the resource means another one now, or another tenant, until
    /// an event has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<Box<LeftBehind>>,

    /// A request that writes and had no answer, so that AI Core may carry it out late: a minute after the next accepted push the
    /// credential is sent once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered_write: Option<Box<UnansweredWrite>>,
}

/// A docker registry secret in AI Core that the resource has written and does not mean any more.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LeftBehind {
    /// Name of the docker registry secret.
    #[schemars(length(max = 63))]
    pub remote_name: String,

    /// AI Core API, without `/v2`.
    #[serde(rename = "apiURL")]
    #[schemars(length(max = sizes::URL))]
    pub api_url: Option<String>,

    /// Authorization server that belongs to `apiURL`.
    #[schemars(length(max = sizes::URL))]
    pub authorization_server: Option<String>,
}

/// A request that writes and had no answer.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UnansweredWrite {
    /// When the first one was given up.
    pub time: Time,

    /// When the credential is sent once more; absent until AI Core has accepted it again.
    pub confirmation_time: Option<Time>,
}

/// A failed attempt. It says nothing any more when the Secrets are not those that it was made with.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct FailedAttempt {
    /// When the next attempt was to be made. If a person has to act (`Stalled`) others follow, every 15 minutes.
    pub retry_time: Time,

    /// `metadata.resourceVersion` of the Secret with the AI Core service key that it was made with.
    #[schemars(length(max = sizes::RESOURCE_VERSION))]
    pub ai_core_secret_resource_version: Option<String>,

    /// `metadata.resourceVersion` of the Secret with the registry credential, where another content may be accepted.
    #[schemars(length(max = sizes::RESOURCE_VERSION))]
    pub secret_resource_version: Option<String>,
}
