//! A TCP relay in front of a server on this machine: it refuses, cuts and silences connections, and says which process each of
//! them came from.

use std::{
    collections::HashMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Pause before an address is taken again, or after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(20);

/// What happens to bytes and to new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Passing,
    /// Connections stay open, and are accepted; nothing passes.
    Silent,
    /// Nobody listens; connections that were open are cut.
    Refusing,
}

/// Says which process has the end of a connection that is at this port; the port of the client.
pub type Owner = dyn Fn(u16) -> Option<u32> + Send + Sync;

/// Since when which process, if it could be told, had a port.
type Tenure = (Instant, Option<u32>);

struct State {
    upstream: SocketAddr,
    owner: Box<Owner>,
    flow: watch::Sender<Flow>,
    /// Counts the commands to cut all connections.
    cuts: watch::Sender<u64>,
    /// By the relay's own port towards the server: since when which process had it. Ports are used again.
    clients: Mutex<HashMap<u16, Vec<Tenure>>>,
}

/// A running relay, on a free port of 127.0.0.1. It ends when it is dropped, and cuts all connections.
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
    _stop: DropGuard,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Relay {
    /// Starts a relay to `upstream`. `owner` is asked for each connection when it is accepted.
    pub async fn start(
        upstream: SocketAddr,
        owner: impl Fn(u16) -> Option<u32> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port is free")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            upstream,
            owner: Box::new(owner),
            flow: watch::Sender::new(Flow::Passing),
            cuts: watch::Sender::new(0),
            clients: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let (stopped, serving) = (stop.clone(), serve(listener, address, Arc::clone(&state)));
        tokio::spawn(async move {
            tokio::select! {
                () = serving => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self { address, state, _stop: stop.drop_guard() })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn set(&self, flow: Flow) {
        self.state.flow.send_replace(flow);
    }

    /// Cuts the connections that are open.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The process whose connection the server saw at this port at this time, where it could be told.
    #[must_use]
    pub fn client(&self, port: u16, at: Instant) -> Option<u32> {
        let clients = self.state.clients.lock().expect("no holder panics");
        let (_, owner) = clients.get(&port)?.iter().rfind(|(since, _)| *since <= at)?;
        *owner
    }
}

async fn serve(listener: TcpListener, address: SocketAddr, state: Arc<State>) {
    // Dropped with this future, and the connections with it.
    let mut connections = tokio::task::JoinSet::new();
    let mut flow = state.flow.subscribe();
    let mut listener = Some(listener);
    loop {
        let refusing = *flow.borrow_and_update() == Flow::Refusing;
        if refusing {
            listener = None;
            connections.shutdown().await;
            let _ = flow.changed().await;
            continue;
        }
        let Some(open) = &listener else {
            listener = TcpListener::bind(address).await.ok();
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        tokio::select! {
            accepted = open.accept() => match accepted {
                Ok((stream, client)) => {
                    let owner = (state.owner)(client.port());
                    connections.spawn(relay(stream, owner, Arc::clone(&state)));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            _ = flow.changed() => {}
        }
    }
}

async fn relay(client: TcpStream, owner: Option<u32>, state: Arc<State>) {
    let (mut cuts, flow) = (state.cuts.subscribe(), state.flow.subscribe());
    let since = Instant::now();
    let Ok(server) = TcpStream::connect(state.upstream).await else { return };
    if let Ok(own) = server.local_addr() {
        let mut clients = state.clients.lock().expect("no holder panics");
        clients.entry(own.port()).or_default().push((since, owner));
    }
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let there = pump(from_client, to_server, flow.clone());
    let back = pump(from_server, to_client, flow);
    tokio::select! {
        // Either end that closes ends both: HTTP clients and servers do not close halves.
        () = there => {}
        () = back => {}
        _ = cuts.changed() => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flow: watch::Receiver<Flow>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        // The sender lives as long as the relay.
        let _ = flow.wait_for(|flow| *flow != Flow::Silent).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
