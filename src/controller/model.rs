//! The decisions, in every order in which things can happen in a small world.
//!
//! The model calls what the program calls: the index with its claims ([`super::index`]), `known`, `plan`, `report`, `hold`, `arrival`,
//! `backoff`, `unwritten` and `late_writes` of [`crate::domain::decide`], and the look that each request needs ([`super::errand`]).
//! Around it stand in, as plain values: the API server, AI Core, the watches, the clock, and users. All states that can be reached
//! are gone through, breadth first, with every answer that each request can have: it is carried out, refused, carried out without an
//! answer, or carried out late; and with processes that end anywhere and others that take over with caches that are behind.
//!
//! Between two points of waiting a pass runs alone. The points, and what comes between them, are those of the program, and a change
//! there has to be made here too:
//!
//! | Step of the model | Place in the program |
//! |---|---|
//! | begins, and waits for the first list of Secrets, or knows without a request that nothing is to be done | `reconcile` and `pass` in `reconcile.rs` |
//! | the first list of Secrets is over | `end_waits` in `controller.rs` |
//! | reads, claims, asks who owns, and how far a successor is | `gather` in `gather.rs` |
//! | plans, with the hold that another process has left | `pass` in `reconcile.rs` |
//! | finalizer | `act` in `act.rs` |
//! | token, proof, order | `prepare` in `act.rs` |
//! | announces | `announce.rs` |
//! | sends, and notes what was accepted and what had no answer | `send` and `delete` in `act.rs` |
//! | reports, writes the status, remembers | `finish` in `reconcile.rs` |
//! | has said what stays behind | `leave` in `reconcile.rs` |
//! | writes a status again | `statuses.rs` |
//! | leads | `Index::lead`; who does is another model ([`lease`]) |
//!
//! Not in it: admission, which decides when a pass goes on and not what it does, and has a model of its own; a POST and its GET, which
//! are one write here; Secrets that cannot be used; credentials that end.
//!
//! What is taken for granted of the world, and is not so where the limits of the program are:
//!
//! - A write without an answer is carried out within a minute after it was given up, or never.
//! - One that a process was waiting for when it ended is carried out at once, or never; one that it had given up, never.
//! - One is carried out before a later DELETE of the same remote secret, or never.
//! - A process does not end while what a resource without a finalizer has pushed over another one's is not pushed over again, if that
//!   resource is gone.
//! - Where an older one comes and goes, a process that takes over has seen the last status that the one before has written.

mod decisions;
mod ending;
mod explorer;
mod finalizer;
pub(super) mod fingerprint;
mod laws;
mod lease;
mod mutants;
mod operation;
mod pass;
mod replica;
mod scenarios;
mod steps;
mod world;
