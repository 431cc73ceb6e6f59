//! A simulator of SAP AI Core: the operations on docker registry secrets, as SAP publishes them, and the OAuth server
//! in front of them.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//! use testbed::simulator::{Fault, Operation, Options, Simulator};
//!
//! let simulator = Simulator::start(Options::default()).await?;
//! let acme = simulator.tenant("acme");
//! let service_key = acme.service_key();
//! acme.faults().next(1, Operation::Patch, Fault::status(503));
//! // … a client that was given the service key …
//! let accepted = acme.journal().wait_for(|request| request.applied, Duration::from_secs(10)).await?;
//! assert_eq!(acme.secrets()["ghcr-pull"], accepted.payload.as_ref().unwrap().expose());
//! simulator.stop().await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod body;
pub(crate) mod clock;
mod concurrency;
mod credentials;
mod cut;
mod entry;
mod errors;
mod exchange;
mod fault;
mod faults;
mod gate;
mod journal;
mod media_type;
mod oauth;
mod operations;
mod options;
mod payload;
mod random;
mod record;
mod route;
mod server;
mod service_key;
mod shared;
mod tenant;
pub(crate) mod tls;
mod tokens;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use concurrency::Scope;
use server::Listener;
use shared::Shared;
use tenant::TenantState;
use tls::Authority;

pub use concurrency::Concurrency;
pub use entry::Entry;
pub use fault::{Fault, RetryAfter};
pub use faults::{Faults, Lasting, Matcher};
pub use gate::Gate;
pub use journal::Journal;
pub use options::{Options, PatchType, TENANT, TenantOptions};
pub use payload::Payload;
pub use route::Operation;
pub use service_key::binding_data;
pub use tenant::{Tenant, is_tenant_name};
pub use tls::{Flaw, KeyFormat, ServerFlaw};

/// A running simulator. It stops when it is dropped, and then cuts what is in progress.
pub struct Simulator {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// When the address is taken or not of this machine, or a certificate cannot be made.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let address = SocketAddr::new(options.ip, options.port);
        let tcp = TcpListener::bind(address).await;
        let tcp = tcp.with_context(|| format!("cannot listen on {address}"))?;
        let authority = options.tls.then(|| Authority::new("AI Core simulator")).transpose()?;
        let tls = authority
            .as_ref()
            .map(|authority| authority.server(&options.tls_names, options.tls_1_2_only, options.server_flaw))
            .transpose()?;
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let scheme = if options.tls { "https" } else { "http" };
        let address = tcp.local_addr().context("cannot tell the port")?;
        let url = options.public_url.unwrap_or_else(|| format!("{scheme}://{address}"));
        let authorization_url =
            options.public_authorization_url.unwrap_or_else(|| format!("{url}/uaa/{TENANT}"));
        let shared = Arc::new(Shared::new(url, authorization_url, authority, options.keep_journal));
        let tasks = TaskTracker::new();
        Listener { shared: Arc::clone(&shared), tcp, tls, tasks: tasks.clone() }.start();
        Ok(Self { shared, tasks })
    }

    /// Base URL as clients know it, without a trailing slash: the API of all tenants that have none of their own.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The tenant of this name; made with default options and random credentials when it is asked for first.
    ///
    /// # Panics
    ///
    /// When the name is not valid: see [`is_tenant_name`].
    #[must_use]
    pub fn tenant(&self, name: &str) -> Tenant {
        assert!(is_tenant_name(name), "{name:?} is no name for a tenant");
        let mut tenants = self.shared.tenants.lock().expect("no holder panics");
        let state = tenants.entry(name.to_owned()).or_insert_with(|| Arc::new(TenantState::new(name)));
        Tenant { state: Arc::clone(state), shared: Arc::clone(&self.shared) }
    }

    /// The certificate of the authority that signs all others, in PEM; `None` without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        Some(&self.shared.authority.as_ref()?.certificate_pem)
    }

    /// All requests, also those that told no tenant.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.shared.journal.clone()
    }

    /// All requests as they end, from now on.
    #[must_use]
    pub fn watch(&self) -> mpsc::UnboundedReceiver<Arc<Entry>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.shared.observers.lock().expect("no holder panics").push(sender);
        receiver
    }

    /// Requests of all tenants at once, those for tokens included.
    #[must_use]
    pub fn concurrency(&self) -> Concurrency {
        self.shared.gauges.of(&Scope::All)
    }

    /// How many operations are still to be carried out whose clients are gone: see [`Fault::applied_after`].
    #[must_use]
    pub fn late(&self) -> usize {
        self.shared.late.len()
    }

    /// Stops listening, cuts the requests that wait for something, and waits until all connections are closed.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
