//! A stand-in for the API server.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{Hold, Journal, note};
use crate::{
    api::{AICoreRegistrySecretStatus, AICoreTenantStatus},
    controller::adapters::Kubernetes,
    domain::{
        decide::{observed::NamespaceState, report::Event},
        parse::{
            name::SecretName,
            object::{Object, ObjectKey},
            resource_version::{Basis, ResourceVersion},
            secret_data,
            tenant::SharedTenant,
        },
        testing::seconds,
        tools::invalid::Invalid,
    },
    k8s::{error::Error as ApiError, resources::FinalizerSet, secrets::Read},
};

/// An API server with a few Secrets.
#[derive(Default)]
pub(in crate::controller) struct FakeKubernetes {
    pub(super) journal: Journal,
    /// Version, key within the Secret, and value.
    pub(in crate::controller) secrets: Mutex<HashMap<ObjectKey, (String, &'static str, String)>>,
    /// Requests that fail, as the journal names them.
    pub(in crate::controller) refuses: Mutex<HashSet<&'static str>>,
    /// Requests that are never answered.
    pub(in crate::controller) hangs: Mutex<HashSet<&'static str>>,
    /// The operator may not read Secrets.
    pub(in crate::controller) denied: AtomicBool,
    /// The resource is not there any more.
    pub(in crate::controller) resource_gone: AtomicBool,
    /// The resource is being deleted, and the watch has not said so yet.
    pub(in crate::controller) takes_no_finalizer: AtomicBool,
    pub(in crate::controller) namespace: Mutex<NamespaceState>,
    /// Secrets that are larger than what is read.
    pub(in crate::controller) too_large: Mutex<HashSet<ObjectKey>>,
    /// Secrets are read when this is open.
    pub(in crate::controller) reads: Hold,
    /// How long a read of a Secret takes.
    pub(in crate::controller) latency: Mutex<Duration>,
    /// The last status that was written.
    pub(in crate::controller) status: Mutex<Option<AICoreRegistrySecretStatus>>,
    /// The last status of an AICoreTenant that was written.
    pub(in crate::controller) tenant_status: Mutex<Option<AICoreTenantStatus>>,
    /// By uid of the resource: how long a status takes, and whether it is taken at all.
    pub(in crate::controller) status_answers: Mutex<HashMap<String, (Duration, bool)>>,
    /// By uid of the resource: the generation that it has.
    pub(in crate::controller) generations: Mutex<HashMap<String, i64>>,
    /// At which version a resource is, by uid.
    pub(in crate::controller) versions: Mutex<HashMap<String, ResourceVersion>>,
    /// By uid, the last status that was taken.
    pub(in crate::controller) taken: Mutex<HashMap<String, AICoreRegistrySecretStatus>>,
    /// Reasons of the events that were handed in.
    pub(in crate::controller) events: Mutex<Vec<&'static str>>,
}

impl FakeKubernetes {
    /// A Secret with a registry credential.
    pub(in crate::controller) fn holds_credential(&self, secret: ObjectKey, version: &str, password: &str) {
        let config = serde_json::json!({"auths": {"ghcr.io": {"username": "me", "password": password}}});
        let content = (version.to_owned(), ".dockerconfigjson", config.to_string());
        self.secrets.lock().unwrap().insert(secret, content);
    }

    /// A Secret with a service key of the tenant of that name.
    pub(in crate::controller) fn holds_service_key(&self, secret: ObjectKey, version: &str, tenant: &str) {
        let json = serde_json::json!({
            "clientid": "client",
            "clientsecret": "s3cret",
            "serviceurls": {"AI_API_URL": format!("https://api.ai.{tenant}.eu-central-1.aws.ml.hana.ondemand.com")},
            "url": format!("https://{tenant}.authentication.eu10.hana.ondemand.com"),
        });
        let content = (version.to_owned(), "key.json", json.to_string());
        self.secrets.lock().unwrap().insert(secret, content);
    }

    fn answers(&self, request: &'static str) -> Result<(), ApiError> {
        note(&self.journal, request.to_owned());
        if self.refuses.lock().unwrap().contains(request) {
            return Err(ApiError::Refused { code: 500, message: "no".to_owned() });
        }
        if self.resource_gone.load(SeqCst) && request != "read Secret" {
            return Err(ApiError::NotFound);
        }
        Ok(())
    }
}

impl Kubernetes for FakeKubernetes {
    async fn read_secret(&self, namespace: &str, name: &SecretName) -> Result<Option<Read>, ApiError> {
        self.answers("read Secret")?;
        self.reads.pass().await;
        let latency = *self.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        if self.denied.load(SeqCst) {
            return Err(ApiError::Forbidden(format!("secrets {name:?} is forbidden", name = name.as_str())));
        }
        if self.too_large.lock().unwrap().contains(&ObjectKey::new(namespace, name.as_str())) {
            return Err(ApiError::Oversized(Invalid::new("it is too large.".to_owned())));
        }
        let secrets = self.secrets.lock().unwrap();
        Ok(secrets.get(&ObjectKey::new(namespace, name.as_str())).map(|(version, field, value)| Read {
            data: secret_data::tests::secret(name.as_str(), None, [(*field, value)]),
            version: version.clone(),
        }))
    }

    async fn namespace(&self, _namespace: &str, _now: Timestamp) -> Result<NamespaceState, ApiError> {
        self.answers("look at namespace")?;
        Ok(self.namespace.lock().unwrap().clone())
    }

    async fn write_status(
        &self,
        object: &Object,
        status: &AICoreRegistrySecretStatus,
        basis: Basis,
    ) -> Result<(), ApiError> {
        self.answers("write status")?;
        if self.refuses.lock().unwrap().contains("write status, for lack of rights") {
            return Err(ApiError::Forbidden("no".to_owned()));
        }
        let answer = self.status_answers.lock().unwrap().get(&*object.uid).copied();
        if let Some((after, is_taken)) = answer {
            tokio::time::sleep(after).await;
            if !is_taken {
                return Err(ApiError::Timeout);
            }
        }
        if self.hangs.lock().unwrap().contains("write status slowly") {
            tokio::time::sleep(seconds(3)).await;
        }
        if self.hangs.lock().unwrap().contains("write status") {
            // As the client's limit does.
            tokio::time::sleep(crate::k8s::error::REQUEST_TIMEOUT).await;
            return Err(ApiError::Timeout);
        }
        let is_another = |now: &i64| *now != basis.generation;
        let has_gone_on = |now: &ResourceVersion| basis.version.is_some_and(|version| version != *now);
        if self.generations.lock().unwrap().get(&*object.uid).is_some_and(is_another)
            || self.versions.lock().unwrap().get(&*object.uid).is_some_and(has_gone_on)
        {
            return Err(ApiError::Outdated);
        }
        *self.status.lock().unwrap() = Some(status.clone());
        self.taken.lock().unwrap().insert(object.uid.to_string(), status.clone());
        Ok(())
    }

    async fn write_tenant_status(
        &self,
        tenant: &SharedTenant,
        status: &AICoreTenantStatus,
    ) -> Result<(), ApiError> {
        self.answers("write status of tenant")?;
        if self.generations.lock().unwrap().get(&*tenant.uid).is_some_and(|now| *now != tenant.generation) {
            return Err(ApiError::Outdated);
        }
        *self.tenant_status.lock().unwrap() = Some(status.clone());
        Ok(())
    }

    async fn set_finalizer(&self, object: &Object, present: bool) -> Result<FinalizerSet, ApiError> {
        self.answers(if present { "add finalizer" } else { "remove finalizer" })?;
        let is_so = !present || !self.takes_no_finalizer.load(SeqCst);
        let found_at = self.versions.lock().unwrap().get(&*object.uid).copied();
        Ok(FinalizerSet { is_so, found_at })
    }

    fn publish(&self, _object: &Arc<Object>, event: Event) {
        self.events.lock().unwrap().push(event.reason);
    }

    async fn say(&self, object: &Arc<Object>, event: Event) {
        self.publish(object, event);
    }

    fn publish_of_tenant(&self, _tenant: &SharedTenant, event: Event) {
        self.events.lock().unwrap().push(event.reason);
    }
}
