//! The bodies of answers, as they are handed over: those of lists whole, those of watches as they arrive. What a watch sends is
//! handed over in small pieces with room for everything else between them, and one that sends nothing but lines that are no events,
//! without pause, ends.

use std::{
    future::ready as now,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body::{Body as _, Frame};
use kube::client::Body;
use tokio::{sync::OwnedSemaphorePermit, task::yield_now, time::Instant};

use super::{
    health::WatchHealth,
    wire::{BoxError, Unusable},
};
use crate::domain::tools::{
    bucket::{Bucket, Rate},
    page_size::OBJECT_BYTES,
};

/// What is handed over at once of a watch's answer, in bytes: as much as the reader of lines takes.
const PIECE: usize = 8 * 1024;
/// Lines that are no events, in the long run, per second, and at once. The API server sends one bookmark a minute.
pub(super) const IDLE_RATE: (f64, u32) = (100.0, 1000);

/// The body of an answer.
pub(super) struct Answer {
    body: Body,
    events: Option<Events>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// Already read, in a place that is free when the body was used.
    pub(super) fn whole(body: Vec<u8>, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { body: body.into(), events: None, _place: place }
    }

    /// That of a watch.
    pub(super) fn events(body: Body, health: Arc<WatchHealth>) -> Self {
        Self { body, events: Some(Events::new(health)), _place: None }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, events, .. } = &mut *self;
        let Some(events) = events else {
            return Pin::new(body).poll_frame(cx).map_err(Into::into);
        };
        let piece = ready!(events.poll_piece(body, cx));
        if let Some(Err(_)) = &piece {
            // Nothing of it is read any more.
            *body = Body::empty();
            *events = Events::new(Arc::clone(&events.health));
        }
        Poll::Ready(piece)
    }
}

/// What is noted while a watch's answer arrives.
struct Events {
    health: Arc<WatchHealth>,
    start: Instant,
    /// What has arrived and is not handed over yet.
    rest: Bytes,
    /// The turn of everything else, after a piece.
    others: BoxFuture<'static, ()>,
    /// Bytes of the event that has begun and not ended yet. Each is a line.
    unfinished: usize,
    /// Lines of the last piece, and the events that there were before it.
    lines: u64,
    handed_over: u64,
    idle: Bucket,
}

impl Events {
    fn new(health: Arc<WatchHealth>) -> Self {
        Self {
            start: Instant::now(),
            rest: Bytes::new(),
            others: Box::pin(now(())),
            unfinished: 0,
            lines: 0,
            handed_over: health.events(),
            idle: Bucket::default(),
            health,
        }
    }

    fn poll_piece(
        &mut self,
        body: &mut Body,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        ready!(self.others.as_mut().poll(cx));
        self.others = Box::pin(now(()));
        self.judge()?;
        if self.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(body).poll_frame(cx)?) else { return Poll::Ready(None) };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        self.note(&piece)?;
        self.others = Box::pin(yield_now());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    /// The last piece has been used: its lines were events, or they were idle.
    fn judge(&mut self) -> Result<(), Unusable> {
        let handed_over = self.health.events();
        let idle = self.lines.saturating_sub(handed_over - self.handed_over);
        (self.lines, self.handed_over) = (0, handed_over);
        let (rate, uptime) = (Rate::new(IDLE_RATE.0, IDLE_RATE.1), self.start.elapsed());
        let too_early = (0..idle).any(|_| !self.idle.take(rate, uptime).is_zero());
        if too_early { Err(Unusable::Idle) } else { Ok(()) }
    }

    fn note(&mut self, piece: &[u8]) -> Result<(), Unusable> {
        // A proxy can keep a connection open by blank lines.
        if !piece.iter().all(u8::is_ascii_whitespace) {
            self.health.received();
        }
        self.lines = piece.iter().map(|byte| u64::from(*byte == b'\n')).sum();
        self.unfinished = match piece.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => piece.len() - end - 1,
            None => self.unfinished + piece.len(),
        };
        if self.unfinished > OBJECT_BYTES { Err(Unusable::TooLarge) } else { Ok(()) }
    }
}
