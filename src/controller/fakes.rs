//! Stand-ins for the two adapters, in tests of what a pass carries out. They keep a journal of what was asked of them, and
//! refuse what they are told to refuse.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::sync::{OwnedMutexGuard, watch};

use super::{
    adapters::{AiCore, Kubernetes, Reach},
    scopes::Watched,
    *,
};
use crate::{
    aicore::{
        Insistence,
        error::{ClientCertificate, Error as AiCoreError, Server},
        keyed_mutex::KeyedMutex,
        mandate::Mandate,
        push::Pushed,
        rate_limit::RateLimiter,
        session::{Aftermath, Unfinished},
    },
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::{conflict::Claim, report::Event},
        parse::{
            allowed_hosts,
            api_url::Tenant,
            docker_config::Payload,
            name::{RemoteName, SecretName},
            object::{Object, ObjectKey},
            secret_data,
        },
        testing::{HOUR, an_object, key, seconds},
        tools::{bucket::Rate, invalid::Invalid},
    },
    k8s::{error::Error as ApiError, secrets::Read, watch::WatchHealth},
};

/// What was asked of the adapters, in order.
pub(super) type Journal = Arc<Mutex<Vec<String>>>;

fn note(journal: &Journal, line: String) {
    journal.lock().unwrap().push(line);
}

/// An API server with a few Secrets.
#[derive(Default)]
pub(super) struct FakeKubernetes {
    journal: Journal,
    /// Version, key within the Secret, and value.
    pub(super) secrets: Mutex<HashMap<ObjectKey, (String, &'static str, String)>>,
    /// Requests that fail, as the journal names them.
    pub(super) refuses: Mutex<HashSet<&'static str>>,
    /// Requests that are never answered.
    pub(super) hangs: Mutex<HashSet<&'static str>>,
    /// The operator may not read Secrets.
    pub(super) denied: AtomicBool,
    /// The resource is not there any more.
    pub(super) resource_gone: AtomicBool,
    /// The resource is being deleted, and the watch has not said so yet.
    pub(super) takes_no_finalizer: AtomicBool,
    pub(super) namespace_terminating: AtomicBool,
    /// Secrets that are larger than what is read.
    pub(super) too_large: Mutex<HashSet<ObjectKey>>,
    /// Secrets are read when this is open.
    pub(super) reads: Hold,
    /// The last status that was written.
    pub(super) status: Mutex<Option<AICoreRegistrySecretStatus>>,
    /// Reasons of the events that were handed in.
    pub(super) events: Mutex<Vec<&'static str>>,
}

impl FakeKubernetes {
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

    async fn is_terminating(&self, _namespace: &str) -> Result<bool, ApiError> {
        self.answers("look at namespace")?;
        Ok(self.namespace_terminating.load(SeqCst))
    }

    async fn write_status(
        &self,
        _object: &Object,
        status: &AICoreRegistrySecretStatus,
    ) -> Result<(), ApiError> {
        self.answers("write status")?;
        if self.hangs.lock().unwrap().contains("write status slowly") {
            tokio::time::sleep(seconds(3)).await;
        }
        if self.hangs.lock().unwrap().contains("write status") {
            // As the client's limit does.
            tokio::time::sleep(crate::k8s::error::REQUEST_TIMEOUT).await;
            return Err(ApiError::Timeout);
        }
        *self.status.lock().unwrap() = Some(status.clone());
        Ok(())
    }

    async fn set_finalizer(&self, _object: &Object, present: bool) -> Result<bool, ApiError> {
        self.answers(if present { "add finalizer" } else { "remove finalizer" })?;
        Ok(!present || !self.takes_no_finalizer.load(SeqCst))
    }

    fn publish(&self, _object: &Arc<Object>, event: Event) {
        self.events.lock().unwrap().push(event.reason);
    }
}

/// A tenant.
pub(super) struct FakeConnection {
    tenant: Arc<Tenant>,
    pub(super) rate_limiter: Arc<RateLimiter>,
}

impl Reach for FakeConnection {
    fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    fn id(&self) -> u64 {
        1
    }

    fn rate_limiter(&self) -> &Arc<RateLimiter> {
        &self.rate_limiter
    }
}

/// A point at which a test can hold passes.
pub(super) struct Hold(watch::Sender<bool>);

impl Default for Hold {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Hold {
    pub(super) fn close(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn open(&self) {
        self.0.send_replace(false);
    }

    async fn pass(&self) {
        let _ = self.0.subscribe().wait_for(|closed| !closed).await;
    }
}

/// AI Core.
#[derive(Default)]
pub(super) struct FakeAiCore {
    journal: Journal,
    order: KeyedMutex<Claim>,
    connections: Mutex<HashMap<Tenant, Arc<FakeConnection>>>,
    /// The next writes fail.
    pub(super) unreachable: AtomicBool,
    /// The next writes never end.
    pub(super) hangs: AtomicBool,
    /// The authorization server refuses the key.
    pub(super) refuses_key: AtomicBool,
    /// The authorization server answers when this is open.
    pub(super) token: Hold,
    /// A push needs a second request, which waits for this to be open, as for its place in the rate.
    pub(super) second: Hold,
    pub(super) needs_second: AtomicBool,
    /// How often somebody asked for a token.
    pub(super) tokens: AtomicUsize,
}

impl FakeAiCore {
    /// One request that writes.
    async fn answers(&self, mandate: &impl Mandate, line: String) -> Result<(), Unfinished> {
        if !mandate.stands() {
            return Err(Unfinished::Withdrawn);
        }
        note(&self.journal, line);
        if self.hangs.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.unreachable.load(SeqCst) {
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
        let connection = connections.entry(key.tenant()).or_insert_with(|| {
            let rate_limiter = Arc::new(RateLimiter::new(Rate::new(1.0, 2)));
            Arc::new(FakeConnection { tenant: Arc::new(key.tenant()), rate_limiter })
        });
        Ok(Arc::clone(connection))
    }

    async fn in_order(&self, claim: &Claim) -> OwnedMutexGuard<()> {
        self.order.lock(claim).await
    }

    async fn authorize(
        &self,
        _connection: &FakeConnection,
        _insistence: Insistence,
    ) -> Result<(), AiCoreError> {
        self.tokens.fetch_add(1, SeqCst);
        self.token.pass().await;
        if self.refuses_key.load(SeqCst) {
            return Err(AiCoreError::CertificateRefused {
                host: "authorization".to_owned(),
                certificate: ClientCertificate::None,
                why: None,
            });
        }
        Ok(())
    }

    async fn push(
        &self,
        connection: &FakeConnection,
        insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
        payload: &Payload,
        create: bool,
    ) -> Result<Pushed, Unfinished> {
        let registries = payload.registries().join(" ");
        let line = format!("push {name} for {registries}, create {create}, {insistence:?}");
        self.answers(mandate, line).await?;
        if self.needs_second.load(SeqCst) {
            let place = async {
                self.second.pass().await;
                connection.rate_limiter.wait().await;
            };
            tokio::select! {
                biased;
                () = place => {}
                () = mandate.ending().cancelled() => return Err(Unfinished::Withdrawn),
            }
            self.answers(mandate, format!("create {name}")).await?;
        }
        Ok(Pushed::Created)
    }

    async fn delete(
        &self,
        _connection: &FakeConnection,
        _insistence: Insistence,
        mandate: &impl Mandate,
        name: &RemoteName,
    ) -> Result<(), Unfinished> {
        self.answers(mandate, format!("delete {name}")).await
    }
}

/// A resource, its Secrets, and what passes over it need.
pub(super) struct World {
    pub(super) ctx: Context<FakeKubernetes, FakeAiCore>,
    pub(super) object: Object,
    journal: Journal,
    writer: Mutex<Option<Writer<FakeKubernetes, ServiceKeyHeld<FakeConnection>>>>,
}

impl World {
    /// `ns/pull` and both of its Secrets, at version 1; nothing was sent yet.
    pub(super) fn new() -> Self {
        Self::of(an_object())
    }

    pub(super) fn of(object: Object) -> Self {
        let journal = Journal::default();
        let queue = Arc::new(Queue::default());
        let kubernetes =
            Arc::new(FakeKubernetes { journal: Arc::clone(&journal), ..FakeKubernetes::default() });
        let (index, clock) = (Arc::default(), Clock::start());
        let (statuses, writer) = Statuses::new(&kubernetes, &index, clock.clone());
        let ctx = Context {
            kubernetes,
            statuses,
            ai_core: FakeAiCore { journal: Arc::clone(&journal), ..FakeAiCore::default() },
            settings: Settings {
                watch_silence_limit: HOUR,
                namespaces: Vec::new(),
                label_selector: None,
                concurrency: 1,
                tenant_passes: 1,
                default_resync_interval: ResyncInterval::Every(HOUR),
                allowed_hosts: allowed_hosts::tests::default_hosts(),
            },
            scopes: Arc::new(Scopes::watched(Vec::new())),
            index,
            admission: Admission::new(Arc::clone(&queue), Places::new(1, 1)),
            queue,
            metrics: Arc::new(Metrics::new()),
            retry_pace: parking_lot::Mutex::default(),
            clock,
            late_writes: parking_lot::Mutex::default(),
            ending: CancellationToken::new(),
        };
        let world = Self { ctx, object, journal, writer: Mutex::new(Some(writer)) };
        world.applied();
        world.rotated("1", "a");
        world.service_key_changed("1");
        world
    }

    /// The watch shows the resource as it is now.
    pub(super) fn applied(&self) {
        self.ctx.index.apply_resource(self.object.clone(), AICoreRegistrySecretStatus::default());
    }

    /// The Secret with the registry credential has that version and password now, and the watch says so.
    pub(super) fn rotated(&self, version: &str, password: &str) {
        self.rotated_unseen(version, password);
        self.ctx.index.apply_secret(&self.object.source(), version);
    }

    /// The same, and no watch says so.
    pub(super) fn rotated_unseen(&self, version: &str, password: &str) {
        let config = serde_json::json!({"auths": {"ghcr.io": {"username": "me", "password": password}}});
        let content = (version.to_owned(), ".dockerconfigjson", config.to_string());
        self.ctx.kubernetes.secrets.lock().unwrap().insert(self.object.source(), content);
    }

    /// So has the Secret with the service key.
    pub(super) fn service_key_changed(&self, version: &str) {
        self.service_key_changed_unseen(version);
        self.ctx.index.apply_secret(&self.object.service_key(), version);
    }

    /// The same, and no watch says so.
    pub(super) fn service_key_changed_unseen(&self, version: &str) {
        let json = serde_json::json!({
            "clientid": "client",
            "clientsecret": "s3cret",
            "serviceurls": {"AI_API_URL": "https://api.ai.one.eu-central-1.aws.ml.hana.ondemand.com"},
            "url": "https://one.authentication.eu10.hana.ondemand.com",
        });
        let content = (version.to_owned(), "key.json", json.to_string());
        self.ctx.kubernetes.secrets.lock().unwrap().insert(self.object.service_key(), content);
    }

    /// The watch on Secrets does not work, from now on.
    pub(super) fn unwatched(&mut self) -> Arc<WatchHealth> {
        let [resources, secrets] = ["resources", "secrets"].map(|name| Arc::new(WatchHealth::of(name, None)));
        let watched = Watched { scope: None, resources, secrets: Arc::clone(&secrets) };
        self.ctx.scopes = Arc::new(Scopes::watched(vec![watched]).all_listed());
        secrets.failed("denied");
        secrets
    }

    /// One pass, and when it wants to be repeated.
    pub(super) async fn pass(&self) -> Option<Duration> {
        reconcile::reconcile(&self.ctx, &self.object.key).await
    }

    /// What passes have left to be written is written, for so long.
    pub(super) async fn writes_for(&self, time: Duration) {
        let mut writer = self.writer.lock().unwrap().take().unwrap();
        assert!(tokio::time::timeout(time, writer.run()).await.is_err());
        *self.writer.lock().unwrap() = Some(writer);
    }

    /// What was asked of the adapters since the last time.
    pub(super) fn journal(&self) -> Vec<String> {
        std::mem::take(&mut *self.journal.lock().unwrap())
    }

    pub(super) fn refuse(&self, request: &'static str) {
        self.ctx.kubernetes.refuses.lock().unwrap().insert(request);
    }

    pub(super) fn accept_all(&self) {
        self.ctx.kubernetes.refuses.lock().unwrap().clear();
    }

    pub(super) fn snapshot(&self) -> index::Snapshot<ServiceKeyHeld<FakeConnection>> {
        self.ctx.index.snapshot(&self.object.key).unwrap()
    }

    /// `Ready` of the last status that was written.
    pub(super) fn ready(&self) -> String {
        let status = self.ctx.kubernetes.status.lock().unwrap();
        let ready = status
            .as_ref()
            .and_then(|status| crate::api::condition::find(&status.conditions, crate::api::condition::READY));
        ready.map(|ready| format!("{}/{}", ready.status, ready.reason)).unwrap_or_default()
    }

    /// The count of one series.
    pub(super) fn metric(&self, series: &str) -> Option<u64> {
        let text: String = self.ctx.metrics.exposition().unwrap().collect();
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
    }
}

/// An older resource that wants the same remote secret.
pub(super) fn an_older_one(object: &Object) -> Object {
    let created = object.created.checked_sub(seconds(60)).unwrap();
    let spec = crate::api::AICoreRegistrySecretSpec {
        remote_name: object.remote_name.as_ref().ok().map(ToString::to_string),
        ..(*object.spec).clone()
    };
    Object { key: key("older"), uid: "uid-older".into(), created, spec: Arc::new(spec), ..object.clone() }
}
