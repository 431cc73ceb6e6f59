//! The judge: what must be true of an episode, whatever happened in it. Written from the product's contract, without a line of
//! its code. Each rule is a function of the record alone and says what is wrong, with the times; each has tests that show that
//! it finds what it is for. A rule lets pass what it cannot know for sure: that is said where it does.

pub(crate) mod allowance;
pub(crate) mod calm;
pub(crate) mod content;
pub(crate) mod convergence;
pub(crate) mod counters;
pub(crate) mod deletion;
pub(crate) mod events;
mod expiry;
pub(crate) mod health;
pub(crate) mod hiding;
pub(crate) mod leadership;
mod lingering;
pub(crate) mod order;
pub(crate) mod ownership;
pub(crate) mod rate;
pub(crate) mod secrecy;
mod sharing;
pub(crate) mod silence;
pub(crate) mod status;
#[cfg(test)]
mod testing;

use crate::recording::Record;

/// A rule: its name, and what is against it in a record.
pub(crate) type Rule = (&'static str, fn(&Record) -> Vec<String>);

/// All of them.
pub(crate) const RULES: [Rule; 17] = [
    ("what is sent is what a user wrote, to where a resource says", content::judge),
    ("no older content after newer", order::judge),
    ("nothing is sent for what is suspended or deleted", silence::judge),
    ("nothing is sent for what an AICoreTenant does not allow", allowance::judge),
    ("nothing is sent for the loser of a conflict", ownership::judge),
    ("only what may be deleted is deleted", deletion::judge_deletes),
    ("nothing that must be deleted stays behind", deletion::judge_leaks),
    ("in the end AI Core holds what the Secrets hold, and the status says so", convergence::judge),
    ("a status claims only what AI Core accepted", status::judge),
    ("the end of a credential costs no push", calm::judge),
    ("events are true", events::judge),
    ("one process writes at a time, and it leads", leadership::judge),
    ("the rate of a tenant is kept", rate::judge),
    ("counters agree with the journal", counters::judge),
    ("no secret value can be seen", secrecy::judge),
    ("who uses a shared key does not see where it is", hiding::judge),
    ("processes live, answer and do not grow", health::judge),
];

/// Everything that is wrong: the rule, and what is against it.
pub(crate) fn judge(record: &Record) -> Vec<(&'static str, String)> {
    let judged = RULES.iter().map(|(name, rule)| (name, rule(record)));
    judged.flat_map(|(name, against)| against.into_iter().map(|what| (*name, what))).collect()
}
