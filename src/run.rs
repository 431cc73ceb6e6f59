//! One run of the operator, from a validated configuration to the end.

use std::{net::SocketAddr, sync::Arc};

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    aicore::pool::{Pool, SetupError},
    config::Config,
    controller::{self, Controller, Diagnostics},
    k8s::kubeconfig::{Access, Choice, Unusable},
    leadership::{Election, Leadership, Lost},
    metrics::Metrics,
    server,
    telemetry::LogLevel,
};

/// Why a run ended, other than by request.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no usable way to the API server.
    #[error(transparent)]
    Kubernetes(#[from] Unusable),
    /// The HTTP client for AI Core cannot be set up.
    #[error(transparent)]
    AiCore(#[from] SetupError),
    /// The address for health and metrics cannot be bound.
    #[error("cannot listen on {address} (--listen)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The server for health and metrics ended, which it does by itself only after a panic.
    #[error("the server for health and metrics ended")]
    Server(#[source] Option<JoinError>),
    /// The controller ended.
    #[error(transparent)]
    Controller(#[from] controller::Error),
    /// This process no longer leads.
    #[error(transparent)]
    Leadership(#[from] Lost),
}

/// Runs until `stop` is cancelled, then lets running work end.
///
/// # Errors
/// When the run cannot start, or when a part of it ends by itself.
pub async fn run(config: Config, level: LogLevel, stop: CancellationToken) -> Result<(), RunError> {
    let access = Access::find(&Choice::default()).await?;
    let api_server = access.config.cluster_url.to_string();
    let api_server_proxy = access.proxy.as_ref().map_or("none".to_owned(), ToString::to_string);
    let aicore_proxy = config.aicore.proxies.to_string();
    let namespaces = match &*config.controller.namespaces {
        [] => "all".to_owned(),
        some => some.join(","),
    };
    let client = access.client()?;
    let (mut election, leadership) = match config.leader_election {
        Some(settings) => {
            // A client of its own, whose requests queue behind no others.
            let (election, leadership) = Election::new(settings, access.client()?);
            (Some(election), leadership)
        }
        None => (None, Leadership::always()),
    };
    let metrics = Arc::new(Metrics::new());
    metrics.register(access.rights.clone());
    let pool = Pool::new(config.aicore, leadership.fence().clone(), Arc::clone(&metrics))?;
    let cannot_listen = |source| RunError::Listen { address: config.listen, source };
    let listener = server::listen(config.listen).map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        api_server,
        api_server_proxy,
        aicore_proxy,
        listen = %address,
        namespaces,
        "started"
    );
    let (controller, diagnostics) =
        Controller::new(client, config.controller, pool, leadership, Arc::clone(&metrics));
    let diagnostics = diagnostics.with_rights(access.rights);
    let server_stop = CancellationToken::new();
    let serving =
        tokio::spawn(server::serve(listener, diagnostics.clone(), metrics, level, server_stop.clone()));
    let result = tokio::select! {
        // What is not chosen is dropped, and with the controller all that runs in it.
        lost = lead(election.as_mut(), &diagnostics) => Err(lost.into()),
        result = controller.run(stop) => result.map_err(RunError::from),
        ended = serving => Err(RunError::Server(ended.err())),
    };
    if let Some(election) = &mut election
        && !matches!(result, Err(RunError::Leadership(_)))
    {
        election.give_back().await;
    }
    // Last, so that a probe is answered for as long as there is a process.
    server_stop.cancel();
    info!("stopped");
    result
}

/// Stands for election once the caches are filled; returns when this process no longer leads.
async fn lead(election: Option<&mut Election>, diagnostics: &Diagnostics) -> Lost {
    match election {
        Some(election) => {
            diagnostics.warm().await;
            election.run().await
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        aicore::{pool::RequestSettings, way::Proxies},
        domain::tools::bucket::Rate,
        error::WithCauses,
        fence::Fence,
    };

    #[test]
    fn what_ended_a_run_is_told_with_its_cause_once() {
        let address = ([127, 0, 0, 1], 80).into();
        let listen = RunError::Listen { address, source: std::io::ErrorKind::AddrInUse.into() };
        assert_eq!(
            WithCauses(&listen).to_string(),
            "cannot listen on 127.0.0.1:80 (--listen): address in use"
        );
        let settings = RequestSettings {
            request_timeout: Duration::from_secs(1),
            tenant_rate: Rate::new(1.0, 1),
            extra_roots_pem: Some(b"-----BEGIN CERTIFICATE-----\n".to_vec()),
            proxies: Proxies::default(),
        };
        let pool = Pool::new(settings, Fence::always_open(), Arc::new(Metrics::new()));
        let text = WithCauses(&RunError::from(pool.err().unwrap())).to_string();
        let start =
            "the HTTP client for AI Core cannot be set up: the additional certificates are not valid PEM: ";
        assert!(text.starts_with(start) && text.matches("cannot be set up").count() == 1, "{text}");
    }
}
