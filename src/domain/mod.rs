//! Decisions. Pure: no async, no client, no clock, no randomness, no environment; time and chance come in as arguments.
//!
//! [`known`] says whether there is anything to do at all, [`plan`] what to do about what was [`observed`], and [`report`] what
//! came of it: the next status, and the next [`memory`]. The other modules are what these are made of. Secret values are reachable
//! from [`secret_data`], [`docker_config`], [`credentials`] and [`fingerprint`] only.

pub mod allowed_hosts;
pub mod api_url;
pub mod backoff;
pub mod bounds;
pub mod bucket;
pub mod certificate;
pub mod conflict;
mod credential_forms;
pub mod credentials;
pub mod docker_config;
pub mod duration;
pub mod failure;
pub mod fingerprint;
pub mod invalid;
mod json;
pub mod known;
pub mod label_selector;
pub mod lease;
pub mod memory;
pub mod name;
pub mod object;
pub mod observed;
pub mod page_size;
pub mod pass_outcome;
mod pem;
pub mod plan;
pub mod printable;
mod quotes;
pub mod reason;
mod registry_host;
pub mod report;
pub mod secret_data;
mod secret_type;
pub mod sorted_map;
#[cfg(test)]
pub(crate) mod testing;
