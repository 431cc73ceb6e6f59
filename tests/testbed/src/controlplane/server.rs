//! One server process.

use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::process::tethered_std;

/// How much of a log an error shows.
const TAIL_LINES: usize = 20;

/// A server that runs in the folder of the run, with its output in `<name>.log`.
#[derive(Debug)]
pub(super) struct Server {
    name: &'static str,
    log: PathBuf,
    child: Child,
}

impl Server {
    /// Starts `program` in `folder`. Its log is appended to, so that it also tells of earlier starts.
    pub(super) fn start<A: AsRef<OsStr>>(
        name: &'static str,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output =
            File::options().create(true).append(true).open(&log).context("cannot open a log file")?;
        let mut command = tethered_std(program)?;
        command.args(arguments).current_dir(folder);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut command = tokio::process::Command::from(command);
        let child = command.kill_on_drop(true).spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, log, child })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Waits until the server ends by itself, and says how it did, with the end of its log.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        let how = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        anyhow::anyhow!("{} ended ({how}):\n{}", self.name, self.log_tail())
    }

    pub(super) fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    pub(super) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let pid = pid.with_context(|| format!("{} does not run", self.name))?;
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Kills the server, also a paused one, and waits until it is gone.
    pub(super) async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}
