//! What is deleted in AI Core, and what stays.
//!
//! A DELETE needs a resource with `deletionPolicy: Delete` that its user has deleted, not suspended, and that claimed the name.
//!
//! What a resource sent last must be gone when the resource is, if it was to be deleted from its creation on, or held the
//! operator's finalizer at its end; unless it was suspended, abandoned, or its service key led elsewhere, or any other resource
//! could have claimed the name since: then it may have been handed over.

use crate::recording::{KeyVersion, Operation, Record, Remote, Request, SpecVersion, Time};

pub(crate) fn judge_deletes(record: &Record) -> Vec<String> {
    let deletes = record.requests.iter().filter(|request| request.operation == Operation::Delete);
    let unjustified =
        deletes.filter(|delete| !record.specs.iter().any(|version| justifies(record, version, delete)));
    unjustified
        .map(|delete| format!("DELETE of {:?} at {:.3?}: nobody wanted that", delete.remote, delete.received))
        .collect()
}

fn justifies(record: &Record, version: &SpecVersion, delete: &Request) -> bool {
    let removed =
        record.removals.iter().any(|removal| removal.uid == version.uid && removal.from <= delete.received);
    removed
        && version.spec.delete
        && !version.spec.suspend
        && version.spec.remote == delete.remote.1
        && could_lead(record, version, &delete.remote.0, Time::ZERO)
}

/// Whether the service key of the version led to the tenant at any time from `from` on.
fn could_lead(record: &Record, version: &SpecVersion, tenant: &str, from: Time) -> bool {
    leads(record, version, from).any(|lead| lead.is_some_and(|(led, real)| led == tenant && *real))
}

/// Where the service key of the version led, from `from` on.
fn leads<'a>(
    record: &'a Record,
    version: &'a SpecVersion,
    from: Time,
) -> impl Iterator<Item = Option<&'a (String, bool)>> {
    let is_own = |key: &&KeyVersion| key.key.0 == version.key.0 && key.key.1 == version.spec.service_key;
    let own: Vec<&KeyVersion> = record.keys.iter().filter(is_own).collect();
    let first = own.iter().rposition(|key| key.from <= from).unwrap_or(0);
    own.into_iter().skip(first).map(|key| key.tenant.as_ref())
}

pub(crate) fn judge_leaks(record: &Record) -> Vec<String> {
    record.remotes.keys().filter_map(|remote| leak(record, remote)).collect()
}

fn leak(record: &Record, remote: &Remote) -> Option<String> {
    let applied = record.applied();
    // What was carried out when its client was gone may have come after a deletion.
    let last = applied.into_iter().rfind(|write| write.remote == *remote).filter(|write| !write.late)?;
    let senders = record.senders(last);
    let (first, rest) = senders.split_first()?;
    if rest.iter().any(|sender| sender.uid != first.uid) {
        return None;
    }
    let uid = &first.uid;
    let removal = record.removals.iter().find(|removal| removal.uid == *uid)?;
    let version = record.versions_of(uid).next_back()?;
    let terminating = record.states.iter().filter(|state| state.uid == *uid && state.terminating);
    let held = terminating.clone().any(|state| state.finalizer);
    let is_gone = record.states.iter().any(|state| state.uid == *uid && state.gone);
    let always = record.versions_of(uid).all(|version| version.spec.delete);
    let wanted = version.spec.delete && !version.spec.suspend && !version.spec.abandon && (always || held);
    let same = version.spec.remote == remote.1
        && leads(record, version, last.received)
            .all(|lead| lead.is_some_and(|(tenant, real)| *tenant == remote.0 && *real));
    let others = record.specs.iter().any(|other| {
        other.uid != *uid && other.spec.remote == remote.1 && could_lead(record, other, &remote.0, Time::ZERO)
    });
    (is_gone && wanted && same && !others).then(|| {
        format!(
            "{remote:?} is still there, sent at {:.3?} for {:?}, which was deleted at {:.3?}",
            last.received, version.key, removal.from,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, delete, object, synced, world};
    use super::*;
    use crate::recording::Removal;

    /// `r` was deleted at 10 s and is gone at 12 s.
    fn deleted() -> Record {
        let mut record = world();
        record.removals.push(Removal { uid: "r".to_owned(), from: at(10.0), to: at(10.1), version: 20 });
        let mut terminating = synced("r", 1, 10.2);
        (terminating.version, terminating.terminating) = (20, true);
        let mut gone = terminating.clone();
        (gone.version, gone.seen, gone.gone) = (21, at(12.0), true);
        record.states.extend([terminating, gone]);
        record
    }

    #[test]
    fn a_deletion_that_nobody_wanted_is_found() {
        let mut record = world();
        record.requests.push(delete(5.0));
        assert_eq!(judge_deletes(&record).len(), 1, "it lives");
        let mut record = deleted();
        record.requests.push(delete(5.0));
        assert_eq!(judge_deletes(&record).len(), 1, "it lived");
        for change in [
            |version: &mut SpecVersion| version.spec.delete = false,
            |version: &mut SpecVersion| version.spec.suspend = true,
            |version: &mut SpecVersion| version.spec.remote = "other".to_owned(),
            |version: &mut SpecVersion| version.spec.service_key = "none".to_owned(),
        ] {
            let mut record = deleted();
            record.requests.push(delete(11.0));
            assert_eq!(judge_deletes(&record), Vec::<String>::new());
            change(&mut record.specs[0]);
            assert_eq!(judge_deletes(&record).len(), 1);
        }
    }

    #[test]
    fn what_stays_behind_is_found() {
        assert_eq!(judge_leaks(&deleted()).len(), 1);
        let mut removed = deleted();
        removed.remotes.clear();
        assert_eq!(judge_leaks(&removed), Vec::<String>::new());
    }

    #[test]
    fn what_may_stay_is_let_pass() {
        for change in [
            |record: &mut Record| record.specs[0].spec.delete = false,
            |record: &mut Record| record.specs[0].spec.suspend = true,
            |record: &mut Record| record.specs[0].spec.abandon = true,
            |record: &mut Record| record.keys[0].tenant = Some(("t1".to_owned(), true)),
            |record: &mut Record| record.specs.push(object("heir", "2026-01-01T00:00:01Z")),
            |record: &mut Record| record.removals.clear(),
            |record: &mut Record| record.requests[0].late = true,
        ] {
            let mut record = deleted();
            change(&mut record);
            assert_eq!(judge_leaks(&record), Vec::<String>::new());
        }
    }

    #[test]
    fn a_policy_that_came_late_counts_with_the_finalizer() {
        let mut record = deleted();
        let mut retained = object("r", "2026-01-01T00:00:00Z");
        retained.spec.delete = false;
        record.specs.insert(0, retained);
        assert_eq!(judge_leaks(&record).len(), 1);
        record.states.iter_mut().for_each(|state| state.finalizer = false);
        assert_eq!(judge_leaks(&record), Vec::<String>::new());
    }
}
