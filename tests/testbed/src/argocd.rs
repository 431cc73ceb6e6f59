//! Argo CD as it is, without pods: application controller, repo server and API server from its Go module, Debian's Redis, and a
//! server of Git repositories. All of it listens on 127.0.0.1 and ends with this.

mod repository;
mod servers;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use kube::{
    Api,
    runtime::wait::{await_condition, conditions},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    controlplane::{ControlPlane, RunDir},
    golang::{GoProgram, go, go_is_there},
    missing::{Missing, is_program, to_install},
    progress::run_with_progress,
};

pub use self::repository::Repository;
use self::servers::Servers;

const ARGOCD: GoProgram = GoProgram {
    name: "argocd",
    module: concat!(env!("CARGO_MANIFEST_DIR"), "/argocd"),
    package: "tool",
    sources: &["go.mod", "go.sum"],
    takes: "a quarter of an hour",
};
/// How long the API server may take for anything.
const PATIENCE: Duration = Duration::from_mins(2);
/// The module that is the program's.
const MODULE: &str = "github.com/argoproj/argo-cd/v3";
/// Programs, and the Debian package that has each.
const PROGRAMS: [(&str, &str); 2] = [("git", "git"), ("redis-server", "redis-server")];
/// The namespace of Argo CD and of its Applications.
pub const NAMESPACE: &str = "argocd";

/// The path of Argo CD's program, which is built first when it is not there. Blocks.
///
/// # Errors
///
/// [`Missing`], with all that this machine lacks; or when the build fails.
pub fn argocd_path() -> anyhow::Result<PathBuf> {
    let mut missing: Vec<String> =
        to_install(PROGRAMS.into_iter().filter(|(program, _)| !is_program(program))).into_iter().collect();
    if !ARGOCD.is_built()? {
        if !go_is_there() {
            missing.push("there is no Go, to build it with".to_owned());
        } else if let Err(error) = fetch_sources() {
            missing.push(format!("its Go modules cannot be had: {error:#}"));
        }
    }
    if missing.is_empty() { ARGOCD.path() } else { Err(Missing::new("Argo CD", missing).into()) }
}

/// Has Go download the modules of all packages, where it has not yet.
fn fetch_sources() -> anyhow::Result<()> {
    let mut list = go(ARGOCD.folder())?;
    list.args(["list", "-deps", "-f", "", ARGOCD.package]);
    run_with_progress("fetching the sources of Argo CD", list, |_| None)
}

/// The CRDs of the version that is built, in the module's own folder.
fn crds() -> anyhow::Result<PathBuf> {
    let mut download = go(ARGOCD.folder())?;
    let output = download.args(["mod", "download", "-json", MODULE]).stdout(Stdio::piped()).output();
    let output = output.context("cannot run go")?;
    ensure!(output.status.success(), "the module of Argo CD cannot be had");
    let about: Value = serde_json::from_slice(&output.stdout).context("go says something else than JSON")?;
    let folder = about["Dir"].as_str().context("go does not say where the module is")?;
    Ok(Path::new(folder).join("manifests/crds"))
}

/// A running Argo CD.
pub struct ArgoCd {
    servers: Servers,
    folder: RunDir,
}

impl ArgoCd {
    /// Starts one for the cluster of `control_plane`, with this `ConfigMap` `argocd-cm`, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Missing`], or what does not start, with the end of its log.
    pub async fn start(control_plane: &ControlPlane, settings: &Value) -> anyhow::Result<Self> {
        let (program, crds) = tokio::task::spawn_blocking(|| anyhow::Ok((argocd_path()?, crds()?))).await??;
        let folder = RunDir::create()?;
        install(control_plane, &crds, settings, &folder).await?;
        let servers = Servers::start(&program, control_plane.kubeconfig(), folder.path()).await?;
        Ok(Self { servers, folder })
    }

    /// A repository that Argo CD reads, empty as yet.
    ///
    /// # Errors
    ///
    /// When Git fails.
    pub fn repository(&self, name: &str) -> anyhow::Result<Repository> {
        let url = format!("git://127.0.0.1:{}/{name}", self.servers.git_port);
        Repository::create(&self.folder.path().join(servers::REPOSITORIES).join(name), url)
    }

    /// `http://127.0.0.1:<port>`: the API server, which asks nobody who they are.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.servers.url
    }

    /// The last lines of the log of each of its servers.
    #[must_use]
    pub fn logs(&self) -> String {
        self.servers.logs()
    }

    /// Ends the servers, and removes their files. Without this the servers end as well, and the next one that starts anything of
    /// the test bed removes the files.
    ///
    /// # Errors
    ///
    /// When the files cannot be removed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.servers.stop().await;
        self.folder.remove()
    }
}

/// What Argo CD's own manifests make besides Deployments and rights: here it is an administrator.
async fn install(
    control_plane: &ControlPlane,
    crds: &Path,
    settings: &Value,
    folder: &RunDir,
) -> anyhow::Result<()> {
    let client = control_plane.client().await?;
    apply(control_plane, "--kustomize", crds).await?;
    for name in ["applications.argoproj.io", "appprojects.argoproj.io"] {
        let established = await_condition(Api::all(client.clone()), name, conditions::is_crd_established());
        let established = timeout(PATIENCE, established).await;
        established.with_context(|| format!("the CRD {name} is not served"))??;
    }
    let labels = json!({"app.kubernetes.io/part-of": "argocd"});
    let metadata = |name: &str| json!({"name": name, "namespace": NAMESPACE, "labels": labels});
    let mut settings = settings.clone();
    settings["metadata"]["labels"].clone_from(&labels);
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        settings,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("argocd-rbac-cm")},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata("argocd-secret")},
        {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata("default"),
            "spec": {
                "sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        },
    ]});
    let file = folder.path().join("settings.json");
    std::fs::write(&file, objects.to_string()).context("cannot write a manifest")?;
    apply(control_plane, "--filename", &file).await
}

/// `kubectl apply`.
async fn apply(control_plane: &ControlPlane, kind: &str, manifests: &Path) -> anyhow::Result<()> {
    let mut kubectl = control_plane.kubectl();
    kubectl.args(["apply", "--server-side", "--force-conflicts", kind]).arg(manifests);
    let output = timeout(PATIENCE, kubectl.output()).await.context("kubectl has not ended")?;
    let output = output.context("cannot run kubectl")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl apply {}: {}", manifests.display(), said.trim());
    Ok(())
}
