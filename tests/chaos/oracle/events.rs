//! Events tell what happened: one of success needs a push that AI Core accepted, one of a conflict another resource that wanted
//! the same name, one of handing over an heir, one of abandoning that somebody asked for it, and one of an end that one was said.

use crate::recording::{Event, Record, SpecVersion};

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let untrue = record.events.iter().filter(|event| is_untrue(record, event));
    untrue.map(|event| format!("an event {:?} about {}, which is not so", event.reason, event.uid)).collect()
}

fn is_untrue(record: &Record, event: &Event) -> bool {
    let versions: Vec<&SpecVersion> = record.versions_of(&event.uid).collect();
    // Of another episode.
    if versions.is_empty() {
        return false;
    }
    let shared = || {
        let names = |other: &SpecVersion| versions.iter().any(|own| own.spec.remote == other.spec.remote);
        record.specs.iter().any(|other| other.uid != event.uid && names(other))
    };
    match &*event.reason {
        "Synced" => !accepted(record, &event.uid),
        "RemoteConflict" | "RemoteHandedOver" => !shared(),
        "RemoteAbandoned" => !versions.iter().any(|version| version.spec.abandon),
        "CredentialExpiring" | "CredentialExpired" => !ends(record),
        "RemoteRetained" | "Suspended" => !versions.iter().any(|version| version.spec.suspend),
        _ => false,
    }
}

/// Whether anything was ever said to end.
fn ends(record: &Record) -> bool {
    record.sources.iter().any(|source| !source.says.is_empty())
        || record.keys.iter().any(|key| key.ends.is_some())
}

fn accepted(record: &Record, uid: &str) -> bool {
    record.requests.iter().any(|write| {
        let accepted =
            write.status.is_some_and(|status| (200..300).contains(&status)) || write.applied.is_some();
        write.writes() && accepted && record.senders(write).iter().any(|sender| sender.uid == uid)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{object, world};
    use super::*;

    fn told(reason: &str) -> Record {
        let mut record = world();
        record.events.push(Event { uid: "r".to_owned(), reason: reason.to_owned(), warning: false });
        record
    }

    #[test]
    fn an_event_without_its_cause_is_found() {
        let mut record = told("Synced");
        assert_eq!(judge(&record), Vec::<String>::new());
        record.requests.clear();
        assert_eq!(judge(&record).len(), 1);
        for reason in
            ["RemoteConflict", "RemoteHandedOver", "RemoteAbandoned", "RemoteRetained", "CredentialExpired"]
        {
            assert_eq!(judge(&told(reason)).len(), 1, "{reason}");
        }
    }

    #[test]
    fn an_event_with_its_cause_is_not() {
        let mut record = told("RemoteConflict");
        record.specs.push(object("late", "2026-01-01T00:00:01Z"));
        assert_eq!(judge(&record), Vec::<String>::new());
        let mut record = told("RemoteAbandoned");
        record.specs[0].spec.abandon = true;
        assert_eq!(judge(&record), Vec::<String>::new());
    }
}
