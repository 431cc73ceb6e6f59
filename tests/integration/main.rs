//! Tests against a real Kubernetes API server, with the simulator in the place of SAP AI Core, and with the operator as the
//! program that users run.

mod client;
mod cluster;
mod conflict;
mod crd;
mod deletion;
mod failures;
mod operator;
mod program;
mod robustness;
mod requests;
mod rules;
mod sync;
mod world;
