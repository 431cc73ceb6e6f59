//! When to ask a tenant that is unavailable again: seldom, however many resources wait for it, and soon enough that nobody waits for
//! long once it is there.

use std::time::Duration;

/// From so many attempts in a row on that found the tenant unavailable, not all of one resource, it is only probed.
const OUTAGE: u32 = 2;
/// Time between the first two probes.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// Longest time between two probes.
pub const LONGEST_PROBE: Duration = Duration::from_secs(10);

/// Whether a tenant is unavailable, as those find that ask it. `R` tells one resource from another.
#[derive(Clone, Debug)]
pub struct Outage<R> {
    /// Attempts in a row that found it unavailable.
    failures: u32,
    last_failed: Option<R>,
    probe_at: Duration,
    /// When the last attempt was let in.
    let_in_at: Duration,
}

impl<R> Default for Outage<R> {
    fn default() -> Self {
        Self { failures: 0, last_failed: None, probe_at: Duration::ZERO, let_in_at: Duration::ZERO }
    }
}

impl<R: Clone + PartialEq> Outage<R> {
    /// When the next probe may go; `None`: there is no outage, so that nobody has to wait.
    #[must_use]
    pub fn next_probe(&self) -> Option<Duration> {
        (self.failures >= OUTAGE).then_some(self.probe_at)
    }

    /// When an attempt that a person asks for may go, sooner than the next probe; `None`: there is no outage. However many ask, it is
    /// one in a second.
    #[must_use]
    pub fn next_asked_for(&self) -> Option<Duration> {
        self.next_probe().map(|probe| probe.min(self.let_in_at + FIRST_PROBE))
    }

    /// An attempt is let in. In an outage it is the probe, and the next one comes later.
    pub fn let_in(&mut self, now: Duration) {
        self.let_in_at = now;
        if let Some(beyond) = self.failures.checked_sub(OUTAGE) {
            let growth = 2_u32.saturating_pow(beyond);
            self.probe_at = now + FIRST_PROBE.saturating_mul(growth).min(LONGEST_PROBE);
        }
    }

    /// What was let in did not ask for anything: the next may find out instead.
    pub fn unused(&mut self, now: Duration) {
        self.probe_at = self.probe_at.min(now);
    }

    /// An attempt found the tenant available.
    pub fn was_available(&mut self) {
        self.failures = 0;
        self.last_failed = None;
    }

    /// An attempt of that resource found the tenant unavailable. What one resource meets again and again may be a matter of that
    /// resource, so it takes another one to make an outage.
    pub fn was_unavailable(&mut self, who: &R, now: Duration) {
        if self.failures >= OUTAGE || self.last_failed.as_ref() != Some(who) {
            self.failures = self.failures.saturating_add(1);
            if self.failures == OUTAGE {
                self.probe_at = now + FIRST_PROBE;
            }
        }
        self.last_failed = Some(who.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::seconds;

    fn admits(outage: &Outage<&str>, now: Duration) -> bool {
        outage.next_probe().is_none_or(|probe| now >= probe)
    }

    #[test]
    fn one_probe_follows_the_other_at_growing_distances() {
        let mut outage = Outage::default();
        outage.was_unavailable(&"a", seconds(0));
        outage.was_unavailable(&"a", seconds(0));
        assert!(admits(&outage, seconds(0)), "this may be a matter of that resource");
        outage.was_unavailable(&"b", seconds(0));
        let mut probes = Vec::new();
        for now in (0..60).map(seconds) {
            if admits(&outage, now) {
                outage.let_in(now);
                probes.push(now.as_secs());
                outage.was_unavailable(&"c", now);
            }
        }
        assert_eq!(probes, [1, 2, 4, 8, 16, 26, 36, 46, 56]);
        assert!(!admits(&outage, seconds(60)));
        outage.unused(seconds(60));
        assert!(admits(&outage, seconds(60)), "this one found out nothing");
        outage.was_available();
        assert!(admits(&outage, seconds(60)));
    }
    #[test]
    fn what_a_person_asks_for_goes_once_in_a_second() {
        let mut outage = Outage::default();
        assert_eq!(outage.next_asked_for(), None);
        outage.was_unavailable(&"a", seconds(0));
        outage.was_unavailable(&"b", seconds(0));
        for now in [1, 2, 4, 8, 16].map(seconds) {
            outage.let_in(now);
            outage.was_unavailable(&"a", now);
        }
        assert_eq!((outage.next_probe(), outage.next_asked_for()), (Some(seconds(26)), Some(seconds(17))));
        outage.let_in(seconds(20));
        assert_eq!((outage.next_probe(), outage.next_asked_for()), (Some(seconds(30)), Some(seconds(21))));
        outage.was_available();
        assert_eq!(outage.next_asked_for(), None);
    }
}
