//! Nothing is asked of AI Core for a resource that its `AICoreTenant` does not allow, or whose `AICoreTenant` is gone, from when the
//! process can know it: of the `AICoreTenant`, and of the resource that names it, a version in which this is so, or a later one, was
//! passed on to it. The DELETE of a resource that goes is meant as well: nothing is deleted with a key that the namespace may not use.

use super::silence::{MOMENT, is_known_to};
use crate::recording::{KeyRef, Life, Operation, Record, Request, SpecVersion, TenantVersion, Time};

pub(crate) fn judge(record: &Record) -> Vec<String> {
    record.requests.iter().filter(|write| write.writes()).filter_map(|write| against(record, write)).collect()
}

fn against(record: &Record, write: &Request) -> Option<String> {
    let life = record.lives.iter().find(|life| Some(life.pid) == write.pid)?;
    let mut uids: Vec<&str> = if write.operation == Operation::Delete {
        removed(record, write)
    } else {
        record.senders(write).into_iter().map(|sender| &*sender.uid).collect()
    };
    uids.sort_unstable();
    uids.dedup();
    let refused: Vec<(&str, Time)> =
        uids.iter().filter_map(|uid| Some((*uid, refused(record, life, uid, write.received)?))).collect();
    // One that is allowed is enough.
    let (uid, heard) = *refused.first().filter(|_| refused.len() == uids.len())?;
    is_known_to(record, life, write.received, heard).then(|| {
        format!(
            "{:?} of {:?} at {:.3?} for {uid}, of which process {} had heard at {heard:.3?} that its AICoreTenant does not allow it",
            write.operation, write.remote, write.received, life.pid,
        )
    })
}

/// For whom a DELETE may be: whoever had this name and was deleted.
fn removed<'a>(record: &'a Record, delete: &Request) -> Vec<&'a str> {
    let removed = record.removals.iter().filter(|removal| removal.from <= delete.received);
    let had_name = |uid: &str| record.versions_of(uid).any(|version| version.spec.remote == delete.remote.1);
    removed.map(|removal| &*removal.uid).filter(|uid| had_name(uid)).collect()
}

/// Since when the process knew that the object may not use the key that it names; `None`: that is not sure.
fn refused(record: &Record, life: &Life, uid: &str, at: Time) -> Option<Time> {
    let versions: Vec<&SpecVersion> = record.versions_of(uid).filter(|version| version.from <= at).collect();
    let last = versions.last()?;
    let KeyRef::Shared(name) = &last.spec.service_key else { return None };
    let naming =
        versions.iter().rev().take_while(|version| version.spec.service_key == last.spec.service_key);
    let naming = naming.last()?;
    let refuses = |version: &&TenantVersion| {
        version.terms.as_ref().is_none_or(|terms| terms.refuse(&last.key.0, &last.spec.remote).is_some())
    };
    let tenants: Vec<&TenantVersion> =
        record.tenants_of(name).into_iter().filter(|version| version.from <= at).collect();
    let run = tenants.into_iter().rev().take_while(refuses);
    let of_tenant =
        run.filter_map(|version| first_heard(record, life, &version.uid, version.version)).min()?;
    let of_object = first_heard(record, life, uid, naming.version)?;
    Some(of_tenant.max(of_object)).filter(|heard| *heard + MOMENT <= at)
}

/// When the process first heard of this version of an object, or a later one; 0 stands for its end.
fn first_heard(record: &Record, life: &Life, uid: &str, version: u64) -> Option<Time> {
    let own = record.heard.iter().filter(|heard| {
        heard.replica == life.replica
            && heard.uid == uid
            && heard.at >= life.started
            && (heard.gone || (version > 0 && heard.version >= version))
    });
    own.map(|heard| heard.at).min()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        PID, at, delete, heard, lets_pass_before_it_can_know, object, patch, shared,
    };
    use super::*;
    use crate::recording::{Heard, Removal};

    /// Not allowed any more at 10 s; the process has heard of it at 11 s.
    fn refused(change: impl FnOnce(&mut TenantVersion)) -> Record {
        let mut record = shared();
        let mut version =
            TenantVersion { version: 20, from: at(10.0), to: at(10.0), ..record.tenants[0].clone() };
        change(&mut version);
        let gone = version.terms.is_none();
        record.tenants.push(version);
        record.heard.push(Heard { gone, ..heard("x", 20, 11.0) });
        record
    }

    fn by_namespace(version: &mut TenantVersion) {
        version.terms.as_mut().unwrap().namespaces = vec!["b".to_owned()];
    }

    fn all() -> [Record; 3] {
        [
            refused(by_namespace),
            refused(|version| version.terms.as_mut().unwrap().names = Some(vec!["other".to_owned()])),
            refused(|version| (version.version, version.terms) = (0, None)),
        ]
    }

    #[test]
    fn a_write_for_what_is_not_allowed_is_found() {
        for mut record in all() {
            record.requests.push(patch("r-s", 1, 13.0));
            assert_eq!(judge(&record).len(), 1);
        }
    }

    #[test]
    fn a_deletion_with_a_key_that_may_not_be_used_is_found() {
        for mut record in all() {
            record.removals.push(Removal { uid: "r".to_owned(), from: at(9.0), to: at(9.1), version: 15 });
            record.requests.push(delete(10.5));
            assert_eq!(judge(&record), Vec::<String>::new());
            record.requests.push(delete(13.0));
            assert_eq!(judge(&record).len(), 1);
        }
    }

    #[test]
    fn before_the_process_can_know_nothing_is_found() {
        for record in all() {
            lets_pass_before_it_can_know(record, judge);
        }
    }

    #[test]
    fn what_is_allowed_again_is_let_pass() {
        let mut record = refused(by_namespace);
        let again = TenantVersion { version: 30, from: at(20.0), to: at(21.0), ..record.tenants[0].clone() };
        record.tenants.push(again);
        record.requests.push(patch("r-s", 1, 20.5));
        assert_eq!(judge(&record), Vec::<String>::new());
    }

    #[test]
    fn who_names_a_key_of_its_own_meanwhile_is_let_pass() {
        let mut record = refused(by_namespace);
        let mut own = object("r", "2026-01-01T00:00:00Z");
        (own.version, own.from, own.to) = (25, at(12.0), at(12.0));
        record.specs.push(own);
        record.requests.push(patch("r-s", 1, 13.0));
        assert_eq!(judge(&record), Vec::<String>::new());
        // And back: now it has to hear of that.
        let back = SpecVersion { version: 40, from: at(20.0), to: at(20.0), ..record.specs[0].clone() };
        record.specs.push(back);
        record.requests.push(patch("r-s", 1, 25.0));
        assert_eq!(judge(&record), Vec::<String>::new());
        record.heard.push(heard("r", 40, 21.0));
        assert_eq!(judge(&record).len(), 1);
    }

    #[test]
    fn what_was_frozen_or_disturbed_is_let_pass() {
        let mut record = refused(by_namespace);
        record.requests.push(patch("r-s", 1, 13.0));
        record.cuts.push(at(12.5));
        assert_eq!(judge(&record), Vec::<String>::new());
        record.cuts.clear();
        let life = record.lives.iter_mut().find(|life| life.pid == PID).unwrap();
        life.frozen.push((at(10.5), at(12.9)));
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
