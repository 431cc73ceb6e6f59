//! What went wrong in a pass, in a form that holds no secret.

use std::time::Duration;

use super::{bounds, object::ObjectKey, reason::Reason};

/// A failed attempt, as status, events and pacing need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub reason: Reason,
    /// One sentence: what is wrong, where, and what to do.
    pub message: String,
    /// How long the server asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the attempt has shown that AI Core does not hold the secret at all, so that a credential pushed earlier is
    /// gone.
    pub remote_absent: bool,
}

impl Failure {
    /// A failure that says nothing about time or about what AI Core holds. A message above 4 KiB is cut.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let message = bounds::cut(message.into(), bounds::MESSAGE);
        Self { reason, message, retry_after: None, remote_absent: false }
    }

    /// There is no Secret of the name that the spec's `field` has.
    #[must_use]
    pub fn secret_missing(reason: Reason, field: &str, key: &ObjectKey) -> Self {
        Self::new(
            reason,
            format!(
                "Secret {:?}, which {field} names, does not exist in namespace {:?}; the operator goes on as soon as it is \
                 created",
                key.name, key.namespace
            ),
        )
    }
}
