//! The test bed's control plane on the command line.

use std::{
    ffi::OsString, io::IsTerminal, os::unix::process::ExitStatusExt, path::PathBuf, process::ExitStatus,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use testbed::{
    argocd::argocd_path,
    controlplane::{ASSETS_VARIABLE, ControlPlane, KUBECONFIG_VARIABLE, Options, assets, supervise},
    demo,
    distribution::distribution_path,
    helm::helm_path,
    missing::Missing,
    node,
    packaging::{self, Part},
    process::{Signals, become_tethered, tethered, this_process_is_testbed},
    recording,
    tools::tools,
};

/// A real Kubernetes control plane on 127.0.0.1: etcd, kube-apiserver and, on request,
/// kube-controller-manager.
///
/// The binaries are built once with Go, which takes 4 to 6 minutes on two cores, or taken from the folder
/// `KUBEBUILDER_ASSETS`. `K8S` chooses the Kubernetes minor, as in `K8S=1.36`; the newest otherwise. There are no nodes: objects can be created and watched, pods do not run.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the Kubernetes binaries unless they are there, and print their folder
    Assets,
    /// Build promtool and the small tools of the tests unless they are there, and print their folder
    Tools,
    /// Build helm unless it is there, and print its path
    Helm,
    /// Build the registry of the tests unless it is there, and print its path
    Distribution,
    /// Build Argo CD unless it is there, and print its path; on a machine that cannot run it, say why, and end with code 77
    Argocd,
    /// Write what is made from other files of the repository: parts of the chart, and the kustomizations
    Packaging {
        /// Which part; without, all are checked and nothing is written
        #[arg(long, value_enum)]
        write: Option<Packaging>,
    },
    /// Run a control plane until Ctrl-C, and print its KUBECONFIG=… when it is ready
    Controlplane {
        #[command(flatten)]
        servers: Servers,
    },
    /// Run a command with a control plane that its tests share
    ///
    /// The command finds the administrator's kubeconfig in `TESTBED_KUBECONFIG` and the folder of the
    /// Kubernetes binaries in `TESTBED_ASSETS`; `KUBECONFIG` is left alone. Signals are passed on, and the
    /// command's exit code is that of this program.
    Run {
        #[command(flatten)]
        servers: Servers,
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Run a command beside a cluster of one node, on which pods run
    ///
    /// Builds what is not there: the node's programs, and the operator's image. The command finds the administrator's kubeconfig in
    /// `KUBECONFIG`, and kubectl, helm and ctr on its path; it is in the node's network, which leads nowhere else, and ends with
    /// the node. Takes Linux and root; on a machine that cannot have a node it says what is missing, and ends with code 77.
    Node {
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// Show a rotation: control plane, simulated AI Core, operator
    ///
    /// With `KUBECONFIG` set, that cluster is used instead of a control plane of the demo's own.
    Demo {
        /// Leave everything running until Ctrl-C
        #[arg(long)]
        keep: bool,
        /// Kubeconfig of a cluster to use
        #[arg(long, env = "KUBECONFIG")]
        kubeconfig: Option<PathBuf>,
    },
    /// Run the demo, and make the recording and the picture of the README from what it prints
    Record {
        /// Only draw the picture again, from the recording that is there
        #[arg(long)]
        redraw: bool,
    },
    /// The process behind a control plane, told what to do on standard input
    #[command(hide = true)]
    Supervise {
        #[arg(long)]
        assets: PathBuf,
        #[command(flatten)]
        servers: Servers,
    },
    /// Say what this machine lacks for a node, and how to install it, with exit code 77
    NodeCheck {
        /// Take it as missing, too, when programs and images are not built
        #[arg(long)]
        built: bool,
    },
    /// The process behind a node, which ends with its standard input
    #[command(hide = true)]
    NodeSupervise {
        #[arg(long)]
        programs: PathBuf,
        #[arg(long)]
        control_plane: PathBuf,
    },
    /// Become a command that is killed when its parent ends
    #[command(hide = true)]
    Tether {
        /// Process id of the parent
        #[arg(long)]
        parent: u32,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Packaging {
    /// The chart's CRD
    Crd,
    /// The chart's README and its copies of rules and dashboard
    Chart,
    /// The kustomizations in deploy/
    Deploy,
}

impl From<Packaging> for Part {
    fn from(part: Packaging) -> Self {
        match part {
            Packaging::Crd => Self::Crd,
            Packaging::Chart => Self::Chart,
            Packaging::Deploy => Self::Deploy,
        }
    }
}

#[derive(Args)]
struct Servers {
    /// Also run kube-controller-manager: removes deleted namespaces and collects garbage
    #[arg(long)]
    controller_manager: bool,
}

fn main() {
    this_process_is_testbed();
    let task = Cli::parse().command;
    // As a shell says that it cannot run a command.
    let failed = if matches!(task, Task::Tether { .. }) { 127 } else { 1 };
    let code = run(task).unwrap_or_else(|error| {
        eprintln!("testbed: {error:#}");
        if error.is::<Missing>() { Missing::EXIT_CODE } else { failed }
    });
    // Threads that wait for input end here.
    std::process::exit(code)
}

fn run(task: Task) -> anyhow::Result<i32> {
    match task {
        Task::Assets => println!("{}", assets()?.display()),
        Task::Tools => println!("{}", tools()?.display()),
        Task::Distribution => println!("{}", distribution_path()?.display()),
        Task::Argocd => println!("{}", argocd_path()?.display()),
        Task::Helm => println!("{}", helm_path()?.display()),
        Task::Packaging { write: Some(part) } => block_on(packaging::write(part.into()))?,
        Task::Packaging { write: None } => block_on(packaging::check())?,
        Task::Tether { parent, command } => match become_tethered(parent, &command)? {},
        Task::Supervise { assets, servers } => block_on(supervise(assets, servers.controller_manager))?,
        Task::Node { command } => return block_on(node::run(&command)),
        Task::NodeCheck { built: true } => node::check_built()?,
        Task::NodeCheck { built: false } => node::check()?,
        Task::NodeSupervise { programs, control_plane } => {
            block_on(node::supervise(programs, control_plane))?;
        }
        Task::Demo { keep, kubeconfig } => block_on(demo::run(demo::Settings { keep, kubeconfig }))?,
        Task::Record { redraw: true } => recording::draw_again()?,
        Task::Record { redraw: false } => block_on(recording::record())?,
        Task::Controlplane { servers } => block_on(foreground(servers.options()))?,
        Task::Run { servers, command } => return block_on(with_control_plane(servers.options(), &command)),
    }
    Ok(0)
}

/// On this thread alone: what is tethered ends with the thread that started it.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(work)
}

impl Servers {
    fn options(&self) -> Options {
        Options { controller_manager: self.controller_manager, ..Options::default() }
    }
}

async fn foreground(options: Options) -> anyhow::Result<()> {
    let control_plane = ControlPlane::start(options).await?;
    let mut signals = Signals::watch()?;
    println!("KUBECONFIG={}", control_plane.kubeconfig().display());
    eprintln!("testbed: {} is ready; Ctrl-C stops it", control_plane.api_server_url());
    signals.next().await;
    control_plane.stop().await
}

async fn with_control_plane(options: Options, command: &[OsString]) -> anyhow::Result<i32> {
    let (program, arguments) = command.split_first().context("there is no command to run")?;
    let control_plane = ControlPlane::start(options).await?;
    let mut signals = Signals::watch()?;
    let mut command = tethered(program);
    command.args(arguments);
    command.env(KUBECONFIG_VARIABLE, control_plane.kubeconfig()).env(ASSETS_VARIABLE, control_plane.assets());
    let mut child = command.spawn().context("cannot start the command")?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.context("cannot wait for the command")?,
            signal = signals.next() => pass_on(signal, child.id()),
        }
    };
    control_plane.stop().await?;
    Ok(exit_code(status))
}

/// Sends `signal` to the command, except where a terminal has sent it already: Ctrl-C reaches all of its
/// programs.
fn pass_on(signal: i32, child: Option<u32>) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = Signal::from_named_raw(signal);
    let child = child.and_then(|pid| Pid::from_raw(pid.cast_signed()));
    if let (Some(signal), Some(child)) = (signal, child)
        && !(signal == Signal::INT && std::io::stdin().is_terminal())
    {
        let _ = kill_process(child, signal);
    }
}

/// As a shell gives it: 128 and the signal's number for a command that a signal ended.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
