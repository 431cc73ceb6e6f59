//! Service keys that an administrator shares with namespaces.
//!
//! The operator of these tests watches all namespaces, and of the resources and AICoreTenants in them those of its shard.

mod admission;
mod deletion;
mod sharing;
mod unserved;

use aicore_registry_operator::api::{self, AICoreTenant};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DeleteParams, Patch, PatchParams};
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

    /// Of the AICoreTenant.
    pub(crate) fn name(&self) -> &str {
        &self.world.namespace
    }

    fn launch(&self) -> Launch {
        self.launch_with(self.world.launch().kubeconfig)
    }

    fn launch_with(&self, kubeconfig: impl AsRef<std::path::Path>) -> Launch {
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

    async fn wait_valid(&self) -> AICoreTenant {
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

/// `Ready` of an AICoreTenant, empty without one.
fn ready(tenant: &AICoreTenant) -> Condition {
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
