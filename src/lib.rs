//! aicore-registry-operator keeps docker registry secrets in SAP AI Core up to date from Kubernetes Secrets.
//!
//! Data flows one way. The watches of [`controller`] find the resources that an event concerns; for each, one pass gathers
//! what is there, [`domain`] plans what to do and says what came of it, and the adapters [`aicore`] and [`k8s`] do it.
//! [`api`] holds the custom resource. [`config`] and [`run()`] are the way in; [`plugin`] is the way in for kubectl.

pub mod aicore;
pub mod api;
mod ca_bundle;
pub mod clock;
pub mod config;
pub mod controller;
pub mod crash;
pub mod domain;
mod error;
mod fence;
#[cfg(test)]
mod fuzz;
pub mod health;
mod jitter;
pub mod k8s;
pub mod leadership;
pub mod metrics;
pub mod plugin;
mod response_body;
mod run;
mod server;
pub mod telemetry;
mod tls_error;

pub use run::{RunError, run};
