//! Requests that write and had no answer. AI Core may carry one out later still, after a later write was accepted: then it holds an
//! older credential, or none, and nothing shows it. One more push, a minute after the accepted one, settles that. Whose push that is
//! does not matter: the late request may have been another resource's, which is gone.

use std::{collections::HashMap, time::Duration};

use crate::{
    api::UnansweredWrite,
    domain::{
        decide::{conflict::Claim, report::whole_seconds},
        parse::object::{Now, ObjectKey},
    },
};

/// So long after the next accepted push the remote secret is pushed once more.
pub(crate) const CONFIRMED_AFTER: Duration = Duration::from_mins(1);
/// For so long a request without an answer is reckoned with.
const RECKONED_WITH: Duration = Duration::from_mins(15);

/// What is open, of all resources. Times are those since the start of the process. There is one entry for each remote secret with a
/// write without an answer, for a quarter of an hour.
#[derive(Debug, Default)]
pub(crate) struct LateWrites {
    /// When the last one was sent, or given up, for a remote secret.
    unanswered: HashMap<Claim, Duration>,
    /// When a resource is to be pushed once more.
    confirmations: HashMap<ObjectKey, Duration>,
}

impl LateWrites {
    /// A write had no answer.
    pub(crate) fn unanswered(&mut self, claim: &Claim, uptime: Duration) {
        // Old entries go when the table would grow, so that it never holds more than twice those that count.
        if self.unanswered.len() == self.unanswered.capacity() {
            self.unanswered.retain(|_, at| counts(*at, uptime));
        }
        self.unanswered.insert(claim.clone(), uptime);
    }

    /// AI Core accepted a push of the resource.
    pub(crate) fn accepted(&mut self, who: &ObjectKey, claim: &Claim, uptime: Duration) {
        if self.unanswered.remove(claim).is_some_and(|at| counts(at, uptime)) {
            if self.confirmations.len() == self.confirmations.capacity() {
                self.confirmations.retain(|_, at| counts(*at, uptime));
            }
            self.confirmations.insert(who.clone(), uptime.saturating_add(CONFIRMED_AFTER));
        } else if self.is_due(who, uptime) {
            self.confirmations.remove(who);
        }
    }

    /// When the resource is to be pushed once more, whatever its status says.
    #[must_use]
    pub(crate) fn confirmation(&self, who: &ObjectKey) -> Option<Duration> {
        self.confirmations.get(who).copied()
    }

    /// Whether that time has come.
    #[must_use]
    pub(crate) fn is_due(&self, who: &ObjectKey, uptime: Duration) -> bool {
        self.confirmation(who).is_some_and(|at| at <= uptime)
    }

    /// What the status of a resource is to keep of it after an attempt of its own. Times that stay the same are not written anew.
    #[must_use]
    pub(crate) fn to_keep(
        &self,
        who: &ObjectKey,
        claim: &Claim,
        before: Option<&UnansweredWrite>,
        now: Now,
    ) -> Option<Box<UnansweredWrite>> {
        let time = before.map_or_else(|| whole_seconds(now.wall), |before| before.time.clone());
        if self.unanswered.get(claim).is_some_and(|at| counts(*at, now.uptime)) {
            return Some(Box::new(UnansweredWrite { time, confirmation_time: None }));
        }
        let left = self.confirmation(who)?.saturating_sub(now.uptime);
        let confirmation_time = before
            .and_then(|before| before.confirmation_time.clone())
            .or_else(|| now.wall.checked_add(left).ok().map(whole_seconds));
        Some(Box::new(UnansweredWrite { time, confirmation_time }))
    }

    /// A status says that a confirmation is to come, which another process was to make.
    pub(crate) fn recall_confirmation(&mut self, who: &ObjectKey, kept: &UnansweredWrite, now: Now) {
        if let Some(at) = &kept.confirmation_time
            && !self.confirmations.contains_key(who)
        {
            // One that is further away than a confirmation can be was written by a clock that is wrong.
            let left = Duration::try_from(at.0.duration_since(now.wall)).unwrap_or_default();
            let left = if left > CONFIRMED_AFTER { Duration::ZERO } else { left };
            self.confirmations.insert(who.clone(), now.uptime.saturating_add(left));
        }
    }

    /// A status says that a write had no answer, of another process or long ago, and that nothing was accepted since.
    pub(crate) fn recall_unanswered(&mut self, claim: &Claim, kept: &UnansweredWrite, now: Now) {
        if kept.confirmation_time.is_none() && !self.unanswered.contains_key(claim) {
            self.unanswered(claim, now.uptime);
        }
    }

    /// The resource is gone. What was sent for it may still be carried out, after the push of another one.
    pub(crate) fn remove(&mut self, who: &ObjectKey) {
        self.confirmations.remove(who);
    }
}

fn counts(at: Duration, uptime: Duration) -> bool {
    uptime.saturating_sub(at) < RECKONED_WITH
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        parse::name::RemoteName,
        testing::{at, key, seconds, tenant},
    };

    fn claim(name: &str) -> Claim {
        Claim { tenant: Arc::new(tenant("one")), remote_name: RemoteName::parse(name).unwrap() }
    }

    #[test]
    fn one_more_push_a_minute_after_the_next_accepted_one_and_no_other() {
        let (mut late, pull, who) = (LateWrites::default(), claim("pull"), key("a"));
        late.accepted(&who, &pull, seconds(1));
        assert_eq!(late.confirmation(&who), None, "all was answered");
        late.unanswered(&pull, seconds(10));
        late.unanswered(&pull, seconds(40));
        assert_eq!(late.confirmation(&who), None, "nothing was accepted yet");
        late.accepted(&who, &pull, seconds(50));
        assert_eq!(late.confirmation(&who), Some(seconds(110)));
        // A rotation meanwhile is early: the late request may still come after it.
        late.accepted(&who, &pull, seconds(100));
        assert_eq!(late.confirmation(&who), Some(seconds(110)));
        assert!(!late.is_due(&who, seconds(109)) && late.is_due(&who, seconds(110)));
        late.accepted(&who, &pull, seconds(111));
        assert_eq!(late.confirmation(&who), None);
        late.accepted(&who, &pull, seconds(500));
        assert_eq!(late.confirmation(&who), None);
    }

    /// The DELETE of one that is gone can hit what the next one has pushed.
    #[test]
    fn the_next_owner_confirms_what_the_last_one_left_open() {
        let (mut late, pull) = (LateWrites::default(), claim("pull"));
        late.unanswered(&pull, seconds(10));
        late.remove(&key("gone"));
        late.accepted(&key("other"), &claim("other"), seconds(11));
        late.accepted(&key("heir"), &pull, seconds(12));
        assert_eq!(late.confirmation(&key("heir")), Some(seconds(72)));
        assert_eq!(late.confirmation(&key("other")), None);
        late.remove(&key("heir"));
        assert_eq!(late.confirmation(&key("heir")), None);
    }

    /// What one process leaves in the status another one goes on with.
    #[test]
    fn another_process_confirms() {
        let (pull, who) = (claim("pull"), key("a"));
        let now = |after: u64| Now {
            wall: at(1000 + i64::try_from(after).unwrap()),
            uptime: seconds(after),
            leading: seconds(after),
        };
        let mut late = LateWrites::default();
        assert_eq!(late.to_keep(&who, &pull, None, now(1)), None);
        late.unanswered(&pull, seconds(10));
        let open = late.to_keep(&who, &pull, None, now(10)).unwrap();
        assert_eq!((open.time.0, &open.confirmation_time), (at(1010), &None));
        late.unanswered(&pull, seconds(20));
        assert_eq!(late.to_keep(&who, &pull, Some(&open), now(20)), Some(open.clone()), "no news");

        // It ended before anything was accepted.
        let restarted = |after: u64| Now {
            wall: at(2000 + i64::try_from(after).unwrap()),
            uptime: seconds(after),
            leading: seconds(after),
        };
        let mut late = LateWrites::default();
        late.recall_confirmation(&who, &open, restarted(0));
        assert_eq!(late.confirmation(&who), None);
        late.recall_unanswered(&pull, &open, restarted(1));
        assert_eq!(
            late.to_keep(&who, &pull, Some(&open), restarted(1)),
            Some(open.clone()),
            "it was refused"
        );
        late.accepted(&who, &pull, seconds(2));
        let due = late.to_keep(&who, &pull, Some(&open), restarted(2)).unwrap();
        assert_eq!((due.time.0, due.confirmation_time.as_ref().unwrap().0), (at(1010), at(2062)));
        late.accepted(&who, &pull, seconds(30));
        assert_eq!(late.to_keep(&who, &pull, Some(&due), restarted(30)), Some(due.clone()), "early");

        // It ended before the confirmation.
        for (wall, expected) in [(2030, 32), (2062, 0), (9000, 0), (0, 0)] {
            let mut late = LateWrites::default();
            let now = Now { wall: at(wall), ..restarted(0) };
            late.recall_unanswered(&pull, &due, now);
            for _ in 0..2 {
                late.recall_confirmation(&who, &due, now);
                assert_eq!(late.confirmation(&who), Some(seconds(expected)), "{wall}");
            }
            late.accepted(&who, &pull, seconds(expected));
            assert_eq!(late.to_keep(&who, &pull, Some(&due), Now { uptime: seconds(expected), ..now }), None);
        }
    }

    #[test]
    fn what_is_long_past_needs_no_confirmation() {
        let (mut late, pull) = (LateWrites::default(), claim("pull"));
        late.unanswered(&pull, seconds(10));
        late.accepted(&key("a"), &pull, seconds(10) + RECKONED_WITH);
        assert_eq!(late.confirmation(&key("a")), None);
    }

    proptest! {
        #[test]
        fn old_entries_do_not_add_up(gap in 10_u64..100) {
            let mut late = LateWrites::default();
            for number in 0..2000_u64 {
                let (name, now) = (format!("r{number}"), seconds(number * gap));
                late.unanswered(&claim(&name), now);
                late.accepted(&key(&name), &claim(&name), now);
                late.unanswered(&claim(&name), now);
            }
            let alive = usize::try_from(RECKONED_WITH.as_secs() / gap).unwrap() + 100;
            prop_assert!(late.unanswered.len() <= 2 * alive, "{}", late.unanswered.len());
            prop_assert!(late.confirmations.len() <= 2 * alive, "{}", late.confirmations.len());
        }
    }
}
