//! What one test lives in: a namespace of the shared control plane, a tenant of a simulated AI Core, and words for what users,
//! their tools and AI Core do. It watches all resources of its namespace from the start, and holds every state that it sees
//! against the rules that all states must keep.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aicore_registry_operator::api::{self, AICoreRegistrySecret};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::StreamExt;
use k8s_openapi::{
    ByteString,
    api::{core::v1::Secret, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams},
    runtime::{WatchStreamExt, watcher},
};
use serde_json::{Value, json};
use testbed::{
    controlplane::ControlPlane,
    simulator::{Fault, Gate, Journal, Operation, Options, Simulator, Tenant},
};
use tokio::sync::watch;

use crate::{
    cluster::{PATIENCE, cluster},
    operator::{Launch, Operator},
    rules,
};

/// Operations of AI Core's API, as short names.
pub(crate) mod operation {
    use testbed::simulator::Operation;

    pub(crate) const POST: Operation = Operation::Create;
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
        format!("{}-{}\"ä$-{}", rules::CANARY, self.user, self.rotation)
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
        tokio::spawn(record(Api::namespaced(client.clone(), &namespace), history));
        Self {
            launch: Launch::new(control_plane.kubeconfig(), &namespace),
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

    // What a platform engineer does.

    /// Starts the operator for this namespace.
    pub(crate) async fn operator(&self) -> Operator {
        self.launch.start().await
    }

    /// The same, with more arguments.
    pub(crate) fn launch(&self) -> Launch {
        self.launch.clone()
    }

    /// Starts an operator that trusts the simulator's certificate authority, and may connect to this machine.
    pub(crate) async fn operator_trusting(&self) -> Operator {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let bundle = folder.join(format!("{}-ca.pem", self.namespace));
        std::fs::write(&bundle, self.simulator.ca_pem().unwrap()).unwrap();
        let launch = self.launch().with(&format!("--ca-bundle={}", bundle.display()));
        launch.with("--allowed-hosts=127.0.0.1,localhost").start().await
    }

    /// Writes a service binding with the tenant's current client secret.
    pub(crate) async fn service_key(&self, name: &str) {
        self.secret(name, "Opaque", self.tenant.binding_data()).await;
    }

    /// Writes a docker config Secret.
    pub(crate) async fn docker_secret(&self, name: &str, entries: &[(&str, Login)]) {
        let auths: BTreeMap<&str, Value> = entries
            .iter()
            .map(|(host, login)| {
                let auth = STANDARD.encode(format!("{}:{}", login.user, login.password()));
                (*host, json!({ "username": login.user, "password": login.password(), "auth": auth }))
            })
            .collect();
        self.raw_docker_secret(name, &json!({ "auths": auths }).to_string()).await;
    }

    /// Writes a docker config Secret with any content.
    pub(crate) async fn raw_docker_secret(&self, name: &str, content: &str) {
        let data = BTreeMap::from([(".dockerconfigjson".to_owned(), content.to_owned())]);
        self.secret(name, "kubernetes.io/dockerconfigjson", data).await;
    }

    /// Writes a Secret.
    pub(crate) async fn secret(&self, name: &str, type_: &str, data: BTreeMap<String, String>) {
        let secret = Secret {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            type_: Some(type_.to_owned()),
            data: Some(data.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes()))).collect()),
            ..Secret::default()
        };
        let params = PatchParams::apply("test").force();
        self.secrets().patch(name, &params, &Patch::Apply(&secret)).await.unwrap();
    }

    pub(crate) async fn label_secret(&self, name: &str, key: &str, value: &str) {
        let patch = json!({ "metadata": { "labels": { key: value } } });
        self.secrets().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(crate) async fn annotate_secret(&self, name: &str, key: &str, value: &str) {
        let patch = json!({ "metadata": { "annotations": { key: value } } });
        self.secrets().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(crate) async fn delete_secret(&self, name: &str) {
        self.secrets().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Creates a resource that names the Secrets `source` and `key`, with these additions to its spec.
    pub(crate) async fn resource(&self, name: &str, spec: Value) {
        let mut whole = json!({ "secretRef": { "name": "source" }, "aiCoreSecretRef": { "name": "key" } });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let resource = json!({
            "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
            "kind": api::KIND,
            "metadata": { "name": name },
            "spec": whole,
        });
        let params = PatchParams::apply("test").force();
        self.resources().patch(name, &params, &Patch::Apply(&resource)).await.unwrap();
    }

    pub(crate) async fn patch_spec(&self, name: &str, spec: Value) {
        self.patch_resource(name, json!({ "spec": spec })).await;
    }

    pub(crate) async fn annotate(&self, name: &str, key: &str, value: &str) {
        self.patch_resource(name, json!({ "metadata": { "annotations": { key: value } } })).await;
    }

    async fn patch_resource(&self, name: &str, patch: Value) {
        self.resources().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Deletes a resource, and waits until it is gone.
    pub(crate) async fn delete_resource(&self, name: &str) {
        self.ask_to_delete(name).await;
        self.wait_gone(name).await;
    }

    /// Deletes a resource, and does not wait.
    pub(crate) async fn ask_to_delete(&self, name: &str) {
        self.resources().delete(name, &DeleteParams::default()).await.unwrap();
    }

    // What a platform engineer sees.

    /// Waits until there is no such resource.
    pub(crate) async fn wait_gone(&self, name: &str) {
        self.eventually("the resource to go", || async {
            self.resources().get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }

    /// The resource as the API server has it now.
    pub(crate) async fn resource_now(&self, name: &str) -> AICoreRegistrySecret {
        self.resources().get(name).await.unwrap()
    }

    /// Waits until the resource is ready, with nothing left to do, for its present generation.
    pub(crate) async fn wait_ready(&self, name: &str) -> AICoreRegistrySecret {
        self.wait_for(name, "Ready", |resource| {
            let status = resource.status.as_ref().unwrap();
            status.observed_generation == resource.metadata.generation
                && status.conditions.len() == 1
                && resource.condition("Ready").status == "True"
                && resource.condition("Ready").reason == "Synced"
        })
        .await
    }

    /// Waits until a condition has that reason, whichever condition.
    pub(crate) async fn wait_reason(&self, name: &str, reason: &str) -> AICoreRegistrySecret {
        self.wait_for(name, reason, |resource| {
            resource.status.as_ref().unwrap().conditions.iter().any(|condition| condition.reason == reason)
        })
        .await
    }

    /// Waits for a state of the resource, from its present state on.
    pub(crate) async fn wait_for(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&AICoreRegistrySecret) -> bool,
    ) -> AICoreRegistrySecret {
        // What the API server has, not what the watch had seen when the test went on.
        let from = self
            .resources()
            .get_opt(name)
            .await
            .unwrap()
            .map(|resource| version(&resource))
            .unwrap_or_default();
        let mut history = self.history.clone();
        let found = history.wait_for(|history| {
            let last = history.get(name).and_then(|states| states.last());
            last.is_some_and(|state| version(state) >= from && state.status.is_some() && holds(state))
        });
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(history) => history.unwrap()[name].last().unwrap().clone(),
            Err(_elapsed) => {
                panic!("{name} did not become {what}: {:#?}", self.resource_now(name).await.status)
            }
        }
    }

    /// The last version of the resource that the test's own watch has shown.
    pub(crate) fn resource_version_seen(&self, name: &str) -> u64 {
        self.history.borrow().get(name).and_then(|states| states.last()).map_or(0, version)
    }

    /// Waits until the test's own watch shows a later version; no request is made.
    pub(crate) async fn wait_seen_after(&self, name: &str, seen: u64) {
        let mut history = self.history.clone();
        let later =
            history.wait_for(|history| history[name].last().is_some_and(|state| version(state) > seen));
        tokio::time::timeout(PATIENCE, later).await.unwrap().unwrap();
    }

    /// How many different statuses were written to the resource.
    pub(crate) async fn status_writes(&self, name: &str) -> usize {
        let last = version(&self.resource_now(name).await);
        let mut history = self.history.clone();
        let seen =
            history.wait_for(|history| history[name].last().is_some_and(|state| version(state) >= last));
        let history = tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap();
        history[name].windows(2).filter(|pair| pair[0].status != pair[1].status).count()
    }

    pub(crate) async fn wait_event(&self, name: &str, reason: &str) -> Event {
        self.eventually(reason, || async {
            let events = self.events().await;
            events.into_iter().find(|event| {
                event.reason.as_deref() == Some(reason)
                    && event.regarding.as_ref().and_then(|regarding| regarding.name.as_deref()) == Some(name)
            })
        })
        .await
    }

    async fn events(&self) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        api.list(&ListParams::default()).await.unwrap().items
    }

    pub(crate) async fn secret_version(&self, name: &str) -> Option<String> {
        self.secrets().get(name).await.unwrap().metadata.resource_version
    }

    // What AI Core does and sees.

    pub(crate) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(crate) fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    pub(crate) fn api_url(&self) -> String {
        self.tenant.api_url()
    }

    pub(crate) fn authorization_server(&self) -> String {
        self.tenant.authorization_server()
    }

    /// What AI Core is to hold for these logins: its documented form, independent of the operator's code.
    pub(crate) fn payload(entries: &[(&str, Login)]) -> String {
        let auths: BTreeMap<&str, Value> = entries
            .iter()
            .map(|(host, login)| (*host, json!({ "password": login.password(), "username": login.user })))
            .collect();
        json!({ "auths": auths }).to_string()
    }

    pub(crate) fn remote(&self, name: &str) -> Option<String> {
        self.tenant.secrets().remove(name)
    }

    pub(crate) fn preset_remote(&self, name: &str, content: &str) {
        self.tenant.put(name, content);
    }

    pub(crate) fn remove_remote(&self, name: &str) {
        self.tenant.remove(name);
    }

    /// Waits until AI Core holds exactly this.
    pub(crate) async fn wait_remote(&self, name: &str, payload: &str) {
        if self.remote(name).as_deref() == Some(payload) {
            return;
        }
        let journal = self.journal();
        journal.wait_for(|_| self.remote(name).as_deref() == Some(payload), PATIENCE).await.unwrap();
    }

    /// Refuses the client secret and all tokens of before.
    pub(crate) fn rotate_service_key(&self) {
        let new = format!("{}-client-secret$=", rules::CANARY);
        self.client_secrets.lock().unwrap().push(new.clone());
        self.tenant.rotate_secret(new);
        self.tenant.revoke_tokens();
    }

    pub(crate) fn revoke_tokens(&self) {
        self.tenant.revoke_tokens();
    }

    pub(crate) fn always_answer(&self, operation: Operation, status: u16) {
        self.tenant.faults().always(operation, Fault::status(status));
    }

    pub(crate) fn echo_requests(&self, operation: Operation) {
        self.tenant.faults().always(operation, Fault::echo(400));
    }

    pub(crate) fn clear_faults(&self) {
        self.tenant.faults().clear();
    }

    /// Holds the next request of the kind until the gate is released.
    pub(crate) fn hold_next(&self, operation: Operation) -> Gate {
        let gate = Gate::new();
        self.tenant.faults().next(1, operation, Fault::gate(&gate));
        gate
    }

    // The journal.

    fn journal(&self) -> Journal {
        self.journal.lock().unwrap().clone()
    }

    /// Counts requests from now on.
    pub(crate) fn forget_requests(&self) {
        let mut journal = self.journal.lock().unwrap();
        *journal = journal.from_now();
    }

    /// Writes: operation and status.
    pub(crate) fn writes(&self) -> Vec<(Operation, u16)> {
        self.journal()
            .writes()
            .iter()
            .map(|entry| (entry.operation, entry.status.map_or(0, |status| status.as_u16())))
            .collect()
    }

    pub(crate) fn writes_of(&self, name: &str) -> Vec<(Operation, u16)> {
        let writes = self.journal().writes();
        let own = writes.iter().filter(|entry| entry.name.as_deref() == Some(name));
        own.map(|entry| (entry.operation, entry.status.map_or(0, |status| status.as_u16()))).collect()
    }

    pub(crate) fn token_requests(&self) -> usize {
        self.journal().token_requests().len()
    }

    pub(crate) fn requests(&self) -> usize {
        self.journal().entries().len()
    }

    pub(crate) fn requests_of(&self, operation: Operation) -> usize {
        self.journal().entries().iter().filter(|entry| entry.operation == operation).count()
    }

    /// What accepted writes carried, in the order in which AI Core had them.
    pub(crate) fn sent_payloads(&self, name: &str) -> Vec<String> {
        let writes = self.journal().writes();
        let own = writes.iter().filter(|entry| entry.applied && entry.name.as_deref() == Some(name));
        own.filter_map(|entry| entry.payload.as_ref().map(|payload| payload.expose().to_owned())).collect()
    }

    /// Waits for so many requests of the kind.
    pub(crate) async fn wait_requests(&self, operation: Operation, count: usize) {
        let mut seen = 0;
        let journal = self.journal();
        let enough = journal.wait_for(
            |entry| {
                seen += usize::from(entry.operation == operation);
                seen >= count
            },
            PATIENCE,
        );
        enough.await.unwrap();
    }

    /// Times between requests of the kind.
    pub(crate) fn gaps_between(&self, operation: Operation) -> Vec<Duration> {
        let entries = self.journal().entries();
        let times: Vec<_> =
            entries.iter().filter(|entry| entry.operation == operation).map(|entry| entry.received).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// The most requests for one secret that were ever under way at once.
    pub(crate) fn most_at_once(&self, name: &str) -> usize {
        self.tenant.concurrency_of(name).max
    }

    // The rules.

    /// Waits until the operator has dealt with everything that happened so far. Events of one kind come in order, so a change
    /// that shows an effect was preceded by all earlier ones; twice, because the work on an earlier one may still have run.
    pub(crate) async fn wait_quiet(&self, _: &Operator) {
        for _ in 0..2 {
            let name = format!("barrier-{}", self.barriers.fetch_add(1, Ordering::Relaxed));
            self.resource(&name, json!({ "secretRef": { "name": name } })).await;
            self.wait_reason(&name, "SecretNotFound").await;
            self.raw_docker_secret(&name, "{}").await;
            self.wait_reason(&name, "SecretInvalid").await;
        }
    }

    /// Holds everything that was seen against the rules, and looks for secret values in everything that people can see.
    pub(crate) async fn check(&self, operator: &Operator) {
        let history = self.history.borrow().clone();
        rules::check_states(history.values());
        let mut visible = vec![serde_json::to_string(&history).unwrap(), operator.log().join("\n")];
        visible.extend(self.events().await.iter().map(|event| serde_json::to_string(event).unwrap()));
        visible.push(operator.get("/metrics").await.1);
        let needles = self.client_secrets.lock().unwrap().clone();
        rules::check_canaries(&visible, &needles);
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

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// Keeps every state of every resource that a watch shows.
async fn record(api: Api<AICoreRegistrySecret>, history: watch::Sender<History>) {
    let mut states =
        std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff().applied_objects());
    while let Some(state) = states.next().await {
        let Ok(state) = state else { continue };
        history.send_modify(|history| {
            let states = history.entry(state.name_any()).or_default();
            // A list after a broken watch may repeat the last state.
            if states.last().is_none_or(|last| version(last) < version(&state)) {
                states.push(state);
            }
        });
    }
}

fn version(resource: &AICoreRegistrySecret) -> u64 {
    resource.resource_version().map_or(0, |version| version.parse().unwrap())
}

/// Finds conditions of a resource.
pub(crate) trait Conditions {
    /// The condition of that type; panics when there is none.
    fn condition(&self, type_: &str) -> &Condition;
}

impl Conditions for AICoreRegistrySecret {
    fn condition(&self, type_: &str) -> &Condition {
        static ABSENT: Condition = Condition {
            last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
                jiff::Timestamp::UNIX_EPOCH,
            ),
            message: String::new(),
            observed_generation: None,
            reason: String::new(),
            status: String::new(),
            type_: String::new(),
        };
        let conditions = self.status.as_ref().map(|status| &status.conditions);
        conditions.into_iter().flatten().find(|condition| condition.type_ == type_).unwrap_or(&ABSENT)
    }
}
