//! A stand-in for AI Core and its authorization servers.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::Instant};

use super::{Hold, Journal, note};
use crate::{
    aicore::{
        Authorization, Endpoint, Insistence, Origin, Token, TokenSource,
        error::{ClientCertificate, Error as AiCoreError, Server},
        keyed_mutex::KeyedMutex,
        mandate::Mandate,
        names::{Names, TenantNames, Unlisted},
        push::Pushed,
        rate_limit::RateLimiter,
        session::{Aftermath, Unfinished},
    },
    controller::adapters::{AiCore, Reach},
    domain::{
        decide::{conflict::Claim, opening::Manner},
        parse::{api_url::Tenant, docker_config::Payload, name::RemoteName, service_key::ServiceKey},
        testing::seconds,
        tools::bucket::Rate,
    },
};

/// A tenant.
pub(in crate::controller) struct FakeConnection {
    tenant: Arc<Tenant>,
    id: u64,
    pub(in crate::controller) rate_limiter: Arc<RateLimiter>,
    names: Names,
    tokens: TokenSource<FakeEndpoint>,
}

/// Limit on a request.
const LIMIT: Duration = Duration::from_secs(15);

/// Where tokens come from. They live for 20 seconds. While it is silent, it loses what it is asked for.
#[derive(Clone, Default)]
pub(in crate::controller) struct FakeEndpoint {
    pub(in crate::controller) silent: Arc<AtomicBool>,
    /// Requests.
    pub(in crate::controller) asked: Arc<AtomicUsize>,
}

impl Endpoint for FakeEndpoint {
    async fn token(&self) -> Result<Token, AiCoreError> {
        self.asked.fetch_add(1, SeqCst);
        let asked = Instant::now();
        if self.silent.load(SeqCst) {
            tokio::time::sleep(LIMIT).await;
            let server = Server::Authorization;
            return Err(AiCoreError::Silent { server, host: self.host(), limit: LIMIT });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Token::new("token".into(), asked, seconds(20)))
    }

    fn limit(&self) -> Duration {
        LIMIT
    }

    fn host(&self) -> String {
        "authorization".to_owned()
    }
}

impl Reach for FakeConnection {
    fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn rate_limiter(&self) -> &Arc<RateLimiter> {
        &self.rate_limiter
    }

    fn names(&self) -> &Names {
        &self.names
    }
}

/// AI Core.
#[derive(Default)]
pub(in crate::controller) struct FakeAiCore {
    pub(super) journal: Journal,
    pub(super) order: KeyedMutex<Claim>,
    pub(super) connections: Mutex<HashMap<Tenant, Arc<FakeConnection>>>,
    /// The next writes fail.
    pub(in crate::controller) unreachable: AtomicBool,
    /// The next writes never end.
    pub(in crate::controller) hangs: AtomicBool,
    /// Writes to these get no answer, until they are given up.
    pub(in crate::controller) hung: Mutex<HashSet<Tenant>>,
    /// The authorization server refuses the key.
    pub(in crate::controller) refuses_key: AtomicBool,
    /// What is said of a token is kept from before.
    pub(in crate::controller) keeps_tokens: AtomicBool,
    /// The authorization server answers when this is open.
    pub(in crate::controller) token: Hold,
    /// A push needs a second request, which waits for this to be open, as for its place in the rate.
    pub(in crate::controller) second: Hold,
    pub(in crate::controller) needs_second: AtomicBool,
    /// Tokens are fetched from there, as the real connection does.
    pub(in crate::controller) endpoint: Mutex<Option<FakeEndpoint>>,
    /// The service keys lack the right to list secrets.
    pub(in crate::controller) refuses_list: AtomicBool,
    /// What the quota has no room for, and how many requests it takes to find that out.
    pub(in crate::controller) no_room: Mutex<HashMap<String, usize>>,
    /// How long an answer takes.
    pub(in crate::controller) latency: Mutex<Duration>,
    /// The rate of tenants.
    pub(in crate::controller) rate: Mutex<Option<Rate>>,
    /// The remote secrets whose content was accepted.
    pub(in crate::controller) accepted: Mutex<HashSet<String>>,
    /// How often somebody asked for a token.
    pub(in crate::controller) tokens: AtomicUsize,
}

impl FakeAiCore {
    /// One request that writes.
    async fn answers(&self, tenant: &Tenant, mandate: &impl Mandate, line: String) -> Result<(), Unfinished> {
        if !mandate.stands() {
            return Err(Unfinished::Withdrawn { remote_absent: false });
        }
        note(&self.journal, line);
        let latency = *self.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        if self.hangs.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        let is_hung = self.hung.lock().unwrap().contains(tenant);
        if is_hung {
            tokio::time::sleep(LIMIT).await;
        }
        if is_hung || self.unreachable.load(SeqCst) {
            let error = unreachable(Server::Api);
            return Err(Unfinished::Failed { error, remote_absent: false, aftermath: Aftermath::Late });
        }
        Ok(())
    }
}

fn unreachable(server: Server) -> AiCoreError {
    AiCoreError::Unreachable { server, host: "api".to_owned(), proxy: None, cause: "no".to_owned() }
}

impl AiCore for FakeAiCore {
    type Connection = FakeConnection;

    fn connect(&self, key: &ServiceKey) -> Result<Arc<FakeConnection>, AiCoreError> {
        note(&self.journal, "connect".to_owned());
        let mut connections = self.connections.lock().unwrap();
        let id = u64::try_from(connections.len()).unwrap() + 1;
        let connection = connections.entry(key.tenant()).or_insert_with(|| {
            let rate = self.rate.lock().unwrap().unwrap_or(Rate::new(1.0, 2));
            let rate_limiter = Arc::new(RateLimiter::new(rate));
            let tokens = TokenSource::new(self.endpoint.lock().unwrap().clone().unwrap_or_default());
            let (tenant, names) =
                (Arc::new(key.tenant()), Names::new(Arc::new(TenantNames::default()), key.client_id()));
            Arc::new(FakeConnection { tenant, id, rate_limiter, names, tokens })
        });
        Ok(Arc::clone(connection))
    }

    async fn in_order(&self, claim: &Claim) -> OwnedMutexGuard<()> {
        self.order.lock(claim).await
    }

    async fn authorize(&self, connection: &FakeConnection, insistence: Insistence) -> Authorization {
        self.tokens.fetch_add(1, SeqCst);
        let fetches = self.endpoint.lock().unwrap().is_some();
        if fetches {
            return connection.tokens.authorize(insistence).await.without_token();
        }
        self.token.pass().await;
        let origin = if self.keeps_tokens.load(SeqCst) { Origin::Kept } else { Origin::Asked };
        let result = if self.refuses_key.load(SeqCst) {
            let (host, certificate) = ("authorization".to_owned(), ClientCertificate::None);
            Err(AiCoreError::CertificateRefused { host, certificate, why: None })
        } else {
            Ok(())
        };
        Authorization { origin, result }
    }

    async fn ask_for_names(
        &self,
        connection: &FakeConnection,
        _insistence: Insistence,
        mandate: &impl Mandate,
    ) -> Result<(), Unfinished> {
        let ask = async {
            let answered = self.answers(&connection.tenant, mandate, "ask for names".to_owned()).await;
            answered.map_err(|unfinished| match unfinished {
                Unfinished::Withdrawn { .. } => Unlisted::Withdrawn,
                Unfinished::Failed { .. } => Unlisted::Unanswered,
            })?;
            if self.refuses_list.load(SeqCst) {
                return Err(Unlisted::Useless);
            }
            let accepted = self.accepted.lock().unwrap();
            Ok(accepted.iter().map(|name| name.as_str().into()).collect())
        };
        connection.names.know(ask, &connection.rate_limiter, mandate).await
    }

    async fn push(
        &self,
        connection: &FakeConnection,
        insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
        payload: &Payload,
        manner: Manner,
    ) -> Result<Pushed, Unfinished> {
        let registries = payload.registries().join(" ");
        let create = manner != Manner::Update;
        let line = if manner == Manner::CreateOrUpdate {
            connection.names.may_exist(name);
            format!("create {name} for {registries}, {insistence:?}")
        } else {
            format!("push {name} for {registries}, create {create}, {insistence:?}")
        };
        self.answers(&connection.tenant, mandate, line).await?;
        let no_room = self.no_room.lock().unwrap().get(name.as_str()).copied();
        if let Some(requests) = no_room {
            for _ in 1..requests {
                connection.rate_limiter.wait(mandate.namespace()).await;
                self.answers(&connection.tenant, mandate, format!("look after {name}")).await?;
            }
            return Err(AiCoreError::QuotaExceeded { used: 50, limit: 50 }.into());
        }
        if self.needs_second.load(SeqCst) && manner != Manner::CreateOrUpdate {
            let place = async {
                self.second.pass().await;
                connection.rate_limiter.wait(mandate.namespace()).await;
            };
            tokio::select! {
                biased;
                () = place => {}
                () = mandate.ending().cancelled() => return Err(Unfinished::Withdrawn { remote_absent: true }),
            }
            // The first one was answered that there is no such secret.
            let created = self.answers(&connection.tenant, mandate, format!("create {name}")).await;
            created.map_err(|unfinished| match unfinished {
                Unfinished::Withdrawn { .. } => Unfinished::Withdrawn { remote_absent: true },
                failed @ Unfinished::Failed { .. } => failed,
            })?;
        }
        self.accepted.lock().unwrap().insert(name.to_string());
        Ok(Pushed::Created)
    }

    async fn delete(
        &self,
        connection: &FakeConnection,
        _insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
    ) -> Result<(), Unfinished> {
        self.answers(&connection.tenant, mandate, format!("delete {name}")).await
    }

    async fn quota(
        &self,
        connection: &FakeConnection,
        mandate: &impl Mandate,
    ) -> Result<Option<(u64, u64)>, Unfinished> {
        self.answers(&connection.tenant, mandate, "ask for the quota".to_owned()).await?;
        Ok(Some((7, 50)))
    }
}
