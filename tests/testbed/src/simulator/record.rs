//! A request in progress, until the journal has it.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::stream::{Stream, StreamExt};
use http::{Response, StatusCode, header, request::Parts};
use tokio::time::Instant;

use super::{
    answer::Answer,
    clock,
    concurrency::{Counted, Scope},
    cut::Cut,
    entry::Entry,
    exchange::Connection,
    route::Route,
    shared::Shared,
};

/// Goes to the journals when the request ends: with its answer, or, when it is dropped before, without one.
pub(super) struct Record {
    pub(super) entry: Entry,
    shared: Arc<Shared>,
    counted: Vec<Counted>,
}

impl Record {
    pub(super) fn begin(connection: &Connection, head: &Parts, route: &Route) -> Self {
        let mut headers = head.headers.clone();
        headers.remove(header::AUTHORIZATION);
        let now = Instant::now();
        let shared = Arc::clone(&connection.shared);
        let entry = Entry {
            sequence: shared.requests.next(),
            connection: connection.id,
            client_port: connection.client_port,
            tenant: None,
            operation: route.operation,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers,
            token: None,
            name: route.name.clone(),
            payload: None,
            received: now,
            received_at: clock::now(),
            answered: now,
            status: None,
            faulty: false,
            applied: false,
            applied_at: None,
            late: false,
        };
        let mut record = Self { entry, shared, counted: Vec::new() };
        record.count(Scope::All);
        record
    }

    /// Counts the request among those of `scope` while it is in progress.
    pub(super) fn count(&mut self, scope: Scope) {
        self.counted.push(self.shared.gauges.enter(scope));
    }

    /// The client has its answer, or was cut off, and the request goes on without it.
    pub(super) fn left(&mut self, status: Option<StatusCode>) {
        self.entry.status = status;
        self.counted.clear();
    }

    /// The request has ended with `answer`. It no longer counts when the client sees the answer, so a client that
    /// sends one request after the other never counts twice.
    pub(super) fn answered(mut self, answer: Answer) -> Response<Body> {
        self.entry.status = Some(answer.status);
        answer.into()
    }

    /// The request has ended with `answer`, but its body takes time, during which it still counts.
    pub(super) fn answered_slowly<S>(
        mut self,
        answer: Answer,
        body: impl FnOnce(Bytes) -> S,
    ) -> Response<Body>
    where
        S: Stream<Item = Result<Bytes, Cut>> + Send + 'static,
    {
        self.entry.status = Some(answer.status);
        let counted = std::mem::take(&mut self.counted);
        let body = body(answer.body.clone()).inspect(move |_| {
            let _still_counted = &counted;
        });
        answer.response_with(Body::from_stream(body))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.counted.clear();
        self.entry.answered = Instant::now();
        self.shared.record(self.entry.clone());
    }
}
