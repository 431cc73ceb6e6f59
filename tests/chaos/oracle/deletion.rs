//! What is deleted in AI Core, and what stays.
//!
//! A DELETE needs a resource with `deletionPolicy: Delete` that its user has deleted, not suspended, and that claimed the name.
//!
//! What a resource sent last must be gone when the resource is, also if another one of its name sends again later; if it was to be
//! deleted from its creation on, or held the operator's finalizer at its end; unless it was suspended, abandoned, or its service key
//! led elsewhere, or any other resource could have claimed the name by then: then it may have been handed over.

use crate::recording::{Operation, Record, Removal, Request, SpecVersion, Time};

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
        && could_lead(record, version, &delete.remote.0)
}

/// Whether the service key of the version ever led to the tenant.
fn could_lead(record: &Record, version: &SpecVersion, tenant: &str) -> bool {
    record.leads(version, Time::ZERO, Time::MAX).iter().any(|lead| lead.is_to(tenant))
}

pub(crate) fn judge_leaks(record: &Record) -> Vec<String> {
    record.removals.iter().filter_map(|removal| leak(record, removal)).collect()
}

fn leak(record: &Record, removal: &Removal) -> Option<String> {
    let uid = &removal.uid;
    let gone = record.states.iter().find(|state| state.uid == *uid && state.gone)?.seen;
    let applied = record.applied();
    let mut before = applied.into_iter().rev().filter(|write| write.applied.is_some_and(|at| at <= gone));
    let sends = |write: &&Request| record.senders(write).iter().any(|sender| sender.uid == *uid);
    let sent = before.clone().find(sends)?;
    let remote = &sent.remote;
    // What was carried out when its client was gone may have come after a deletion.
    let last = before.find(|write| write.remote == *remote).filter(|write| !write.late && sends(write))?;
    if record.senders(last).iter().any(|sender| sender.uid != *uid) {
        return None;
    }
    let version = record.versions_of(uid).next_back()?;
    let mut terminating = record.states.iter().filter(|state| state.uid == *uid && state.terminating);
    let held = terminating.any(|state| state.finalizer);
    let always = record.versions_of(uid).all(|version| version.spec.delete);
    let wanted = version.spec.delete && !version.spec.suspend && !version.spec.abandon && (always || held);
    let same = version.spec.remote == remote.1
        && record.leads(version, last.received, gone).iter().all(|lead| lead.is_to(&remote.0));
    let others = record.specs.iter().any(|other| {
        other.uid != *uid
            && other.from <= gone
            && other.spec.remote == remote.1
            && could_lead(record, other, &remote.0)
    });
    (wanted && same && !others).then(|| {
        format!(
            "{remote:?} was still there at {gone:.3?}, sent at {:.3?} for {:?}, which was deleted at {:.3?}",
            last.received, version.key, removal.from,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, delete, object, patch, shared, synced, world};
    use super::*;
    use crate::recording::KeyRef;

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
            |version: &mut SpecVersion| version.spec.service_key = KeyRef::Own("none".to_owned()),
            |version: &mut SpecVersion| version.spec.service_key = KeyRef::Shared("none".to_owned()),
        ] {
            let mut record = deleted();
            record.requests.push(delete(11.0));
            assert_eq!(judge_deletes(&record), Vec::<String>::new());
            change(&mut record.specs[0]);
            assert_eq!(judge_deletes(&record).len(), 1);
        }
    }

    /// The key is in another namespace, so that it is there to the end; but not what it may be used for.
    #[test]
    fn what_was_sent_with_a_shared_key_goes_while_it_is_allowed() {
        let mut record = shared();
        record.removals = deleted().removals;
        record.states = deleted().states;
        assert_eq!(judge_leaks(&record).len(), 1);
        let mut refused = record.tenants[0].clone();
        (refused.from, refused.to) = (at(9.0), at(9.1));
        refused.terms.as_mut().unwrap().namespaces = vec!["b".to_owned()];
        record.tenants.push(refused);
        assert_eq!(judge_leaks(&record), Vec::<String>::new());
    }

    #[test]
    fn what_stays_behind_is_found() {
        assert_eq!(judge_leaks(&deleted()).len(), 1);
        let mut removed = deleted();
        removed.requests.push(delete(11.0));
        assert_eq!(judge_leaks(&removed), Vec::<String>::new());
    }

    #[test]
    fn what_stayed_behind_is_found_though_another_one_sends_again() {
        let mut record = deleted();
        let mut next = SpecVersion { uid: "next".to_owned(), ..object("r", "2026-01-01T00:00:20Z") };
        (next.from, next.to) = (at(20.0), at(20.1));
        record.specs.push(next);
        record.requests.push(patch("r-s", 1, 21.0));
        assert_eq!(judge_leaks(&record).len(), 1);
        record.requests.push(delete(11.0));
        assert_eq!(judge_leaks(&record), Vec::<String>::new());
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
