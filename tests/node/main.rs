//! What users do with the operator, on a node on which pods run.
//!
//! `make node-test` starts the node (`testbed::node`) and runs these scenarios beside it, one after the other; `SCENARIO=drain`
//! chooses some. Each begins with a cluster that has none of the operator, and installs it as people do: with Helm or kubectl, from
//! a registry, with the image that the Dockerfile makes. AI Core is the simulator, in a pod.
//!
//! They wait for conditions, never for fixed times; what one waits for is in its message when it gives up.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reports what is wrong by a panic, also from a helper"
)]
#![allow(clippy::disallowed_methods, reason = "the scenarios have the real clock")]

mod ai_core;
mod cluster;
mod command;
mod drain;
mod getting_started;
mod image;
mod install;
mod kustomize;
mod leadership;
mod memory;
mod monitoring;
mod namespaced;
mod network;
mod registry;
mod release;
mod security;
mod team;
mod times;
mod uninstall;
mod upgrades;
mod waiting;
