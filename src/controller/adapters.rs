//! What a pass asks of the two systems around it, and no more, so that a test can stand in for either. The real ones are
//! [`k8s`] and [`aicore`].

use std::sync::Arc;

use jiff::Timestamp;
use kube::Client;
use tokio::sync::OwnedMutexGuard;

use crate::{
    aicore::{
        self, Authorization, Insistence,
        mandate::Mandate,
        names::Names,
        pool::{Connection, Pool},
        push::Pushed,
        rate_limit::RateLimiter,
        session::{Session, Unfinished},
    },
    api::{AICoreRegistrySecretStatus, AICoreTenantStatus},
    domain::{
        decide::{conflict::Claim, observed::NamespaceState, opening::Manner, report::Event},
        parse::{
            api_url::Tenant,
            docker_config::Payload,
            name::{RemoteName, SecretName},
            object::Object,
            resource_version::Basis,
            service_key::ServiceKey,
            tenant::SharedTenant,
        },
    },
    k8s::{
        self,
        events::{About, EventSink},
        namespaces,
        resources::{self, FinalizerSet},
        secrets,
    },
};

/// The API server.
pub(super) trait Kubernetes: Send + Sync + 'static {
    /// Reads a Secret; `None` when there is none of the name.
    fn read_secret(
        &self,
        namespace: &str,
        name: &SecretName,
    ) -> impl Future<Output = Result<Option<secrets::Read>, k8s::error::Error>> + Send;

    /// Whether the namespace is being deleted, or is gone.
    fn namespace(
        &self,
        namespace: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<NamespaceState, k8s::error::Error>> + Send;

    /// Writes the whole status, if the resource is still as it was made for.
    fn write_status(
        &self,
        object: &Object,
        status: &AICoreRegistrySecretStatus,
        basis: Basis,
    ) -> impl Future<Output = Result<(), k8s::error::Error>> + Send;

    /// Writes the whole status of an AICoreTenant.
    fn write_tenant_status(
        &self,
        tenant: &SharedTenant,
        status: &AICoreTenantStatus,
    ) -> impl Future<Output = Result<(), k8s::error::Error>> + Send;

    /// Adds or removes the operator's finalizer. Returns whether it is so now: a resource that is being deleted takes none.
    fn set_finalizer(
        &self,
        object: &Object,
        present: bool,
    ) -> impl Future<Output = Result<FinalizerSet, k8s::error::Error>> + Send;

    /// Hands in an event about the resource; does not wait.
    fn publish(&self, object: &Arc<Object>, event: Event);

    /// The same for one that must not be lost, and waits a moment for the answer.
    fn say(&self, object: &Arc<Object>, event: Event) -> impl Future<Output = ()> + Send;

    /// Hands in an event about the AICoreTenant; does not wait.
    fn publish_of_tenant(&self, tenant: &SharedTenant, event: Event);
}

/// AI Core and its authorization servers.
pub(super) trait AiCore: Send + Sync + 'static {
    /// A tenant, as one service key reaches it.
    type Connection: Reach;

    /// The connection for the service key; the same one for the same key. Sends nothing.
    fn connect(&self, key: &ServiceKey) -> Result<Arc<Self::Connection>, aicore::error::Error>;

    /// Waits until no other request for the same remote secret is under way, and keeps others waiting until the guard is
    /// dropped.
    fn in_order(&self, claim: &Claim) -> impl Future<Output = OwnedMutexGuard<()>> + Send;

    /// Sees to it that there is a token for the service key. Asks for one only if none is kept, and nobody is refused one for now;
    /// what is returned says whether it did.
    fn authorize(
        &self,
        connection: &Self::Connection,
        insistence: Insistence,
    ) -> impl Future<Output = Authorization> + Send;

    /// Sees to it that the names of the tenant's secrets are known, or known not to be, for all who are about to create something there.
    /// The turn of the pass in the tenant's rate is there afterwards as it was before.
    fn ask_for_names(
        &self,
        connection: &Self::Connection,
        insistence: Insistence,
        mandate: &impl Mandate,
    ) -> impl Future<Output = Result<(), Unfinished>> + Send;

    /// Makes AI Core hold the payload under the name. The first request has had its turn in the tenant's rate; each is sent only
    /// while the mandate stands.
    fn push(
        &self,
        connection: &Self::Connection,
        insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
        payload: &Payload,
        manner: Manner,
    ) -> impl Future<Output = Result<Pushed, Unfinished>> + Send;

    /// Makes AI Core no longer hold a secret of the name, on the same terms.
    fn delete(
        &self,
        connection: &Self::Connection,
        insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
    ) -> impl Future<Output = Result<(), Unfinished>> + Send;

    /// How many docker registry secrets the tenant has and may have, if it says so; on the same terms.
    fn quota(
        &self,
        connection: &Self::Connection,
        mandate: &impl Mandate,
    ) -> impl Future<Output = Result<Option<(u64, u64)>, Unfinished>> + Send;
}

/// What a pass has to know of a connection.
pub(super) trait Reach: Send + Sync + 'static {
    /// Which tenant.
    fn tenant(&self) -> &Arc<Tenant>;

    /// A number that no other service key has had in this process.
    fn id(&self) -> u64;

    /// The tenant's request rate.
    fn rate_limiter(&self) -> &Arc<RateLimiter>;

    /// Which secrets the tenant has, as far as somebody has asked.
    fn names(&self) -> &Names;
}

/// The API server that a client reaches.
pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) events: EventSink,
}

impl Kubernetes for Cluster {
    async fn read_secret(
        &self,
        namespace: &str,
        name: &SecretName,
    ) -> Result<Option<secrets::Read>, k8s::error::Error> {
        secrets::read(&self.client, namespace, name).await
    }

    async fn namespace(&self, namespace: &str, now: Timestamp) -> Result<NamespaceState, k8s::error::Error> {
        namespaces::state(&self.client, namespace, now).await
    }

    async fn write_status(
        &self,
        object: &Object,
        status: &AICoreRegistrySecretStatus,
        basis: Basis,
    ) -> Result<(), k8s::error::Error> {
        resources::write_status(&self.client, object, status, basis).await
    }

    async fn write_tenant_status(
        &self,
        tenant: &SharedTenant,
        status: &AICoreTenantStatus,
    ) -> Result<(), k8s::error::Error> {
        resources::write_tenant_status(&self.client, tenant, status).await
    }

    async fn set_finalizer(&self, object: &Object, present: bool) -> Result<FinalizerSet, k8s::error::Error> {
        resources::set_finalizer(&self.client, object, present).await
    }

    fn publish(&self, object: &Arc<Object>, event: Event) {
        self.events.publish(About::resource(object), event);
    }

    fn publish_of_tenant(&self, tenant: &SharedTenant, event: Event) {
        self.events.publish(About::tenant(tenant), event);
    }

    async fn say(&self, object: &Arc<Object>, event: Event) {
        self.events.say(About::resource(object), event).await;
    }
}

impl AiCore for Pool {
    type Connection = Connection;

    fn connect(&self, key: &ServiceKey) -> Result<Arc<Connection>, aicore::error::Error> {
        self.connect(key)
    }

    async fn in_order(&self, claim: &Claim) -> OwnedMutexGuard<()> {
        self.in_order(claim).await
    }

    async fn authorize(&self, connection: &Connection, insistence: Insistence) -> Authorization {
        connection.authorize(insistence).await
    }

    async fn ask_for_names(
        &self,
        connection: &Connection,
        insistence: Insistence,
        mandate: &impl Mandate,
    ) -> Result<(), Unfinished> {
        Session::new(connection, insistence, mandate).ask_for_names().await
    }

    async fn push(
        &self,
        connection: &Connection,
        insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
        payload: &Payload,
        manner: Manner,
    ) -> Result<Pushed, Unfinished> {
        Session::new(connection, insistence, mandate).push(name, payload, manner).await
    }

    async fn delete(
        &self,
        connection: &Connection,
        insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
    ) -> Result<(), Unfinished> {
        Session::new(connection, insistence, mandate).delete(name).await
    }

    async fn quota(
        &self,
        connection: &Connection,
        mandate: &impl Mandate,
    ) -> Result<Option<(u64, u64)>, Unfinished> {
        Session::new(connection, Insistence::Patient, mandate).quota().await
    }
}

impl Reach for Connection {
    fn tenant(&self) -> &Arc<Tenant> {
        self.tenant()
    }

    fn id(&self) -> u64 {
        self.id()
    }

    fn rate_limiter(&self) -> &Arc<RateLimiter> {
        self.rate_limiter()
    }

    fn names(&self) -> &Names {
        self.names()
    }
}
