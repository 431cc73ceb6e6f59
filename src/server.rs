//! `/livez`, `/readyz`, `/metrics` and `/log-level`.

mod log_level;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{controller::Vitals, health::Liveness, metrics::Metrics, telemetry::LogLevel};

/// Media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Longest body of a request, in bytes.
const BODY_LIMIT: usize = 4 * 1024;

struct Shared {
    vitals: Vitals,
    liveness: Liveness,
    metrics: Arc<Metrics>,
    level: LogLevel,
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    vitals: Vitals,
    metrics: Arc<Metrics>,
    level: LogLevel,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let liveness = Liveness::new(vitals.clone());
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .route("/log-level", get(log_level::show).put(log_level::change))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::new(Shared { vitals, liveness, metrics, level }));
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn livez(State(shared): State<Arc<Shared>>) -> Response {
    verdict(shared.liveness.check())
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    verdict(shared.vitals.ready())
}

async fn scrape(State(shared): State<Arc<Shared>>) -> Response {
    match shared.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn verdict(verdict: Result<(), String>) -> Response {
    match verdict {
        Ok(()) => "ok\n".into_response(),
        Err(sentence) => (StatusCode::SERVICE_UNAVAILABLE, format!("{sentence}\n")).into_response(),
    }
}
