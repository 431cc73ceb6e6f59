//! `/livez`, `/readyz`, `/metrics` and `/log-level`.

mod connection;
mod door;
mod listen;
mod log_level;
mod scrape;

use std::{error::Error, fmt::Display, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::listen::listen;
use self::{connection::Limits, scrape::Turns};
use crate::{controller::Diagnostics, health::Liveness, metrics::Metrics, telemetry::LogLevel};

/// How long `/readyz` waits for the lists of the start before it says no: less than the chart's probe waits
/// (`timeoutSeconds: 5`), so that a start of ordinary length is no Warning event.
const START: Duration = Duration::from_millis(4500);

/// Longest body of a request, in bytes.
const BODY_LIMIT: usize = 512;

struct Shared {
    diagnostics: Diagnostics,
    liveness: Liveness,
    metrics: Arc<Metrics>,
    turns: Arc<Turns>,
    level: LogLevel,
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    diagnostics: Diagnostics,
    metrics: Arc<Metrics>,
    level: LogLevel,
    stop: CancellationToken,
) {
    door::serve(listener, router(diagnostics, metrics, level), Limits::default(), stop).await;
}

fn router(diagnostics: Diagnostics, metrics: Arc<Metrics>, level: LogLevel) -> Router {
    let liveness = Liveness::new(diagnostics.clone());
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape::scrape))
        .route("/log-level", get(log_level::show).put(log_level::change))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::new(Shared { diagnostics, liveness, metrics, turns: Arc::default(), level }))
}

async fn livez(State(shared): State<Arc<Shared>>) -> Response {
    verdict(shared.liveness.check().map(|()| "ok"))
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    // Returns at once when they are read. When they are not after this long, the answer says what is missing.
    let _ = timeout(START, shared.diagnostics.warm()).await;
    verdict(shared.diagnostics.ready())
}

/// What a probe is answered: one line, and 503 where it is an error.
fn verdict(verdict: Result<impl Display, impl Error>) -> Response {
    match verdict {
        Ok(word) => format!("{word}\n").into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests;
