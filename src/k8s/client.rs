//! The client for the API server: its own retry policy (none, the queue retries), and a floor under watch requests.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::Request;
use kube::{Client, client::ClientBuilder};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::kubeconfig::Access;
use crate::domain::bucket::{Bucket, Rate};

/// Watch requests in the long run, per second, and at once. A watch that ends at once, as behind a proxy that cuts it, is
/// otherwise opened again without pause.
const WATCH_RATE: (f64, u32) = (1.0, 10);

/// A client that never retries by itself: a reconcile that fails is repeated as a whole, with backoff.
///
/// # Errors
/// When the way cannot be used (certificates, proxy).
pub fn client(access: impl Into<Access>) -> kube::Result<Client> {
    let access = access.into();
    let tokens = access.layer();
    let mut config = access.config;
    config.default_retry = false;
    // A watch is quiet for minutes; other requests have their own limit.
    config.read_timeout = None;
    Ok(ClientBuilder::try_from(config)?.with_layer(&tokens).with_layer(&WatchLimit::default()).build())
}

/// Holds watch requests back when there are too many.
#[derive(Clone)]
pub(super) struct WatchLimit {
    bucket: Arc<Mutex<Bucket>>,
    start: Instant,
}

impl Default for WatchLimit {
    fn default() -> Self {
        Self { bucket: Arc::default(), start: Instant::now() }
    }
}

impl WatchLimit {
    fn wait(&self) -> Duration {
        let rate = Rate::new(WATCH_RATE.0, WATCH_RATE.1);
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(rate, self.start.elapsed())
    }
}

impl<S> Layer<S> for WatchLimit {
    type Service = WatchLimited<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WatchLimited { inner, limit: self.clone() }
    }
}

pub(super) struct WatchLimited<S> {
    inner: S,
    limit: WatchLimit,
}

impl<S, B> Service<Request<B>> for WatchLimited<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let wait = if is_watch { self.limit.wait() } else { Duration::ZERO };
        let answer = self.inner.call(request); // lazy: nothing is sent before the first poll
        if wait.is_zero() {
            return Box::pin(answer);
        }
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            answer.await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::{Api, Config};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// kube's default policy would repeat the request for minutes, unseen by the queue and its backoff.
    #[tokio::test]
    async fn a_request_that_fails_is_not_repeated_behind_our_back() {
        // An earlier test may have installed it.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, SeqCst);
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let answer =
                    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let client = client(Config::new(url.parse().unwrap())).unwrap();
        let result = Api::<ConfigMap>::namespaced(client, "ns").get("x").await;
        assert!(result.is_err());
        assert_eq!(requests.load(SeqCst), 1);
        server.abort();
    }
}
