//! Resources that were deleted must go. Some are held: by a service key that is refused, or that their `AICoreTenant` does not let them
//! use any more, which they have to say; a person helps. Nothing holds what goes with its namespace.

use super::convergence::{Astray, HOLDS};
use crate::recording::{Lead, Record, said};

/// All that are still there.
pub(super) fn astray(record: &Record) -> Vec<Astray> {
    let removed = record.removals.iter().filter_map(|removal| {
        let version = record.versions_of(&removal.uid).next_back()?;
        let state = record.last_state(&removal.uid)?;
        (removal.version > 0 && !state.gone).then_some((version, state))
    });
    removed
        .map(|(version, state)| {
            let lead = record.lead_now(version);
            let forged = matches!(lead, Lead::To { real: false, .. });
            let says_so = said(&state.status, "Reconciling").1 == "Deleting";
            let has_none = matches!(lead, Lead::NoTenant | Lead::NotServed);
            let blocked = (lead.is_not_allowed() || has_none) && says_so;
            let reasons = ["Ready", "Reconciling", "Stalled"].map(|type_| said(&state.status, type_).1);
            Astray {
                uid: version.uid.clone(),
                what: format!("{:?} was deleted, and is still there: {}", version.key, state.status),
                // A namespace goes without anybody's help.
                held: record.ended.as_ref() != Some(&version.key.0)
                    && (forged || blocked || HOLDS.iter().any(|hold| reasons.contains(hold))),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, refused, shared, the_only, world};
    use super::*;
    use crate::recording::Removal;

    #[track_caller]
    fn finds(record: &Record, what: &str) -> Astray {
        the_only(astray(record), what)
    }

    #[test]
    fn a_deletion_waits_for_the_key_that_it_may_use_and_says_so() {
        let mut record = shared();
        record.tenants[0].terms.as_mut().unwrap().namespaces = vec!["b".to_owned()];
        record.removals.push(Removal { uid: "r".to_owned(), from: at(10.0), to: at(10.1), version: 20 });
        assert!(!finds(&record, "still there").held, "it says nothing");
        let waits = serde_json::json!({ "type": "Reconciling", "status": "True", "reason": "Deleting" });
        record.states[0].status["conditions"].as_array_mut().unwrap().push(waits);
        assert!(finds(&record, "still there").held);
        record.served = false;
        assert!(astray(&record).iter().any(|astray| astray.what.contains("still there") && astray.held));
        record.served = true;
        record.ended = Some("a".to_owned());
        assert!(!finds(&record, "still there").held);
    }

    #[test]
    fn nothing_holds_what_goes_with_its_namespace() {
        let mut record = world();
        record.removals.push(Removal { uid: "r".to_owned(), from: at(10.0), to: at(10.1), version: 20 });
        record.states[0] = refused("r", "AuthenticationFailed", 3.0);
        assert!(finds(&record, "still there").held);
        record.ended = Some("a".to_owned());
        assert!(!finds(&record, "still there").held);
    }

    #[test]
    fn a_deleted_one_must_go() {
        let mut record = world();
        record.removals.push(Removal { uid: "r".to_owned(), from: at(10.0), to: at(10.1), version: 20 });
        assert!(!finds(&record, "still there").held);
        record.states[0].gone = true;
        assert_eq!(astray(&record), []);
    }
}
