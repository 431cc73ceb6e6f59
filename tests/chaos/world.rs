//! What one episode is played with: namespaces, tenants, the way to AI Core, a proxy for each replica, and what happened so far.

mod secrets;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::{
    Api, Client,
    api::{DynamicObject, ObjectMeta, PostParams},
};
use serde_json::{Value, json};
use testbed::{
    proxy::Proxy,
    relay::{Flow, Relay},
    simulator::{Options, Simulator, Tenant},
    system::{Names, System},
};
use tokio::time::Instant;

use crate::{
    clocks::Clock,
    cluster::{Stage, apply, insist, objects, resources, tenants},
    credential::{CANARY, Content, client_secret},
    plan::{ADMINISTRATOR, Asked, KeyName, NAMESPACES, Right, SLOTS, Saying, Setting, TENANTS},
    recording::{Record, Time},
    replicas,
};

pub(crate) use self::secrets::{VAULT, key_secret, source_name};

/// Everything of an episode.
pub(crate) struct World<'a> {
    pub(crate) stage: &'a Stage,
    /// Of the operator itself, and of whoever shares service keys; its name is that of the operator's account and roles.
    pub(crate) home: String,
    pub(crate) namespaces: [String; NAMESPACES],
    pub(crate) setting: Setting,
    pub(crate) start: Instant,
    pub(crate) started_at: jiff::Timestamp,
    pub(crate) simulator: Simulator,
    pub(crate) relay: Relay,
    pub(crate) proxies: Vec<Proxy>,
    /// What each replica is told by its system.
    pub(crate) systems: Vec<System>,
    /// Process ids that run, for the relay.
    pub(crate) pids: replicas::Pids,
    rights: tokio::sync::Mutex<()>,
    record: Mutex<Record>,
    tools: Mutex<Tools>,
}

/// What people remember.
#[derive(Default)]
pub(crate) struct Tools {
    /// All contents of each source Secret, in the order in which they were written.
    pub(crate) contents: BTreeMap<(String, String), Vec<Content>>,
    /// What each of them says of its end.
    pub(crate) sayings: BTreeMap<(String, String), Vec<Saying>>,
    /// Client secrets so far, by tenant.
    pub(crate) secrets: BTreeMap<String, u32>,
    /// Numbers for `requestedAt`.
    pub(crate) requests: u32,
    pub(crate) taken: Vec<Right>,
    /// The wall clocks of the replicas.
    pub(crate) clocks: Vec<Clock>,
    /// The namespace that was deleted.
    pub(crate) ended: Option<usize>,
    /// How often each kind of thing happened.
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// How often each kind of trouble came.
    pub(crate) troubles: BTreeMap<String, usize>,
}

impl<'a> World<'a> {
    /// Namespaces, rights, tenants, service keys and source Secrets. Nothing runs yet.
    pub(crate) async fn new(stage: &'a Stage, seed: u64, setting: &Setting) -> Self {
        let home = format!("e{seed}");
        let namespaces = ["a", "b"].map(|name| format!("{home}-{name}"));
        let client = &stage.client;
        for name in namespaces.iter().chain([&home]) {
            let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
            let namespace = Namespace { metadata, ..Namespace::default() };
            let api: Api<Namespace> = Api::all(client.clone());
            insist(async || api.create(&PostParams::default(), &namespace).await).await.unwrap();
        }
        let metadata = ObjectMeta { name: Some(home.clone()), ..ObjectMeta::default() };
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &home);
        insist(async || accounts.create(&PostParams::default(), &account).await).await.unwrap();
        let options = Options { tls: setting.certificates, ..Options::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let pids = replicas::Pids::default();
        let known = pids.clone();
        let upstream = simulator.url().split_once("://").unwrap().1.parse().unwrap();
        let relay = Relay::start(upstream, move |port| known.owner_of(port)).await.unwrap();
        let (mut proxies, mut systems) = (Vec::new(), Vec::new());
        for _ in 0..setting.replicas {
            systems.push(System::new().unwrap());
            let kubeconfig = stage.control_plane.kubeconfig_for(&home, &home).await.unwrap();
            proxies.push(Proxy::start(&kubeconfig).await.unwrap());
        }
        let started_at = wall_clock();
        let world = Self {
            stage,
            home,
            namespaces,
            setting: setting.clone(),
            start: Instant::now(),
            started_at,
            simulator,
            relay,
            proxies,
            systems,
            pids,
            rights: tokio::sync::Mutex::default(),
            record: Mutex::new(Record {
                rate: (setting.rps, setting.burst),
                served: setting.cluster_wide,
                began: started_at,
                ..Record::default()
            }),
            tools: Mutex::new(Tools { clocks: vec![Clock::default(); setting.replicas], ..Tools::default() }),
        };
        world.furnish().await;
        world
    }

    async fn furnish(&self) {
        self.write_rights().await;
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": self.home },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": self.home },
            "subjects": [{ "kind": "ServiceAccount", "name": self.home, "namespace": self.home }],
        });
        let kind = ["rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings"];
        apply(&objects(self.client(), kind, None), &binding).await;
        for number in 0..TENANTS {
            let tenant = self.tenant(number);
            tenant.configure(|options| {
                options.own_api_url = number == TENANTS - 1;
                CANARY.clone_into(&mut options.token_mark);
            });
            self.next_client_secret(number, false);
        }
        for namespace in 0..=ADMINISTRATOR {
            for (number, key) in KeyName::REAL.into_iter().enumerate() {
                // Unless they are to meet, the second one's keys lead elsewhere.
                let apart = if self.setting.neighbours { 0 } else { namespace % NAMESPACES };
                self.write_key(namespace, key, (number + apart) % TENANTS).await;
            }
            self.write_key(namespace, KeyName::Forged, 0).await;
        }
        for (namespace, name) in SLOTS {
            for source in 0..crate::plan::SOURCES {
                self.write_source(&self.namespaces[namespace], &source_name(name, source), true).await;
            }
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.stage.client
    }

    pub(crate) fn now(&self) -> Time {
        self.start.elapsed()
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    pub(crate) fn tools(&self) -> MutexGuard<'_, Tools> {
        self.tools.lock().unwrap()
    }

    /// One more of this kind has happened.
    pub(crate) fn count(&self, kind: &'static str, times: usize) {
        *self.tools().counts.entry(kind).or_default() += times;
    }

    pub(crate) fn tenant(&self, number: usize) -> Tenant {
        self.simulator.tenant(&format!("t{number}"))
    }

    /// The namespace at this place.
    pub(crate) fn namespace(&self, place: usize) -> &str {
        self.namespaces.get(place).unwrap_or(&self.home)
    }

    pub(crate) fn resources(&self, namespace: &str) -> Api<DynamicObject> {
        resources(self.client(), namespace)
    }

    pub(crate) fn tenants(&self) -> Api<DynamicObject> {
        tenants(self.client())
    }

    pub(crate) fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client().clone(), namespace)
    }

    /// The way to AI Core, from now on; its times are noted, because nothing is known of what is under way then.
    pub(crate) fn set_way(&self, flow: Flow) {
        self.record().cuts.push(self.start.elapsed());
        self.relay.set(flow);
    }

    /// The wall clock of a replica is so much ahead from now on.
    pub(crate) fn set_clock(&self, replica: usize, ahead: SignedDuration) {
        self.systems[replica].set_clock(ahead);
        let now = self.now();
        self.tools().clocks[replica].set(now, ahead);
        self.record().clock_set = now;
    }

    /// How all replicas look up names from now on.
    pub(crate) fn set_names(&self, names: Names) {
        self.systems.iter().for_each(|system| system.set_names(names));
    }

    /// The tenant has another client secret from now on.
    pub(crate) fn next_client_secret(&self, number: usize, keep_old: bool) {
        let tenant = self.tenant(number);
        let mut tools = self.tools();
        let count = tools.secrets.entry(tenant.name().to_owned()).or_default();
        *count += 1;
        let secret = client_secret(tenant.name(), *count);
        if keep_old { tenant.rotate_secret_and_keep_old(secret) } else { tenant.rotate_secret(secret) }
    }

    /// Where AI Core is, by a name that has to be looked up, through the relay.
    pub(crate) fn ai_core(&self) -> String {
        let scheme = if self.setting.certificates { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.relay.address().port())
    }

    /// Gives the operator's account all rights but those that are taken.
    pub(crate) async fn write_rights(&self) {
        // One after the other: a write that was held up must not undo a later one.
        let _alone = self.rights.lock().await;
        let taken = self.tools().taken.clone();
        let has = |right: Right| !taken.contains(&right);
        let mut secrets = vec!["get", "list", "watch"];
        secrets.retain(|verb| has(Right::Secrets) && (*verb != "get" || has(Right::GetSecrets)));
        let rights: [(Option<Right>, &str, &str, Vec<&str>); 8] = [
            (
                Some(Right::Resources),
                "aicore-registry.dev",
                "aicoreregistrysecrets",
                vec!["get", "list", "watch", "patch"],
            ),
            (Some(Right::Status), "aicore-registry.dev", "aicoreregistrysecrets/status", vec!["patch"]),
            (Some(Right::Tenants), "aicore-registry.dev", "aicoretenants", vec!["get", "list", "watch"]),
            (Some(Right::Status), "aicore-registry.dev", "aicoretenants/status", vec!["patch"]),
            (None, "", "secrets", secrets),
            (None, "", "namespaces", vec!["get"]),
            (Some(Right::Events), "events.k8s.io", "events", vec!["create", "patch"]),
            (Some(Right::Leases), "coordination.k8s.io", "leases", vec!["get", "create", "update"]),
        ];
        let kept =
            rights.into_iter().filter(|(right, .., verbs)| right.is_none_or(&has) && !verbs.is_empty());
        let rules: Vec<Value> = kept
            .map(|(_, group, resource, verbs)| {
                json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs })
            })
            .collect();
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": self.home }, "rules": rules,
        });
        let kind = ["rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles"];
        apply(&objects(self.client(), kind, None), &role).await;
    }
}

/// The number of the tenant of this name.
pub(crate) fn tenant_number(name: &str) -> usize {
    name.trim_start_matches('t').parse().unwrap()
}

/// Whether a request to the API server is one of these.
pub(crate) fn is_asked(what: Asked, request: &testbed::proxy::Request) -> bool {
    let status = request.subresource.as_deref() == Some("status");
    match what {
        Asked::Everything => true,
        Asked::Secret => request.is("get", "secrets"),
        Asked::Status => {
            status && ["aicoreregistrysecrets", "aicoretenants"].iter().any(|kind| request.is("patch", kind))
        }
        Asked::Finalizer => request.is("patch", "aicoreregistrysecrets") && !status,
        Asked::Events => request.resource == "events",
        Asked::Lease => request.resource == "leases",
        Asked::Lists => request.verb == "list",
        Asked::Watches => request.verb == "watch",
    }
}

/// What the clock says.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub(crate) fn wall_clock() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
