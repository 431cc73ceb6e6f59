//! What the owner of a control plane and its supervisor say to each other: one JSON value per line.
//!
//! The supervisor first answers [`Reply::Ready`] or [`Reply::Failed`], and then every request with one line.
//! The end of its standard input is the request to stop everything.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Owner to supervisor: what to do with the servers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Stop,
    Start,
    Pause,
    Resume,
    Save,
    Restore,
    Compact,
}

/// Supervisor to owner.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The API server answers.
    Ready {
        /// The administrator's kubeconfig.
        kubeconfig: PathBuf,
    },
    Done,
    /// Why something failed, for a person to read.
    Failed(String),
}
