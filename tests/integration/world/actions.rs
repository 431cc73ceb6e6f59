//! What a platform engineer and the tools of a cluster do: operators, Secrets and resources.

use std::{collections::BTreeMap, path::Path, time::Duration};

use aicore_registry_operator::api;
use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use serde_json::{Value, json};

use super::{Login, World};
use crate::operator::{Launch, Operator};

impl World {
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
        let [bundle, hosts] = self.trust();
        self.launch().with(&bundle).with(&hosts).start().await
    }

    /// The arguments that make a program trust the simulator's certificate authority, and connect to this machine.
    pub(crate) fn trust(&self) -> [String; 2] {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let bundle = folder.join(format!("{}-ca.pem", self.namespace));
        std::fs::write(&bundle, self.simulator.ca_pem().unwrap()).unwrap();
        [format!("--ca-bundle={}", bundle.display()), self.simulator_hosts()]
    }

    /// The argument that allows the host and port of the simulator.
    pub(crate) fn simulator_hosts(&self) -> String {
        format!("--allowed-hosts={}", self.simulator.url().trim_start_matches("https://"))
    }

    /// Writes a service binding with the tenant's current client secret.
    pub(crate) async fn service_key(&self, name: &str) {
        self.secret(name, "Opaque", self.tenant.binding_data()).await;
    }

    /// Writes a service key whose certificate has been valid for so long, and is for so much longer.
    pub(crate) async fn mortal_service_key(&self, name: &str, lived: Duration, left: Duration) {
        let key = self.tenant.mortal_x509_service_key(lived, left).unwrap();
        self.secret(name, "Opaque", BTreeMap::from([("key.json".to_owned(), key.to_string())])).await;
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

    pub(crate) async fn label(&self, name: &str, key: &str, value: &str) {
        self.patch_resource(name, json!({ "metadata": { "labels": { key: value } } })).await;
    }

    async fn patch_resource(&self, name: &str, patch: Value) {
        self.resources().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// A resource of that name, with `deletionPolicy: Delete` and a service key of its own, is in sync; then its key goes, and the
    /// operator has seen that.
    pub(crate) async fn resource_that_lost_its_key(&self, name: &str) {
        let key = format!("key-of-{name}");
        self.service_key(&key).await;
        let spec = json!({ "deletionPolicy": "Delete", "aiCoreSecretRef": { "name": key } });
        self.resource(name, spec).await;
        self.wait_ready(name).await;
        self.delete_secret(&key).await;
        // The two are on watches of their own: until the operator has seen this, it has the key.
        self.wait_reason(name, "ServiceKeyNotFound").await;
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
}
