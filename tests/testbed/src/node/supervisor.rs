//! The program `testbed node-supervise`: owns the node and ends with its own owner.
//!
//! However the owner ends, the pipe that is this program's standard input closes; the supervisor then kills process 1 of the node
//! and removes what is left. When the supervisor itself is killed, the kernel kills process 1, which is tethered to it; the next
//! node removes the folder and the control groups.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
    sync::oneshot,
};

use crate::{
    controlplane::RunDir,
    process::{Signals, tethered},
};

use super::{cgroups::Groups, log, source};

/// How long the node may take to start. Ordinarily it is 10 s; a machine busy with builds takes a multiple.
const START_DEADLINE: Duration = Duration::from_mins(5);

/// The one line that the supervisor prints.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Started {
    Ready {
        /// Process 1 of the node, as the machine knows it.
        init: u32,
    },
    /// Why it does not start, for a person to read.
    Failed(String),
}

/// Runs a node until standard input ends, a signal comes or the node ends.
///
/// Must be polled by the process's main thread on a current-thread runtime: the node ends with the thread that starts it. The
/// process should exit right after, without waiting for the thread that reads standard input.
pub async fn supervise(programs: PathBuf, control_plane: PathBuf) -> anyhow::Result<()> {
    let mut signals = Signals::watch()?;
    let closed = end_of_input()?;
    let folder = RunDir::create()?;
    let result = tokio::select! {
        result = run(folder.path(), &programs, &control_plane) => result,
        _ = closed => Ok(()),
        _ = signals.next() => Err(anyhow!("the supervisor got a signal to end")),
    };
    // Its mounts are gone with the node, which has ended: `run` was dropped or has returned.
    folder.remove()?;
    if let Err(error) = result {
        say(&Started::Failed(format!("{error:#}")));
    }
    Ok(())
}

/// Starts the node; only returns with its end, as an error. Dropping this ends the node and waits for that.
async fn run(folder: &Path, programs: &Path, control_plane: &Path) -> anyhow::Result<()> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("the folder has no name")?;
    let runs = folder.parent().context("the folder is in another")?;
    let state = folder.join("state");
    std::fs::create_dir(&state).context("cannot create the folder of the node's data")?;
    let _ = std::fs::remove_dir_all(log());
    std::fs::create_dir_all(log()).context("cannot create the folder of the node's logs")?;
    // Dropped in the opposite order: the node first.
    let groups = Groups::create(name, |name| runs.join(name).exists())?;
    let mut node = Node::start(&groups, &state, programs, control_plane)?;
    let started = tokio::time::timeout(START_DEADLINE, node.started()).await;
    started.map_err(|_| anyhow!("it was not ready after {} s", START_DEADLINE.as_secs()))??;
    say(&Started::Ready { init: node.init.context("it has said its process id")? });
    let status = node.process.wait().await.context("cannot wait for the node")?;
    bail!("the node has ended with {status}")
}

struct Node {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    init: Option<u32>,
}

impl Node {
    fn start(groups: &Groups, state: &Path, programs: &Path, control_plane: &Path) -> anyhow::Result<Self> {
        let guest = source().join("guest");
        let errors = File::create(log().join("init.log")).context("cannot create the node's log")?;
        let mut command = tethered("bash");
        command.arg(guest.join("join.sh")).args(groups.folders()).arg("--");
        command.arg(guest.join("init.sh")).arg(state).arg(log()).arg(programs).arg(control_plane);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut process = command.spawn().context("cannot start the node")?;
        let output = process.stdout.take().context("the node has no output")?;
        Ok(Self { process, lines: BufReader::new(output).lines(), init: None })
    }

    /// Waits for the two lines that it prints.
    async fn started(&mut self) -> anyhow::Result<()> {
        while let Some(line) = self.lines.next_line().await.context("cannot read what the node says")? {
            match line.parse() {
                Ok(init) => self.init = Some(init),
                Err(_) if line == "ready" => return Ok(()),
                Err(_) => bail!("the node says {line:?}"),
            }
        }
        let said = std::fs::read_to_string(log().join("init.log")).unwrap_or_default();
        bail!("{}", said.lines().last().unwrap_or("it ended without a word"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
        // Process 1 is a child of `unshare`, which ends after it; and process 1 is only gone after all others are.
        if let Some(init) = self.init.and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            let _ = kill_process(init, Signal::KILL);
        } else {
            let _ = self.process.start_kill();
        }
        if let Some(outer) = self.process.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            // Left for the runtime to collect.
            let _ = waitid(WaitId::Pid(outer), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        }
    }
}

/// Told when standard input has ended. By a thread, because a runtime would wait at its end for its own reader.
fn end_of_input() -> anyhow::Result<oneshot::Receiver<()>> {
    let (close, closed) = oneshot::channel();
    let read = move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = close.send(());
    };
    std::thread::Builder::new().name("owner".to_owned()).spawn(read).context("cannot start a thread")?;
    Ok(closed)
}

/// Writes one line. The owner may be gone, which the end of standard input tells as well.
fn say(started: &Started) {
    let line = serde_json::to_string(started).expect("it is text");
    let _ = writeln!(std::io::stdout(), "{line}");
}
