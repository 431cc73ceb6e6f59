//! The cluster of the demo: a control plane of its own, or the user's.

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use super::{NAMESPACE, PATIENCE, RESOURCE, kubectl::Kubectl, manifests, screen};
use crate::controlplane::{self, ControlPlane, Options};

/// How long a call of kubectl may take: more than it is told to wait itself.
const LONGEST: Duration = Duration::from_secs(90);

/// Waits for kubectl.
async fn ended(output: impl Future<Output = std::io::Result<Output>>) -> anyhow::Result<Output> {
    let output = timeout(LONGEST, output).await;
    let output = output.with_context(|| format!("kubectl has not ended after {} s", LONGEST.as_secs()))?;
    output.context("cannot run kubectl")
}

/// Where the demo's objects are.
pub(super) struct Cluster {
    own: Option<ControlPlane>,
    kubectl: Kubectl,
    kubeconfig: PathBuf,
    client: Client,
    crd_was_there: std::sync::atomic::AtomicBool,
}

impl Cluster {
    /// Uses the cluster of the kubeconfig, or starts one.
    pub(super) async fn start(kubeconfig: Option<PathBuf>) -> anyhow::Result<Self> {
        let (own, kubeconfig) = match kubeconfig {
            Some(kubeconfig) => {
                screen::step(&format!("Using the cluster of {}", kubeconfig.display()));
                (None, kubeconfig)
            }
            None => {
                screen::step("Starting a Kubernetes control plane (etcd and kube-apiserver)");
                let own = ControlPlane::start(Options::default()).await?;
                screen::say(&format!("the API server answers at {}", own.api_server_url()));
                let kubeconfig = own.kubeconfig().to_owned();
                (Some(own), kubeconfig)
            }
        };
        let client = controlplane::client(&kubeconfig).await?;
        // The first request opens the connection; a rotation shall not be charged for it.
        let version = client.apiserver_version().await.context("the API server does not answer")?.git_version;
        let kubectl = Kubectl::choose(&version, own.as_ref().map(ControlPlane::kubectl_path)).await?;
        let origin = match (&own, controlplane::given()) {
            (None, _) => "your cluster".to_owned(),
            (Some(_), Some(folder)) => {
                format!("the control plane of KUBEBUILDER_ASSETS ({})", folder.display())
            }
            (Some(_), None) => "the control plane that is built here".to_owned(),
        };
        screen::aside(&format!("using {origin}, Kubernetes {version}, and {}", kubectl.remark));
        let crd_was_there = std::sync::atomic::AtomicBool::default();
        Ok(Self { own, kubectl, kubeconfig, client, crd_was_there })
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(super) fn kubectl_path(&self) -> &Path {
        &self.kubectl.program
    }

    fn command(&self) -> Command {
        let program = self.kubectl_path();
        let mut command = match &self.own {
            Some(own) => own.kubectl_of(program),
            None => Command::new(program),
        };
        command.env("KUBECONFIG", &self.kubeconfig).kill_on_drop(true);
        command
    }

    /// Runs kubectl, and returns what it printed.
    pub(super) async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = ended(self.command().args(arguments).stdin(Stdio::null()).output()).await?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        // "No resources found" goes to standard error.
        let all = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&all).trim_end().to_owned())
    }

    /// Applies a manifest with kubectl.
    pub(super) async fn apply(&self, manifest: &Value) -> anyhow::Result<()> {
        let mut child = self
            .command()
            .args(["apply", "--server-side", "--force-conflicts", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run kubectl")?;
        let mut stdin = child.stdin.take().context("kubectl has no standard input")?;
        stdin.write_all(manifest.to_string().as_bytes()).await?;
        drop(stdin);
        let output = ended(child.wait_with_output()).await?;
        if !output.status.success() {
            bail!("kubectl apply: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Installs the CRDs from `crds/`, and waits until they are served.
    pub(super) async fn install_crd(&self) -> anyhow::Result<()> {
        let name = "crd/aicoreregistrysecrets.aicore-registry.dev";
        let there = self.kubectl(&["get", name]).await.is_ok();
        self.crd_was_there.store(there, std::sync::atomic::Ordering::Relaxed);
        let folder = controlplane::workspace().join("crds");
        let folder = folder.to_str().context("the path of the CRDs is no text")?;
        self.kubectl(&["apply", "--server-side", "-k", folder]).await?;
        let limit = format!("--timeout={}s", PATIENCE.as_secs());
        for name in [name, "crd/aicoretenants.aicore-registry.dev"] {
            self.kubectl(&["wait", name, "--for=condition=Established", &limit]).await?;
        }
        Ok(())
    }

    pub(super) async fn create_namespace(&self) -> anyhow::Result<()> {
        self.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }))
            .await
    }

    pub(super) async fn wait_ready(&self) -> anyhow::Result<String> {
        let resource = format!("aicrs/{RESOURCE}");
        let limit = format!("--timeout={}s", PATIENCE.as_secs());
        self.kubectl(&["wait", "-n", NAMESPACE, &resource, "--for=condition=Ready", &limit]).await
    }

    /// Writes the next credential, by one request whose time can be taken.
    pub(super) async fn rotate(&self, rotation: u32) -> anyhow::Result<()> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        let params = PatchParams::apply("aicore-registry-demo").force();
        secrets.patch(RESOURCE, &params, &Patch::Apply(manifests::registry_credential(rotation))).await?;
        Ok(())
    }

    /// Removes what the demo made. A control plane of its own goes as a whole.
    pub(super) async fn tidy_up(self) -> anyhow::Result<()> {
        if let Some(own) = self.own {
            return own.stop().await;
        }
        self.kubectl(&["delete", "namespace", NAMESPACE, "--ignore-not-found"]).await?;
        if !self.crd_was_there.load(std::sync::atomic::Ordering::Relaxed) {
            self.kubectl(&[
                "delete",
                "crd",
                "aicoreregistrysecrets.aicore-registry.dev",
                "--ignore-not-found",
            ])
            .await?;
        }
        Ok(())
    }
}
