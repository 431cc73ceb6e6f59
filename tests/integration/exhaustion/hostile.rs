//! A server in the place of AI Core that wears out whoever asks it: it says nothing, says a byte a second, or does not stop.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What an endless answer claims to have: 1 GiB.
const ENDLESS: usize = 1 << 30;

/// Which requests it answers in its manner; the others it answers well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Tokens,
    Api,
}

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Silent,
    /// A byte of the head a second.
    TrickledHead,
    /// A good head with this status, and a byte of the body a second.
    TrickledBody(u16),
    /// A good head with this status, and a body of [`ENDLESS`] bytes.
    Endless(u16),
}

/// A running server, until it is dropped.
pub(super) struct Hostile {
    address: SocketAddr,
    sent: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Hostile {
    pub(super) async fn start(at: At, manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => {
                        let counted = Arc::clone(&counted);
                        connections.spawn(async move { drop(serve(stream, at, manner, &counted).await) });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { address, sent, serving }
    }

    /// The data of a Secret with a service key for it.
    pub(super) fn service_key(&self) -> BTreeMap<String, String> {
        let url = format!("http://{}", self.address);
        let key = json!({
            "clientid": "client",
            "clientsecret": "of-no-use-0123456789",
            "url": &url,
            "serviceurls": { "AI_API_URL": &url },
        });
        BTreeMap::from([("key.json".to_owned(), key.to_string())])
    }

    /// How many bytes of bodies were taken from it.
    pub(super) fn sent(&self) -> usize {
        self.sent.load(SeqCst)
    }
}

async fn serve(stream: TcpStream, at: At, manner: Manner, sent: &AtomicUsize) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut first) = (0, None);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            first.get_or_insert_with(|| line.to_owned());
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let asked =
            if first.is_some_and(|line| line.contains("/oauth/token")) { At::Tokens } else { At::Api };
        if asked == at {
            answer(&mut stream, manner, sent).await?;
        } else {
            let body = match asked {
                At::Tokens => r#"{"access_token":"of-no-use","token_type":"bearer","expires_in":3600}"#,
                At::Api => "{}",
            };
            let head = head(if asked == At::Tokens { 200 } else { 202 }, body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
        }
    }
}

fn head(status: u16, length: usize) -> String {
    format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

async fn answer(
    stream: &mut BufReader<TcpStream>,
    manner: Manner,
    sent: &AtomicUsize,
) -> std::io::Result<()> {
    match manner {
        Manner::Silent => std::future::pending().await,
        Manner::TrickledHead => trickle(stream, head(202, ENDLESS).as_bytes(), sent).await,
        Manner::TrickledBody(status) => {
            stream.write_all(head(status, ENDLESS).as_bytes()).await?;
            trickle(stream, &[b' '; 1000], sent).await
        }
        Manner::Endless(status) => {
            stream.write_all(head(status, ENDLESS).as_bytes()).await?;
            let piece = vec![b'x'; 64 * 1024];
            for _ in 0..ENDLESS / piece.len() {
                stream.write_all(&piece).await?;
                sent.fetch_add(piece.len(), SeqCst);
            }
            Ok(())
        }
    }
}

async fn trickle(stream: &mut BufReader<TcpStream>, bytes: &[u8], sent: &AtomicUsize) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        sent.fetch_add(1, SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
