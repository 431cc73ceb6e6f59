//! Connections to tenants, shared by all resources that have the same service key.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;

use super::{
    error::Error,
    exchange::CONNECT_TIMEOUT,
    keyed_mutex::KeyedMutex,
    names::{Names, TenantNames},
    rate_limit::RateLimiter,
    tls::{IdentityError, Trust, TrustError},
    token::{
        Authorization, Insistence, TokenRequest, TokenSource,
        refusals::{Refusals, Remembered, ServiceKeyHash},
    },
    way::{Proxies, Way},
};
use crate::aicore::operations::PatchType;
use crate::{
    domain::{
        decide::conflict::Claim,
        parse::{
            api_url::{ApiUrl, Tenant},
            service_key::{Grant, ServiceKey},
        },
        tools::bucket::Rate,
    },
    error::root_cause,
    fence::Fence,
    metrics::{Metrics, quota::TenantQuota},
};

/// Default of `--request-timeout`.
pub(crate) const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Unused connections to each host of an API that are kept, for 90 seconds: as many as there are passes at a time by default.
const IDLE_TO_API: usize = 32;
/// None to an authorization server: each tenant has one of its own, each X.509 certificate has connections of its own, and the next
/// token is hours away. What a connection with TLS takes would add up, 40 KiB for each service key.
const IDLE_TO_AUTHORIZATION: usize = 0;

/// How requests are sent.
#[derive(Clone, Debug)]
pub struct RequestSettings {
    /// Limit on a whole request.
    pub request_timeout: Duration,
    /// Request rate of each tenant.
    pub tenant_rate: Rate,
    /// Certificates (PEM) to trust in addition to the system's.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// The proxy that requests go through.
    pub proxies: Proxies,
}

/// Why no request can be sent to AI Core at all.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for AI Core cannot be set up")]
pub enum SetupError {
    /// By whom to trust.
    Trust(#[from] TrustError),
    /// By its settings.
    Http(#[from] reqwest::Error),
}

/// A tenant, as one service key reaches it.
pub struct Connection {
    pub(super) http: reqwest::Client,
    pub(super) api: ApiUrl,
    pub(super) tokens: TokenSource,
    pub(super) patch_type: PatchType,
    pub(super) rate_limiter: Arc<RateLimiter>,
    pub(super) fence: Fence,
    pub(super) metrics: Arc<Metrics>,
    pub(super) way: Arc<Way>,
    pub(super) quota: TenantQuota,
    pub(super) names: Names,
    tenant: Arc<Tenant>,
    id: u64,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Connection {
    /// Which tenant.
    #[must_use]
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Sees to it that there is a token.
    pub(crate) async fn authorize(&self, insistence: Insistence) -> Authorization {
        self.tokens.authorize(insistence).await.without_token()
    }

    /// A number that no other service key has had in this process.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The tenant's request rate.
    #[must_use]
    pub fn rate_limiter(&self) -> &Arc<RateLimiter> {
        &self.rate_limiter
    }

    /// Which secrets the tenant has, as far as somebody has asked.
    #[must_use]
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }
}

/// All connections. They live as long as somebody holds them.
pub struct Pool {
    settings: RequestSettings,
    trust: Trust,
    way: Arc<Way>,
    /// For the APIs, which have few hosts.
    http: reqwest::Client,
    /// For authorization servers.
    tokens: reqwest::Client,
    fence: Fence,
    metrics: Arc<Metrics>,
    /// By what tells their service keys apart.
    connections: Mutex<HashMap<ServiceKeyHash, Weak<Connection>>>,
    refusals: Arc<Refusals>,
    rate_limiters: ByTenant<RateLimiter>,
    names: ByTenant<TenantNames>,
    order: KeyedMutex<Claim>,
    opened: AtomicU64,
}

impl Pool {
    /// A pool without connections. Its requests go out while the fence is open.
    ///
    /// # Errors
    /// When the TLS library refuses the additional certificates, or one of the two libraries its settings.
    pub fn new(settings: RequestSettings, fence: Fence, metrics: Arc<Metrics>) -> Result<Self, SetupError> {
        let trust = Trust::new(settings.extra_roots_pem.as_deref())?;
        let tls = trust.anonymous().map_err(TrustError::Tls)?;
        let http = client(&settings, tls.clone(), IDLE_TO_API)?;
        let tokens = client(&settings, tls, IDLE_TO_AUTHORIZATION)?;
        let way = Way { proxies: settings.proxies.clone(), request_timeout: settings.request_timeout };
        Ok(Self {
            settings,
            way: Arc::new(way),
            trust,
            http,
            tokens,
            fence,
            metrics,
            connections: Mutex::default(),
            refusals: Arc::default(),
            rate_limiters: ByTenant::default(),
            names: ByTenant::default(),
            order: KeyedMutex::default(),
            opened: AtomicU64::default(),
        })
    }

    /// The connection for the service key; the same one for the same key.
    ///
    /// # Errors
    /// [`Error::UnusableIdentity`] when the key's X.509 certificate cannot be used.
    pub fn connect(&self, key: &ServiceKey) -> Result<Arc<Connection>, Error> {
        let hash = service_key_hash(key);
        let mut connections = self.connections.lock();
        if let Some(connection) = connections.get(&hash).and_then(Weak::upgrade) {
            return Ok(connection);
        }
        connections.retain(|_, connection| connection.strong_count() > 0);
        let connection = Arc::new(self.open(key, hash)?);
        connections.insert(hash, Arc::downgrade(&connection));
        Ok(connection)
    }

    /// Waits until no other request for the same remote secret is under way, and keeps others waiting until the guard is
    /// dropped: a late DELETE must never hit what the next owner has just pushed.
    pub async fn in_order(&self, claim: &Claim) -> OwnedMutexGuard<()> {
        self.order.lock(claim).await
    }

    fn open(&self, key: &ServiceKey, hash: ServiceKeyHash) -> Result<Connection, Error> {
        let (http, client_secret) = match key.grant() {
            Grant::ClientSecret(secret) => (self.tokens.clone(), Some(secret.clone())),
            Grant::X509 { certificate_chain_pem, private_key_pem, .. } => {
                let unusable = |cause| Error::UnusableIdentity { cause };
                let tls = self.trust.identified(certificate_chain_pem, private_key_pem);
                let tls = tls.map_err(unusable)?;
                let http = client(&self.settings, tls, IDLE_TO_AUTHORIZATION).map_err(|error| {
                    unusable(IdentityError::Setup { cause: root_cause(&error).to_string() })
                })?;
                (http, None)
            }
        };
        let request = TokenRequest {
            token_url: key.token_url(),
            client_id: key.client_id().to_owned(),
            client_secret,
            certificate_not_after: key.certificate_not_after(),
            http,
            way: Arc::clone(&self.way),
            metrics: Arc::clone(&self.metrics),
            remembered: Remembered { refusals: Arc::clone(&self.refusals), key: hash },
        };
        let tenant = Arc::new(key.tenant());
        Ok(Connection {
            http: self.http.clone(),
            api: key.api_url().clone(),
            tokens: TokenSource::new(request),
            patch_type: PatchType::default(),
            rate_limiter: self.rate_limiters.of(&tenant, || RateLimiter::new(self.settings.tenant_rate)),
            names: Names::new(self.names.of(&tenant, TenantNames::default), key.client_id()),
            fence: self.fence.clone(),
            metrics: Arc::clone(&self.metrics),
            way: Arc::clone(&self.way),
            quota: self.metrics.quotas().hold(&tenant),
            tenant,
            id: self.opened.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Its client, and what failures tell of its way.
    #[cfg(test)]
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    #[cfg(test)]
    pub(super) fn way(&self) -> &Way {
        &self.way
    }
}

/// What all connections to a tenant share, as long as somebody holds it.
struct ByTenant<T>(Mutex<HashMap<Arc<Tenant>, Weak<T>>>);

impl<T> Default for ByTenant<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> ByTenant<T> {
    fn of(&self, tenant: &Arc<Tenant>, new: impl FnOnce() -> T) -> Arc<T> {
        let mut shared = self.0.lock();
        if let Some(shared) = shared.get(tenant).and_then(Weak::upgrade) {
            return shared;
        }
        shared.retain(|_, shared| shared.strong_count() > 0);
        let new = Arc::new(new());
        shared.insert(Arc::clone(tenant), Arc::downgrade(&new));
        new
    }
}

/// A client that keeps up to `idle` unused connections to each host.
fn client(
    settings: &RequestSettings,
    tls: rustls::ClientConfig,
    idle: usize,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("aicore-registry-operator/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(settings.request_timeout)
        // A redirect would carry the token, or the credential, to a host that nobody allowed.
        .redirect(reqwest::redirect::Policy::none())
        // A request that the library repeats by itself asks nobody: not whether it may still be sent, nor for the tenant's rate.
        .retry(reqwest::retry::never())
        .proxy(settings.proxies.for_client())
        .tcp_nodelay(true)
        .pool_max_idle_per_host(idle)
        .tls_backend_preconfigured(tls)
        .build()
}

fn service_key_hash(key: &ServiceKey) -> ServiceKeyHash {
    let tenant = key.tenant();
    let certificate = match key.grant() {
        Grant::ClientSecret(_) => "",
        Grant::X509 { certificate_chain_pem, .. } => certificate_chain_pem,
    };
    let mut hash = Sha256::new();
    for part in [
        &tenant.api_url,
        &tenant.authorization_server,
        key.token_url().as_str(),
        key.client_id(),
        key.hmac_key().expose_secret(),
        certificate,
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
