//! Listeners and connections.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::{
    exchange::{Connection, exchange},
    shared::Shared,
};

/// How long a connection may take to send what is left when the simulator stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pause after a connection could not be accepted, which is when files run out.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// The listener, until the simulator stops.
pub(super) struct Listener {
    pub(super) shared: Arc<Shared>,
    pub(super) tcp: TcpListener,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) tasks: TaskTracker,
}

impl Listener {
    pub(super) fn start(self) {
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            let stop = self.shared.stop.clone();
            tokio::select! {
                never = self.accept() => match never {},
                () = stop.cancelled() => {}
            }
        });
    }

    async fn accept(&self) -> Infallible {
        loop {
            let Ok((stream, client)) = self.tcp.accept().await else {
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            };
            // Answers are small, and must not wait for acknowledgements.
            let _ = stream.set_nodelay(true);
            let connection = Connection {
                shared: Arc::clone(&self.shared),
                id: self.shared.connections.next(),
                client_port: client.port(),
                certificate: None,
            };
            match &self.tls {
                Some(tls) => self.tasks.spawn(encrypted(connection, tls.clone(), stream)),
                None => self.tasks.spawn(serve(connection, stream)),
            };
        }
    }
}

async fn encrypted(mut connection: Connection, tls: TlsAcceptor, stream: TcpStream) {
    let stop = connection.shared.stop.clone();
    let stream = tokio::select! {
        stream = tls.accept(stream) => stream,
        () = stop.cancelled() => return,
    };
    // A client that does not trust the certificate, or whose own is flawed, is told by TLS.
    if let Ok(stream) = stream {
        let (_, session) = stream.get_ref();
        let certificates = session.peer_certificates().unwrap_or_default();
        connection.certificate = certificates.first().cloned().map(CertificateDer::into_owned);
        serve(connection, stream).await;
    }
}

async fn serve(connection: Connection, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let stop = connection.shared.stop.clone();
    let connection = Arc::new(connection);
    let service = service_fn(|request| exchange(Arc::clone(&connection), request));
    let mut http = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // An error is a connection that was cut, by either side.
    tokio::select! {
        _ = http.as_mut() => {}
        () = stop.cancelled() => {
            http.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(FAREWELL, http).await;
        }
    }
}
