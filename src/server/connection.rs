//! One connection: HTTP/1, one request, and an end to everything. A client that wants to hold the operator up gets little
//! room and little time.

use std::{future::poll_fn, net::SocketAddr, pin::Pin, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{io::AsyncWrite, net::TcpStream};
use tower::ServiceExt;

/// Buffer for a request's line and headers, in bytes, which bounds them: the least that hyper takes.
const HEAD_LIMIT: usize = 8 * 1024;
/// Headers of a request.
const HEADERS_LIMIT: usize = 64;

/// What clients get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at the same time.
    pub(super) connections: usize,
    /// Time from the connection to the end of the request's headers.
    pub(super) head: Duration,
    /// Time of the whole connection. A scrape takes less than a second; Prometheus waits ten by default.
    pub(super) life: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 64, head: Duration::from_secs(5), life: Duration::from_secs(30) }
    }
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// The client's.
    pub(super) peer: SocketAddr,
    /// Ours.
    pub(super) local: SocketAddr,
}

/// A socket that leaves nothing behind: what was not sent when it is dropped is thrown away. Else the kernel would keep it
/// for minutes for a client that does not read, in the memory of the pod.
struct Socket(TcpStream);

impl Drop for Socket {
    fn drop(&mut self) {
        // It fails on a socket that is of no use any more.
        let _ = self.0.set_zero_linger();
    }
}

/// Answers one request. Whoever wants to end it before its time drops it.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, limits: Limits) {
    let mut socket = Socket(stream);
    let Ok(local) = socket.0.local_addr() else { return };
    let ends = Ends { peer, local };
    // The end of a piece of a scrape does not wait for the client to acknowledge its beginning.
    let _ = socket.0.set_nodelay(true);
    // Both are over when the time is; nobody is told.
    let _ = tokio::time::timeout(limits.life, async {
        if answer(&mut socket.0, ends, router, limits.head).await {
            wait_for_the_client_to_close(&mut socket.0).await;
        }
    })
    .await;
}

/// Whether there was a request.
async fn answer(stream: &mut TcpStream, ends: Ends, router: Router, head: Duration) -> bool {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ends);
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_LIMIT)
        .max_headers(HEADERS_LIMIT)
        // Scrapes and probes are far apart. With one request to a connection, one limit bounds it all.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // A request that cannot be read is answered too.
    !served.is_err_and(|error| error.is_timeout())
}

/// Says that there is no more, and waits until the client has read the answer and closes: what it has sent and nobody has
/// read would have the kernel take back the answer.
async fn wait_for_the_client_to_close(stream: &mut TcpStream) {
    // It has been said already, unless the client asked for an upgrade.
    let _ = poll_fn(|cx| Pin::new(&mut *stream).poll_shutdown(cx)).await;
    let mut unread = [0; 1024];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut unread) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
