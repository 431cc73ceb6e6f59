//! What a user asks for.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AICoreRegistrySecretStatus;

/// A rule for names of Secrets: RFC 1123 subdomains, which is what the API server accepts for them. A pattern would say the same, but
/// its message would be the pattern.
pub(crate) const SECRET_NAME: &str =
    "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')";
pub(super) const NO_SECRET_NAME: &str = "this cannot be the name of a Secret: write lower-case letters, digits, '-' and '.', with a letter or a \
     digit at both ends and beside each '.'";

const NO_TENANT_NAME: &str = "this cannot be the name of an AICoreTenant: write lower-case letters, digits, '-' and '.', with a letter or a \
     digit at both ends and beside each '.'";

/// A rule for keys of Secrets, as the API server has it for them (`IsConfigMapKey` of `k8s.io/apimachinery`).
pub(crate) const SECRET_KEY: &str = "self.matches('^[-._a-zA-Z0-9]+$')";
pub(super) const NO_SECRET_KEY: &str =
    "this cannot be a key of a Secret: write letters, digits, '-', '_' and '.'";

/// A rule for `spec.remoteName`: [`crate::domain::parse::name::PATTERN`].
pub(crate) const REMOTE_NAME: &str = "self.matches('^[a-z0-9](_?[a-z0-9.-]+)*[a-z0-9]$')";

/// A rule for the form of durations.
pub(crate) const DURATION: &str = "self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$')";

/// A rule for `spec.resyncInterval`, once it is a duration.
pub(crate) const RESYNC_INTERVAL: &str = "!self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') || duration(self) == duration('0s') || duration(self) >= duration('10s')";

/// A rule for the spec: the service key is in a Secret of the namespace, or comes with a tenant.
pub(crate) const ONE_KEY: &str = "has(self.aiCoreSecretRef) != has(self.tenantRef)";
/// What to do about it.
pub(crate) const NOT_ONE_KEY: &str = "set exactly one of aiCoreSecretRef, a Secret of this namespace that holds the service key, and tenantRef, an AICoreTenant that \
     shares one";

/// A rule for `spec.secretRef`.
pub(crate) const LOGIN_KEYS: &str = "has(self.server) || (!has(self.usernameKey) && !has(self.passwordKey))";

/// Keeps one docker registry secret of an SAP AI Core tenant equal to the registry credential in a Kubernetes Secret.
// The rules that need `metadata.name` are rules of the whole object; `crd` adds them there.
#[allow(
    clippy::duplicated_attributes,
    reason = "the lint takes equal values of different columns for repetitions"
)]
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "aicore-registry.dev",
    version = "v1alpha1",
    kind = "AICoreRegistrySecret",
    plural = "aicoreregistrysecrets",
    singular = "aicoreregistrysecret",
    shortname = "aicrs",
    category = "aicore",
    namespaced,
    selectable = ".spec.secretRef.name",
    selectable = ".spec.aiCoreSecretRef.name",
    selectable = ".spec.tenantRef.name",
    selectable = ".status.remoteName",
    status = "AICoreRegistrySecretStatus",
    doc = "Keeps one docker registry secret of an SAP AI Core tenant equal to the registry credential in a Kubernetes Secret: whenever the credential changes, it is sent to AI Core.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Remote name", type_ = "string", json_path = ".status.remoteName"),
    printcolumn(name = "Last sync", type_ = "date", json_path = ".status.lastSyncTime"),
    // kubectl has no word for the time until a date: a column of the type date shows `<invalid>` for what is to come.
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.credentialExpiresAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Tenant", type_ = "string", json_path = ".spec.tenantRef.name", priority = 1),
    printcolumn(name = "API URL", type_ = "string", json_path = ".status.apiURL", priority = 1),
    printcolumn(name = "Registries", type_ = "string", json_path = ".status.registries", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(ONE_KEY).message(NOT_ONE_KEY))]
pub struct AICoreRegistrySecretSpec {
    /// The Secret in the same namespace that holds the registry credential. Whenever its content changes, the new
    /// credential is sent to AI Core.
    pub secret_ref: SecretRef,

    /// The Secret in the same namespace that holds the AI Core service key or service binding. Its content says which
    /// tenant is written to. Either this or `tenantRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_core_secret_ref: Option<AICoreSecretRef>,

    /// The AICoreTenant whose service key is used, so that none has to be in this namespace. It has to allow the namespace
    /// and the remote name. Either this or `aiCoreSecretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<TenantRef>,

    /// Name of the docker registry secret in AI Core, as workloads name it in `imagePullSecrets`. Default:
    /// `metadata.name`. 2 to 63 characters: lower-case letters, digits, `.`, `-` and single `_`, with a letter or a
    /// digit at both ends. Immutable, because AI Core cannot rename a secret.
    // Source of the rule: schema of `dockerRegistryName` in SAP AI Core's OpenAPI description, version 2.42.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 63))]
    #[x_kube(validation = Rule::new(REMOTE_NAME).message("this cannot be the name of a docker registry secret in AI Core: write 2 \
         to 63 lower-case letters, digits, '.', '-' and single '_', with a letter or a digit at both ends"))]
    pub remote_name: Option<String>,

    /// Registries to send, as they are written in the Secret's `auths` (`ghcr.io`, `https://index.docker.io/v1/`);
    /// spelling differences in scheme, case and trailing slash do not matter. Default: all. A registry that the Secret
    /// does not have is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 255)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub registries: Option<Vec<String>>,

    // The description comes from the type.
    #[allow(missing_docs)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_policy: Option<CreationPolicy>,

    // The description comes from the type.
    #[allow(missing_docs)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// How often to send the credential again although it has not changed, in case somebody changed it in AI Core, as a
    /// duration such as `90s`, `1h30m` or `1.5h` (units: `ms`, `s`, `m`, `h`); spread by ±10 %. At least `10s`; `0s`
    /// means never. Default: the operator's `--default-resync-interval`, which is `1h` unless it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(DURATION).message("write a duration such as 90s, 1h30m or 1.5h"))]
    #[x_kube(validation = Rule::new(RESYNC_INTERVAL)
        .message("resyncInterval must be at least 10s, or 0s to never send an unchanged credential again"))]
    pub resync_interval: Option<String>,

    /// While true, nothing is sent to AI Core, and nothing is deleted there when this resource is deleted. Default:
    /// false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Reference to the Secret that holds the registry credential.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(LOGIN_KEYS)
    .message("usernameKey and passwordKey are for a Secret that holds a user name and a password: set server to the registry they belong to"))]
pub struct SecretRef {
    /// Name of the Secret. Its type is `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`, or it is of any
    /// type with a key `.dockerconfigjson`, or with the keys `auth` (base64 of `user:password`) and `registry`; with `server`
    /// set, it holds a user name and a password, or an `auth`.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(SECRET_NAME).message(NO_SECRET_NAME))]
    pub name: String,

    /// Registry that a user name and a password belong to (`ghcr.io`). Set it when the Secret holds these two, or both in an
    /// `auth`, instead of a docker config, as `kubernetes.io/basic-auth` Secrets and External Secrets generators do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub server: Option<String>,

    /// Key of the Secret that holds the user name. Default: `username`. Only together with `server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(SECRET_KEY).message(NO_SECRET_KEY))]
    pub username_key: Option<String>,

    /// Key of the Secret that holds the password or access token. Default: `password`. Only together with `server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(SECRET_KEY).message(NO_SECRET_KEY))]
    pub password_key: Option<String>,
}

/// Reference to the Secret that holds the AI Core service key or service binding.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AICoreSecretRef {
    /// Name of the Secret, as the SAP BTP service operator, Crossplane or a person wrote it. The form is recognised.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(SECRET_NAME).message(NO_SECRET_NAME))]
    pub name: String,

    /// Key of the Secret that holds the service key as JSON. Only needed when the form is not recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(SECRET_KEY).message(NO_SECRET_KEY))]
    pub key: Option<String>,
}

/// Reference to an AICoreTenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TenantRef {
    /// Name of the AICoreTenant, which belongs to no namespace.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(SECRET_NAME).message(NO_TENANT_NAME))]
    pub name: String,
}

/// What to do when AI Core has no secret of this name: `IfMissing` creates it, `Never` only updates a secret that somebody
/// else created. Default: `IfMissing`.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreationPolicy {
    /// Create it.
    #[default]
    IfMissing,
    /// Report `RemoteMissing`.
    Never,
}

/// What happens to the secret in AI Core when this resource is deleted: `Retain` leaves it, `Delete` deletes it. Deleting it
/// breaks every workload that pulls images with it. Default: `Retain`.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// It stays.
    #[default]
    Retain,
    /// It is deleted.
    Delete,
}

impl AICoreRegistrySecretSpec {
    /// `spec.creationPolicy` with its default.
    #[must_use]
    pub fn creation_policy(&self) -> CreationPolicy {
        self.creation_policy.unwrap_or_default()
    }

    /// `spec.deletionPolicy` with its default.
    #[must_use]
    pub fn deletion_policy(&self) -> DeletionPolicy {
        self.deletion_policy.unwrap_or_default()
    }

    /// `spec.suspend` with its default.
    #[must_use]
    pub fn suspended(&self) -> bool {
        self.suspend.unwrap_or(false)
    }
}
