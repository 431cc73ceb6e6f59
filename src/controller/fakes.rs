//! Stand-ins for the two adapters, in tests of what a pass carries out. They keep a journal of what was asked of them, and
//! refuse what they are told to refuse.

mod ai_core;
mod kubernetes;

use std::sync::Mutex;

use tokio::sync::watch;

pub(super) use self::{
    ai_core::{FakeAiCore, FakeConnection, FakeEndpoint},
    kubernetes::FakeKubernetes,
};
use super::{scopes::Watched, *};
use crate::{
    api::AICoreRegistrySecretStatus,
    domain::{
        decide::credit::Credit,
        parse::{allowed_hosts, object::Object, resource_version::ResourceVersion},
        testing::{HOUR, an_object, key, seconds, service_key_of},
    },
    k8s::watch::WatchHealth,
};

/// What was asked of the adapters, in order.
pub(super) type Journal = Arc<Mutex<Vec<String>>>;

fn note(journal: &Journal, line: String) {
    journal.lock().unwrap().push(line);
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

    /// A lane of the tenant of its service key.
    pub(super) fn lane(credit: Credit) -> Arc<Lane> {
        Lane::of(&Arc::new(service_key_of("s3cret", "one").tenant()), 1, credit)
    }

    pub(super) fn of(object: Object) -> Self {
        Self::knowing(Index::default(), object)
    }

    /// As [`World::new`], while another process has worked until now.
    pub(super) fn taking_over() -> Self {
        let index = Index::following();
        index.lead();
        Self::knowing(index, an_object())
    }

    fn knowing(index: Index<ServiceKeyHeld<FakeConnection>>, object: Object) -> Self {
        let journal = Journal::default();
        let queue = Arc::new(Queue::default());
        let kubernetes =
            Arc::new(FakeKubernetes { journal: Arc::clone(&journal), ..FakeKubernetes::default() });
        let (index, clock) = (Arc::new(index), Clock::start());
        let (statuses, writer) = Statuses::new(&kubernetes, &index, &queue, clock.clone());
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

    /// A further resource is there with both of its Secrets, at version 1: a credential with that password, and a service key of that
    /// tenant.
    pub(super) fn has_another(&self, object: &Object, password: &str, tenant: &str) {
        self.ctx.kubernetes.holds_service_key(object.service_key(), "1", tenant);
        self.ctx.kubernetes.holds_credential(object.source(), "1", password);
        self.ctx.index.apply_resource(object.clone(), AICoreRegistrySecretStatus::default());
        self.ctx.index.apply_secret(&object.service_key(), "1");
        self.ctx.index.apply_secret(&object.source(), "1");
    }

    /// Of the versions of the resource the API server has this one, and the watch shows that. Returns whether it is looked at therefore.
    pub(super) fn is_at(&self, there: u64, here: u64) -> bool {
        let version = |number: u64| ResourceVersion::parse(&number.to_string());
        let has = version(there).map(|version| (self.object.uid.to_string(), version));
        self.ctx.kubernetes.versions.lock().unwrap().extend(has);
        self.ctx.index.is_shown_at(&self.object.key, version(here))
    }

    /// The watch shows the resource as it is now.
    pub(super) fn applied(&self) {
        self.ctx.index.apply_resource(self.object.clone(), AICoreRegistrySecretStatus::default());
    }

    /// Another process, which finds what this one has left in the cluster. AI Core is a new one.
    pub(super) fn restarted(&self) -> Self {
        let next = Self::of(self.object.clone());
        let secrets = self.ctx.kubernetes.secrets.lock().unwrap().clone();
        let status = self.ctx.kubernetes.status.lock().unwrap().clone();
        let index = &next.ctx.index;
        index.remove_resource(&self.object.key);
        index.list_resource(self.object.clone(), status.clone().unwrap_or_default());
        for (secret, (version, ..)) in &secrets {
            index.apply_secret(secret, version);
        }
        *next.ctx.kubernetes.secrets.lock().unwrap() = secrets;
        *next.ctx.kubernetes.status.lock().unwrap() = status;
        next.journal();
        next
    }

    /// The Secret with the registry credential has that version and password now, and the watch says so.
    pub(super) fn rotated(&self, version: &str, password: &str) {
        self.rotated_unseen(version, password);
        self.ctx.index.apply_secret(&self.object.source(), version);
    }

    /// The same, and no watch says so.
    pub(super) fn rotated_unseen(&self, version: &str, password: &str) {
        self.ctx.kubernetes.holds_credential(self.object.source(), version, password);
    }

    /// So has the Secret with the service key.
    pub(super) fn service_key_changed(&self, version: &str) {
        self.service_key_changed_unseen(version);
        self.ctx.index.apply_secret(&self.object.service_key(), version);
    }

    /// The same, and no watch says so.
    pub(super) fn service_key_changed_unseen(&self, version: &str) {
        self.ctx.kubernetes.holds_service_key(self.object.service_key(), version, "one");
    }

    /// The watch on Secrets does not work, from now on.
    pub(super) fn unwatched(&mut self) -> Arc<WatchHealth> {
        let [resources, secrets] = ["resources", "secrets"].map(|name| Arc::new(WatchHealth::of(name, None)));
        let watched = Watched { scope: None, resources, secrets: Arc::clone(&secrets) };
        self.ctx.scopes = Arc::new(Scopes::watched(vec![watched]).all_listed());
        secrets.failed("denied");
        secrets
    }

    /// One pass, and when it wants to be repeated. What it leaves to be written, because others wait, is written.
    pub(super) async fn pass(&self) -> Option<Duration> {
        let requeue_after = reconcile::reconcile(&self.ctx, &self.object.key).await;
        if self.ctx.statuses.are_any_left() {
            self.writes_for(Duration::from_millis(1)).await;
        }
        requeue_after
    }

    /// So many passes at a time, so many of them of one tenant; and the watches have listed everything.
    pub(super) fn with_places(mut self, concurrency: usize, tenant_passes: usize) -> Self {
        let ctx = &mut self.ctx;
        ctx.queue = Arc::new(Queue::idle(concurrency));
        ctx.admission = Admission::new(Arc::clone(&ctx.queue), Places::new(concurrency, tenant_passes));
        let (statuses, writer) = Statuses::new(&ctx.kubernetes, &ctx.index, &ctx.queue, ctx.clock.clone());
        (ctx.statuses, self.writer) = (statuses, Mutex::new(Some(writer)));
        self.ctx.scopes = Arc::new(Scopes::of(&[]).all_listed());
        self
    }

    /// The resources are listed, and the Secrets are not yet.
    pub(super) fn listing_secrets(mut self) -> Self {
        let scopes = Scopes::of(&[]);
        scopes.iter().for_each(|(place, _)| scopes.resources_listed(place));
        scopes.tenants_known();
        self.ctx.scopes = Arc::new(scopes);
        self.ctx.index.secrets_are_awaited(&None);
        self
    }

    /// Everything but the watches runs as in the controller.
    pub(super) fn run(self) -> Running {
        let ctx = Arc::new(self.ctx);
        let mut writer = self.writer.into_inner().unwrap().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            writer.run().await;
        });
        let (timers, admission) = (Arc::clone(&ctx.queue), Arc::clone(&ctx.admission));
        tasks.spawn(async move { timers.run_timers().await });
        tasks.spawn(async move { admission.run().await });
        let worker = Arc::clone(&ctx);
        tasks.spawn(async move {
            let ended = work(&worker, &Leadership::always(), &mut JoinSet::new()).await;
            panic!("{ended}");
        });
        Running { ctx, journal: self.journal, _tasks: tasks }
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

/// A world that goes on by itself, until this is dropped.
pub(super) struct Running {
    pub(super) ctx: Arc<Context<FakeKubernetes, FakeAiCore>>,
    journal: Journal,
    _tasks: JoinSet<()>,
}

impl Running {
    /// What was asked of the adapters since the last time.
    pub(super) fn journal(&self) -> Vec<String> {
        std::mem::take(&mut *self.journal.lock().unwrap())
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
