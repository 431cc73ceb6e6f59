//! A program under measure: the operator as its users run it, the floor, or an ordinary operator.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use testbed::process::tethered;
use tokio::{process::Child, time::Instant};

use crate::arrivals::PATIENCE;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Which {
    /// aicore-registry-operator.
    Product,
    /// The least that any program could do.
    Floor,
    /// An ordinary operator in Go, which caches whole Secrets.
    OrdinaryCached,
    /// The same, which caches their metadata alone.
    OrdinaryMetadata,
}

impl Which {
    /// All, in the order in which they take turns.
    pub const ALL: [Self; 4] = [Self::Product, Self::Floor, Self::OrdinaryCached, Self::OrdinaryMetadata];

    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Floor => "floor",
            Self::OrdinaryCached => "ordinary-cached",
            Self::OrdinaryMetadata => "ordinary-metadata",
        }
    }
}

/// How to start a program.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its way to the API server.
    pub kubeconfig: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
    /// What its log says when its watches run.
    pub ready: &'static str,
}

/// A running program.
#[derive(Debug)]
pub struct Subject {
    child: Child,
    log: PathBuf,
    ready: &'static str,
    /// When it was started.
    pub started: Instant,
}

/// What a program has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time on a processor.
    pub cpu: Duration,
    /// Resident memory now, in bytes.
    pub rss: u64,
    /// The most that it ever was.
    pub peak_rss: u64,
}

impl Launch {
    /// Starts it.
    ///
    /// # Errors
    /// When the program is not there.
    pub fn start(&self) -> anyhow::Result<Subject> {
        ensure!(self.program.is_file(), "{} is not built", self.program.display());
        if let Some(folder) = self.log.parent() {
            fs::create_dir_all(folder)?;
        }
        let log = fs::File::create(&self.log)?;
        let started = Instant::now();
        let child = tethered(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Subject { child, log: self.log.clone(), ready: self.ready, started })
    }

    /// Starts it, and waits until its watches run.
    ///
    /// # Errors
    /// When it ends, or takes too long.
    pub async fn start_ready(&self) -> anyhow::Result<Subject> {
        let mut subject = self.start()?;
        subject.wait_ready().await?;
        Ok(subject)
    }
}

impl Subject {
    /// Waits until its watches run, and says when that was seen.
    ///
    /// # Errors
    /// When it ends, or takes too long.
    pub async fn wait_ready(&mut self) -> anyhow::Result<Instant> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            if log.contains(self.ready) {
                return Ok(Instant::now());
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the program ended ({status}):\n{log}");
            }
            ensure!(Instant::now() < deadline, "the program does not become ready:\n{log}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When it has ended.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        let pid = self.child.id().context("the program has ended")?;
        let process = PathBuf::from(format!("/proc/{pid}"));
        let status = fs::read_to_string(process.join("status"))?;
        let kilobytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
                * 1024
        };
        Ok(Usage { cpu: cpu(&process)?, rss: kilobytes("VmRSS:"), peak_rss: kilobytes("VmHWM:") })
    }

    /// Where the operator serves `/metrics`, as its log says.
    ///
    /// # Errors
    /// When the log does not say.
    pub fn address(&self) -> anyhow::Result<String> {
        let log = fs::read_to_string(&self.log)?;
        let address = log.split("\"listen\":\"").nth(1).and_then(|rest| rest.split('"').next());
        Ok(address.context("the log does not say where the program listens")?.to_owned())
    }

    /// Ends it as Kubernetes does, by SIGTERM.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().context("the program has ended already")?.to_string();
        tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await?;
        tokio::time::timeout(Duration::from_secs(40), self.child.wait())
            .await
            .context("the program does not end")??;
        Ok(())
    }
}

/// Nanoseconds on a processor, of all threads that live. Threads that ended are missing; the programs here keep theirs.
fn cpu(process: &Path) -> anyhow::Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(process.join("task"))? {
        let schedstat = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        total +=
            schedstat.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(Duration::from_nanos(total))
}
