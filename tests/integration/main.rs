//! Tests against a real Kubernetes API server, with the simulator in the place of SAP AI Core, and with the operator as the
//! program that users run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::match_wild_err_arm,
    reason = "a test reports what is wrong by a panic, also from a helper"
)]
#![allow(clippy::float_cmp, reason = "counters are whole numbers")]

mod account;
mod argocd;
mod budget;
mod chart;
mod client;
mod cluster;
mod conflict;
mod connection;
mod crash;
mod crd;
mod dashboard;
mod degraded;
mod deletion;
mod documents;
mod exhaustion;
mod expiry;
mod failures;
mod first_lists;
mod flux;
mod forms;
mod hurried;
mod in_process;
mod invariants;
mod kyma;
mod leadership;
mod limits;
mod links;
mod log_level;
mod many_namespaces;
mod meanwhile;
mod metrics;
mod metrics_table;
mod monitoring;
mod moved;
mod neighbours;
mod operator;
mod plugin;
mod policy;
mod port;
mod program;
mod proof;
mod recorded;
mod reference;
mod reliability;
mod remembered;
mod requests;
mod rights;
mod robustness;
mod scopes;
mod security;
mod statuses;
mod supply_chain;
mod sync;
mod tenants;
mod tokens;
mod traces;
mod unusable;
mod unwritten;
mod upgrade;
mod watches;
mod world;
