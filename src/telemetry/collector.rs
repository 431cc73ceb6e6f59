//! The way to the collector. The thread that gathers spans has no runtime of its own; requests run on the program's.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::{error::root_cause, response_body::read_limited};

/// The most that is read of an answer, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Collector {
    http: reqwest::Client,
    runtime: Handle,
    failures: AtomicU32,
}

impl Collector {
    pub(super) fn new(timeout: Duration, runtime: Handle, roots: Option<&[u8]>) -> reqwest::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("aicore-registry-operator/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = roots {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
        }
        Ok(Self { http: builder.build()?, runtime, failures: AtomicU32::new(0) })
    }

    /// A collector that is away for hours is mentioned ever less often.
    fn note(&self, failure: Option<String>) {
        match failure {
            Some(cause) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                if failures.is_power_of_two() {
                    warn!(cause, failures, "traces could not be sent; the operator goes on without them");
                }
            }
            None => {
                if self.failures.swap(0, Ordering::Relaxed) > 0 {
                    info!("traces are sent again");
                }
            }
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let result = match self.runtime.spawn(exchange(http, request)).await {
            Ok(result) => result,
            // The runtime ends.
            Err(error) => return Err(Box::new(error)),
        };
        self.note(match &result {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("HTTP {}", response.status().as_u16())),
            Err(error) => Some(cause(error)),
        });
        Ok(result?)
    }
}

async fn exchange(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let mut response = http.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    read_limited(&mut response, ANSWER_LIMIT, &mut body).await?;
    let mut answer = Response::new(body.into());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}

/// The cause without the address, which may hold a password.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() { "no answer in time".to_owned() } else { root_cause(error).to_string() }
}
