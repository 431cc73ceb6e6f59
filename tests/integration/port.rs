//! The port of health and metrics, while somebody who reaches it means ill.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    cluster::PATIENCE,
    operator::Operator,
    world::{Login, World},
};

/// How many connections somebody opens: several times as many as are served.
const CONNECTIONS: usize = 400;

async fn address(operator: &Operator) -> SocketAddr {
    let started: Value = serde_json::from_str(&operator.wait_for_line("\"started\"").await).unwrap();
    started["listen"].as_str().unwrap().parse().unwrap()
}

/// A connection on which this was sent, as far as the operator takes it.
async fn send(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(request).await;
    stream
}

/// What may not change the level is refused before its body is asked for.
#[tokio::test]
async fn a_request_that_was_passed_on_is_refused_before_its_body_is_read() {
    let world = World::synced("passedon").await;
    let operator = world.operator().await;
    let head = "PUT /log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n";
    for (header, body, begins) in
        [("", "warn", "HTTP/1.1 100 "), ("X-Forwarded-Proto: http\r\n", "", "HTTP/1.1 403 ")]
    {
        let mut stream = send(address(&operator).await, format!("{head}{header}\r\n{body}").as_bytes()).await;
        let mut answer = String::new();
        let closed = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
        assert!(closed.is_ok() && answer.starts_with(begins), "{header:?}: {answer}");
    }
    assert_eq!(operator.get("/log-level").await, (200, "warn\n".to_owned()));
}

#[tokio::test]
async fn connections_that_somebody_holds_open_hold_nobody_up() {
    let world = World::synced("port").await;
    let operator = world.operator().await;
    world.wait_ready("pull").await;
    let address = address(&operator).await;
    let headers = format!("X-Long: {}\r\n", "a".repeat(1000)).repeat(60);
    let requests = [
        String::new(),
        "GET /livez HTTP/1.1\r\nHost: x\r\n".to_owned(),
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n{headers}"),
        "PUT /log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400\r\n\r\ninfo".to_owned(),
        // Of the pipelined ones the first is answered, and the answer is not read.
        "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100),
    ];
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        held.push(send(address, requests[number % requests.len()].as_bytes()).await);
        if number % 50 == 0 {
            assert_eq!(operator.get("/livez").await, (200, "ok\n".to_owned()));
        }
    }
    assert_eq!(operator.get("/readyz").await, (200, "ok\n".to_owned()));
    assert!(operator.get("/metrics").await.1.ends_with("# EOF\n"));
    let credential = [("ghcr.io", Login::new("robot", 2))];
    world.docker_secret("source", &credential).await;
    world.wait_remote("pull", &World::payload(&credential)).await;
    // It is the operator that ends them.
    let all = async {
        for mut stream in held {
            let mut answer = Vec::new();
            // By a reset, or in order.
            let _ = stream.read_to_end(&mut answer).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, all).await.is_ok(), "some are still open");
    assert_eq!(operator.get("/log-level").await, (200, "debug\n".to_owned()));
    world.check(&operator).await;
}
