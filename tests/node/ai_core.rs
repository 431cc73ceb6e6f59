//! AI Core in the cluster: the simulator in a pod, under a name that the operator connects to by default.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{ListParams, LogParams},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    command::{apply, kubectl},
    waiting::eventually,
};

const NAMESPACE: &str = "aicore";
const MANIFESTS: &str = include_str!("manifests/simulator.yaml");

/// Where [`AiCore::with_tenants`] is.
const MANY: &str = "many-tenants";
const MANY_MANIFESTS: &str = include_str!("manifests/many-tenants.yaml");
/// The host of its service keys.
pub(crate) const MANY_HOST: &str = "simulator.many-tenants.svc";

/// The simulator, and what it was asked.
pub(crate) struct AiCore {
    pods: Api<Pod>,
    /// The certificate of its authority, PEM.
    pub(crate) authority: String,
    /// A service binding of each of its tenants, manifests of Secrets.
    bindings: String,
}

/// A request that changed a secret, and was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) method: String,
    /// The start of the payload's SHA-256; empty for DELETE.
    pub(crate) payload: String,
}

impl AiCore {
    /// Starts it where it does not run yet.
    pub(crate) async fn start(client: &Client) -> Self {
        Self::of(client, NAMESPACE, MANIFESTS, &["/files/binding.yaml".to_owned()]).await
    }

    /// Starts another one, at [`MANY_HOST`], which has these tenants. The Secret with a tenant's service key is `key-` and its name.
    pub(crate) async fn with_tenants(client: &Client, tenants: &[String]) -> Self {
        let arguments: Vec<String> = tenants.iter().map(|tenant| format!("- --tenant={tenant}")).collect();
        let manifests = MANY_MANIFESTS.replace("# TENANTS", &arguments.join("\n            "));
        let bindings: Vec<String> = tenants.iter().map(|tenant| format!("/files/{tenant}.yaml")).collect();
        Self::of(client, MANY, &manifests, &bindings).await
    }

    async fn of(client: &Client, namespace: &str, manifests: &str, bindings: &[String]) -> Self {
        apply(manifests).await;
        let rollout =
            ["rollout", "status", "--namespace", namespace, "deployment/simulator", "--timeout=120s"];
        kubectl(&rollout).await.success();
        let read = async |files: &[String]| {
            let mut arguments = vec!["exec", "--namespace", namespace, "deployment/simulator", "--", "cat"];
            arguments.extend(files.iter().map(String::as_str));
            kubectl(&arguments).await.success()
        };
        Self {
            pods: Api::namespaced(client.clone(), namespace),
            authority: read(&["/files/ca.crt".to_owned()]).await,
            // Each file is one manifest.
            bindings: read(bindings).await.replace("apiVersion: v1\n", "---\napiVersion: v1\n"),
        }
    }

    /// The manifests of Secrets with service keys; of the one tenant that there usually is, `aicore-key`.
    pub(crate) fn bindings(&self) -> &str {
        &self.bindings
    }

    /// All requests that changed the secret of this name, in order.
    pub(crate) async fn writes(&self, name: &str) -> Vec<Write> {
        self.entries().await.iter().filter_map(|entry| Write::of(entry, name)).collect()
    }

    /// Of these names and passwords, the names whose password is not what arrived last.
    pub(crate) async fn missing(&self, wanted: &[(String, String)]) -> Vec<String> {
        let mut last = HashMap::new();
        for entry in &self.entries().await {
            if let Some((name, write)) =
                entry["name"].as_str().and_then(|name| Some((name, Write::of(entry, name)?)))
            {
                last.insert(name.to_owned(), write.payload);
            }
        }
        let lacks = |(name, password): &&(String, String)| last.get(name) != Some(&fingerprint(password));
        wanted.iter().filter(lacks).map(|(name, _)| name.clone()).collect()
    }

    /// What the simulator has printed.
    async fn entries(&self) -> Vec<Value> {
        let pods = self.pods.list(&ListParams::default().labels("app=simulator")).await.unwrap();
        let pod = pods.items[0].metadata.name.clone().unwrap();
        let options = LogParams { container: Some("simulator".to_owned()), ..LogParams::default() };
        let log = self.pods.logs(&pod, &options).await.unwrap();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until the last thing that arrived for this secret is this password.
    pub(crate) async fn has(&self, name: &str, password: &str) {
        let wanted = fingerprint(password);
        eventually(&format!("{wanted} to arrive as {name}"), async || {
            let writes = self.writes(name).await;
            let last = writes.last().ok_or("nothing")?;
            if last.payload == wanted { Ok(()) } else { Err(format!("{writes:?}")) }
        })
        .await;
    }
}

impl Write {
    fn of(entry: &Value, name: &str) -> Option<Self> {
        let status = entry["status"].as_u64()?;
        let method = entry["method"].as_str()?;
        let changes = matches!(method, "POST" | "PATCH" | "DELETE");
        (changes && entry["name"] == name && (200..300).contains(&status)).then(|| Self {
            method: method.to_owned(),
            payload: entry["payload"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

/// What the simulator prints of a pull secret with this password, in the form in which AI Core gets it.
fn fingerprint(password: &str) -> String {
    let sent = format!(r#"{{"auths":{{"ghcr.io":{{"password":"{password}","username":"robot"}}}}}}"#);
    let digest = Sha256::digest(sent.as_bytes());
    let first = digest.first_chunk().expect("a digest has 32 bytes");
    format!("{:012x}", u64::from_be_bytes(*first) >> 16)
}

/// The content of a pull secret with this password, as `kubectl create secret docker-registry` writes it.
pub(crate) fn docker_config(password: &str) -> String {
    let auth = STANDARD.encode(format!("robot:{password}"));
    format!(r#"{{"auths":{{"ghcr.io":{{"username":"robot","password":"{password}","auth":"{auth}"}}}}}}"#)
}
