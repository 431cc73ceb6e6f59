//! What is decided about a resource, and what the decisions are made of.
//!
//! [`known`] says whether there is anything to do at all, [`plan`] what to do about what was [`observed`], and [`report`] what
//! came of it: the next status, and the next [`memory`]. Of all modules here, [`digest`] alone reads secret values.

pub(crate) mod arrival;
pub mod backoff;
pub(crate) mod conflict;
pub(crate) mod credit;
pub(crate) mod denials;
pub(crate) mod digest;
pub mod failure;
pub(crate) mod hold;
pub(crate) mod key_place;
pub(crate) mod known;
pub(crate) mod late_writes;
pub(crate) mod lease;
pub(crate) mod left_behind;
mod life;
pub(crate) mod memory;
pub(crate) mod observed;
pub(crate) mod opening;
pub mod outage;
pub(crate) mod pass_outcome;
pub(crate) mod plan;
pub mod reason;
pub(crate) mod report;
pub(crate) mod resync;
pub(crate) mod retry_pace;
pub(crate) mod tenant;
pub(crate) mod told_later;
pub(crate) mod unwritten;
pub(crate) mod warm_up;
