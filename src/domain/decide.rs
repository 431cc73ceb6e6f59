//! What is decided about a resource, and what the decisions are made of.
//!
//! [`known`] says whether there is anything to do at all, [`plan`] what to do about what was [`observed`], and [`report`] what
//! came of it: the next status, and the next [`memory`]. Of all modules here, [`digest`] alone reads secret values.

pub mod backoff;
pub mod conflict;
pub mod digest;
pub mod failure;
pub mod known;
pub mod lease;
pub mod memory;
pub mod observed;
pub mod pass_outcome;
pub mod plan;
pub mod reason;
pub mod report;
