//! Nothing is written for the loser of a conflict. A resource has lost for sure when an older one has owned the same name in the
//! same tenant for a while: its spec and service key did not change, it was not deleted, and its status showed an accepted push
//! there all the time. In the moments of a change nothing is known.

use std::time::Duration;

use crate::recording::{Record, Remote, Request, SpecVersion, Time};

/// How long the older one must have been the owner: longer than any request is under way.
const LONG: Duration = Duration::from_secs(8);

pub(crate) fn judge(record: &Record) -> Vec<String> {
    record.pushes().filter_map(|write| against(record, write)).collect()
}

fn against(record: &Record, write: &Request) -> Option<String> {
    let from = write.received.checked_sub(LONG)?;
    let senders = record.senders(write);
    let owner = record.objects().into_values().find(|owner| {
        owns(record, &owner.uid, &write.remote, from, write.received)
            && senders.iter().all(|sender| (&owner.created, &owner.uid) < (&sender.created, &sender.uid))
    })?;
    let sender = senders.first()?;
    Some(format!(
        "{:?} of {:?} at {:.3?} for {:?}, although {:?} is older and has owned it since {from:.3?}",
        write.operation, write.remote, write.received, sender.key, owner.key,
    ))
}

/// Whether the object has claimed the remote, with a push that was accepted there, from `from` to `to`, without a change.
fn owns(record: &Record, uid: &str, remote: &Remote, from: Time, to: Time) -> bool {
    let during = |began: Time| began > from && began <= to;
    let versions = record.versions_of(uid).filter(|version| version.from <= to);
    let Some(version) = versions.clone().next_back().filter(|version| version.to <= from) else {
        return false;
    };
    let leads = record.leads(version, from, to);
    let leads_there = !leads.is_empty() && leads.iter().all(|lead| lead.is_to(&remote.0));
    let removed = record.removals.iter().any(|removal| removal.uid == uid && removal.from <= to);
    version.spec.remote == remote.1
        && leads_there
        && !removed
        && pushed_there(record, version, remote, from, to)
        && !versions.map(|version| version.from).any(during)
}

/// Whether every status that was seen from `from` to `to`, and the one before, shows an accepted push there.
fn pushed_there(record: &Record, version: &SpecVersion, remote: &Remote, from: Time, to: Time) -> bool {
    let own = record.states.iter().filter(|state| state.uid == version.uid && !state.gone);
    let before = own.clone().rfind(|state| state.seen <= from);
    let during = own.filter(|state| from < state.seen && state.seen <= to);
    before.is_some() && before.into_iter().chain(during).all(|state| state.shows_push(remote))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, object, patch, shared, source, synced, world};
    use super::*;
    use crate::recording::Removal;

    /// `r` owns the remote secret since 2 s; `late` is younger and wants it.
    fn conflict() -> Record {
        let mut record = world();
        record.specs.push(object("late", "2026-01-01T00:00:01Z"));
        record.sources.push(source("late-s", 1, 0.0));
        record
    }

    #[test]
    fn a_write_of_the_younger_is_found_and_one_of_the_older_is_not() {
        let mut record = conflict();
        record.requests.push(patch("r-s", 1, 20.0));
        assert_eq!(judge(&record), Vec::<String>::new());
        record.requests.push(patch("late-s", 1, 21.0));
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn an_older_one_that_was_never_pushed_stands_against_nobody() {
        let mut record = conflict();
        record.states[0].status["lastSyncTime"] = serde_json::Value::Null;
        record.requests.push(patch("late-s", 1, 21.0));
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn while_the_older_one_changes_nothing_is_known() {
        let mut record = conflict();
        record.requests.push(patch("late-s", 1, 21.0));
        let mut removed = record.clone();
        removed.removals.push(Removal { uid: "r".to_owned(), from: at(20.0), to: at(20.1), version: 30 });
        let mut edited = record.clone();
        let mut version = object("r", "2026-01-01T00:00:00Z");
        (version.version, version.from, version.to) = (30, at(20.0), at(20.1));
        edited.specs.push(version);
        let mut led_away = record.clone();
        let mut key = record.keys[0].clone();
        (key.from, key.tenant) = (at(20.0), Some(("t1".to_owned(), true)));
        led_away.keys.push(key);
        for record in [removed, edited, led_away] {
            assert_eq!(judge(&record), Vec::<String>::new());
        }
    }

    /// A claim by a shared key is one as any other, while it is allowed.
    #[test]
    fn who_has_a_key_of_its_own_is_found_beside_an_older_one_with_a_shared_key() {
        let mut record = shared();
        record.specs.push(object("late", "2026-01-01T00:00:01Z"));
        record.sources.push(source("late-s", 1, 0.0));
        record.keys.push(world().keys[0].clone());
        record.requests.push(patch("late-s", 1, 21.0));
        assert_eq!(judge(&record).len(), 1);
        let mut refused = record.tenants[0].clone();
        (refused.from, refused.to) = (at(19.0), at(19.1));
        refused.terms.as_mut().unwrap().names = Some(vec!["none".to_owned()]);
        record.tenants.push(refused);
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn at_the_beginning_nothing_is_known() {
        let mut record = conflict();
        record.requests.push(patch("late-s", 1, 9.0));
        assert_eq!(judge(&record), Vec::<String>::new());
        record.states.push(synced("r", 1, 2.0));
        record.requests.push(patch("late-s", 1, 30.0));
        assert_eq!(judge(&record).len(), 1);
    }
}
