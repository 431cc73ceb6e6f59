//! The owner's end: a thread that starts the supervisor, hands it requests and stops it.
//!
//! A thread and no task, so that a control plane belongs to no runtime and tests on several runtimes can
//! share it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Options,
    assets::Assets,
    protocol::{Reply, Request},
};
use crate::process::testbed;

/// How long the supervisor may take to kill the servers and to remove their files.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// A request, and where its answer goes.
struct Job(Request, oneshot::Sender<anyhow::Result<()>>);

/// What is known once the API server answers.
pub(super) struct Ready {
    pub(super) assets: Assets,
    pub(super) kubeconfig: PathBuf,
}

/// A running supervisor; dropping it stops the supervisor and waits for that.
#[derive(Debug)]
pub(super) struct Driver {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Driver {
    /// Begins to start a control plane. When the returned driver is dropped before it is ready, all is
    /// stopped.
    pub(super) fn launch(options: Options) -> (Self, oneshot::Receiver<anyhow::Result<Ready>>) {
        let (jobs, queue) = mpsc::channel();
        let (ready, started) = oneshot::channel();
        let run = move || match Supervisor::start(&options) {
            Ok((supervisor, about)) => {
                let _ = ready.send(Ok(about));
                supervisor.serve(&queue)
            }
            Err(error) => {
                let _ = ready.send(Err(error));
                Ok(())
            }
        };
        let thread = std::thread::Builder::new().name("control plane".to_owned()).spawn(run);
        (Self { jobs: Some(jobs), thread: Some(thread.expect("a thread can be started")) }, started)
    }

    pub(super) async fn request(&self, request: Request) -> anyhow::Result<()> {
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().context("the control plane is stopped")?;
        jobs.send(Job(request, reply)).ok().context("the control plane has ended")?;
        answer.await.context("the control plane has ended")?
    }

    /// Stops everything, and waits until it is gone. Blocks.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        self.jobs = None;
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => bail!("the thread of the control plane panicked"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("testbed: the control plane was not stopped well: {error:#}");
        }
    }
}

struct Supervisor {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Supervisor {
    fn start(options: &Options) -> anyhow::Result<(Self, Ready)> {
        let assets = Assets::ensure(options.kubernetes.as_deref())?;
        let mut command = Command::new(testbed()?);
        // The program may be a link of the kernel's that says nothing in a list of processes.
        command.arg0("testbed").arg("supervise").arg("--assets").arg(assets.folder());
        if options.controller_manager {
            command.arg("--controller-manager");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Out of the terminal's group: Ctrl-C shall reach the owner alone, whose end then ends the supervisor
        // in order.
        let mut process = command.process_group(0).spawn().context("cannot start the supervisor")?;
        let input = process.stdin.take().context("the supervisor has no input")?;
        let output = process.stdout.take().map(BufReader::new).context("the supervisor has no output")?;
        let mut supervisor = Self { process, input, output };
        match supervisor.read() {
            Ok(Reply::Ready { kubeconfig }) => Ok((supervisor, Ready { assets, kubeconfig })),
            Ok(Reply::Failed(reason)) => {
                supervisor.stop()?;
                bail!("the control plane does not start: {reason}")
            }
            Ok(Reply::Done) => bail!("the supervisor answers out of turn"),
            Err(error) => Err(error),
        }
    }

    /// Hands on requests until the driver goes.
    fn serve(mut self, queue: &mpsc::Receiver<Job>) -> anyhow::Result<()> {
        for Job(request, reply) in queue {
            let _ = reply.send(self.ask(request));
        }
        self.stop()
    }

    fn ask(&mut self, request: Request) -> anyhow::Result<()> {
        let line = serde_json::to_string(&request).context("a request is text")?;
        // A supervisor that has ended has said why in a line that is read below.
        let _ = writeln!(self.input, "{line}");
        match self.read()? {
            Reply::Done => Ok(()),
            Reply::Failed(reason) => bail!(reason),
            Reply::Ready { .. } => bail!("the supervisor answers out of turn"),
        }
    }

    fn read(&mut self) -> anyhow::Result<Reply> {
        let mut line = String::new();
        if self.output.read_line(&mut line).context("cannot read from the supervisor")? == 0 {
            let mut errors = String::new();
            let _ = self.process.stderr.take().map(|mut stderr| stderr.read_to_string(&mut errors));
            bail!("the supervisor has ended: {}", errors.trim());
        }
        serde_json::from_str(&line).context("the supervisor's answer cannot be understood")
    }

    /// Closes the pipe and waits for the end.
    fn stop(self) -> anyhow::Result<()> {
        let Self { mut process, input, output } = self;
        drop((input, output));
        let deadline = Instant::now() + STOP_DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = process.try_wait().context("cannot wait for the supervisor")? {
                let mut errors = String::new();
                let _ = process.stderr.take().map(|mut stderr| stderr.read_to_string(&mut errors));
                anyhow::ensure!(status.success(), "the supervisor ended with {status}: {}", errors.trim());
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // The kernel then kills the servers, which are tethered to it.
        let _ = process.kill();
        let _ = process.wait();
        bail!("the supervisor did not end within {} s and was killed", STOP_DEADLINE.as_secs())
    }
}
