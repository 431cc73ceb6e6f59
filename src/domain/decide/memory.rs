//! What the process remembers of a resource beyond its status, and what each pass makes of it.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    decide::{
        arrival::Sent,
        backoff::{self, Backoff},
        known::Versions,
    },
    parse::object::Now,
};

/// What is remembered from one pass to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Memory {
    /// What delays the next attempt.
    pub retry: Retry,
    /// The Secrets' versions that were read since the last push and held the same content.
    pub checked: Option<SecretVersions>,
    /// When the last push was, by the clock of this process.
    pub(crate) synced: Option<Synced>,
    /// Since when a resource that is being deleted waits for its successor, as time since the start of the process.
    pub(crate) handing_over: Option<Duration>,
    /// What was sent for it, as far as the status does not say it.
    pub(crate) sent: Sent,
}

/// What failed, on each of the two sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Retry {
    /// The failed attempt at AI Core that delays the next one. Few resources have one, and all have room for it.
    pub backoff: Option<Box<Backoff>>,
    /// Passes in a row that failed because of the API server, or found that the operator may not read a Secret.
    pub(crate) api_failures: u32,
}

/// resourceVersions of the two Secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersions {
    /// Of the Secret with the registry credential.
    pub source: Arc<str>,
    /// Of the Secret with the service key.
    pub service_key: Arc<str>,
}

impl SecretVersions {
    /// As what is seen of them is compared.
    #[must_use]
    pub(crate) fn as_seen(&self) -> Versions<'_> {
        Versions { source: Some(&self.source), service_key: Some(&self.service_key) }
    }
}

/// The last accepted push, by a clock that nobody sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    /// Which one: `lastSyncTime` of the status, in seconds.
    second: i64,
    /// When it was, in milliseconds since the start of the process; before it if negative.
    uptime: i64,
}

impl Synced {
    /// A push that the status gives this time, and that was `age` ago.
    #[must_use]
    pub(crate) fn new(time: Timestamp, age: SignedDuration, now: Now) -> Self {
        Self {
            second: time.as_second(),
            uptime: millis(now).saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// How long ago a push is that the status gives this time: by this clock if it is the one that was remembered, else by the
    /// wall clock, which may have been set since.
    #[must_use]
    pub(crate) fn age(remembered: Option<Self>, time: Timestamp, now: Now) -> SignedDuration {
        match remembered {
            Some(Self { second, uptime }) if second == time.as_second() => {
                SignedDuration::from_millis(millis(now).saturating_sub(uptime))
            }
            _ => now.wall.duration_since(time),
        }
    }
}

fn millis(now: Now) -> i64 {
    i64::try_from(now.uptime.as_millis()).unwrap_or(i64::MAX)
}

impl Memory {
    /// After a pass that the API server made fail: what to remember, and when to repeat the pass. `jitter` is in `0.0..=1.0`.
    #[must_use]
    pub(crate) fn after_api_failure(&self, jitter: f64) -> (Self, Duration) {
        let api_failures = self.retry.api_failures.saturating_add(1);
        let retry = Retry { api_failures, ..self.retry.clone() };
        (Self { retry, ..self.clone() }, backoff::api_delay(api_failures, jitter))
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
            retry: Retry { backoff: Some(Box::new(backoff)), api_failures: 0 },
            checked: Some(SecretVersions { source: "10".into(), service_key: "20".into() }),
            synced: None,
            handing_over: None,
            sent: Sent::Nothing,
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
}
