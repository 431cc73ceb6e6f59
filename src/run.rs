//! One run of the operator, from a validated configuration to the end.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    aicore::pool::Pool,
    config::Config,
    controller::{self, Controller},
    k8s,
    metrics::Metrics,
    server,
};

/// Why a run ended, other than by request.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no usable way to the API server.
    #[error("no Kubernetes API server is configured: {0}")]
    Kubernetes(String),
    /// The HTTP client for AI Core cannot be set up.
    #[error("{0}")]
    AiCore(String),
    /// The address for health and metrics cannot be bound.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The server for health and metrics ended.
    #[error("the server for health and metrics ended: {0}")]
    Server(String),
    /// The controller ended.
    #[error(transparent)]
    Controller(#[from] controller::Error),
}

/// Runs until `stop` is cancelled, then lets running work end.
///
/// # Errors
/// When the run cannot start, or when a part of it ends by itself.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), RunError> {
    let kube_config = kube::Config::infer().await.map_err(|error| RunError::Kubernetes(error.to_string()))?;
    let api_server = kube_config.cluster_url.to_string();
    let client = k8s::client::client(kube_config).map_err(|error| RunError::Kubernetes(error.to_string()))?;
    let metrics = Arc::new(Metrics::new());
    let pool = Pool::new(config.aicore, Arc::clone(&metrics)).map_err(RunError::AiCore)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| RunError::Listen { address: config.listen, error })?;
    let address =
        listener.local_addr().map_err(|error| RunError::Listen { address: config.listen, error })?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        api_server,
        listen = %address,
        namespaces = ?config.controller.namespaces,
        "started"
    );
    let (controller, vitals) = Controller::new(client, config.controller, pool, Arc::clone(&metrics));
    let server_stop = CancellationToken::new();
    let serving = tokio::spawn(server::serve(listener, vitals, metrics, server_stop.clone()));
    let result = tokio::select! {
        result = controller.run(stop) => result.map_err(RunError::from),
        ended = serving => Err(RunError::Server(match ended {
            Ok(Ok(())) => "without an error".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        })),
    };
    server_stop.cancel();
    info!("stopped");
    result
}
