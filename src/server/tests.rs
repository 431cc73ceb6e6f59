//! The port, by its sockets, with short limits.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Weak,
    time::Duration,
};

use axum::{body::Body, routing::put};
use futures::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_util::sync::DropGuard;

use super::*;

/// How long a test waits for what comes at once on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);
const NEVER: Duration = Duration::from_hours(1);

/// A server with nothing behind it.
struct Port {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    serving: tokio::task::JoinHandle<()>,
    stop: DropGuard,
}

impl Port {
    fn open(limits: Limits) -> Self {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (metrics, turns) = (Arc::new(Metrics::new()), Arc::<Turns>::default());
        let exposed = Arc::clone(&metrics);
        let scrape = move || {
            let pieces = exposed.exposition().unwrap();
            let body = Body::from_stream(scrape::in_turn(pieces, Arc::clone(&turns)));
            async { body }
        };
        let router = Router::new()
            .route("/livez", get(async || "ok\n"))
            .route("/metrics", get(scrape))
            .route("/echo", put(async |body: String| body))
            .layer(DefaultBodyLimit::max(BODY_LIMIT));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(door::serve(listener, router, limits, stop.clone()));
        Self { address, metrics, serving, stop: stop.drop_guard() }
    }

    /// Opens a connection and sends this.
    async fn send(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // An answer may come, and an end, before all is sent.
        let _ = stream.write_all(request).await;
        stream
    }

    /// All that comes until the server closes.
    async fn ask(&self, request: &[u8]) -> String {
        rest(&mut self.send(request).await).await
    }

    async fn probe(&self) {
        let answer = self.ask(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    }
}

/// What comes until the server closes, in order or by a reset.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let closed = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "it is still open after {:?}", String::from_utf8_lossy(&answer));
    String::from_utf8(answer).unwrap()
}

fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn what_is_not_an_ordinary_request_gets_one_answer_and_the_end() {
    let port = Port::open(Limits { head: NEVER, life: NEVER, ..Limits::default() });
    let long = |prefix: &str, suffix: &str| format!("{prefix}{}{suffix}", "a".repeat(100_000));
    let many = "X-A: b\r\n".repeat(80);
    for (request, answers) in [
        ("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &["HTTP/1.1 200"][..]),
        ("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n".to_owned(), &["HTTP/1.1 200"]),
        ("GET /livez HTTP/1.0\r\n\r\n".to_owned(), &["HTTP/1.0 200"]),
        ("GET /metrics HTTP/1.0\r\n\r\n".to_owned(), &["HTTP/1.0 200"]),
        ("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &["HTTP/1.1 200"]),
        ("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &["HTTP/1.1 200"]),
        ("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50), &["HTTP/1.1 200"]),
        (
            "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
                .to_owned(),
            &["HTTP/1.1 200"],
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned(), &[""]),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{7f}\x03\x03\r\n\r\n".to_owned(), &["HTTP/1.1 400"]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &["HTTP/1.1 400"]),
        (long("GET /", " HTTP/1.1\r\n\r\n"), &["HTTP/1.1 414", "HTTP/1.1 431"]),
        (long("GET /livez HTTP/1.1\r\nX: ", "\r\n\r\n"), &["HTTP/1.1 431"]),
        (format!("GET /livez HTTP/1.1\r\n{many}\r\n"), &["HTTP/1.1 431"]),
        (
            "CONNECT db.internal:5432 HTTP/1.1\r\nHost: db.internal:5432\r\n\r\n".to_owned(),
            &["HTTP/1.1 404", "HTTP/1.1 405"],
        ),
        (long("PUT /echo HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", ""), &["HTTP/1.1 413"]),
        (
            long("PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n186A0\r\n", "\r\n0\r\n\r\n"),
            &["HTTP/1.1 413"],
        ),
        (long("PUT /livez HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", ""), &["HTTP/1.1 405"]),
    ] {
        let shown: String = request.chars().take(80).collect();
        let answer = port.ask(request.as_bytes()).await;
        let right = answers.iter().any(|start| answer.starts_with(start))
            && !(answers == [""] && answer.contains("200"));
        assert!(right, "{shown:?}: {answer:?}");
        assert!(answer.matches("HTTP/1.").count() <= 1, "{shown:?}: {answer:?}");
        if answer.starts_with("HTTP/1.1 200") {
            assert!(answer.contains("\r\nconnection: close\r\n"), "{answer:?}");
        }
    }
    let whole =
        port.ask(b"PUT /echo HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello").await;
    assert!(whole.starts_with("HTTP/1.1 100 ") && whole.ends_with("\r\n\r\nhello"), "{whole:?}");
}

#[tokio::test]
async fn whoever_is_slow_with_a_request_is_cut() {
    let limit = Duration::from_millis(300);
    for limits in [
        Limits { head: limit, life: NEVER, ..Limits::default() },
        Limits { head: NEVER, life: limit, ..Limits::default() },
    ] {
        let port = Port::open(limits);
        let mut unfinished =
            vec!["", "G", "GET /livez HTTP/1.1", "GET /livez HTTP/1.1\r\nHost: x\r\n", "\r\n\r\n"];
        if limits.life == limit {
            unfinished.extend([
                "PUT /echo HTTP/1.1\r\nContent-Length: 400\r\n\r\nhalf",
                "PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                "PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;x=",
                "PUT /echo HTTP/1.1\r\nContent-Length: 400\r\nExpect: 100-continue\r\n\r\n",
            ]);
        }
        for request in unfinished {
            let answer = port.ask(request.as_bytes()).await;
            assert!(!answer.contains(" 200 "), "{request:?}: {answer:?}");
        }
        // However busily.
        let mut dripping = port.send(b"GET /livez HTTP/1.1\r\n").await;
        let dripped = timeout(PATIENCE, async {
            while dripping.write_all(b"X: y\r\n").await.is_ok() {
                tokio::time::sleep(limit / 30).await;
            }
        });
        assert!(dripped.await.is_ok(), "it is still open");
        port.probe().await;
    }
}

/// Has scrapes be without an end. Returns what tells how many of them are not over.
fn endless(port: &Port) -> impl Fn() -> usize + use<> {
    scrapes_of(port, usize::MAX)
}

/// The same with so many long pieces.
fn scrapes_of(port: &Port, pieces: usize) -> impl Fn() -> usize + use<> {
    let scrapes: Arc<std::sync::Mutex<Vec<Weak<()>>>> = Arc::default();
    let begun = Arc::clone(&scrapes);
    port.metrics.register_series(move || {
        let alive = Arc::new(());
        begun.lock().unwrap().push(Arc::downgrade(&alive));
        Box::new(
            std::iter::repeat_with(move || {
                assert!(Arc::strong_count(&alive) > 0);
                "a 1\n".repeat(10_000)
            })
            .take(pieces),
        )
    });
    move || scrapes.lock().unwrap().iter().filter(|scrape| scrape.strong_count() > 0).count()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let held = timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(held.await.is_ok(), "waited in vain for {what}");
}

#[tokio::test]
async fn whoever_does_not_read_an_answer_is_cut_and_it_is_not_kept() {
    let port = Port::open(Limits { life: Duration::from_millis(500), ..Limits::default() });
    let running = endless(&port);
    let deaf = join_all((0..20).map(|_| port.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"))).await;
    eventually("the scrapes to begin", || running() > 0).await;
    port.probe().await;
    eventually("the scrapes to end", || running() == 0).await;
    drop(deaf);
    port.probe().await;
}

/// Asks for the metrics and reads them byte by byte, to the end.
async fn reads_slowly(port: &Port) {
    let mut stream = port.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut byte = [0];
    while stream.read(&mut byte).await.is_ok_and(|read| read > 0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn whoever_reads_an_answer_byte_by_byte_keeps_nobody_waiting() {
    const PIECES: usize = 40;
    let port = Port::open(Limits { life: NEVER, ..Limits::default() });
    let running = scrapes_of(&port, PIECES);
    let others = async {
        eventually("the slow scrapes to begin", || running() == 20).await;
        port.probe().await;
        let whole = port.ask(b"GET /metrics HTTP/1.0\r\n\r\n").await;
        assert!(whole.ends_with("\n# EOF\n"));
        assert_eq!(whole.matches("a 1\n").count(), PIECES * 10_000);
    };
    tokio::select! {
        _ = join_all((0..20).map(|_| reads_slowly(&port))) => panic!("the slow ones were faster"),
        () = others => {}
    }
    eventually("the scrapes to end with their readers", || running() == 0).await;
}

#[tokio::test]
async fn whoever_reads_an_answer_byte_by_byte_is_cut() {
    let port = Port::open(Limits { life: Duration::from_millis(500), ..Limits::default() });
    let running = endless(&port);
    let cut = async {
        eventually("the scrapes to begin", || running() > 0).await;
        eventually("the scrapes to end", || running() == 0).await;
    };
    // What has arrived in their kernel they may go on to read.
    tokio::select! {
        _ = join_all((0..20).map(|_| reads_slowly(&port))) => panic!("the slow ones were faster"),
        () = cut => {}
    }
    port.probe().await;
}

#[tokio::test]
async fn a_long_answer_arrives_whole() {
    const LINES: usize = 100_000;
    let port = Port::open(Limits { life: NEVER, head: NEVER, ..Limits::default() });
    port.metrics
        .register_series(|| Box::new((0..100).map(|piece| format!("a {piece:08}\n").repeat(LINES / 100))));
    let answers = join_all((0..4).map(|_| port.ask(b"GET /metrics HTTP/1.0\r\n\r\n"))).await;
    for answer in answers {
        assert_eq!(answer.lines().filter(|line| line.starts_with("a 000")).count(), LINES);
        assert!(answer.ends_with("\n# EOF\n"));
    }
}

#[tokio::test]
async fn however_many_hold_their_connections_open_the_next_one_is_served() {
    const PLACES: usize = 16;
    let port = Port::open(Limits { connections: PLACES, head: NEVER, life: NEVER });
    let running = endless(&port);
    let half = format!("GET /livez HTTP/1.1\r\nX: {}", "a".repeat(7000));
    let mut held = Vec::new();
    for number in 0..300 {
        let request = if number % 3 == 0 { "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" } else { &half };
        held.push(port.send(request.as_bytes()).await);
        if number % 20 == 0 {
            port.probe().await;
        }
    }
    port.probe().await;
    assert!(running() <= PLACES);
    // The newest ones have the places, and nobody else has one.
    let idle: Vec<&TcpStream> =
        held.iter().enumerate().filter(|(number, _)| number % 3 != 0).map(|(_, stream)| stream).collect();
    eventually("the older ones to be closed", || {
        idle.iter().filter(|stream| is_open(stream)).count() <= PLACES
    })
    .await;
    assert!(is_open(idle[idle.len() - 1]), "there was room for the last one");
}

#[tokio::test]
async fn the_end_of_the_server_is_the_end_of_its_connections() {
    let port = Port::open(Limits { head: NEVER, life: NEVER, ..Limits::default() });
    let running = endless(&port);
    let mut idle = port.send(b"GET /livez").await;
    let _deaf = port.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    eventually("the scrape to begin", || running() == 1).await;
    drop(port.stop);
    timeout(PATIENCE, port.serving).await.unwrap().unwrap();
    assert_eq!(rest(&mut idle).await, "");
    eventually("the scrape to end", || running() == 0).await;
}
