//! Requests that write and had no answer. AI Core may carry one out later still, after a later write was accepted: then it holds an
//! older credential, or none, and nothing shows it. One more push, a minute after the accepted one, settles that. Whose push that is
//! does not matter: the late request may have been another resource's, which is gone.

use std::{collections::HashMap, time::Duration};

use crate::{
    api::UnansweredWrite,
    domain::{
        decide::conflict::Claim,
        parse::object::{Now, ObjectKey},
        tools::time::whole_seconds,
    },
};

/// So long after the next accepted push the remote secret is pushed once more.
pub(crate) const CONFIRMED_AFTER: Duration = Duration::from_mins(1);
/// For so long a request without an answer is reckoned with.
const RECKONED_WITH: Duration = Duration::from_mins(15);

/// What is open, of all resources. Times are those since the start of the process. There is one entry for each remote secret with a
/// write without an answer, for a quarter of an hour.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct LateWrites {
    /// When the last one was sent, or given up, for a remote secret.
    unanswered: HashMap<Claim, Duration>,
    /// Who is to push a remote secret once more, and when.
    confirmations: HashMap<Claim, Confirmation>,
    /// What each of those is to push.
    by_resource: HashMap<ObjectKey, Claim>,
}

#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Hash))]
struct Confirmation {
    who: ObjectKey,
    at: Duration,
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

    /// AI Core accepted a push of the resource. If another one was to push this once more, it is this one's now: the late request
    /// may still come, and the other may not push any more.
    pub(crate) fn accepted(&mut self, who: &ObjectKey, claim: &Claim, uptime: Duration) {
        // It pushes another remote secret now, and would confirm the one of before with each push and for ever.
        if self.by_resource.get(who).is_some_and(|pending| pending != claim) {
            self.release(who);
        }
        let pending = self.confirmations.remove(claim);
        if let Some(pending) = &pending {
            self.by_resource.remove(&pending.who);
        }
        let at = if self.unanswered.remove(claim).is_some_and(|at| counts(at, uptime)) {
            Some(uptime.saturating_add(CONFIRMED_AFTER))
        } else {
            // One whose time has come was this push.
            pending.map(|pending| pending.at).filter(|at| *at > uptime)
        };
        if let Some(at) = at {
            self.confirm(who, claim, at, uptime);
        }
    }

    fn confirm(&mut self, who: &ObjectKey, claim: &Claim, at: Duration, uptime: Duration) {
        self.release(who);
        if self.confirmations.len() == self.confirmations.capacity() {
            let Self { confirmations, by_resource, .. } = self;
            confirmations.retain(|_, confirmation| counts(confirmation.at, uptime));
            by_resource.retain(|_, claim| confirmations.contains_key(claim));
        }
        self.confirmations.insert(claim.clone(), Confirmation { who: who.clone(), at });
        self.by_resource.insert(who.clone(), claim.clone());
    }

    /// When the resource is to be pushed once more, whatever its status says.
    #[must_use]
    pub(crate) fn confirmation(&self, who: &ObjectKey) -> Option<Duration> {
        Some(self.confirmations.get(self.by_resource.get(who)?)?.at)
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

    /// The status of a resource that has pushed this says that a confirmation is to come, which another process was to make.
    pub(crate) fn recall_confirmation(
        &mut self,
        who: &ObjectKey,
        claim: &Claim,
        kept: &UnansweredWrite,
        now: Now,
    ) {
        if let Some(at) = &kept.confirmation_time
            && !self.by_resource.contains_key(who)
            && !self.confirmations.contains_key(claim)
        {
            // One that is further away than a confirmation can be was written by a clock that is wrong.
            let left = Duration::try_from(at.0.duration_since(now.wall)).unwrap_or_default();
            let left = if left > CONFIRMED_AFTER { Duration::ZERO } else { left };
            self.confirm(who, claim, now.uptime.saturating_add(left), now.uptime);
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
        self.release(who);
    }

    /// What the resource was to push once more is as open as before it was accepted.
    fn release(&mut self, who: &ObjectKey) {
        if let Some(claim) = self.by_resource.remove(who)
            && let Some(confirmation) = self.confirmations.remove(&claim)
        {
            self.unanswered(&claim, confirmation.at.saturating_sub(CONFIRMED_AFTER));
        }
    }
}

#[cfg(test)]
impl std::hash::Hash for LateWrites {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let Self { unanswered, confirmations, by_resource: _ } = self;
        crate::domain::testing::hash_unordered(unanswered, state);
        crate::domain::testing::hash_unordered(confirmations, state);
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

    /// The one that was accepted first may have lost to an older one since.
    #[test]
    fn whoever_pushes_next_takes_over_the_confirmation() {
        let (mut late, pull) = (LateWrites::default(), claim("pull"));
        late.unanswered(&pull, seconds(10));
        late.accepted(&key("younger"), &pull, seconds(11));
        late.accepted(&key("older"), &pull, seconds(12));
        assert_eq!(late.confirmation(&key("younger")), None);
        assert_eq!(late.confirmation(&key("older")), Some(seconds(71)));
        late.accepted(&key("older"), &pull, seconds(71));
        assert_eq!(late.confirmation(&key("older")), None);
        late.unanswered(&pull, seconds(100));
        late.accepted(&key("younger"), &pull, seconds(101));
        late.accepted(&key("older"), &pull, seconds(161));
        assert_eq!(late.confirmation(&key("older")), None, "that was late enough itself");
    }

    #[test]
    fn what_one_that_goes_was_to_confirm_is_open_again() {
        let (mut late, pull) = (LateWrites::default(), claim("pull"));
        late.unanswered(&pull, seconds(10));
        late.accepted(&key("gone"), &pull, seconds(11));
        late.remove(&key("gone"));
        late.accepted(&key("heir"), &pull, seconds(12));
        assert_eq!(late.confirmation(&key("heir")), Some(seconds(72)));
        // So is what one was to confirm that pushes another remote secret now.
        let other = claim("other");
        late.unanswered(&other, seconds(20));
        late.accepted(&key("heir"), &other, seconds(21));
        assert_eq!(late.confirmation(&key("heir")), Some(seconds(81)));
        late.accepted(&key("third"), &pull, seconds(22));
        assert_eq!(late.confirmation(&key("third")), Some(seconds(82)));
    }

    /// Its name or its tenant was changed before it was time to confirm.
    #[test]
    fn who_pushes_another_remote_secret_now_confirms_nothing_of_the_one_before() {
        let (mut late, pull, other, who) = (LateWrites::default(), claim("pull"), claim("other"), key("a"));
        late.unanswered(&pull, seconds(10));
        late.accepted(&who, &pull, seconds(11));
        late.accepted(&who, &other, seconds(12));
        assert_eq!(late.confirmation(&who), None);
        let now = Now { wall: at(1012), uptime: seconds(12), leading: seconds(12) };
        assert_eq!(late.to_keep(&who, &other, None, now), None);
        // It is open for whoever pushes there.
        late.accepted(&key("heir"), &pull, seconds(13));
        assert_eq!(late.confirmation(&key("heir")), Some(seconds(73)));
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
        late.recall_confirmation(&who, &pull, &open, restarted(0));
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
                late.recall_confirmation(&who, &pull, &due, now);
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
            prop_assert_eq!(late.by_resource.len(), late.confirmations.len());
        }
    }
}
