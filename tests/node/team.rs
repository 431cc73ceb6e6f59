//! A team that uses the operator: a namespace with a service key, a pull secret and a resource.

use aicore_registry_operator::api::AICoreRegistrySecret;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::json;

use crate::{
    ai_core::docker_config,
    cluster::Cluster,
    command::{apply, kubectl},
    waiting::eventually,
};

const PULL_SECRET: &str = "pull";

/// A team's namespace. The resource, and so the secret in AI Core, has the namespace's name: no scenario meets what another left.
pub(crate) struct Team<'a> {
    cluster: &'a Cluster,
    pub(crate) name: &'static str,
}

impl<'a> Team<'a> {
    /// A namespace with a service key of each tenant.
    pub(crate) async fn new(cluster: &'a Cluster, name: &'static str) -> Self {
        cluster.namespace(name, &[]).await;
        let bindings = cluster.ai_core.bindings();
        let bindings = bindings.replace("metadata:\n", &format!("metadata:\n  namespace: {name}\n"));
        apply(&bindings).await;
        Self { cluster, name }
    }

    /// A new password in the pull secret.
    pub(crate) async fn credential(&self, password: &str) {
        let secret = Secret {
            metadata: ObjectMeta { name: Some(PULL_SECRET.to_owned()), ..ObjectMeta::default() },
            type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
            data: Some([(".dockerconfigjson".to_owned(), ByteString(docker_config(password).into()))].into()),
            ..Secret::default()
        };
        let secrets: Api<Secret> = self.cluster.api(self.name);
        let parameters = PatchParams::apply("team").force();
        secrets.patch(PULL_SECRET, &parameters, &Patch::Apply(&secret)).await.unwrap();
    }

    /// The resource, for a pull secret with this password; waits until it is `Ready` and AI Core has the password.
    pub(crate) async fn first(&self, password: &str) {
        self.credential(password).await;
        self.resource(json!({})).await;
        self.ready().await;
        self.cluster.ai_core.has(self.name, password).await;
    }

    /// The resource, with more in its spec.
    pub(crate) async fn resource(&self, more: serde_json::Value) {
        let mut resource = json!({
            "apiVersion": "aicore-registry.dev/v1alpha1",
            "kind": "AICoreRegistrySecret",
            "metadata": {"name": self.name},
            "spec": {"secretRef": {"name": PULL_SECRET}, "aiCoreSecretRef": {"name": "aicore-key"}},
        });
        json_patch::merge(&mut resource, &json!({"spec": more}));
        let parameters = PatchParams::apply("team").force();
        self.resources().patch(self.name, &parameters, &Patch::Apply(&resource)).await.unwrap();
    }

    /// A new password, until AI Core has it.
    pub(crate) async fn rotate(&self, password: &str) {
        self.credential(password).await;
        self.cluster.ai_core.has(self.name, password).await;
    }

    /// Waits until the resource is `Ready`.
    pub(crate) async fn ready(&self) {
        eventually(&format!("{} to be Ready", self.name), async || {
            let resource = self.resources().get(self.name).await.unwrap();
            let conditions = resource.status.map(|status| status.conditions).unwrap_or_default();
            let ready =
                conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
            if ready { Ok(()) } else { Err(format!("{conditions:?}")) }
        })
        .await;
    }

    /// What the condition `Ready` says to people.
    pub(crate) async fn message(&self) -> String {
        let resource = self.resources().get(self.name).await.unwrap();
        let conditions = resource.status.map(|status| status.conditions).unwrap_or_default();
        conditions
            .into_iter()
            .find(|condition| condition.type_ == "Ready")
            .map(|condition| condition.message)
            .unwrap_or_default()
    }

    /// What arrived in AI Core since the resource was made.
    pub(crate) async fn writes(&self) -> usize {
        self.cluster.ai_core.writes(self.name).await.len()
    }

    /// The resource as kubectl prints it.
    pub(crate) async fn printed(&self) -> String {
        kubectl(&["get", "aicrs", "--namespace", self.name, self.name]).await.success()
    }

    pub(crate) fn resources(&self) -> Api<AICoreRegistrySecret> {
        self.cluster.api(self.name)
    }
}
