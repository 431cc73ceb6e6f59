//! The Kubernetes adapter: everything that the operator asks of the API server, and nothing else.

mod answer;
pub mod client;
pub mod error;
pub mod events;
pub mod kubeconfig;
pub mod lease;
pub mod namespaces;
pub mod partial;
pub(crate) mod pem;
pub mod resources;
pub mod secrets;
#[cfg(test)]
pub(crate) mod testing;
pub mod watch;
