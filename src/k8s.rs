//! The Kubernetes adapter: everything that the operator asks of the API server, and nothing else.

mod answer;
pub mod client;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod kubeconfig;
pub(crate) mod lease;
pub(crate) mod namespaces;
pub(crate) mod partial;
pub(crate) mod pem;
pub mod resources;
pub(crate) mod rights;
pub(crate) mod secrets;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod watch;
