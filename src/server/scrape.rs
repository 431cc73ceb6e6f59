//! `/metrics`. The exposition is sent while it is written, piece by piece. Between two pieces, whichever scrapes they are of,
//! everything else has its turn: scraping delays a rotation by one piece at each step, however many resources there are and however
//! many scrape. After each piece a scrape rests, so that one that goes on all the time takes a small part of the thread, and
//! a rotation mostly meets none.
//!
//! A scrape holds nothing between two pieces: whoever reads slowly, or not at all, keeps nobody waiting until the end of his
//! connection. So it needs no limit of its own beside that of connections.

use std::{convert::Infallible, sync::Arc, time::Duration};

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

/// The rest before a piece: many times what the piece takes, and with the 600 pieces of 50,000 resources a second in all; who
/// scrapes waits ten, mostly. The timer makes 1 to 2 ms of it.
const REST: Duration = Duration::from_millis(1);

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

/// The pieces that are not empty, each after a rest and when it is its turn.
pub(super) fn in_turn(
    pieces: impl Iterator<Item = String> + Send,
    turns: Arc<Turns>,
) -> impl stream::Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::unfold((pieces, turns), async |(mut pieces, turns)| {
        tokio::time::sleep(REST).await;
        loop {
            let turn = turns.next().await;
            let piece = pieces.next()?;
            drop(turn);
            if !piece.is_empty() {
                return Some((Ok(Bytes::from(piece)), (pieces, turns)));
            }
        }
    })
}

#[cfg(test)]
mod tests;
