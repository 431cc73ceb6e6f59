//! The SAP AI Core adapter: what the rest of the program knows of AI Core's HTTP API and of its authorization server.
//!
//! A [`Pool`](pool::Pool) turns a service key into a [`Connection`](pool::Connection); resources with the same key share
//! it, and with it one access token. [`secrets`] knows the five operations on docker registry secrets, [`push`] how they
//! make one push. [`error`] says in words what went wrong.

mod body;
pub mod error;
mod exchange;
mod inspect;
pub mod keyed_mutex;
pub mod pool;
pub mod push;
pub mod rate_limit;
mod redact;
mod retry_after;
mod said;
pub mod secrets;
mod tls;
mod token;
pub mod way;

pub use token::Insistence;
