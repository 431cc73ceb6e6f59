//! The cluster of the picture: teams with their namespaces, service keys, credentials and resources.

use std::collections::BTreeMap;

use aicore_registry_operator::api::{self, AICoreRegistrySecret};
use anyhow::ensure;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;
use testbed::simulator::{Fault, Matcher, Tenant};

use super::{
    replica,
    team::{TEAMS, Team},
};
use crate::{
    fleet::{Fleet, create_namespace},
    parameters::Parameters,
};

/// The Secret with a team's service key.
const SERVICE_KEY: &str = "aicore-service-key";
/// AI Core's API as a service key names it.
const API_URL: &str = "https://api.ai.prod.eu-central-1.aws.ml.hana.ondemand.com";
/// Short, so that a few minutes show how tokens are renewed.
const TOKEN_LIFETIME: std::time::Duration = std::time::Duration::from_secs(100);

/// What there is beside the operator.
pub(super) struct World {
    /// The control plane and the simulator.
    pub(super) fleet: Fleet,
}

impl World {
    /// Starts it, with what the teams have from the start.
    pub(super) async fn start(parameters: &Parameters) -> anyhow::Result<Self> {
        let world = Self { fleet: Fleet::start(parameters).await? };
        create_namespace(&world.fleet.client, replica::NAMESPACE).await?;
        for team in TEAMS {
            create_namespace(&world.fleet.client, team.name).await?;
            let tenant = world.tenant(team);
            tenant.configure(|options| {
                options.quota = team.quota;
                options.token_lifetime = TOKEN_LIFETIME;
            });
            world.recover(team);
            world.service_key(team, &tenant.client_secret()).await?;
            for name in team.names() {
                world.resource(team.name, &name).await?;
            }
        }
        Ok(world)
    }

    /// A team's tenant.
    pub(super) fn tenant(&self, team: Team) -> Tenant {
        self.fleet.simulator.tenant(team.name)
    }

    /// From now on the tenant answers 503.
    pub(super) fn fail(&self, team: Team) {
        let tenant = self.tenant(team);
        tenant.faults().clear();
        tenant.faults().always(Matcher::any(), Fault::status(503).after(team.delay));
    }

    /// From now on it answers as usual.
    pub(super) fn recover(&self, team: Team) {
        let tenant = self.tenant(team);
        tenant.faults().clear();
        tenant.faults().always(Matcher::any(), Fault::latency(team.delay));
    }

    /// Addresses of this run, and what a service key of SAP has in their place: the ports are others each time.
    pub(super) fn addresses(&self) -> Vec<(String, String)> {
        let mut addresses: Vec<_> = TEAMS
            .iter()
            .map(|team| {
                let real = format!("https://{}.authentication.eu10.hana.ondemand.com", team.name);
                (self.tenant(*team).authorization_server(), real)
            })
            .collect();
        // Last, since it is the beginning of all others.
        addresses.push((self.fleet.simulator.url().to_owned(), API_URL.to_owned()));
        addresses
    }

    /// Writes a team's service key, with this client secret.
    pub(super) async fn service_key(&self, team: Team, client_secret: &str) -> anyhow::Result<()> {
        let mut data = self.tenant(team).binding_data();
        data.insert("clientsecret".to_owned(), client_secret.to_owned());
        self.secret(team.name, SERVICE_KEY, "Opaque", data).await
    }

    /// Writes a credential, which `mark` tells from others.
    pub(super) async fn credential(&self, namespace: &str, name: &str, mark: &str) -> anyhow::Result<()> {
        let config = json!({ "auths": { "ghcr.io": { "username": "robot", "password": mark } } });
        let data = BTreeMap::from([(".dockerconfigjson".to_owned(), config.to_string())]);
        self.secret(namespace, name, "kubernetes.io/dockerconfigjson", data).await
    }

    async fn secret(
        &self,
        namespace: &str,
        name: &str,
        type_: &str,
        data: BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": type_, "stringData": data,
        });
        let api: Api<Secret> = Api::namespaced(self.fleet.client.clone(), namespace);
        api.patch(name, &PatchParams::apply("dashboard").force(), &Patch::Apply(secret)).await?;
        Ok(())
    }

    /// Adds a resource with its credential, whose secret in AI Core goes with it.
    pub(super) async fn resource(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        self.credential(namespace, name, "first").await?;
        let resource = json!({
            "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
            "kind": api::KIND,
            "metadata": { "name": name },
            "spec": {
                "secretRef": { "name": name },
                "aiCoreSecretRef": { "name": SERVICE_KEY },
                "deletionPolicy": "Delete",
            },
        });
        let params = PatchParams::apply("dashboard").force();
        self.resources(namespace).patch(name, &params, &Patch::Apply(resource)).await?;
        Ok(())
    }

    /// Deletes a resource.
    pub(super) async fn delete(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        self.resources(namespace).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Fails unless all resources are ready.
    pub(super) async fn check_ready(&self) -> anyhow::Result<()> {
        let all: Api<AICoreRegistrySecret> = Api::all(self.fleet.client.clone());
        for resource in all.list(&ListParams::default()).await? {
            let status = resource.status.clone().unwrap_or_default();
            let mut conditions = status.conditions.iter();
            let ready = conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
            ensure!(ready, "{} is not ready after the start", resource.name_any());
        }
        Ok(())
    }

    fn resources(&self, namespace: &str) -> Api<AICoreRegistrySecret> {
        Api::namespaced(self.fleet.client.clone(), namespace)
    }
}
