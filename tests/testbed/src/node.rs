//! A Kubernetes cluster of one node, on which pods run: control plane, kubelet, containerd, runc, kube-proxy, `CoreDNS`, an
//! enforcer of `NetworkPolicies`, and a container registry with the operator's image as the Dockerfile makes it.
//!
//! All of it runs in namespaces of its own, without a container engine: its network leads nowhere, its mounts are seen by nobody
//! else, and none of the machine's settings is changed. Its processes are descendants of one that is process 1 of their
//! namespace; when that ends, the kernel ends all of them. A supervisor (`testbed node-supervise`), which notices the end of its
//! owner by a pipe, ends process 1 and removes its data and control groups.
//!
//! Linux alone, and root: see [`check`]. What it is built from is in the folder `node` of this package: Go modules, and the
//! script and the configuration of process 1.

mod base;
mod buildah;
mod cgroups;
mod images;
mod machine;
mod programs;
mod supervisor;

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tokio::{process::Command, time::Instant};

use crate::{
    controlplane::{assets, target},
    helm::helm_path,
    process::{Signals, testbed, tethered},
};

use self::{images::Images, supervisor::Started};

pub use self::machine::check;
#[doc(hidden)]
pub use self::supervisor::supervise;

/// Where the node's registry listens, in the node's network.
const REGISTRY: &str = "10.89.0.1:5000";
/// How long the supervisor may take to end the node and to remove its files.
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// What a command that runs beside the node finds in its environment, besides `KUBECONFIG`, `kubectl`, `helm` and `ctr`.
pub mod variables {
    /// The digest of the operator's image in the registry, `sha256:…`.
    pub const DIGEST: &str = "NODE_IMAGE_DIGEST";
    /// The digest of the program in it, `sha256:…`.
    pub const PROGRAM: &str = "NODE_IMAGE_PROGRAM";
}

/// Builds what is not there yet, starts the node, and runs `command` in its namespaces; returns the command's exit code. A signal
/// ends both. With [`Missing`](crate::missing::Missing), nothing was started.
pub async fn run(command: &[OsString]) -> anyhow::Result<i32> {
    machine::check()?;
    let control_plane = assets()?;
    ensure!(
        control_plane.join("kube-controller-manager").is_file(),
        "there is no kube-controller-manager in {}, without which no pod is made of a Deployment",
        control_plane.display()
    );
    let programs = programs::programs()?;
    let helm = helm_path()?;
    let images = Images::build(&programs)?;
    let program_digest = images.program_digest()?;
    let mut signals = Signals::watch()?;
    let began = Instant::now();
    let node = Node::start(&programs, &control_plane)?;
    eprintln!("testbed: the node is ready after {:.1} s", began.elapsed().as_secs_f64());
    let paths = [programs.as_path(), &control_plane, helm.parent().context("helm is in a folder")?];
    let work = async {
        let digest = images.push(&node)?;
        node.start_dns(&paths).await?;
        eprintln!("testbed: images and DNS are there after {:.1} s", began.elapsed().as_secs_f64());
        let (program, arguments) = command.split_first().context("there is no command to run")?;
        let mut command = node.command(program, &paths)?;
        command.args(arguments).env(variables::DIGEST, digest).env(variables::PROGRAM, program_digest);
        let status = command.status().await.context("cannot start the command")?;
        Ok(status.code().unwrap_or(1))
    };
    let result = tokio::select! {
        result = work => result,
        signal = signals.next() => Ok(128 + signal),
    };
    node.stop()?;
    result
}

/// Whether a node can run here, with what earlier runs have built: what is left to build are the operator's own sources.
///
/// # Errors
///
/// [`Missing`](crate::missing::Missing), with all that is missing.
pub fn check_built() -> anyhow::Result<()> {
    machine::check()?;
    let built = programs::are_built()? && Images::are_cheap()?;
    if built { Ok(()) } else { Err(machine::not_built().into()) }
}

/// A running node. It ends when this is dropped, and with this process.
#[derive(Debug)]
struct Node {
    supervisor: Option<Child>,
    /// Process 1 of the node, as this machine knows it.
    init: u32,
}

impl Node {
    /// Starts a supervisor, and waits until the node is ready. Blocks.
    fn start(programs: &Path, control_plane: &Path) -> anyhow::Result<Self> {
        let mut command = std::process::Command::new(testbed()?);
        command.arg0("testbed").arg("node-supervise");
        command.arg("--programs").arg(programs).arg("--control-plane").arg(control_plane);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Out of the terminal's group: Ctrl-C shall reach the owner alone, whose end then ends the node in order.
        let mut supervisor = command.process_group(0).spawn().context("cannot start the supervisor")?;
        let output = supervisor.stdout.take().context("the supervisor has no output")?;
        let mut node = Self { supervisor: Some(supervisor), init: 0 };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).context("cannot read from the supervisor")?;
        match serde_json::from_str(&line).context("the node's supervisor has ended")? {
            Started::Ready { init } => node.init = init,
            Started::Failed(reason) => {
                node.stop()?;
                bail!("the node does not start: {reason}\nwhat its servers said is in {}", log().display());
            }
        }
        Ok(node)
    }

    /// A command in the node's namespaces, as administrator of its cluster, with `paths` before the usual ones. It ends with the
    /// node.
    fn command(&self, program: impl Into<OsString>, paths: &[&Path]) -> anyhow::Result<Command> {
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let paths = paths.iter().map(|path| path.to_path_buf()).chain(std::env::split_paths(&usual));
        let mut command = tethered("nsenter");
        command.arg(format!("--target={}", self.init));
        command.args(["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup"]);
        let mut folder = OsString::from("--wdns=");
        folder.push(std::env::current_dir().context("there is no current folder")?);
        command.arg(folder).arg("--").arg(program.into());
        command.env("PATH", std::env::join_paths(paths).context("a folder has a colon in its name")?);
        command.env("KUBECONFIG", "/run/node/admin.conf");
        Ok(command)
    }

    /// Name resolution for the pods.
    async fn start_dns(&self, paths: &[&Path]) -> anyhow::Result<()> {
        let manifest = source().join("guest/dns.yaml");
        let apply = ["apply", "--filename"].map(OsString::from).into_iter().chain([manifest.into()]);
        let wait = ["rollout", "status", "--namespace=kube-system", "deployment/coredns", "--timeout=120s"];
        for arguments in [apply.collect::<Vec<_>>(), wait.map(OsString::from).into()] {
            let output = self
                .command("kubectl", paths)?
                .args(arguments)
                .output()
                .await
                .context("cannot run kubectl")?;
            ensure!(
                output.status.success(),
                "the node's DNS does not start: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    /// Ends the node, and waits until nothing is left of it. Blocks.
    fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        let Some(mut supervisor) = self.supervisor.take() else { return Ok(()) };
        drop(supervisor.stdin.take());
        let deadline = Instant::now() + STOP_DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = supervisor.try_wait().context("cannot wait for the supervisor")? {
                ensure!(status.success(), "the node's supervisor ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // The kernel then ends the node, which is tethered to it.
        let _ = supervisor.kill();
        let _ = supervisor.wait();
        bail!("the node's supervisor did not end within {} s and was killed", STOP_DEADLINE.as_secs())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("testbed: {error:#}");
        }
    }
}

/// The folder of this package with what the node is made from.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node")
}

/// What is built for the node.
fn workshop() -> PathBuf {
    target().join("node")
}

/// What the servers of the last node said; it stays after the node's end.
fn log() -> PathBuf {
    workshop().join("log")
}
