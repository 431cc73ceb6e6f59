//! The program `testbed supervise`: owns the servers and ends with its own owner.
//!
//! However the owner ends, the pipe that is this program's standard input closes, and the supervisor then
//! kills the servers and removes the folder of the run. When the supervisor itself is killed, the kernel
//! kills the servers, which are tethered to it; the next run removes the folder.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
};

use anyhow::Context;
use rustix::process::Signal;
use tokio::sync::{mpsc, oneshot};

use super::{
    assets::Assets,
    protocol::{Reply, Request},
    run_dir::RunDir,
    servers::Servers,
};
use crate::process::Signals;

/// Runs a control plane from the binaries in `assets` until standard input ends, a signal comes or a server
/// dies.
///
/// Must be polled by the process's main thread on a current-thread runtime: the servers end with the thread
/// that starts them. The process should exit right after, without waiting for the thread that reads standard
/// input.
pub async fn supervise(assets: PathBuf, controller_manager: bool) -> anyhow::Result<()> {
    let mut owner = Owner::watch()?;
    let folder = RunDir::create()?;
    let mut servers = match Assets::at(&assets).and_then(|assets| Servers::prepare(assets, folder.path())) {
        Ok(servers) => servers,
        Err(error) => {
            let removed = folder.remove();
            reply(&Reply::Failed(format!("{error:#}")));
            return removed;
        }
    };
    let Owner { requests, closed, signals } = &mut owner;
    let result = tokio::select! {
        result = serve(&mut servers, requests, controller_manager) => result,
        _ = closed => Ok(()),
        _ = signals.next() => Err(anyhow::anyhow!("the supervisor got a signal to end")),
    };
    servers.kill().await;
    let removed = folder.remove();
    // Last, so that an owner that has read it may rely on everything being gone.
    if let Err(error) = result {
        reply(&Reply::Failed(format!("{error:#}")));
    }
    removed
}

/// Starts the servers and answers requests. Ends with the owner's pipe, or with an error when a server dies.
async fn serve(
    servers: &mut Servers,
    requests: &mut mpsc::UnboundedReceiver<String>,
    controller_manager: bool,
) -> anyhow::Result<()> {
    let kubeconfig = servers.start(controller_manager).await?;
    reply(&Reply::Ready { kubeconfig });
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            error = servers.ended() => return Err(error),
        };
        let Some(request) = request else { return Ok(()) };
        match answer(servers, &request).await {
            Ok(()) => reply(&Reply::Done),
            Err(error) => reply(&Reply::Failed(format!("{error:#}"))),
        }
    }
}

async fn answer(servers: &mut Servers, request: &str) -> anyhow::Result<()> {
    match serde_json::from_str(request).context("the request cannot be understood")? {
        Request::Stop => servers.stop_api_server().await,
        Request::Start => servers.start_api_server().await?,
        Request::Pause => servers.api_server()?.signal(Signal::STOP)?,
        Request::Resume => servers.api_server()?.signal(Signal::CONT)?,
        Request::Save => servers.save_data().await?,
        Request::Restore => servers.restore_data().await?,
        Request::Compact => servers.compact().await?,
    }
    Ok(())
}

/// Writes one line. The owner may be gone, which the end of standard input tells as well.
fn reply(reply: &Reply) {
    let line = serde_json::to_string(reply).expect("a reply is text");
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// What asks the supervisor to do something or to end.
struct Owner {
    requests: mpsc::UnboundedReceiver<String>,
    /// Standard input has ended; also told while a request is being served.
    closed: oneshot::Receiver<()>,
    signals: Signals,
}

impl Owner {
    fn watch() -> anyhow::Result<Self> {
        let signals = Signals::watch()?;
        let (send, requests) = mpsc::unbounded_channel();
        let (close, closed) = oneshot::channel();
        // A thread, because a runtime would wait at its end for its own reader of standard input.
        let read = move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
            let _ = close.send(());
        };
        std::thread::Builder::new().name("requests".to_owned()).spawn(read)?;
        Ok(Self { requests, closed, signals })
    }
}
