//! The SAP AI Core adapter: what the rest of the program knows of AI Core's HTTP API and of its authorization server.
//!
//! A [`Pool`](pool::Pool) turns a service key into a [`Connection`](pool::Connection); resources with the same key share
//! it, and with it one access token. [`operations`] knows the five operations on docker registry secrets, [`push`] how they
//! make one push. A [`Session`](session::Session) sends them, each with leave of a [`mandate`]. [`error`] says in words what went
//! wrong.

mod body;
pub(crate) mod error;
mod error_details;
mod exchange;
mod fault;
#[cfg(test)]
mod fuzz;
mod inspect;
pub(crate) mod keyed_mutex;
pub(crate) mod mandate;
pub(crate) mod names;
pub(crate) mod operations;
pub mod pool;
pub(crate) mod push;
pub(crate) mod rate_limit;
mod redact;
mod retry_after;
pub(crate) mod session;
pub(crate) mod tls;
mod token;
pub mod way;

pub(crate) use token::{Authorization, Insistence, Origin};
#[cfg(test)]
pub(crate) use token::{Token, TokenSource, endpoint::Endpoint};
