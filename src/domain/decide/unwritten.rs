//! When to write a status again that the API server has not taken. Nothing else waits for it.

use std::time::Duration;

/// Longest pause between two attempts to write one status: what was refused may be taken a moment later, and nobody tells.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long after a write without an answer a status is written once more: by then a late one has arrived, over a newer one.
pub(crate) const CONFIRMED_AFTER: Duration = Duration::from_mins(1);

/// First pause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A status of which it is not certain that the API server has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// The API server does not have it, as far as is known.
    Owed {
        /// Attempts in a row that failed.
        attempts: u32,
        /// Earliest time of the next attempt, in time since the start of the process.
        not_before: Duration,
        /// Whether one of them had no answer, and may still arrive.
        unanswered: bool,
    },
    /// The API server has taken it, and an earlier write, of which nobody knows what became of it, may come after it.
    Unconfirmed {
        /// When it is written once more, in time since the start of the process.
        at: Duration,
    },
}

impl Unwritten {
    /// After an attempt at `uptime` that failed; `answered` if the API server said so itself. `turn` is how long to wait at
    /// least, because others are tried before. `jitter` is in `0.0..=1.0`.
    #[must_use]
    pub(crate) fn after_failure(
        before: Option<Self>,
        answered: bool,
        turn: Duration,
        uptime: Duration,
        jitter: f64,
    ) -> Self {
        let (attempts, unanswered) = match before {
            Some(Self::Owed { attempts, unanswered, .. }) => (attempts, unanswered),
            Some(Self::Unconfirmed { .. }) => (0, true),
            None => (0, false),
        };
        let ceiling = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts)).min(LONGEST_PAUSE);
        let pause = ceiling.mul_f64(f64::midpoint(1.0, jitter.clamp(0.0, 1.0)));
        Self::Owed {
            attempts: attempts.saturating_add(1),
            not_before: uptime.saturating_add(pause.max(turn)),
            unanswered: unanswered || !answered,
        }
    }

    /// After an attempt at `uptime` that was accepted; `None`: the API server has it for certain.
    #[must_use]
    pub(crate) fn after_success(before: Option<Self>, uptime: Duration) -> Option<Self> {
        match before {
            Some(Self::Owed { unanswered: true, .. }) => {
                Some(Self::Unconfirmed { at: uptime.saturating_add(CONFIRMED_AFTER) })
            }
            Some(Self::Unconfirmed { at }) => (uptime < at).then_some(Self::Unconfirmed { at }),
            Some(Self::Owed { .. }) | None => None,
        }
    }

    /// When the next attempt is due, in time since the start of the process.
    #[must_use]
    pub(crate) fn due(self) -> Duration {
        match self {
            Self::Owed { not_before, .. } => not_before,
            Self::Unconfirmed { at } => at,
        }
    }

    /// Whether the API server does not have it, as far as is known.
    #[must_use]
    pub(crate) fn is_owed(self) -> bool {
        matches!(self, Self::Owed { .. })
    }

    /// Attempts in a row that failed.
    #[must_use]
    pub(crate) fn attempts(self) -> u32 {
        match self {
            Self::Owed { attempts, .. } => attempts,
            Self::Unconfirmed { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::testing::seconds;

    fn failed(before: Option<Unwritten>, uptime: Duration) -> Unwritten {
        Unwritten::after_failure(before, true, Duration::ZERO, uptime, 1.0)
    }

    #[test]
    fn the_pause_doubles_up_to_its_bound() {
        let (mut unwritten, mut uptime, mut pauses) = (None, seconds(100), Vec::new());
        for _ in 0..7 {
            let next = failed(unwritten, uptime);
            pauses.push((next.due() - uptime).as_secs());
            uptime = next.due();
            unwritten = Some(next);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
        assert_eq!(unwritten.map(Unwritten::attempts), Some(7));
    }

    #[test]
    fn who_has_many_before_it_waits_for_its_turn() {
        let next = Unwritten::after_failure(None, true, seconds(40), seconds(100), 0.0);
        assert_eq!(next.due(), seconds(140));
    }

    #[test]
    fn what_was_refused_is_certain_once_it_is_taken() {
        assert_eq!(Unwritten::after_success(None, seconds(1)), None);
        assert_eq!(Unwritten::after_success(Some(failed(None, seconds(1))), seconds(2)), None);
    }

    /// A write that nobody answered may arrive after the one that was accepted.
    #[test]
    fn what_had_no_answer_is_written_once_more_later() {
        let lost = Unwritten::after_failure(None, false, Duration::ZERO, seconds(1), 1.0);
        let refused = failed(Some(lost), seconds(3));
        let taken = Unwritten::after_success(Some(refused), seconds(10));
        assert_eq!(taken, Some(Unwritten::Unconfirmed { at: seconds(70) }));
        assert!(!taken.is_some_and(Unwritten::is_owed));
        // Another status meanwhile changes nothing about that.
        assert_eq!(Unwritten::after_success(taken, seconds(30)), taken);
        assert_eq!(Unwritten::after_success(taken, seconds(70)), None);
        // Nor does one that is refused meanwhile.
        let again = failed(taken, seconds(30));
        assert_eq!(again.attempts(), 1);
        assert!(Unwritten::after_success(Some(again), seconds(31)).is_some());
    }

    proptest! {
        #[test]
        fn the_pause_has_its_bounds(attempts in 0_u32..100, jitter in -1.0..2.0_f64, uptime in 0_u64..1_000_000) {
            let before = Unwritten::Owed { attempts, not_before: Duration::ZERO, unanswered: false };
            let pause = failed(Some(before), seconds(uptime)).due() - seconds(uptime);
            prop_assert!(pause >= FIRST_PAUSE && pause <= LONGEST_PAUSE);
            let drawn = Unwritten::after_failure(Some(before), true, Duration::ZERO, seconds(uptime), jitter);
            let pause = drawn.due() - seconds(uptime);
            prop_assert!(pause >= FIRST_PAUSE / 2 && pause <= LONGEST_PAUSE);
        }
    }
}
