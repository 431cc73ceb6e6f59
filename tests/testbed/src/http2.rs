//! A server that speaks HTTP/2 and carries out nothing: it takes each request back with `REFUSED_STREAM`, as a gateway does that is about to
//! close its connections. A client may send such a request again.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::simulator::tls::Authority;

/// The running server. It stops when it is dropped.
pub struct Refusing {
    port: u16,
    authority: Authority,
    requests: Arc<AtomicUsize>,
    _stop: DropGuard,
}

impl Refusing {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// If there is no certificate or no port for it.
    pub async fn start() -> anyhow::Result<Self> {
        let authority = Authority::new("HTTP/2 of the test bed")?;
        let mut tls = authority.server_named(&["localhost"], false)?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let tls = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("there is no free port")?;
        let port = listener.local_addr().context("the listener has no address")?.port();
        let requests = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let (counted, stopped) = (Arc::clone(&requests), stop.clone());
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = stopped.run_until_cancelled(listener.accept()).await {
                let (tls, counted, stopped) = (tls.clone(), Arc::clone(&counted), stopped.clone());
                tokio::spawn(async move { stopped.run_until_cancelled(serve(stream, tls, &counted)).await });
            }
        });
        Ok(Self { port, authority, requests, _stop: stop.drop_guard() })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Whom to trust, as PEM.
    #[must_use]
    pub fn roots(&self) -> &str {
        &self.authority.certificate_pem
    }

    /// How many requests have come so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, requests: &AtomicUsize) -> anyhow::Result<()> {
    let mut connection = h2::server::handshake(tls.accept(stream).await?).await?;
    while let Some(request) = connection.accept().await {
        let (_, mut answer) = request?;
        requests.fetch_add(1, Ordering::SeqCst);
        answer.send_reset(h2::Reason::REFUSED_STREAM);
    }
    Ok(())
}
