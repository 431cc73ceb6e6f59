//! The client for the API server, with a retry policy of its own: none, the queue retries.

use kube::{Client, client::ClientBuilder};

use super::{
    kubeconfig::{Access, Unusable},
    rights::RightsLayer,
};
use crate::error::root_cause;

impl Access {
    /// A client with connections of its own.
    ///
    /// # Errors
    /// When certificates or names cannot be used for TLS.
    pub fn client(&self) -> Result<Client, Unusable> {
        client(self.clone()).map_err(|error| Unusable::Client {
            server: self.config.cluster_url.clone(),
            cause: root_cause(&error).to_string(),
        })
    }
}

/// A client that never retries by itself: a reconcile that fails is repeated as a whole, with backoff.
///
/// # Errors
/// When the way cannot be used (certificates, proxy).
pub fn client(access: impl Into<Access>) -> kube::Result<Client> {
    let access = access.into();
    let (tokens, rights) = (access.layer(), RightsLayer(access.rights));
    let mut config = access.config;
    config.default_retry = false;
    // A watch is quiet for minutes; other requests have their own limit.
    config.read_timeout = None;
    Ok(ClientBuilder::try_from(config)?.with_layer(&tokens).with_layer(&rights).build())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    };

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
