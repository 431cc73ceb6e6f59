//! A proxy in front of a Kubernetes API server: it records what clients ask, and holds, refuses, cuts or silences what a test
//! picks. Everything else passes as it is, watches included, with the client's own credential.
//!
//! ```no_run
//! # async fn example(control_plane: &testbed::controlplane::ControlPlane) -> anyhow::Result<()> {
//! use testbed::proxy::{Action, Proxy};
//! use testbed::simulator::Gate;
//!
//! let proxy = Proxy::start(control_plane.kubeconfig()).await?;
//! // … a client that was given proxy.kubeconfig() …
//! proxy.always(|request| request.is("list", "secrets") && request.is_in("b"), Action::refuse(403));
//! let gate = Gate::new();
//! proxy.next(1, |request| request.is("patch", "aicoreregistrysecrets"), Action::hold(&gate));
//! gate.arrived().await?;
//! proxy.cut(|request| request.verb == "watch");
//! gate.release();
//! # Ok(())
//! # }
//! ```

mod action;
mod exchange;
mod heard;
mod request;
mod state;

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::action::Action;
pub use self::heard::Heard;
pub use self::request::Request;
pub use self::state::Seen;
use self::state::State;
use crate::controlplane::{hex, kubeconfig_through};

/// How long [`Proxy::wait_for`] waits.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running proxy, on a free port of 127.0.0.1. It ends when it is dropped, and cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    state: Arc<State>,
    kubeconfig: PathBuf,
    _stop: DropGuard,
}

impl Proxy {
    /// Starts a proxy to the API server that the kubeconfig names. It speaks plain HTTP to clients, and sends their
    /// credentials on.
    pub async fn start(kubeconfig: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let address = listener.local_addr()?;
        let suffix = hex(&address.port().to_be_bytes());
        let through = kubeconfig.with_extension(format!("{suffix}.proxy"));
        kubeconfig_through(kubeconfig, &format!("http://{address}"), &through)?;
        let state = Arc::new(State::new(upstream(kubeconfig).await?));
        let stop = CancellationToken::new();
        let serving = serve(listener, Arc::clone(&state));
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = serving => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self { state, kubeconfig: through, _stop: stop.drop_guard() })
    }

    /// The kubeconfig whose way leads through this proxy; user and credential are those of the original.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The next `count` requests that `which` picks meet `action`. Of several rules that pick a request the oldest counts.
    pub fn next(
        &self,
        count: usize,
        which: impl Fn(&Request) -> bool + Send + Sync + 'static,
        action: Action,
    ) {
        self.state.add(which, action, Some(count));
    }

    /// All requests that `which` picks meet `action`.
    pub fn always(&self, which: impl Fn(&Request) -> bool + Send + Sync + 'static, action: Action) {
        self.state.add(which, action, None);
    }

    /// From now on there are no rules; requests that have met one are not let go.
    pub fn clear(&self) {
        self.state.clear();
    }

    /// Cuts the connections of requests that are under way, watches above all.
    pub fn cut(&self, which: impl Fn(&Request) -> bool) {
        self.state.cut(which);
    }

    /// Passes on nothing more of answers that are under way; their connections stay open.
    pub fn silence(&self, which: impl Fn(&Request) -> bool) {
        self.state.silence(which);
    }

    /// All requests so far, in the order in which they came.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen()
    }

    /// The versions of objects that watches and lists have passed on so far, in their order.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.state.heard()
    }

    /// Waits until so many requests that `which` picks have come since the start.
    ///
    /// # Errors
    ///
    /// When fewer came for a minute.
    pub async fn wait_for(&self, count: usize, which: impl Fn(&Request) -> bool) -> anyhow::Result<()> {
        let picked = || self.seen().iter().filter(|seen| which(&seen.request)).count();
        let mut changed = self.state.changed();
        let enough = async {
            while picked() < count {
                changed.changed().await?;
            }
            anyhow::Ok(())
        };
        let enough = tokio::time::timeout(PATIENCE, enough).await;
        enough.with_context(|| format!("{} of {count} requests came in {PATIENCE:?}", picked()))?
    }
}

/// A client of the API server that has no credential of its own.
async fn upstream(kubeconfig: &Path) -> anyhow::Result<kube::Client> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).context("the kubeconfig cannot be read")?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.auth_info = kube::config::AuthInfo::default();
    config.default_retry = false;
    config.read_timeout = None;
    Ok(kube::Client::try_from(config)?)
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    // Dropped with this future, and the connections with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let service = service_fn(|request| exchange::exchange(Arc::clone(&state), request));
                    // An error is a connection that was cut, by either side.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
