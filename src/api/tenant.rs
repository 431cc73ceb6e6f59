//! The custom resource `AICoreTenant`: a service key that an administrator shares with namespaces that never see it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Moment, SECRET_KEY, SECRET_NAME, sizes,
    spec::{NO_SECRET_KEY, NO_SECRET_NAME},
};

/// A rule for names of namespaces: RFC 1123 labels.
pub(crate) const NAMESPACE: &str = "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')";
const NO_NAMESPACE: &str = "this cannot be the name of a namespace: write lower-case letters, digits and '-', with a letter or a digit at \
     both ends";

/// A rule for `spec.allowedNamespaces`.
pub(crate) const NAMESPACE_PATTERNS: &str = "self.all(pattern, pattern.matches('^[-a-z0-9*]+$'))";
const NO_NAMESPACE_PATTERN: &str =
    "write the name of a namespace, or a pattern such as team-*, in which * stands for any characters";

/// A rule for `spec.remoteNames`.
pub(crate) const REMOTE_NAME_PATTERNS: &str =
    "self.all(pattern, pattern.matches('^([-a-z0-9._*]|[{]namespace[}])+$'))";
const NO_REMOTE_NAME_PATTERN: &str = "write the name of a docker registry secret in AI Core, or a pattern such as {namespace}.*, in which * stands for any \
     characters and {namespace} for the namespace";

/// Shares one AI Core service key with namespaces that do not see it.
#[allow(
    clippy::duplicated_attributes,
    reason = "the lint takes equal values of different columns for repetitions"
)]
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "aicore-registry.dev",
    version = "v1alpha1",
    kind = "AICoreTenant",
    plural = "aicoretenants",
    singular = "aicoretenant",
    shortname = "aictenant",
    category = "aicore",
    status = "AICoreTenantStatus",
    doc = "Shares the service key of one SAP AI Core tenant with namespaces that do not see it: their AICoreRegistrySecrets name the AICoreTenant in tenantRef.",
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
    printcolumn(name = "Resources", type_ = "integer", json_path = ".status.resources"),
    printcolumn(name = "Used", type_ = "integer", json_path = ".status.quota.used"),
    printcolumn(name = "Limit", type_ = "integer", json_path = ".status.quota.limit"),
    printcolumn(name = "Key expires", type_ = "string", json_path = ".status.serviceKeyExpiresAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "API URL", type_ = "string", json_path = ".status.apiURL", priority = 1),
    printcolumn(
        name = "Authorization server",
        type_ = "string",
        json_path = ".status.authorizationServer",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct AICoreTenantSpec {
    /// The Secret that holds the AI Core service key or service binding, in a namespace that only administrators have access to.
    pub secret_ref: TenantSecretRef,

    /// Namespaces whose AICoreRegistrySecrets may use the service key: names, or patterns in which `*` stands for any
    /// characters, as in `team-*`. `*` alone allows all namespaces.
    #[schemars(
        length(min = 1, max = sizes::ALLOWED_NAMESPACES),
        inner(length(min = 1, max = sizes::NAMESPACE)),
        extend("x-kubernetes-list-type" = "set")
    )]
    #[x_kube(validation = Rule::new(NAMESPACE_PATTERNS).message(NO_NAMESPACE_PATTERN))]
    pub allowed_namespaces: Vec<String>,

    /// Names of docker registry secrets in AI Core that these namespaces may write, as patterns: `*` stands for any
    /// characters, and `{namespace}` for the namespace of the resource. `{namespace}.*` keeps namespaces apart, because no
    /// namespace has a dot in its name. Default: all names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = sizes::REMOTE_NAME_PATTERNS),
        inner(length(min = 1, max = sizes::REMOTE_NAME_PATTERN)),
        extend("x-kubernetes-list-type" = "set")
    )]
    #[x_kube(validation = Rule::new(REMOTE_NAME_PATTERNS).message(NO_REMOTE_NAME_PATTERN))]
    pub remote_names: Option<Vec<String>>,
}

/// Reference to the Secret that holds the service key of a tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TenantSecretRef {
    /// Namespace of the Secret.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new(NAMESPACE).message(NO_NAMESPACE))]
    pub namespace: String,

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

/// What is known of the tenant and its service key. It never holds a secret value.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AICoreTenantStatus {
    /// The `metadata.generation` that the conditions speak of; -1 before the first outcome.
    pub observed_generation: Option<i64>,

    /// `Ready`: the service key was given a token. `Reconciling`: the operator is about to do something. `Stalled`: a person
    /// has to do something. `CredentialExpiring`, `CredentialExpired`: how it stands with the life of the service key.
    #[serde(default)]
    // Keeps the empty list from becoming a default of the schema.
    #[schemars(skip_serializing_if = "Vec::is_empty", length(max = sizes::CONDITIONS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// AI Core API that the service key is for, without `/v2`.
    #[serde(rename = "apiURL")]
    #[schemars(length(max = sizes::URL))]
    pub api_url: Option<String>,

    /// Authorization server (`url` of the service key) that belongs to `apiURL`. Together they identify the tenant.
    #[schemars(length(max = sizes::URL))]
    pub authorization_server: Option<String>,

    /// How many AICoreRegistrySecrets name this AICoreTenant, those that it does not allow included.
    pub resources: Option<i64>,

    /// Docker registry secrets that the tenant has and may have, whoever made them.
    pub quota: Option<TenantQuota>,

    /// When the service key ends, if it is one with an X.509 certificate.
    #[schemars(with = "Option<Time>")]
    pub service_key_expires_at: Option<Moment>,

    /// From when on less than a fifth of the life of that certificate is left.
    #[schemars(with = "Option<Time>")]
    pub service_key_expiring_from: Option<Moment>,

    /// `metadata.resourceVersion` of the Secret with the service key, as the conditions speak of it.
    #[schemars(length(max = sizes::RESOURCE_VERSION))]
    pub secret_resource_version: Option<String>,

    /// The value of the annotation `aicore-registry.dev/requestedAt` that was answered last. Of a value above 256 bytes, its
    /// beginning and a digest of it.
    #[schemars(length(max = sizes::REQUEST))]
    pub last_handled_reconcile_at: Option<String>,
}

/// The tenant's quota of docker registry secrets.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TenantQuota {
    /// Docker registry secrets that the tenant has.
    pub used: i64,

    /// Docker registry secrets that the tenant may have.
    pub limit: i64,

    /// When AI Core said so. It is asked once an hour, and after resources that name this AICoreTenant created or deleted
    /// secrets.
    pub observed_time: Time,
}
