//! A real Kubernetes control plane: etcd, kube-apiserver and, on request, kube-controller-manager.
//!
//! There are no nodes, so no pods run. RBAC is on and anonymous requests are refused, as in a cluster.
//! Namespaces are only removed after their deletion, and owned objects only collected, when the controller
//! manager runs. Everything listens on 127.0.0.1 or on Unix sockets and ends with the process that started
//! it, however that ends.
//!
//! The servers are children of a supervisor (`testbed supervise`), a process that notices the end of its
//! owner by a pipe and is itself tied to the servers by the kernel; see [`process`](crate::process).

mod assets;
mod credentials;
mod driver;
mod kubeconfig;
mod protocol;
mod run_dir;
mod server;
mod servers;
mod shared;
mod supervisor;
mod workspace;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Namespace, ServiceAccount},
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use tokio::process::Command;

use self::{
    assets::Assets,
    driver::{Driver, Ready},
    kubeconfig::Endpoint,
    protocol::Request,
};

pub use self::assets::assets;
pub(crate) use self::assets::{given, kubernetes_version};
pub(crate) use self::credentials::hex;
pub use self::kubeconfig::client;
pub(crate) use self::kubeconfig::kubeconfig_through;
pub(crate) use self::run_dir::RunDir;
pub use self::shared::{ASSETS_VARIABLE, KUBECONFIG_VARIABLE};
#[doc(hidden)]
pub use self::supervisor::supervise;
pub(crate) use self::workspace::{lock, target, workspace};

/// How long the tokens of [`ControlPlane::kubeconfig_for`] are valid, in seconds: longer than any test run.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Also run kube-controller-manager, with the controllers that do not need nodes.
    pub controller_manager: bool,
    /// The Kubernetes minor, as in `1.36`: a Go module `controlplane/1.36` beside this package's newest.
    /// Without, the environment variable `K8S` says it. `KUBEBUILDER_ASSETS` overrides both.
    pub kubernetes: Option<String>,
}

/// A control plane. Dropping it stops its servers and removes their data; so does the end of this process.
#[derive(Debug)]
pub struct ControlPlane {
    assets: Assets,
    kubeconfig: PathBuf,
    endpoint: Endpoint,
    /// Absent when another process owns the servers.
    driver: Option<Driver>,
    shared: bool,
}

impl ControlPlane {
    /// Starts a control plane and waits until its API server is ready: about 3 s, after a build of the
    /// binaries at the very first start. Fails with the end of a server's log when that server does not
    /// start.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let (driver, ready) = Driver::launch(options);
        let ready = ready.await.context("the control plane does not start")??;
        Self::of(driver, ready, false)
    }

    fn start_blocking(options: Options, shared: bool) -> anyhow::Result<Self> {
        let (driver, ready) = Driver::launch(options);
        let ready = ready.blocking_recv().context("the control plane does not start")??;
        Self::of(driver, ready, shared)
    }

    fn of(driver: Driver, ready: Ready, shared: bool) -> anyhow::Result<Self> {
        let Ready { assets, kubeconfig } = ready;
        let endpoint = Endpoint::read(&kubeconfig)?;
        Ok(Self { assets, kubeconfig, endpoint, driver: Some(driver), shared })
    }

    /// The kubeconfig of an administrator (group `system:masters`), with embedded certificates and token.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// `https://127.0.0.1:<port>`; it stays the same when the API server is started again.
    #[must_use]
    pub fn api_server_url(&self) -> &str {
        &self.endpoint.url
    }

    /// The folder of the Kubernetes binaries.
    #[must_use]
    pub fn assets(&self) -> &Path {
        self.assets.folder()
    }

    /// A new administrator's client, bound to the calling runtime. Installs rustls' default provider when
    /// there is none.
    pub async fn client(&self) -> anyhow::Result<kube::Client> {
        client(&self.kubeconfig).await
    }

    /// The path of kubectl.
    #[must_use]
    pub fn kubectl_path(&self) -> PathBuf {
        self.assets.folder().join("kubectl")
    }

    /// kubectl as the administrator, with none of the user's settings and caches.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        self.kubectl_of(&self.kubectl_path())
    }

    /// [`ControlPlane::kubectl`] by another kubectl.
    pub(crate) fn kubectl_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig);
        // The user's cache is by address, and may hold the discovery of an earlier run at the same port.
        command.env("KUBECACHEDIR", self.folder().join("kubectl-cache")).env("KUBERC", "off");
        command.kill_on_drop(true);
        command
    }

    /// Creates a namespace whose name begins with `prefix` and is not used by anyone else, and returns the
    /// name.
    pub async fn namespace(&self, prefix: &str) -> anyhow::Result<String> {
        let name = format!("{prefix}-{}", credentials::random(4));
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let namespaces: Api<Namespace> = Api::all(self.client().await?);
        let created = namespaces.create(&PostParams::default(), &namespace).await;
        created.with_context(|| format!("cannot create the namespace {name}"))?;
        Ok(name)
    }

    /// Writes a kubeconfig that authenticates as a `ServiceAccount`, by a token of the `TokenRequest` API
    /// that is valid for 24 h. The account must exist; nothing is created but the token. The file goes with
    /// the control plane.
    pub async fn kubeconfig_for(&self, namespace: &str, service_account: &str) -> anyhow::Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let spec =
            TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer = accounts.create_token_request(service_account, &PostParams::default(), &request).await;
        let place = || format!("no token for the ServiceAccount {namespace}/{service_account}");
        let token = answer.with_context(place)?.status.with_context(place)?.token;
        let file = format!("{namespace}.{service_account}.{}.kubeconfig", credentials::random(4));
        let path = self.folder().join(file);
        self.endpoint.write(&path, service_account, &token, namespace)?;
        Ok(path)
    }

    /// Kills the API server as a crash would: connections break and new ones are refused. What it
    /// acknowledged is kept. Nothing happens when it is stopped already. Not for the shared control plane.
    pub async fn stop_api_server(&self) -> anyhow::Result<()> {
        self.request(Request::Stop).await
    }

    /// Starts the API server with the same address and data, and waits until it is ready.
    pub async fn start_api_server(&self) -> anyhow::Result<()> {
        self.request(Request::Start).await
    }

    /// Keeps the data as they are now, for [`ControlPlane::restore_data`]. The API server and etcd are started again for this.
    /// Not for the shared control plane.
    pub async fn save_data(&self) -> anyhow::Result<()> {
        self.request(Request::Save).await
    }

    /// Puts the data back that were kept last, as from a backup: what was written since is gone, and versions are given anew.
    /// The API server and etcd are started again, and the API server is ready afterwards.
    pub async fn restore_data(&self) -> anyhow::Result<()> {
        self.request(Request::Restore).await
    }

    /// Compacts etcd: no version before this moment is there any more. Not for the shared control plane.
    pub async fn compact(&self) -> anyhow::Result<()> {
        self.request(Request::Compact).await
    }

    /// Freezes the API server: connections stay open and nothing is answered. Not for the shared control
    /// plane.
    pub async fn pause_api_server(&self) -> anyhow::Result<()> {
        self.request(Request::Pause).await
    }

    /// Ends the pause.
    pub async fn resume_api_server(&self) -> anyhow::Result<()> {
        self.request(Request::Resume).await
    }

    async fn request(&self, request: Request) -> anyhow::Result<()> {
        ensure!(!self.shared, "the shared control plane is in use by others: start one for this test");
        let driver = self.driver.as_ref().context("another process owns the control plane")?;
        driver.request(request).await
    }

    /// Stops all servers, removes their files and waits for both. Dropping does the same, but only prints a
    /// failure.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let Some(mut driver) = self.driver.take() else {
            return Ok(());
        };
        tokio::task::spawn_blocking(move || driver.stop()).await.context("cannot wait for the end")?
    }

    /// The folder of this run's files.
    fn folder(&self) -> &Path {
        self.kubeconfig.parent().unwrap_or_else(|| Path::new("."))
    }
}
