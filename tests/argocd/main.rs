//! The project's files for Argo CD, in a real one: its application controller judges resources that are in Git by the health check of
//! `deploy/argocd`, and its API server runs the actions.
//!
//! `make argocd-test` runs these scenarios where Argo CD can be built and run (`testbed::argocd`). They wait for conditions, never for
//! fixed times.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reports what is wrong by a panic, also from a helper"
)]
#![allow(clippy::disallowed_methods, reason = "the scenarios have the real clock")]

mod actions;
mod health;
mod stage;
