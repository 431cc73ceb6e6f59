//! One resource as decisions see it.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    api::{
        ABANDON_REMOTE, AICoreRegistrySecret, AICoreRegistrySecretSpec, AICoreRegistrySecretStatus,
        AICoreSecretRef, FINALIZER, REQUESTED_AT, TenantRef,
    },
    domain::{
        parse::{
            api_url::Tenant,
            bounds,
            duration::{self, ResyncInterval},
            name::{RemoteName, SecretName},
        },
        tools::invalid::{Invalid, Quoted},
    },
};

/// Namespace and name of a resource or a Secret. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// From the two names.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Whether both are in the same namespace: who sees the one may see the other.
    #[must_use]
    pub(crate) fn is_in_namespace_of(&self, other: &Self) -> bool {
        self.namespace == other.namespace
    }

    /// Something else in the same namespace.
    #[must_use]
    pub(crate) fn sibling(&self, name: &str) -> Self {
        Self { namespace: Arc::clone(&self.namespace), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What time it is, in the two senses that decisions need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall clock: for times that are written down and outlive the process.
    pub wall: Timestamp,
    /// Time since the start of the process, which no clock correction moves: for delays inside the process.
    pub(crate) uptime: Duration,
    /// Time since this process leads, by the same clock: a standby may have looked on for long.
    pub(crate) leading: Duration,
}

/// A resource, reduced to what decisions depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Where it is.
    pub key: ObjectKey,
    /// `metadata.uid`; a resource that was deleted and created again is another one.
    pub uid: Arc<str>,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// `metadata.generation`.
    pub generation: i64,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether the operator's finalizer is present.
    pub finalizer: bool,
    /// Value of the annotation `aicore-registry.dev/requestedAt`; of one above 256 bytes, what [`bounds::request`] keeps.
    pub(crate) requested_at: Option<Arc<str>>,
    /// Whether the annotation `aicore-registry.dev/abandon-remote` is `"true"`.
    pub abandon: bool,
    /// What the user asks for; what is larger than the schema admits is cut.
    pub spec: Arc<AICoreRegistrySecretSpec>,
    /// What of the spec the schema does not admit, which an older schema lets through.
    pub(crate) inadmissible: Option<Invalid>,
    /// Name of the docker registry secret in AI Core: `spec.remoteName`, else `metadata.name`; why it cannot be one, which an
    /// older schema lets through.
    pub remote_name: Result<RemoteName, Invalid>,
}

/// Where the spec says that the service key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRef<'a> {
    /// In a Secret of the namespace.
    Secret(&'a AICoreSecretRef),
    /// Where the AICoreTenant says.
    Tenant(&'a TenantRef),
}

impl Object {
    /// From the API's form. `None` for what no API server sends: a resource without name, namespace or uid.
    #[must_use]
    pub fn from_resource(resource: &AICoreRegistrySecret) -> Option<Self> {
        let meta = &resource.metadata;
        let annotation = |name: &str| meta.annotations.as_ref().and_then(|annotations| annotations.get(name));
        let key = ObjectKey::new(meta.namespace.as_deref()?, meta.name.as_deref()?);
        let (spec, inadmissible) = bounds::spec(&resource.spec);
        Some(Self {
            remote_name: match &spec.remote_name {
                Some(name) => RemoteName::parse(name),
                None => RemoteName::sharing(&key.name),
            },
            inadmissible,
            key,
            uid: meta.uid.as_deref()?.into(),
            created: meta.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
            generation: meta.generation.unwrap_or_default(),
            deleting: meta.deletion_timestamp.is_some(),
            finalizer: meta.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER),
            requested_at: annotation(REQUESTED_AT).map(|value| bounds::request(value).into()),
            abandon: annotation(ABANDON_REMOTE).is_some_and(|value| value == "true"),
            spec: Arc::new(spec),
        })
    }

    /// The remote name as messages show it, also when it cannot be one.
    #[must_use]
    pub(crate) fn shown_remote_name(&self) -> Quoted<'_> {
        Quoted(self.spec.remote_name.as_deref().unwrap_or(&self.key.name))
    }

    /// The remote name as it is written down, also when it cannot be one.
    #[must_use]
    pub(crate) fn remote_name_or_key(&self) -> String {
        self.spec.remote_name.as_deref().unwrap_or(&self.key.name).to_owned()
    }

    /// Name of the Secret that holds the registry credential, fit for a request.
    ///
    /// # Errors
    /// A sentence that names the field, when no Secret can have this name.
    pub fn source_name(&self) -> Result<SecretName, Invalid> {
        SecretName::parse("spec.secretRef.name", &self.spec.secret_ref.name)
    }

    /// Where the service key is; `None`: the spec names none, or two.
    #[must_use]
    pub(crate) fn key_ref(&self) -> Option<KeyRef<'_>> {
        match (&self.spec.ai_core_secret_ref, &self.spec.tenant_ref) {
            (Some(secret), None) => Some(KeyRef::Secret(secret)),
            (None, Some(tenant)) => Some(KeyRef::Tenant(tenant)),
            (None, None) | (Some(_), Some(_)) => None,
        }
    }

    /// The AICoreTenant that the spec names.
    #[must_use]
    pub(crate) fn tenant_ref(&self) -> Option<&str> {
        self.spec.tenant_ref.as_ref().map(|tenant| tenant.name.as_str())
    }

    /// The Secret that holds the registry credential, to compare with what a watch shows. No request is made with it.
    #[must_use]
    pub fn source(&self) -> ObjectKey {
        self.key.sibling(&self.spec.secret_ref.name)
    }

    /// The Secret of its namespace that holds the AI Core service key.
    #[cfg(test)]
    pub(crate) fn service_key(&self) -> ObjectKey {
        self.key.sibling(&self.spec.ai_core_secret_ref.as_ref().unwrap().name)
    }

    /// `spec.resyncInterval`, or the operator's default. A value that does not parse is refused as inadmissible, and counts as
    /// absent.
    #[must_use]
    pub(crate) fn resync_interval(&self, default: ResyncInterval) -> ResyncInterval {
        self.spec.resync_interval.as_deref().and_then(duration::parse).map_or(default, ResyncInterval::from)
    }

    /// The value of `requestedAt` if it has not been answered yet.
    #[must_use]
    pub(crate) fn unanswered_request(&self, status: &AICoreRegistrySecretStatus) -> Option<&Arc<str>> {
        self.requested_at.as_ref().filter(|at| status.last_handled_reconcile_at.as_deref() != Some(at))
    }
}

/// The tenant of the last accepted push.
#[must_use]
pub(crate) fn pushed_tenant(status: &AICoreRegistrySecretStatus) -> Option<Tenant> {
    Some(Tenant {
        api_url: status.api_url.clone()?,
        authorization_server: status.authorization_server.clone()?,
    })
}

#[cfg(test)]
mod tests;
