//! etcd, kube-apiserver and kube-controller-manager as they are started here.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, UnixStream},
    time::Instant,
};

use super::{
    assets::Assets,
    credentials::{random, write_private, write_service_account_keys},
    kubeconfig::{Endpoint, client},
    server::Server,
};

/// How long a server may take to answer. Ordinarily it is 3 s; a machine busy with builds takes a multiple.
const DEADLINE: Duration = Duration::from_mins(2);
/// Between two looks at a server that starts.
const POLL: Duration = Duration::from_millis(30);

/// Sockets of etcd in the folder of the run. Unix sockets cannot be taken by another process as ports can;
/// the relative name keeps clear of the 108 bytes that the address of one may have.
const ETCD_CLIENTS: &str = "unix://client.sock:0";
const ETCD_PEERS: &str = "unix://peer.sock:0";

/// The data of etcd, and where they are kept, in the folder of the run.
const DATA: &str = "etcd";
const SAVED: &str = "etcd.saved";

/// The controllers that end namespaces, collect garbage, aggregate cluster roles and serve service accounts.
/// Those of workloads and nodes have nothing to do without nodes. Names as `kube-controller-manager --help`
/// lists them.
const CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,clusterrole-aggregation-controller,\
                           serviceaccount-controller,serviceaccount-token-controller";

/// The servers of one control plane.
#[derive(Debug)]
pub(super) struct Servers {
    assets: Assets,
    folder: PathBuf,
    etcd: Option<Server>,
    api_server: Option<Server>,
    controller_manager: Option<Server>,
    /// Bound, never listening: no other process can get the port, also while the API server is down. The API
    /// server shares it by `SO_REUSEPORT`.
    port: TcpSocket,
}

impl Servers {
    /// Writes keys and tokens into `folder`, starts nothing.
    pub(super) fn prepare(assets: Assets, folder: &Path) -> anyhow::Result<Self> {
        let port = TcpSocket::new_v4()?;
        port.set_reuseport(true)?;
        port.bind(([127, 0, 0, 1], 0).into()).context("cannot reserve a port of 127.0.0.1")?;
        write_service_account_keys(&folder.join("sa.key"), &folder.join("sa.pub"))?;
        let folder = folder.to_owned();
        Ok(Self { assets, folder, etcd: None, api_server: None, controller_manager: None, port })
    }

    /// Starts everything and returns the path of the administrator's kubeconfig when the API server answers.
    pub(super) async fn start(&mut self, controller_manager: bool) -> anyhow::Result<PathBuf> {
        if controller_manager {
            self.assets.binary("kube-controller-manager")?;
        }
        let token = random(32);
        write_private(&self.folder.join("tokens.csv"), &format!("{token},admin,admin,system:masters\n"))?;
        self.start_etcd().await?;
        self.launch_api_server()?;
        let kubeconfig = self.write_kubeconfig(&token).await?;
        self.start_api_server().await?;
        if controller_manager {
            self.start_controller_manager(&kubeconfig)?;
        }
        Ok(kubeconfig)
    }

    async fn start_etcd(&mut self) -> anyhow::Result<()> {
        let arguments: [&str; _] = [
            "--name=testbed",
            &format!("--data-dir={DATA}"),
            "--unsafe-no-fsync",
            // Tests write more than the usual 2 GiB: a thousand Secrets of the largest size, twice.
            "--quota-backend-bytes=8589934592",
            "--log-level=warn",
            &format!("--listen-client-urls={ETCD_CLIENTS}"),
            &format!("--advertise-client-urls={ETCD_CLIENTS}"),
            &format!("--listen-peer-urls={ETCD_PEERS}"),
            &format!("--initial-advertise-peer-urls={ETCD_PEERS}"),
            &format!("--initial-cluster=testbed={ETCD_PEERS}"),
        ];
        let program = self.assets.binary("etcd")?;
        let etcd = self.etcd.insert(Server::start("etcd", &program, arguments, &self.folder)?);
        let socket = self.folder.join(ETCD_CLIENTS.trim_start_matches("unix://"));
        until(etcd, async || UnixStream::connect(&socket).await.is_ok().then_some(())).await
    }

    fn launch_api_server(&mut self) -> anyhow::Result<()> {
        let port = self.port.local_addr()?.port();
        let arguments: [&str; _] = [
            &format!("--etcd-servers={ETCD_CLIENTS}"),
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            &format!("--secure-port={port}"),
            "--permit-port-sharing=true",
            "--cert-dir=certificates",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=sa.pub",
            "--service-account-signing-key-file=sa.key",
            "--authorization-mode=RBAC",
            "--token-auth-file=tokens.csv",
            "--anonymous-auth=false",
            "--service-cluster-ip-range=10.0.0.0/24",
            // It would refuse pods without a ServiceAccount, which no controller creates here.
            "--disable-admission-plugins=ServiceAccount",
            // Nothing reaches the API server through the `kubernetes` service.
            "--endpoint-reconciler-type=none",
            "--etcd-count-metric-poll-period=0",
            "--profiling=false",
        ];
        let program = self.assets.binary("kube-apiserver")?;
        self.api_server = Some(Server::start("kube-apiserver", &program, arguments, &self.folder)?);
        Ok(())
    }

    /// Waits for the certificate that the API server generates at its first start, and writes the kubeconfig.
    async fn write_kubeconfig(&mut self, token: &str) -> anyhow::Result<PathBuf> {
        let url = format!("https://{}", self.port.local_addr()?);
        let certificates = self.folder.join("certificates");
        let api_server = self.api_server.as_mut().context("kube-apiserver does not run")?;
        let authority = until(api_server, async || {
            // The key is written after the certificate.
            let key = std::fs::read_to_string(certificates.join("apiserver.key")).ok()?;
            key.trim_end().ends_with("-----").then_some(())?;
            std::fs::read_to_string(certificates.join("apiserver.crt")).ok()
        })
        .await?;
        let path = self.folder.join("admin.kubeconfig");
        Endpoint::new(url, &authority).write(&path, "admin", token, "default")?;
        Ok(path)
    }

    /// Starts the API server unless it runs, and waits until it is ready.
    pub(super) async fn start_api_server(&mut self) -> anyhow::Result<()> {
        if self.api_server.is_none() {
            self.launch_api_server()?;
        }
        let client = client(&self.folder.join("admin.kubeconfig")).await?;
        let api_server = self.api_server.as_mut().context("kube-apiserver does not run")?;
        until(api_server, async || {
            let request = http::Request::get("/readyz").body(Vec::new()).ok()?;
            client.request_text(request).await.ok().map(drop)
        })
        .await
    }

    /// Kills the API server as a crash would. Nothing happens when it does not run.
    pub(super) async fn stop_api_server(&mut self) {
        if let Some(api_server) = self.api_server.take() {
            api_server.kill().await;
        }
    }

    /// Copies the data of etcd, which stands still meanwhile.
    pub(super) async fn save_data(&mut self) -> anyhow::Result<()> {
        self.while_stopped(DATA, SAVED).await
    }

    /// Puts the copy back.
    pub(super) async fn restore_data(&mut self) -> anyhow::Result<()> {
        self.while_stopped(SAVED, DATA).await
    }

    /// Has etcd forget all versions but the present ones.
    pub(super) async fn compact(&self) -> anyhow::Result<()> {
        let socket = self.folder.join(ETCD_CLIENTS.trim_start_matches("unix://"));
        let client = reqwest::Client::builder().no_proxy().unix_socket(socket).build()?;
        // The JSON form of etcd's API; any key tells the revision of all.
        let ask = async |operation: &str, what: Value| -> anyhow::Result<Value> {
            let request = client.post(format!("http://etcd/v3/kv/{operation}")).json(&what);
            Ok(request.send().await?.json().await?)
        };
        let range = ask("range", json!({ "key": "Lw==" })).await?;
        let revision = &range["header"]["revision"];
        let compacted = ask("compaction", json!({ "revision": revision, "physical": true })).await?;
        // The code of gRPC for what is out of range: it was compacted before, and nothing was written since.
        anyhow::ensure!(compacted["header"].is_object() || compacted["code"] == 11, "etcd says {compacted}");
        Ok(())
    }

    /// Replaces a folder by a copy of another while neither etcd nor the API server runs.
    async fn while_stopped(&mut self, from: &str, to: &str) -> anyhow::Result<()> {
        let (from, to) = (self.folder.join(from), self.folder.join(to));
        anyhow::ensure!(from.exists(), "no data were kept");
        self.stop_api_server().await;
        if let Some(etcd) = self.etcd.take() {
            etcd.kill().await;
        }
        if to.exists() {
            std::fs::remove_dir_all(&to)?;
        }
        copy(&from, &to).context("cannot copy the data of etcd")?;
        self.start_etcd().await?;
        self.start_api_server().await
    }

    pub(super) fn api_server(&self) -> anyhow::Result<&Server> {
        self.api_server.as_ref().context("kube-apiserver does not run")
    }

    fn start_controller_manager(&mut self, kubeconfig: &Path) -> anyhow::Result<()> {
        let arguments: [&str; _] = [
            &format!("--kubeconfig={}", kubeconfig.display()),
            &format!("--controllers={CONTROLLERS}"),
            "--leader-elect=false",
            "--service-account-private-key-file=sa.key",
            "--secure-port=0",
            // The defaults, 20 and 30 per second, make the deletion of many namespaces slow.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--profiling=false",
        ];
        let program = self.assets.binary("kube-controller-manager")?;
        let server = Server::start("kube-controller-manager", &program, arguments, &self.folder)?;
        self.controller_manager = Some(server);
        Ok(())
    }

    /// Waits until a server ends that was not told to.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        let servers = [&mut self.etcd, &mut self.api_server, &mut self.controller_manager];
        let ends = servers.into_iter().flatten().map(|server| Box::pin(server.ended()));
        futures::future::select_all(ends).await.0
    }

    /// Kills everything and waits until it is gone. The data is not kept, so there is nothing to flush.
    pub(super) async fn kill(self) {
        let servers = [self.controller_manager, self.api_server, self.etcd];
        futures::future::join_all(servers.into_iter().flatten().map(Server::kill)).await;
    }
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    // etcd insists on it.
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Repeats `attempt` until it gives a value, the server ends, or the deadline passes.
async fn until<T>(server: &mut Server, attempt: impl AsyncFn() -> Option<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    let repeat = async {
        loop {
            // An attempt that hangs is repeated as well.
            if let Ok(Some(value)) = tokio::time::timeout(Duration::from_secs(5), attempt()).await {
                return Some(value);
            }
            if Instant::now() > deadline {
                return None;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let value = tokio::select! {
        value = repeat => value,
        error = server.ended() => return Err(error),
    };
    match value {
        Some(value) => Ok(value),
        None => {
            bail!("{} was not ready within {} s:\n{}", server.name(), DEADLINE.as_secs(), server.log_tail())
        }
    }
}
