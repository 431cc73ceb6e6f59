//! What the process remembers of a resource beyond its status, and what each pass makes of it.

use std::{sync::Arc, time::Duration};

use crate::domain::decide::backoff::{self, Backoff};

/// What is remembered from one pass to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    /// What delays the next attempt.
    pub retry: Retry,
    /// The Secrets' versions that were read since the last push and held the same content.
    pub checked: Option<Checked>,
    /// Whether the status could not be written yet.
    pub(crate) unsaved: bool,
}

/// What failed, on each of the two sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Retry {
    /// The failed attempt at AI Core that delays the next one.
    pub backoff: Option<Backoff>,
    /// Passes in a row that failed because of the API server, or found that the operator may not read a Secret.
    pub(crate) api_failures: u32,
}

/// resourceVersions of the two Secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Of the Secret with the registry credential.
    pub source: Arc<str>,
    /// Of the Secret with the service key.
    pub service_key: Arc<str>,
}

impl Memory {
    /// After a pass that the API server made fail: what to remember, and when to repeat the pass. `jitter` is in `0.0..=1.0`.
    #[must_use]
    pub(crate) fn after_api_failure(&self, jitter: f64) -> (Self, Duration) {
        let api_failures = self.retry.api_failures.saturating_add(1);
        let retry = Retry { api_failures, ..self.retry.clone() };
        (Self { retry, ..self.clone() }, backoff::api_delay(api_failures, jitter))
    }

    /// When the status of a pass could not be written: it is written again, and what was done is not repeated for it. The
    /// failures of the API server, of which there were `api_failures` before the pass, go on counting.
    #[must_use]
    pub(crate) fn with_unsaved_status(self, api_failures: u32) -> Self {
        Self { retry: Retry { api_failures, ..self.retry }, unsaved: true, ..self }
    }

    /// When a status that could not be written earlier is written.
    #[must_use]
    pub(crate) fn with_saved_status(&self) -> Self {
        Self { unsaved: false, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        decide::reason::Reason,
        testing::{a_backoff, a_new_status, an_object, an_observation, failure, seconds},
    };

    fn a_memory() -> Memory {
        let (object, status) = (an_object(), a_new_status());
        let observed = an_observation(&object, &status);
        let backoff = a_backoff(&observed, failure(Reason::Forbidden), seconds(60));
        Memory {
            retry: Retry { backoff: Some(backoff), api_failures: 0 },
            checked: Some(Checked { source: "10".into(), service_key: "20".into() }),
            unsaved: false,
        }
    }

    #[test]
    fn failures_of_the_api_server_add_up_and_leave_everything_else() {
        let before = a_memory();
        let mut memory = before.clone();
        let mut delays = Vec::new();
        for _ in 0..11 {
            let (next, delay) = memory.after_api_failure(1.0);
            memory = next;
            delays.push(delay.as_secs());
        }
        assert_eq!(delays, [1, 2, 4, 8, 10, 10, 10, 10, 10, 10, 10]);
        assert_eq!(memory.retry.api_failures, 11);
        memory.retry.api_failures = 0;
        assert_eq!(memory, before);
    }

    #[test]
    fn the_delay_is_spread_and_never_nothing() {
        let memory = Memory { retry: Retry { api_failures: 2, ..Retry::default() }, ..Memory::default() };
        assert_eq!(memory.after_api_failure(0.5).1, seconds(2));
        assert_eq!(memory.after_api_failure(0.0).1, Duration::from_millis(400));
    }

    #[test]
    fn a_status_that_was_not_written_is_remembered_until_it_is() {
        let unsaved = a_memory().with_unsaved_status(3);
        assert!(unsaved.unsaved);
        assert_eq!(unsaved.retry.api_failures, 3, "a failed write does not start the count anew");
        assert_eq!(unsaved.retry.backoff, a_memory().retry.backoff);
        let (failed, _) = unsaved.after_api_failure(1.0);
        assert!(failed.unsaved);
        let saved = failed.with_saved_status();
        assert_eq!((saved.unsaved, saved.retry.api_failures), (false, 4), "the pass is not over yet");
    }
}
