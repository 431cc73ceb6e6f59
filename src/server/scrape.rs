//! `/metrics`. The exposition is sent while it is written, piece by piece. Between two pieces, whichever scrapes they are of,
//! everything else has its turn: scraping delays a rotation by one piece, however many resources there are and however many scrape.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use tokio::sync::{Mutex, MutexGuard};

use super::Shared;

/// Media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who writes the next piece.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<()>);

impl Turns {
    /// Waits for a turn, and lets all other work go first.
    async fn next(&self) -> MutexGuard<'_, ()> {
        let turn = self.0.lock().await;
        tokio::task::yield_now().await;
        turn
    }
}

pub(super) async fn scrape(State(shared): State<Arc<Shared>>) -> Response {
    let turn = shared.turns.next().await;
    let exposition = shared.metrics.exposition();
    drop(turn);
    match exposition {
        Ok(pieces) => {
            let body = Body::from_stream(in_turn(pieces, Arc::clone(&shared.turns)));
            ([(header::CONTENT_TYPE, OPEN_METRICS)], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The pieces, each when it is its turn.
pub(super) fn in_turn(
    pieces: impl Iterator<Item = String> + Send,
    turns: Arc<Turns>,
) -> impl stream::Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold((pieces, turns), async |(mut pieces, turns)| {
        let turn = turns.next().await;
        let piece = pieces.next()?;
        drop(turn);
        Some((Ok(Bytes::from(piece)), (pieces, turns)))
    })
}

#[cfg(test)]
mod tests;
