//! Measures the operator as a process of its own, on a real control plane and a simulated AI Core, beside the *floor*: the
//! least that any program could do. Both run in turn in one run, since machines are noisy; what counts is the ratio.
//!
//! The simulator and the clients that change things run in this process, so that all times are of one clock.

pub mod arrivals;
pub mod counts;
pub mod facts;
pub mod fleet;
pub mod neighbours;
mod objects;
pub mod ordinary;
pub mod pacing;
pub mod parameters;
pub mod plot;
pub mod publish;
pub mod report;
pub mod scenario;
pub mod statistics;
pub mod statuses;
pub mod subject;
