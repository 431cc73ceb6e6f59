//! Connections: the proxy's part, TLS, one request, one answer.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::{Body, Reply, Request, State};

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 256 * 1024;
/// Between two bytes of a body that does not end.
const TRICKLE: Duration = Duration::from_millis(20);
/// Written at a time of a large body.
const CHUNK: usize = 64 * 1024;

pub(super) async fn serve(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (state, stop) = (Arc::clone(&state), stop.clone());
        tokio::spawn(async move {
            // A client that goes away is no fault of the hosts.
            tokio::select! {
                _ = tunnel(stream, &state) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

async fn tunnel(mut stream: TcpStream, state: &State) -> io::Result<()> {
    let head = head(&mut stream).await?;
    let host = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if !head.starts_with("CONNECT ") {
        return stream.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await;
    }
    state.connections.lock().expect("no test panics while it holds the list").push(host.clone());
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    if let Some(address) = state.elsewhere.get(&host) {
        let mut server = TcpStream::connect(address).await?;
        copy_bidirectional(&mut stream, &mut server).await?;
        return Ok(());
    }
    let mut stream = state.tls.accept(stream).await?;
    let request = parse(host, &self::head(&mut stream).await?);
    state.journal.lock().expect("no test panics while it holds the journal").push(request.clone());
    let reply = (state.script)(&request);
    answer(&mut stream, &request, reply).await?;
    stream.shutdown().await
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(io::Error::other("the head is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn parse(host: String, head: &str) -> Request {
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let mut word = || first.next().unwrap_or_default().to_owned();
    let (method, target) = (word(), word());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Request { host, method, target, headers }
}

async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &Request,
    reply: Reply,
) -> io::Result<()> {
    let Reply { status, headers, body } = reply;
    let length = match &body {
        Body::Silence => return until_closed(stream).await,
        Body::Bytes(bytes) => Some(bytes.len() as u64),
        Body::Large(length) => Some(*length),
        Body::Trickle => None,
    };
    let length = length.map(|length| ("Content-Length".to_owned(), length.to_string()));
    let mut head = vec![format!("HTTP/1.1 {status} Status"), "Connection: close".to_owned()];
    head.extend(headers.into_iter().chain(length).map(|(name, value)| format!("{name}: {value}")));
    head.push("\r\n".to_owned());
    stream.write_all(head.join("\r\n").as_bytes()).await?;
    if request.method == "HEAD" {
        return Ok(());
    }
    match body {
        Body::Silence => Ok(()),
        Body::Bytes(bytes) => stream.write_all(&bytes).await,
        Body::Large(mut left) => {
            let chunk = vec![b' '; CHUNK];
            while left > 0 {
                let part = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
                stream.write_all(&chunk[..part]).await?;
                left -= part as u64;
            }
            Ok(())
        }
        Body::Trickle => loop {
            stream.write_all(b" ").await?;
            stream.flush().await?;
            tokio::time::sleep(TRICKLE).await;
        },
    }
}

async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}
