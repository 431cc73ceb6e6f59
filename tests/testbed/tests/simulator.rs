//! The simulator of SAP AI Core.

#[path = "simulator/client.rs"]
mod client;
#[path = "simulator/contract.rs"]
mod contract;
#[path = "simulator/faults.rs"]
mod faults;
#[path = "simulator/journal.rs"]
mod journal;
#[path = "simulator/operations.rs"]
mod operations;
#[path = "simulator/program.rs"]
mod program;
#[path = "simulator/refusals.rs"]
mod refusals;
#[path = "simulator/service_keys.rs"]
mod service_keys;
#[path = "simulator/tokens.rs"]
mod tokens;
#[path = "simulator/transport_faults.rs"]
mod transport_faults;
