//! Hosts with names of their own on this machine, as registries are: a proxy that leads every name here, and behind it servers
//! with TLS that answer what a test says, and write down what they were asked.
//!
//! A client finds them by its proxy setting, so it needs no other names, ports or trust than a user can give it.

mod wire;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::simulator::tls::Authority;

/// One request, as a host received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Host and port to which the client wanted to connect.
    pub host: String,
    /// `GET`, say.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers in lower case, with their values.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What a host answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers beside those that say how long the body is.
    pub headers: Vec<(String, String)>,
    /// What follows.
    pub body: Body,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// This many bytes, or fewer if the client leaves.
    Large(u64),
    /// A byte from time to time, until the client leaves.
    Trickle,
    /// Nothing, not even a head, until the client leaves.
    Silence,
}

impl Reply {
    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Bytes(Vec::new()) }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// 401 with this value of `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(value: &str) -> Self {
        Self::status(401).with("WWW-Authenticate", value)
    }

    /// 200 with a JSON body.
    #[must_use]
    pub fn json(value: &serde_json::Value) -> Self {
        let body = Body::Bytes(value.to_string().into_bytes());
        Self::status(200).with("Content-Type", "application/json").body(body)
    }
}

type Script = dyn Fn(&Request) -> Reply + Send + Sync;

struct State {
    script: Box<Script>,
    tls: TlsAcceptor,
    elsewhere: BTreeMap<String, SocketAddr>,
    journal: Mutex<Vec<Request>>,
    connections: Mutex<Vec<String>>,
}

/// Running hosts. They stop when they are dropped.
pub struct Hosts {
    address: SocketAddr,
    authority: Arc<Authority>,
    state: Arc<State>,
    _stop: DropGuard,
}

/// What signs the certificates of hosts.
pub struct Trusted(Arc<Authority>);

impl Trusted {
    /// A new one.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Authority::new("hosts of the test bed")?)))
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.0
    }
}

impl Hosts {
    /// Starts hosts whose certificate has these names and no others, and which answer by the script. Names of `elsewhere` (with
    /// their port) are led to those servers.
    pub async fn start(
        trusted: &Trusted,
        names: &[&str],
        elsewhere: &[(&str, SocketAddr)],
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let tls = TlsAcceptor::from(Arc::new(trusted.0.server_named(names, false)?));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("there is no free port")?;
        let address = listener.local_addr().context("the listener has no address")?;
        let state = Arc::new(State {
            script: Box::new(script),
            tls,
            elsewhere: elsewhere.iter().map(|&(name, address)| (name.to_owned(), address)).collect(),
            journal: Mutex::default(),
            connections: Mutex::default(),
        });
        let stop = CancellationToken::new();
        tokio::spawn(wire::serve(listener, Arc::clone(&state), stop.clone()));
        Ok(Self { address, authority: Arc::clone(&trusted.0), state, _stop: stop.drop_guard() })
    }

    /// The proxy that leads to them, as `HTTPS_PROXY` has it.
    #[must_use]
    pub fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The certificate of the authority that has signed theirs, as PEM.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority.certificate_pem
    }

    /// All requests so far.
    #[must_use]
    pub fn journal(&self) -> Vec<Request> {
        self.state.journal.lock().expect("no test panics while it holds the journal").clone()
    }

    /// The host and port of every connection that was asked for.
    #[must_use]
    pub fn connections(&self) -> Vec<String> {
        self.state.connections.lock().expect("no test panics while it holds the list").clone()
    }
}
