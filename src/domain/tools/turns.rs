//! Turns at a rate: whoever comes too early is told how long to wait, and keeps its turn. Somebody who is in the middle of its work
//! may cut in before those who have not begun; their turns come later then, so that no more requests go out in the same time.

use std::time::Duration;

use super::bucket::Rate;

/// A turn that was given out. Later ones have larger numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn(u64);

/// Who may send when, at a rate. The places in time are those of a token bucket, one gap apart, and the state is the time at which
/// it will be full again (generic cell rate algorithm).
#[derive(Clone, Copy, Debug, Default)]
pub struct Turns {
    full_at: Duration,
    /// The number of the last turn that was given out.
    last: u64,
    /// Turns below this one have come, whoever cut in since.
    come: u64,
    /// The place of the last one who cut in.
    cut_in_at: Duration,
}

impl Turns {
    /// Takes a place behind all others.
    pub fn reserve(&mut self, rate: Rate, uptime: Duration) -> Turn {
        self.full_at = self.full_at.max(uptime) + rate.gap();
        self.last += 1;
        Turn(self.last)
    }

    /// The time until a turn comes. It can become longer, by a gap for each who cuts in before it comes.
    #[must_use]
    pub fn left(&self, rate: Rate, turn: Turn, uptime: Duration) -> Duration {
        if turn.0 < self.come {
            return Duration::ZERO;
        }
        let behind = u32::try_from(self.last.saturating_sub(turn.0)).unwrap_or(u32::MAX);
        self.last_place(rate).saturating_sub(rate.gap().saturating_mul(behind)).saturating_sub(uptime)
    }

    /// Takes the first place of those whose turn has not come, ahead of all of them, and returns the time until then: one gap for
    /// each who has cut in before and still waits, and at most one more.
    pub fn cut_in(&mut self, rate: Rate, uptime: Duration) -> Duration {
        let gap = rate.gap();
        let waiting = self.waiting(rate, uptime);
        let place = match waiting.checked_sub(1) {
            Some(others) => {
                self.come = self.come.max((self.last + 1).saturating_sub(u64::from(waiting)));
                let first = self.last_place(rate).saturating_sub(gap.saturating_mul(others));
                self.full_at += gap;
                first
            }
            None => {
                self.come = self.last + 1;
                self.full_at = self.full_at.max(uptime) + gap;
                self.last_place(rate)
            }
        };
        self.cut_in_at = self.cut_in_at.max(place);
        place.saturating_sub(uptime)
    }

    /// The last place that was given out. `burst` places are free at once.
    fn last_place(&self, rate: Rate) -> Duration {
        self.full_at.saturating_sub(rate.gap().saturating_mul(rate.burst))
    }

    /// How many turns have not come: the places after those of whoever cut in.
    fn waiting(&self, rate: Rate, uptime: Duration) -> u32 {
        let ahead = self.last_place(rate).saturating_sub(uptime.max(self.cut_in_at)).as_nanos();
        u32::try_from(ahead.div_ceil(rate.gap().as_nanos().max(1))).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
