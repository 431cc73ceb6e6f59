//! One request and its answer.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::{
    answer::Answer,
    body::{self, Read},
    concurrency::Scope,
    cut::Cut,
    errors::{self, code},
    fault::{Fault, Travel},
    oauth::{self, Proof},
    operations::{self, Call},
    payload::Write,
    record::Record,
    route::{Operation, Route},
    shared::Shared,
    tenant::TenantState,
};

/// The connection that a request came on.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) client_port: u16,
    /// The client's certificate, if it has shown one.
    pub(super) certificate: Option<CertificateDer<'static>>,
}

/// Answers `request`; fails when the connection is to be cut instead.
pub(super) async fn exchange(
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let stop = connection.shared.stop.clone();
    let (head, body) = request.into_parts();
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let route = Route::of(&head.method, host, head.uri.path());
    let request = Arc::new(Exchange { connection, head, route });
    tokio::select! {
        answer = request.answer(body) => answer,
        () = stop.cancelled() => Err(Cut),
    }
}

struct Exchange {
    connection: Arc<Connection>,
    head: Parts,
    route: Route,
}

/// Who asks, as far as the request tells, and the answer if it ends there.
struct Caller {
    tenant: Option<Arc<TenantState>>,
    token: Option<u64>,
    refusal: Option<Answer>,
}

impl Exchange {
    async fn answer(self: &Arc<Self>, body: Incoming) -> Result<Response<Body>, Cut> {
        let mut record = Record::begin(&self.connection, &self.head, &self.route);
        let caller = self.caller();
        record.entry.tenant = caller.tenant.as_ref().map(|tenant| tenant.name.clone());
        record.entry.token = caller.token;
        let body = match body::read(body).await? {
            Read::Whole(body) => body,
            Read::TooLarge => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                let message = "the body is larger than 1 MiB";
                return Ok(record.answered(errors::api(status, code::TOO_LARGE, message, self.path())));
            }
        };
        let write = match self.route.operation {
            Operation::Create | Operation::Patch => Write::read(&body),
            _ => Write::default(),
        };
        if self.route.operation == Operation::Create {
            record.entry.name.clone_from(&write.name);
        }
        record.entry.payload.clone_from(&write.payload);
        let tenant = match (caller.tenant, caller.refusal) {
            (Some(tenant), None) => tenant,
            (_, refusal) => return Ok(record.answered(refusal.unwrap_or_else(errors::unauthorized))),
        };
        if self.route.operation != Operation::Token {
            record.count(Scope::Tenant(tenant.name.clone()));
            if let Some(name) = record.entry.name.clone() {
                record.count(Scope::Secret(tenant.name.clone(), name));
            }
        }
        let client = match self.route.operation {
            Operation::Token => oauth::client_id(&self.head.headers, &body),
            _ => None,
        };
        let fault = tenant.faults.take(self.route.operation, record.entry.name.as_deref(), client.as_deref());
        let fault = fault.unwrap_or_default();
        match fault.later {
            Some(delay) => self.go_on_alone(&fault, delay, tenant, body, write, record).await,
            None => self.meet(fault, &tenant, &body, &write, record).await,
        }
    }

    async fn meet(
        &self,
        fault: Fault,
        tenant: &Arc<TenantState>,
        body: &[u8],
        write: &Write,
        mut record: Record,
    ) -> Result<Response<Body>, Cut> {
        record.entry.faulty = fault.is_faulty();
        let mut usual = None;
        if fault.applied {
            usual = Some(self.perform(tenant, body, write, &mut record));
        }
        if let Some(gate) = &fault.gate {
            gate.pass().await;
        }
        if let Some(delay) = fault.delay {
            tokio::time::sleep(delay).await;
        }
        match fault.travel {
            Travel::Cut => return Err(Cut),
            Travel::Hang => return std::future::pending().await,
            Travel::Whole | Travel::CutInBody | Travel::Drip(_) => {}
        }
        let said = || body::quoted(&self.head.headers, body, write);
        let answer = fault
            .reply
            .answer(self.path(), said)
            .or(usual)
            .unwrap_or_else(|| self.perform(tenant, body, write, &mut record));
        Ok(match fault.travel {
            Travel::CutInBody => record.answered_slowly(answer, |bytes| body::cut(&bytes)),
            Travel::Drip(pause) => {
                let stop = self.connection.shared.stop.clone();
                record.answered_slowly(answer, |bytes| body::drip(bytes, pause, stop))
            }
            _ => record.answered(answer),
        })
    }

    /// Answers, or not, and carries the operation out later, without the client.
    async fn go_on_alone(
        self: &Arc<Self>,
        fault: &Fault,
        delay: Duration,
        tenant: Arc<TenantState>,
        body: Bytes,
        write: Write,
        mut record: Record,
    ) -> Result<Response<Body>, Cut> {
        let answer = fault.reply.answer(self.path(), || body::quoted(&self.head.headers, &body, &write));
        let answer = answer.filter(|_| matches!(fault.travel, Travel::Whole));
        record.entry.faulty = true;
        record.left(answer.as_ref().map(|answer| answer.status));
        let (request, shared) = (Arc::clone(self), Arc::clone(&self.connection.shared));
        self.connection.shared.late.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = shared.stop.cancelled() => return,
            }
            request.perform(&tenant, &body, &write, &mut record);
            record.entry.late = record.entry.applied;
            drop(record);
        });
        match fault.travel {
            Travel::Hang => std::future::pending().await,
            _ => answer.map(Response::from).ok_or(Cut),
        }
    }

    fn perform(&self, tenant: &Arc<TenantState>, body: &[u8], write: &Write, record: &mut Record) -> Answer {
        let headers = &self.head.headers;
        if self.route.operation == Operation::Token {
            let certificate = self.connection.certificate.as_ref();
            let proof = certificate.map_or(Proof::Secret, Proof::Certificate);
            let (answer, number) = oauth::token(&self.connection.shared, tenant, &proof, headers, body);
            record.entry.token = number;
            return answer;
        }
        let call = Call {
            route: &self.route,
            path: self.path(),
            query: self.head.uri.query().unwrap_or_default(),
            headers,
            write,
        };
        let (answer, applied) = operations::perform(tenant, &call);
        record.entry.applied = applied;
        record.entry.applied_at = applied.then(Instant::now);
        answer
    }

    fn path(&self) -> &str {
        self.head.uri.path()
    }

    fn caller(&self) -> Caller {
        let shared = &self.connection.shared;
        let in_path = self.route.tenant.as_ref().map(|name| shared.tenant(name));
        let issued = bearer(&self.head.headers).and_then(|token| shared.tokens.find(token));
        let refused = |tenant, answer| Caller {
            tenant,
            token: issued.as_ref().map(|issued| issued.number),
            refusal: Some(answer),
        };
        let by_token = issued.as_ref().map(|issued| Arc::clone(&issued.tenant));
        let unknown = self.route.operation == Operation::Unknown || matches!(in_path, Some(None));
        if unknown {
            return refused(in_path.flatten().or(by_token), operations::unknown(&self.route, self.path()));
        }
        let in_path = in_path.flatten();
        if self.route.operation == Operation::Token {
            return Caller { tenant: in_path, token: None, refusal: None };
        }
        let valid = issued.as_ref().is_some_and(|issued| {
            let elsewhere = in_path.as_ref().is_some_and(|tenant| !Arc::ptr_eq(tenant, &issued.tenant));
            issued.is_valid() && !elsewhere
        });
        if valid {
            Caller { tenant: by_token, token: issued.map(|issued| issued.number), refusal: None }
        } else {
            refused(in_path.or(by_token), errors::unauthorized())
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
