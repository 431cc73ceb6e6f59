//! Decisions. Pure: no async, no client, no clock, no randomness, no environment; time and chance come in as arguments.
//!
//! [`decide`] has what is decided about a resource, [`parse`] the types that input becomes before anything is decided about it,
//! and [`tools`] small things that know nothing of either.

pub mod decide;
pub mod parse;
#[cfg(test)]
pub(crate) mod testing;
pub mod tools;
