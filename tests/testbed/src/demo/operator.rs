//! The operator, as a program.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Child,
    sync::oneshot,
    time::timeout,
};

use super::{PATIENCE, cluster::Cluster};
use crate::process::tethered;

/// A running operator; it ends with this value.
pub(super) struct Operator {
    _child: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts the operator that was built beside this program, and waits until it is ready.
    pub(super) async fn start(cluster: &Cluster, namespace: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("aicore-registry-operator");
        if !program.exists() {
            bail!("{} is missing: build it with `cargo build --workspace --bins`", program.display());
        }
        let log = program.with_file_name("demo-operator.log");
        let mut child = tethered(&program)
            .args(["run", "--listen=127.0.0.1:0", "--allow-insecure-http", "--log-format=text"])
            .arg(format!("--watch-namespaces={namespace}"))
            .env("KUBECONFIG", cluster.kubeconfig())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the operator")?;
        let stderr = child.stderr.take().context("the operator has no standard error")?;
        let (ready, is_ready) = oneshot::channel();
        tokio::spawn(copy(BufReader::new(stderr), log.clone(), ready));
        match timeout(PATIENCE, is_ready).await {
            Ok(Ok(())) => Ok(Self { _child: child, log }),
            _ => bail!("the operator did not become ready; its log is in {}", log.display()),
        }
    }

    /// Where its log is.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }
}

/// Copies the log to a file, and tells when it says that the operator works.
async fn copy(
    mut from: BufReader<impl tokio::io::AsyncRead + Unpin>,
    to: PathBuf,
    ready: oneshot::Sender<()>,
) -> anyhow::Result<()> {
    let mut file = tokio::fs::File::create(&to).await?;
    let mut ready = Some(ready);
    let mut line = String::new();
    while from.read_line(&mut line).await? > 0 {
        file.write_all(line.as_bytes()).await?;
        file.flush().await?;
        if line.contains("reconciling")
            && let Some(ready) = ready.take()
        {
            let _ = ready.send(());
        }
        line.clear();
    }
    Ok(())
}
