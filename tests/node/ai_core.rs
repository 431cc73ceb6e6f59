//! AI Core in the cluster: the simulator in a pod, under a name that the operator connects to by default.

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

/// The simulator, and what it was asked.
pub(crate) struct AiCore {
    pods: Api<Pod>,
    /// The certificate of its authority, PEM.
    pub(crate) authority: String,
    /// A service binding of its tenant, a manifest of a Secret.
    binding: String,
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
        apply(MANIFESTS).await;
        let rollout =
            ["rollout", "status", "--namespace", NAMESPACE, "deployment/simulator", "--timeout=120s"];
        kubectl(&rollout).await.success();
        let read = async |file: &str| {
            let arguments = ["exec", "--namespace", NAMESPACE, "deployment/simulator", "--", "cat", file];
            kubectl(&arguments).await.success()
        };
        Self {
            pods: Api::namespaced(client.clone(), NAMESPACE),
            authority: read("/files/ca.crt").await,
            binding: read("/files/binding.yaml").await,
        }
    }

    /// The manifest of a Secret `aicore-key` with a service key.
    pub(crate) fn binding(&self) -> &str {
        &self.binding
    }

    /// All requests that changed the secret of this name, in order.
    pub(crate) async fn writes(&self, name: &str) -> Vec<Write> {
        self.entries().await.iter().filter_map(|entry| Write::of(entry, name)).collect()
    }

    /// Of these names and passwords, the names whose password is not what arrived last.
    pub(crate) async fn missing(&self, wanted: &[(String, String)]) -> Vec<String> {
        let entries = self.entries().await;
        let lacks = |(name, password): &&(String, String)| {
            let last = entries.iter().rev().find_map(|entry| Write::of(entry, name));
            last.is_none_or(|write| write.payload != fingerprint(password))
        };
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
