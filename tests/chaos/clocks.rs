//! The wall clocks of the replicas, which are set wrong now and then. What a log says of the time is read back by them.

use std::time::Duration;

use jiff::SignedDuration;

use crate::recording::Time;

/// Between setting a clock and noting it.
const MEANWHILE: Duration = Duration::from_millis(20);

/// How far the clock of one replica was ahead, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Vec<(Time, SignedDuration)>);

impl Default for Clock {
    fn default() -> Self {
        Self(vec![(Time::ZERO, SignedDuration::ZERO)])
    }
}

impl Clock {
    /// It is so much ahead from now on.
    pub(crate) fn set(&mut self, now: Time, ahead: SignedDuration) {
        self.0.push((now, ahead));
    }

    /// When it was that it showed so much more than at the beginning; the first time, if there were several.
    pub(crate) fn when(&self, shown: SignedDuration) -> Option<Time> {
        let ends = self.0.iter().skip(1).map(|(until, _)| Some(*until)).chain([None]);
        self.0.iter().zip(ends).find_map(|((from, ahead), until)| {
            let time = Duration::try_from(shown.checked_sub(*ahead)?).ok()?;
            let meanwhile = *from <= time + MEANWHILE && until.is_none_or(|until| time <= until + MEANWHILE);
            meanwhile.then_some(time)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_showed_is_read_back() {
        let (seconds, hours) = (Duration::from_secs, SignedDuration::from_hours);
        let mut clock = Clock::default();
        clock.set(seconds(10), hours(1));
        clock.set(seconds(20), hours(-1));
        clock.set(seconds(30), SignedDuration::ZERO);
        for (ahead, time) in [(0, 5), (1, 15), (-1, 25), (0, 35)] {
            assert_eq!(
                clock.when(hours(ahead) + SignedDuration::from_secs(time)),
                Some(seconds(time.unsigned_abs()))
            );
        }
        assert_eq!(clock.when(hours(2)), Some(seconds(7_200)), "since it was set right");
        assert_eq!(clock.when(hours(-2)), None);
    }
}
