//! The threat model, played on the real API server by somebody who may write in one namespace, and by servers that answer anything.
//! What is tested elsewhere is named in docs/reliability.md.

mod hosts;
mod namespaces;
mod process;
mod rebinding;
mod redirects;
mod tls;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    operator::{Launch, PROGRAM},
    world::World,
};

/// The operator as it runs in production: nothing is allowed for tests.
fn production(world: &World) -> Launch {
    let arguments = ["run", "--listen=127.0.0.1:0", "--log-level=debug"].map(str::to_owned);
    Launch::exactly(PROGRAM.as_ref(), &world.launch().kubeconfig, arguments.to_vec())
        .with(&format!("--watch-namespaces={}", world.namespace))
}

/// A server where nobody should come: it counts who does, keeps what they say, and answers as a web server would.
struct Trap {
    port: u16,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Trap {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let trap = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            heard: Arc::default(),
        };
        let (connections, heard) = (Arc::clone(&trap.connections), Arc::clone(&trap.heard));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(listen(stream, Arc::clone(&heard)));
            }
        });
        trap
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

async fn listen(mut stream: TcpStream, heard: Arc<Mutex<Vec<u8>>>) -> std::io::Result<()> {
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        heard.lock().unwrap().extend_from_slice(&piece[..length]);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await?;
    }
}
