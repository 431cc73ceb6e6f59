//! The Kubernetes adapter: everything that the operator asks of the API server, and nothing else.

pub mod client;
pub mod error;
pub mod events;
pub mod kubeconfig;
pub mod lean;
pub mod lease;
pub mod namespaces;
pub(crate) mod pem;
pub mod resources;
pub mod secrets;
pub mod watch;
