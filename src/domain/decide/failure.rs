//! What went wrong in a pass, in a form that holds no secret.

use std::{borrow::Cow, time::Duration};

use crate::domain::{
    decide::reason::Reason,
    parse::{bounds, object::ObjectKey},
};

/// A failed attempt, as status, events and pacing need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub reason: Reason,
    /// One sentence: what is wrong, where, and what to do.
    pub message: String,
    /// The server's id of the request, where the message names it. The same failure has another at the next attempt.
    pub(crate) request_id: Option<String>,
    /// How long the server asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the attempt has shown that AI Core does not hold the secret at all, so that a credential pushed earlier is
    /// gone.
    pub(crate) remote_absent: bool,
    /// Whether AI Core may have done what it was asked for all the same: a request that writes had no answer, or one that does not
    /// say whether it was done.
    pub(crate) may_have_arrived: bool,
}

impl Failure {
    /// A failure that says nothing about time or about what AI Core holds. A message above 4 KiB is cut.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let message = bounds::cut(message.into(), bounds::MESSAGE);
        Self {
            reason,
            message,
            request_id: None,
            retry_after: None,
            remote_absent: false,
            may_have_arrived: false,
        }
    }

    /// Whether it says the same as another, but for the ids of the requests.
    #[must_use]
    pub fn repeats(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.remote_absent == other.remote_absent
            && self.message_without_id() == other.message_without_id()
    }

    fn message_without_id(&self) -> Cow<'_, str> {
        match &self.request_id {
            Some(id) if !id.is_empty() => self.message.replace(id.as_str(), "").into(),
            _ => (&self.message).into(),
        }
    }

    /// There is no Secret of the name that the spec's `field` has.
    #[must_use]
    pub(crate) fn secret_missing(reason: Reason, field: &str, key: &ObjectKey) -> Self {
        Self::new(
            reason,
            format!(
                "Secret {:?}, which {field} names, does not exist in namespace {:?}; create it; the operator continues as \
                 soon as it exists",
                key.name, key.namespace
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(id: Option<&str>, message: &str) -> Failure {
        Failure { request_id: id.map(str::to_owned), ..Failure::new(Reason::RemoteUnavailable, message) }
    }

    #[test]
    fn the_same_failure_repeats_under_another_id() {
        let first = failure(Some("r-1"), "HTTP 503 (request id r-1): busy, see r-1");
        assert!(failure(Some("r-22"), "HTTP 503 (request id r-22): busy, see r-22").repeats(&first));
        assert!(!failure(Some("r-22"), "HTTP 502 (request id r-22): busy, see r-22").repeats(&first));
        assert!(!failure(None, "HTTP 503: busy").repeats(&first));
        let absent = Failure { remote_absent: true, ..first.clone() };
        assert!(!absent.repeats(&first));
        let other = Failure { reason: Reason::RateLimited, ..first.clone() };
        assert!(!other.repeats(&first));
    }
}
