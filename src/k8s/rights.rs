//! Hears from the API server's answers which rights the operator's account lacks, and whether it is known at all, says so in the log, and
//! keeps it for readiness and metrics. It asks nothing by itself: what is refused is tried again by whoever needs it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
};
use serde::Deserialize;
use tower::{BoxError, Layer, Service};
use tracing::{info, warn};

use crate::{
    clock::Clock,
    domain::{
        decide::denials::{Denials, UNAUTHENTICATED},
        parse::right::{RIGHTS, Use},
    },
};

/// What is read of a refusal, in bytes, and for how long at most.
const REFUSAL: (usize, Duration) = (64 * 1024, Duration::from_secs(5));

/// The rights that the account of a client lacks. Clones are the same.
#[derive(Clone)]
pub(crate) struct Rights(Arc<Known>);

struct Known {
    denials: Mutex<Denials>,
    /// Whether there is anything in it: nearly never.
    any: AtomicBool,
    clock: Clock,
}

impl Default for Rights {
    fn default() -> Self {
        Self(Arc::new(Known {
            denials: Mutex::default(),
            any: AtomicBool::new(false),
            clock: Clock::start(),
        }))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rights").field(&self.clause()).finish()
    }
}

impl Rights {
    /// A clause for `/readyz`; `None`: as far as is known nothing is missing.
    pub(crate) fn clause(&self) -> Option<String> {
        self.0.denials.lock().clause(self.0.clock.now().uptime)
    }

    fn refused(&self, used: &Use) {
        let news = self.change(|denials| denials.refused(used.clone(), self.0.clock.now().uptime));
        if news {
            let (verb, resource, namespace) =
                (used.right.verb, used.right.resource, used.namespace.as_deref());
            warn!(
                verb,
                resource,
                namespace,
                "the ServiceAccount lacks a right: grant it; until then its requests are repeated"
            );
        }
    }

    fn granted(&self, used: &Use) {
        if self.change(|denials| denials.granted(used)) {
            let (verb, resource, namespace) =
                (used.right.verb, used.right.resource, used.namespace.as_deref());
            info!(verb, resource, namespace, "the ServiceAccount has the right again");
        }
    }

    fn unauthenticated(&self) {
        if self.change(|denials| denials.unauthenticated(self.0.clock.now().uptime)) {
            warn!("{UNAUTHENTICATED}; until then its requests are repeated");
        }
    }

    fn authenticated(&self) {
        if self.change(Denials::authenticated) {
            info!("the API server accepts the operator's credentials again");
        }
    }

    fn change(&self, change: impl FnOnce(&mut Denials) -> bool) -> bool {
        let mut denials = self.0.denials.lock();
        let changed = change(&mut denials);
        self.0.any.store(!denials.is_empty(), Ordering::Relaxed);
        changed
    }

    /// Takes note of an answer, and passes it on as it is.
    async fn note<B>(&self, asked: &Asked, answer: Response<B>) -> Response<Either<B, Full<Bytes>>>
    where
        B: Body<Data = Bytes> + Send + 'static,
    {
        if answer.status() != StatusCode::FORBIDDEN {
            if answer.status() == StatusCode::UNAUTHORIZED {
                self.unauthenticated();
            }
            if answer.status().is_success() && self.0.any.load(Ordering::Relaxed) {
                self.authenticated();
                if let Some(used) = asked.takes() {
                    self.granted(&used);
                }
            }
            return answer.map(Either::Left);
        }
        let Some(used) = asked.takes() else { return answer.map(Either::Left) };
        let (head, body) = answer.into_parts();
        let text = beginning(body).await;
        if used.is_what_is_missing(&message(&text)) {
            self.refused(&used);
        }
        Response::from_parts(head, Either::Right(Full::new(text)))
    }
}

/// What was asked for.
struct Asked(Method, Uri);

impl Asked {
    fn takes(&self) -> Option<Use> {
        Use::of(self.0.as_str(), self.1.path(), self.1.query())
    }
}

/// As much of an answer as is read of one.
async fn beginning<B: Body<Data = Bytes>>(body: B) -> Bytes {
    let (limit, time) = REFUSAL;
    let mut text = BytesMut::new();
    let mut body = std::pin::pin!(body);
    let read = async {
        while let Some(Ok(frame)) = body.frame().await
            && let Some(data) = frame.data_ref()
        {
            text.extend_from_slice(data.get(..limit.saturating_sub(text.len())).unwrap_or(data));
            if text.len() >= limit {
                return;
            }
        }
    };
    // What has come by then says enough, or nothing.
    let _ = tokio::time::timeout(time, read).await;
    text.freeze()
}

fn message(text: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct Status {
        #[serde(default)]
        message: String,
    }
    serde_json::from_slice::<Status>(text).unwrap_or_default().message
}

/// Has a client's answers noted.
#[derive(Clone, Debug)]
pub(crate) struct RightsLayer(pub(crate) Rights);

impl<S> Layer<S> for RightsLayer {
    type Service = Noting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Noting { inner, rights: self.0.clone() }
    }
}

/// See [`RightsLayer`].
#[derive(Clone, Debug)]
pub(crate) struct Noting<S> {
    inner: S,
    rights: Rights,
}

impl<S, Q, A> Service<Request<Q>> for Noting<S>
where
    S: Service<Request<Q>, Response = Response<A>, Error = BoxError>,
    S::Future: Send + 'static,
    A: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Either<A, Full<Bytes>>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let asked = Asked(request.method().clone(), request.uri().clone());
        let (rights, answer) = (self.rights.clone(), self.inner.call(request));
        Box::pin(async move { Ok(rights.note(&asked, answer.await?).await) })
    }
}

/// 1 for each right that is missing somewhere, else 0.
impl Collector for Rights {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let uptime = self.0.clock.now().uptime;
        let denials = self.0.denials.lock();
        let mut family = encoder.encode_descriptor(
            "right_missing",
            "1 if the API server refuses the operator this right, in some namespace that it works for, else 0.",
            None,
            MetricType::Gauge,
        )?;
        for right in &RIGHTS {
            let labels = [("verb", right.verb), ("resource", right.resource)];
            let missing = i64::from(denials.lacks(right, uptime));
            ConstGauge::new(missing).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
