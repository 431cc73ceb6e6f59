//! Service keys that an administrator shares with namespaces.
//!
//! The operator of these tests watches all namespaces, and of the resources and AICoreTenants in them those of its shard.

mod admission;
mod deletion;
mod expiry;
mod given_up;
mod requests;
mod sharing;
mod switching;
mod unserved;

use std::time::Duration;

use aicore_registry_operator::api::{self, AICoreTenant};
use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::controlplane::ControlPlane;

use crate::{
    cluster::cluster,
    operator::{Launch, Operator, PROGRAM},
    world::{Login, World},
};

/// The label of the shard; its value is the namespace of the platform.
const SHARD: &str = "tests.aicore-registry.dev/shard";

/// An administrator's namespace with a service key, and an AICoreTenant of the same name that shares it.
pub(crate) struct Platform {
    pub(crate) world: World,
}

impl Platform {
    /// With a service key, and no AICoreTenant yet.
    pub(crate) async fn new(prefix: &str) -> Self {
        Self::new_on(cluster().await, prefix).await
    }

    async fn new_on(control_plane: &ControlPlane, prefix: &str) -> Self {
        let world = World::new_on(control_plane, prefix).await;
        world.service_key("shared-key").await;
        Self { world }
    }

    /// With a service key by X.509 that has lived so long and lives so much longer, and with an AI Core that speaks https only.
    /// [`Self::operator_trusting`] starts an operator for it.
    pub(crate) async fn mortal(prefix: &str, lived: Duration, left: Duration) -> Self {
        let world = World::with_tls(prefix).await;
        world.mortal_service_key("shared-key", lived, left).await;
        Self { world }
    }

    pub(crate) async fn operator_trusting(&self) -> Operator {
        let [bundle, hosts] = self.world.trust();
        self.launch().with(&bundle).with(&hosts).start().await
    }

    /// Events about the AICoreTenant, by reason.
    async fn events(&self) -> Vec<String> {
        let events: Api<Event> = Api::namespaced(cluster().await.client().await.unwrap(), "default");
        let about = |event: &Event| {
            event.regarding.as_ref().is_some_and(|regarding| {
                regarding.name.as_deref() == Some(self.name())
                    && regarding.kind.as_deref() == Some(api::TENANT_KIND)
            })
        };
        let all = events.list(&ListParams::default()).await.unwrap().items;
        let mut reasons: Vec<_> = all.into_iter().filter(about).filter_map(|event| event.reason).collect();
        reasons.sort();
        reasons
    }

    /// Waits until these are all events about it.
    async fn wait_events(&self, reasons: &[&str]) {
        let what = format!("events {reasons:?}");
        self.world.eventually(&what, || async { (self.events().await == reasons).then_some(()) }).await;
    }

    /// Of the AICoreTenant.
    pub(crate) fn name(&self) -> &str {
        &self.world.namespace
    }

    fn launch(&self) -> Launch {
        self.launch_with(self.world.launch().kubeconfig)
    }

    pub(crate) fn launch_with(&self, kubeconfig: impl AsRef<std::path::Path>) -> Launch {
        let usual = ["run", "--listen=127.0.0.1:0", "--allow-insecure-http", "--log-level=debug"];
        Launch::exactly(PROGRAM.as_ref(), kubeconfig.as_ref(), usual.map(str::to_owned).to_vec())
            .with(&format!("--watch-label-selector={SHARD}={}", self.name()))
    }

    pub(crate) async fn operator(&self) -> Operator {
        self.launch().start().await
    }

    /// Creates or changes the AICoreTenant.
    pub(crate) async fn share(&self, spec: Value) {
        let mut whole = json!({
            "secretRef": { "namespace": self.world.namespace, "name": "shared-key" },
            "allowedNamespaces": ["*"],
        });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let tenant = json!({
            "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
            "kind": api::TENANT_KIND,
            "metadata": { "name": self.name(), "labels": { SHARD: self.name() } },
            "spec": whole,
        });
        let params = PatchParams::apply("test").force();
        self.world.tenants().patch(self.name(), &params, &Patch::Apply(&tenant)).await.unwrap();
    }

    /// Changes a part of the AICoreTenant.
    pub(crate) async fn change(&self, patch: Value) {
        let params = PatchParams::default();
        self.world.tenants().patch(self.name(), &params, &Patch::Merge(patch)).await.unwrap();
    }

    async fn stop_sharing(&self) {
        self.world.tenants().delete(self.name(), &DeleteParams::default()).await.unwrap();
    }

    /// Waits for a state of the AICoreTenant.
    pub(crate) async fn wait_tenant(
        &self,
        what: &str,
        holds: impl Fn(&AICoreTenant) -> bool,
    ) -> AICoreTenant {
        let tenants = self.world.tenants();
        self.world
            .eventually(what, || async {
                let tenant = tenants.get(self.name()).await.unwrap();
                holds(&tenant).then_some(tenant)
            })
            .await
    }

    pub(crate) async fn wait_valid(&self) -> AICoreTenant {
        self.wait_tenant("the AICoreTenant to be ready", |tenant| {
            let observed = tenant.status.as_ref().and_then(|status| status.observed_generation);
            observed == tenant.metadata.generation && ready(tenant).reason == "Valid"
        })
        .await
    }

    /// A namespace with a registry credential, and no service key.
    pub(crate) async fn team(&self, prefix: &str) -> World {
        self.team_on(cluster().await, prefix).await
    }

    async fn team_on(&self, control_plane: &ControlPlane, prefix: &str) -> World {
        let team = World::new_on(control_plane, prefix).await;
        team.docker_secret("source", &[("ghcr.io", Login::new("robot", 1))]).await;
        team
    }

    /// A resource of a team, by the AICoreTenant.
    pub(crate) async fn resource(&self, team: &World, name: &str, spec: Value) {
        let mut whole = json!({ "secretRef": { "name": "source" } });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        if whole.get("aiCoreSecretRef").is_none() {
            whole["tenantRef"] = json!({ "name": self.name() });
        }
        let resource = json!({
            "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
            "kind": api::KIND,
            "metadata": { "name": name, "labels": { SHARD: self.name() } },
            "spec": whole,
        });
        let params = PatchParams::apply("test").force();
        team.resources().patch(name, &params, &Patch::Apply(&resource)).await.unwrap();
    }
}

/// What an operator exports of an AICoreTenant whose key ends.
pub(crate) async fn exposition_of_a_mortal_tenant(prefix: &str) -> String {
    const DAY: Duration = Duration::from_hours(24);
    let platform = Platform::mortal(prefix, DAY, 6 * DAY).await;
    platform.share(json!({})).await;
    let operator = platform.operator_trusting().await;
    platform.wait_valid().await;
    let (_, text) = operator.get("/metrics").await;
    operator.terminate().await;
    text
}

/// `Ready` of an AICoreTenant, empty without one.
pub(crate) fn ready(tenant: &AICoreTenant) -> Condition {
    let mut conditions = tenant.status.iter().flat_map(|status| &status.conditions);
    conditions.find(|condition| condition.type_ == "Ready").cloned().unwrap_or_else(|| Condition {
        type_: String::new(),
        status: String::new(),
        reason: String::new(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            aicore_registry_operator::clock::now(),
        ),
    })
}

fn payload(user: &'static str, rotation: u32) -> String {
    World::payload(&[("ghcr.io", Login::new(user, rotation))])
}

/// Changes the credential of a team.
async fn rotate(team: &World, rotation: u32) {
    team.docker_secret("source", &[("ghcr.io", Login::new("robot", rotation))]).await;
}
