//! Nothing is written to AI Core for a resource that is suspended or deleted, from when the process can know it: the version of
//! the object in which it is, or a later one, was passed on to it by a watch or list. A moment is allowed for what was under way;
//! if the process was frozen, or its way to AI Core disturbed, nothing is known.

use std::time::Duration;

use crate::recording::{Heard, Life, Record, Request, SpecVersion, Time};

/// For what was on its way when the process heard of it.
pub(super) const MOMENT: Duration = Duration::from_millis(1_500);
/// How long a disturbed way may hold a request.
const HELD: Duration = Duration::from_secs(6);

pub(crate) fn judge(record: &Record) -> Vec<String> {
    record.pushes().filter_map(|write| against(record, write)).collect()
}

fn against(record: &Record, write: &Request) -> Option<String> {
    let life = record.lives.iter().find(|life| Some(life.pid) == write.pid)?;
    let mut senders: Vec<&SpecVersion> = record.senders(write);
    senders.sort_by_key(|sender| &sender.uid);
    senders.dedup_by_key(|sender| &sender.uid);
    let silenced: Vec<(&str, &str, Time)> =
        senders.iter().filter_map(|sender| silenced(record, life, &sender.uid, write.received)).collect();
    // One that may send is enough.
    let (uid, why, heard) = *silenced.first().filter(|_| silenced.len() == senders.len())?;
    is_known_to(record, life, write.received, heard).then(|| {
        format!(
            "{:?} of {:?} at {:.3?} for {uid}, of which process {} had heard at {heard:.3?} that it is {why}",
            write.operation, write.remote, write.received, life.pid,
        )
    })
}

/// Whether what the process had heard must show in a write that arrived at this time: it was awake since, and its way was not
/// disturbed.
pub(super) fn is_known_to(record: &Record, life: &Life, received: Time, heard: Time) -> bool {
    let disturbed = record.cuts.iter().any(|cut| *cut <= received && *cut + HELD >= received);
    !disturbed && life.awake(received, received.saturating_sub(heard))
}

/// Why the process could know that nothing is to be sent for this object, and since when.
fn silenced<'a>(
    record: &'a Record,
    life: &Life,
    uid: &'a str,
    at: Time,
) -> Option<(&'a str, &'static str, Time)> {
    let first = |which: &dyn Fn(&Heard) -> bool| {
        let own = record.heard.iter().filter(|heard| {
            heard.replica == life.replica && heard.uid == uid && heard.at >= life.started && which(heard)
        });
        own.map(|heard| heard.at).min().filter(|heard| *heard + MOMENT <= at)
    };
    let heard = |version: u64| first(&|heard| heard.gone || heard.version >= version);
    if let Some(removal) = record.removals.iter().find(|removal| removal.uid == uid && removal.to < at) {
        let known = if removal.version > 0 { heard(removal.version) } else { first(&|heard| heard.gone) };
        return known.map(|heard| (uid, "deleted", heard));
    }
    heard(suspended_since(record, uid, at)?).map(|heard| (uid, "suspended", heard))
}

/// The version with which the suspension began that held at this time for sure.
fn suspended_since(record: &Record, uid: &str, at: Time) -> Option<u64> {
    let versions: Vec<&SpecVersion> = record.versions_of(uid).filter(|version| version.from <= at).collect();
    let suspended = versions.iter().rev().take_while(|version| version.spec.suspend);
    suspended.last().map(|version| version.version)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PID, at, heard, lets_pass_before_it_can_know, object, patch, world};
    use super::*;
    use crate::recording::Removal;

    /// Suspended at 10 s; the process has heard of it at 11 s.
    fn suspended() -> Record {
        let mut record = world();
        let mut version = object("r", "2026-01-01T00:00:00Z");
        (version.version, version.from, version.to, version.spec.suspend) = (20, at(10.0), at(10.0), true);
        record.specs.push(version);
        record.heard.push(heard("r", 20, 11.0));
        record
    }

    fn deleted(gone: bool) -> Record {
        let mut record = world();
        let version = if gone { 0 } else { 20 };
        record.removals.push(Removal { uid: "r".to_owned(), from: at(10.0), to: at(10.0), version });
        record.heard.push(Heard { gone, ..heard("r", 20, 11.0) });
        record
    }

    #[test]
    fn a_write_for_what_is_suspended_or_deleted_is_found() {
        for mut record in [suspended(), deleted(false), deleted(true)] {
            record.requests.push(patch("r-s", 1, 13.0));
            assert_eq!(judge(&record).len(), 1);
        }
    }

    #[test]
    fn before_the_process_can_know_nothing_is_found() {
        for record in [suspended(), deleted(false), deleted(true)] {
            lets_pass_before_it_can_know(record, judge);
        }
    }

    #[test]
    fn after_it_is_resumed_nothing_is_found() {
        let mut record = suspended();
        let mut version = object("r", "2026-01-01T00:00:00Z");
        (version.version, version.from, version.to) = (30, at(20.0), at(21.0));
        record.specs.push(version);
        record.requests.push(patch("r-s", 1, 20.5));
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn another_resource_may_send_the_same() {
        let mut record = suspended();
        record.specs.push(SpecVersion { uid: "later".to_owned(), ..object("r", "2026-01-01T00:00:01Z") });
        record.requests.push(patch("r-s", 1, 13.0));
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn what_was_frozen_or_disturbed_is_let_pass() {
        let mut record = suspended();
        record.requests.push(patch("r-s", 1, 13.0));
        record.cuts.push(at(12.5));
        assert_eq!(judge(&record), Vec::<String>::new());
        record.cuts.clear();
        let life = record.lives.iter_mut().find(|life| life.pid == PID).unwrap();
        life.frozen.push((at(10.5), at(12.9)));
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
