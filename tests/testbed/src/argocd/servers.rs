//! The processes of an Argo CD.

use std::{
    fmt::Write,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::Instant,
};

use crate::process::{spawn, tethered};

use super::NAMESPACE;

/// Where the Git repositories are, in the folder of the run.
pub(super) const REPOSITORIES: &str = "repositories";
/// How long a server may take to answer, on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_mins(2);
/// Between two looks at a server that starts.
const POLL: Duration = Duration::from_millis(50);
/// How many lines of each log an error shows.
const LAST_LINES: usize = 15;

/// The servers, in the order of their start.
pub(super) struct Servers {
    processes: Vec<Process>,
    folder: PathBuf,
    pub(super) git_port: u16,
    pub(super) url: String,
}

/// One of them. It ends when this is dropped, and with this process.
struct Process {
    name: &'static str,
    child: Child,
}

impl Servers {
    /// Starts them one after the other, each when the one before it answers. Their files are in `folder`.
    pub(super) async fn start(program: &Path, kubeconfig: &Path, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.to_owned();
        std::fs::create_dir_all(folder.join(REPOSITORIES)).context("cannot create a folder")?;
        let [redis, git, repo, repo_metrics, api, api_metrics, controller] = free_ports()?;
        let mut this =
            Self { processes: Vec::new(), folder, git_port: git, url: format!("http://127.0.0.1:{api}") };
        let redis_address = format!("127.0.0.1:{redis}");
        let mut command = this.command("redis-server");
        command.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &redis.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        this.launch("redis-server", command, redis).await?;
        // `git daemon` would start this as a process of its own, and not end it.
        let mut command = this.command(git_daemon()?);
        command.args(["--reuseaddr", "--export-all", "--listen=127.0.0.1"]);
        command.arg(format!("--port={git}")).arg(format!("--base-path={}", this.path(REPOSITORIES)));
        this.launch("git-daemon", command, git).await?;

        let repo_address = format!("127.0.0.1:{repo}");
        let mut command = this.argocd(program, "argocd-repo-server", kubeconfig);
        command.args(["--disable-tls", "--address=127.0.0.1", "--metrics-address=127.0.0.1", "--redis"]);
        command.arg(&redis_address).arg(format!("--port={repo}"));
        command.arg(format!("--metrics-port={repo_metrics}"));
        this.launch("argocd-repo-server", command, repo).await?;

        // It listens for metrics on all addresses, and cannot be told otherwise.
        let mut command = this.argocd(program, "argocd-application-controller", kubeconfig);
        command.args(["--repo-server-plaintext", "--persist-resource-health", "--repo-server"]);
        command.arg(&repo_address).args(["--redis", &redis_address, "--namespace", NAMESPACE]);
        command.arg(format!("--metrics-port={controller}"));
        this.launch("argocd-application-controller", command, controller).await?;

        let mut command = this.argocd(program, "argocd-server", kubeconfig);
        command.args(["--insecure", "--disable-auth", "--repo-server-plaintext", "--address=127.0.0.1"]);
        command.args(["--metrics-address=127.0.0.1", "--staticassets", &this.path("assets")]);
        // There is no other way to log in, and nobody has to.
        command.args(["--dex-server=http://127.0.0.1:1", "--repo-server", &repo_address]);
        command.args(["--redis", &redis_address, "--namespace", NAMESPACE]);
        command.arg(format!("--port={api}")).arg(format!("--metrics-port={api_metrics}"));
        this.launch("argocd-server", command, api).await?;
        Ok(this)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// A program with none of the user's settings.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = tethered(program);
        command.env_clear().current_dir(&self.folder).env("HOME", &self.folder).env("TMPDIR", &self.folder);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// One of the servers that the program is, by its name.
    fn argocd(&self, program: &Path, name: &str, kubeconfig: &Path) -> Command {
        let mut command = self.command(program);
        command.env("ARGOCD_BINARY_NAME", name).env("KUBECONFIG", kubeconfig);
        // The cluster that it runs in is the one of the kubeconfig.
        command.env("ARGOCD_FAKE_IN_CLUSTER", "true").env("ARGOCD_GPG_ENABLED", "false");
        command.env("ARGOCD_APPLICATION_CONTROLLER_REPLICAS", "1").env("ARGOCD_CONTROLLER_SHARD", "0");
        command.env("ARGOCD_ASK_PASS_SOCK", self.path("ask-pass.sock"));
        for (variable, name) in [
            ("ARGOCD_TLS_DATA_PATH", "tls"),
            ("ARGOCD_SSH_DATA_PATH", "ssh"),
            ("ARGOCD_GNUPGHOME", "gpg"),
            ("ARGOCD_GPG_DATA_PATH", "gpg"),
            ("ARGOCD_PLUGINSOCKFILEPATH", "plugins"),
        ] {
            command.env(variable, self.path(name));
        }
        command
    }

    /// Starts one, and waits until it takes connections at `port`.
    async fn launch(&mut self, name: &'static str, mut command: Command, port: u16) -> anyhow::Result<()> {
        let log = File::create(self.folder.join(name).with_extension("log")).context("cannot write a log")?;
        let errors = log.try_clone().context("cannot write a log")?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = spawn(command).await.with_context(|| format!("cannot start {name}"))?;
        self.processes.push(Process { name, child });
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some((name, status)) = self.ended()? {
                bail!("{name} ended ({status}):\n{}", self.logs());
            }
            ensure!(Instant::now() < deadline, "{name} does not answer:\n{}", self.logs());
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// One that has ended by itself.
    fn ended(&mut self) -> anyhow::Result<Option<(&'static str, ExitStatus)>> {
        for Process { name, child } in &mut self.processes {
            if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for {name}"))? {
                return Ok(Some((name, status)));
            }
        }
        Ok(None)
    }

    /// Ends them, the last that was started first, and waits for their end.
    pub(super) async fn stop(mut self) {
        while let Some(mut process) = self.processes.pop() {
            // One that has ended already needs no end.
            let _ = process.child.kill().await;
        }
    }

    /// The last lines of each log.
    pub(super) fn logs(&self) -> String {
        let mut logs = String::new();
        for Process { name, .. } in &self.processes {
            let text = std::fs::read(self.folder.join(name).with_extension("log")).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
            let _ = writeln!(logs, "--- {name}\n{}", last.join("\n"));
        }
        logs
    }
}

/// The program behind `git daemon`.
fn git_daemon() -> anyhow::Result<PathBuf> {
    let output = std::process::Command::new("git").arg("--exec-path").output().context("cannot run git")?;
    let program = Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("git-daemon");
    ensure!(program.is_file(), "there is no {}", program.display());
    Ok(program)
}

/// Ports of 127.0.0.1 that are free now. They are bound together, so that no two are the same.
fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let bind = |_| TcpListener::bind(("127.0.0.1", 0)).context("no port of 127.0.0.1 is free");
    let listeners = (0..N).map(bind).collect::<anyhow::Result<Vec<_>>>()?;
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port()));
    let ports = ports.collect::<std::io::Result<Vec<u16>>>().context("a port has no number")?;
    ports.try_into().ok().context("each listener has a port")
}
