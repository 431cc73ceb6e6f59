//! Kubeconfig files, and clients from them.

use std::path::Path;

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::credentials::write_private;

/// How to reach an API server, without a credential.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) url: String,
    /// PEM in base64.
    authority: String,
}

impl Endpoint {
    /// `authority` is PEM: the certificates that the server's is checked against.
    pub(super) fn new(url: String, authority: &str) -> Self {
        Self { url, authority: BASE64_STANDARD.encode(authority) }
    }

    /// The endpoint of the first cluster in a kubeconfig with embedded certificates.
    pub(super) fn read(kubeconfig: &Path) -> anyhow::Result<Self> {
        let place = || format!("{} is not a kubeconfig of the test bed", kubeconfig.display());
        let config = Kubeconfig::read_from(kubeconfig).with_context(place)?;
        let cluster =
            config.clusters.into_iter().next().and_then(|named| named.cluster).with_context(place)?;
        let url = cluster.server.with_context(place)?;
        let authority = cluster.certificate_authority_data.with_context(place)?;
        Ok(Self { url, authority })
    }

    /// Writes a kubeconfig that authenticates with `token`.
    pub(super) fn write(&self, path: &Path, user: &str, token: &str, namespace: &str) -> anyhow::Result<()> {
        // JSON is YAML, which is what readers of kubeconfigs expect.
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": {
                "server": self.url,
                "certificate-authority-data": self.authority,
            }}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "testbed", "context": {
                "cluster": "testbed", "user": user, "namespace": namespace,
            }}],
            "current-context": "testbed",
        });
        write_private(path, &format!("{config:#}\n"))
    }
}

/// A new client for the current context of `kubeconfig`, bound to the calling runtime.
pub async fn client(kubeconfig: &Path) -> anyhow::Result<kube::Client> {
    // Fails when another part of the process has installed a provider: any will do.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let place = || format!("cannot use the kubeconfig {}", kubeconfig.display());
    let config = Kubeconfig::read_from(kubeconfig).with_context(place)?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await.with_context(place)?;
    kube::Client::try_from(config).with_context(place)
}

/// Writes a kubeconfig that is like `kubeconfig`, but whose way leads through `url`.
pub(crate) fn kubeconfig_through(kubeconfig: &Path, url: &str, to: &Path) -> anyhow::Result<()> {
    let place = || format!("{} is not a kubeconfig", kubeconfig.display());
    let text = std::fs::read_to_string(kubeconfig).with_context(place)?;
    let mut config: serde_json::Value = serde_saphyr::from_str(&text).with_context(place)?;
    for cluster in config["clusters"].as_array_mut().with_context(place)? {
        cluster["cluster"] = serde_json::json!({ "server": url });
    }
    write_private(to, &format!("{config:#}\n"))
}
