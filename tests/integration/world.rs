//! What one test lives in: a namespace of the shared control plane, a tenant of a simulated AI Core, and words for what users,
//! their tools and AI Core do. It watches all resources of its namespace from the start, and holds every state that it sees
//! against the rules that all states must keep.

mod actions;
mod ai_core;
mod observations;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aicore_registry_operator::api::{AICoreRegistrySecret, AICoreTenant};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret};
use kube::{Api, Client};
use serde_json::json;
use testbed::{
    controlplane::ControlPlane,
    simulator::{Journal, Options, Simulator, Tenant},
};
use tokio::sync::watch;

pub(crate) use self::observations::Conditions;
use crate::{
    cluster::{PATIENCE, cluster},
    invariants,
    operator::{Launch, Operator, PROGRAM},
};

/// Operations of AI Core's API, as short names.
pub(crate) mod operation {
    use testbed::simulator::Operation;

    pub(crate) const POST: Operation = Operation::Create;
    pub(crate) const LIST: Operation = Operation::List;
    pub(crate) const PATCH: Operation = Operation::Patch;
    pub(crate) const DELETE: Operation = Operation::Delete;
    pub(crate) const GET: Operation = Operation::Get;
    pub(crate) const TOKEN: Operation = Operation::Token;
}

/// A registry login whose password is a canary: it must never be seen outside Secrets and AI Core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    user: &'static str,
    rotation: u32,
}

impl Login {
    pub(crate) fn new(user: &'static str, rotation: u32) -> Self {
        Self { user, rotation }
    }

    fn password(self) -> String {
        format!("{}-{}\"ä$-{}", invariants::CANARY, self.user, self.rotation)
    }
}

/// All states of a resource, oldest first.
type History = BTreeMap<String, Vec<AICoreRegistrySecret>>;

pub(crate) struct World {
    pub(crate) namespace: String,
    client: Client,
    launch: Launch,
    simulator: Simulator,
    tenant: Tenant,
    journal: Mutex<Journal>,
    history: watch::Receiver<History>,
    client_secrets: Mutex<Vec<String>>,
    barriers: AtomicU32,
}

impl World {
    /// A namespace, and a tenant without secrets.
    pub(crate) async fn new(prefix: &str) -> Self {
        Self::new_on(cluster().await, prefix).await
    }

    /// The same, on a control plane of the test's own.
    pub(crate) async fn new_on(control_plane: &ControlPlane, prefix: &str) -> Self {
        Self::with_simulator(control_plane, prefix, Options::default()).await
    }

    /// With an AI Core that speaks https only. [`World::launch_trusting`] starts an operator that trusts it.
    pub(crate) async fn with_tls(prefix: &str) -> Self {
        Self::with_simulator(cluster().await, prefix, Options { tls: true, ..Options::default() }).await
    }

    async fn with_simulator(control_plane: &ControlPlane, prefix: &str, options: Options) -> Self {
        let namespace = control_plane.namespace(prefix).await.unwrap();
        let client = control_plane.client().await.unwrap();
        let simulator = Simulator::start(options).await.unwrap();
        let tenant = simulator.tenant(prefix);
        let history = watch::Sender::new(History::new());
        let receiver = history.subscribe();
        tokio::spawn(observations::record(Api::namespaced(client.clone(), &namespace), history));
        Self {
            launch: Launch::new(PROGRAM.as_ref(), control_plane.kubeconfig(), &namespace),
            namespace,
            client,
            journal: Mutex::new(tenant.journal()),
            client_secrets: Mutex::new(vec![tenant.client_secret()]),
            simulator,
            tenant,
            history: receiver,
            barriers: AtomicU32::new(0),
        }
    }

    /// With a service key, a registry credential and a resource `pull` that names both.
    pub(crate) async fn synced(prefix: &str) -> Self {
        Self::synced_on(cluster().await, prefix).await
    }

    /// The same, on a control plane of the test's own.
    pub(crate) async fn synced_on(control_plane: &ControlPlane, prefix: &str) -> Self {
        let world = Self::new_on(control_plane, prefix).await;
        world.service_key("key").await;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        world.resource("pull", json!({})).await;
        world
    }

    /// The same with an AI Core that speaks https only, where both the registry credential and the service key come to an end, days
    /// from now. [`World::operator_trusting`] starts an operator for it.
    pub(crate) async fn mortal(prefix: &str) -> Self {
        const DAY: Duration = Duration::from_hours(24);
        let world = Self::with_tls(prefix).await;
        world.mortal_service_key("key", DAY, 6 * DAY).await;
        world.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        let end = aicore_registry_operator::clock::now() + 2 * DAY;
        world.annotate_secret("source", aicore_registry_operator::api::EXPIRES_AT, &end.to_string()).await;
        world.resource("pull", json!({})).await;
        world
    }

    /// Waits until the operator has dealt with everything that happened so far. Events of one kind come in order, so a change
    /// that shows an effect was preceded by all earlier ones; twice, because the work on an earlier one may still have run. They
    /// name a service key that is not there, so that they are of no tenant and wait for none.
    pub(crate) async fn wait_quiet(&self, _: &Operator) {
        for _ in 0..2 {
            let name = format!("barrier-{}", self.barriers.fetch_add(1, Ordering::Relaxed));
            let spec = json!({ "secretRef": { "name": name }, "aiCoreSecretRef": { "name": "barrier-key" } });
            self.resource(&name, spec).await;
            self.wait_reason(&name, "SecretNotFound").await;
            self.raw_docker_secret(&name, "{}").await;
            self.wait_reason(&name, "SecretInvalid").await;
        }
    }

    /// Holds everything that was seen against the rules, and looks for secret values in everything that people can see.
    pub(crate) async fn check(&self, operator: &Operator) {
        let history = self.history.borrow().clone();
        invariants::check_states(history.values());
        let mut visible = vec![serde_json::to_string(&history).unwrap(), operator.log().join("\n")];
        invariants::check_lines(&operator.log());
        visible.extend(self.events().await.iter().map(|event| serde_json::to_string(event).unwrap()));
        visible.push(operator.get("/metrics").await.1);
        self.check_secrecy(&visible);
    }

    /// Looks for secret values in texts that people can see.
    pub(crate) fn check_secrecy(&self, visible: &[String]) {
        let needles = self.client_secrets.lock().unwrap().clone();
        invariants::check_canaries(visible, &needles);
    }

    /// Waits until an object that is created now has another creationTimestamp than all before, which has whole seconds.
    pub(crate) async fn next_second(&self) {
        let second = || aicore_registry_operator::clock::now().as_second();
        let before = second();
        self.eventually("the next second", || async { (second() > before).then_some(()) }).await;
    }

    /// Looks again and again until there is something to see.
    pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> T {
        let found = async {
            let mut pause = Duration::from_millis(5);
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(200));
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_elapsed) => panic!("waited in vain for {what}"),
        }
    }

    pub(crate) fn resources(&self) -> Api<AICoreRegistrySecret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn tenants(&self) -> Api<AICoreTenant> {
        Api::all(self.client.clone())
    }

    pub(crate) fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
