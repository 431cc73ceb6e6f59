//! What an `AICoreTenant` says in the end: whether its service key is given a token, which tenant that is for, and how many resources
//! name it. Where `AICoreTenant`s are not served, nobody writes their status.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    convergence::{Astray, HOLDS},
    expiry::is_end,
};
use crate::recording::{KeyRef, Lead, Record, State, TenantVersion, Terms, said};

/// All of them that say something else.
pub(super) fn astray(record: &Record) -> Vec<Astray> {
    let wrong = record.tenants_now().into_iter().filter_map(|(version, terms)| {
        let state = record.last_state(&version.uid);
        let status = state.map_or(&Value::Null, |state| &state.status);
        let what = if record.served {
            against(record, version, terms, state)?
        } else {
            status.get("conditions").map(|_| "is not served, and has a status".to_owned())?
        };
        // A key that was refused is not tried again before it is another one.
        let held = ["Ready", "Stalled", "Reconciling"].map(|type_| said(status, type_).1);
        Some(Astray {
            uid: version.uid.clone(),
            what: format!("AICoreTenant {} {what}; its status is {status}", version.name),
            held: HOLDS.iter().any(|hold| held.contains(hold)),
        })
    });
    wrong.collect()
}

fn against(record: &Record, version: &TenantVersion, terms: &Terms, state: Option<&State>) -> Option<String> {
    let Some(status) = state.map(|state| &state.status) else { return Some("was not seen".to_owned()) };
    let expected = match record.shared_lead_now(terms) {
        Lead::To { real: true, .. } => ("True", "Valid"),
        Lead::To { real: false, .. } => ("False", "AuthenticationFailed"),
        Lead::Broken => ("False", "ServiceKeyInvalid"),
        _ => ("False", "ServiceKeyNotFound"),
    };
    let ready = said(status, "Ready");
    // What holds a question back may stand before the refusal of a key that is not one.
    let held = expected.1 == "AuthenticationFailed" && ready.0 == "False" && HOLDS.contains(&ready.1);
    if !held && ready != expected || status["observedGeneration"].as_i64() != Some(version.generation) {
        return Some(format!("should say {expected:?}, of generation {}", version.generation));
    }
    if expected.0 == "True"
        && ["Stalled", "Reconciling"].iter().any(|type_| !said(status, type_).0.is_empty())
    {
        return Some("should have nothing left to do".to_owned());
    }
    if let Lead::To { tenant, ends, .. } = record.shared_lead_now(terms) {
        let server = status["authorizationServer"].as_str().unwrap_or_default();
        if !server.ends_with(&format!("/uaa/{tenant}")) {
            return Some(format!("should be of tenant {tenant}"));
        }
        let told = status["serviceKeyExpiresAt"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        if !is_end(ends, told.map(Timestamp::as_second)) {
            return Some(format!("should say that its key ends at {ends:?}"));
        }
    }
    let users = users(record, &version.name);
    (status["resources"].as_u64() != Some(users)).then(|| format!("has {users} users"))
}

/// How many resources that are there name it.
fn users(record: &Record, name: &str) -> u64 {
    let names = KeyRef::Shared(name.to_owned());
    let there = |uid: &str| record.last_state(uid).is_some_and(|state| !state.gone);
    let users = record.objects().into_values().filter(|version| version.spec.service_key == names);
    users.filter(|version| there(&version.uid)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, object, shared, synced};
    use super::*;
    use crate::recording::KeyVersion;

    fn finds(change: impl FnOnce(&mut Record), what: &str) -> bool {
        let mut record = shared();
        change(&mut record);
        let astray = astray(&record);
        assert!(astray.len() == 1 && astray[0].what.contains(what), "{astray:?}");
        astray[0].held
    }

    fn status(record: &mut Record) -> &mut Value {
        &mut record.states.iter_mut().find(|state| state.uid == "x").unwrap().status
    }

    #[test]
    fn a_status_that_says_something_else_is_found() {
        assert_eq!(astray(&shared()), []);
        finds(|record| status(record)["resources"] = 2.into(), "has 1 users");
        finds(|record| record.tenants[0].generation = 2, "of generation 2");
        finds(|record| status(record)["authorizationServer"] = "http://host/uaa/t1".into(), "of tenant t0");
        finds(|record| status(record)["conditions"][0]["status"] = "False".into(), "should say");
        finds(|record| record.keys[0].ends = Some((1_000, 1_001)), "key ends at");
        finds(|record| record.states.retain(|state| state.uid != "x"), "was not seen");
    }

    #[test]
    fn what_a_key_cannot_do_is_said() {
        let spoilt = |tenant: Option<(String, bool)>, broken: bool| {
            move |record: &mut Record| {
                let version =
                    KeyVersion { from: at(20.0), to: at(20.0), tenant, broken, ..record.keys[0].clone() };
                record.keys.push(version);
            }
        };
        finds(spoilt(None, false), "ServiceKeyNotFound");
        finds(spoilt(None, true), "ServiceKeyInvalid");
        finds(spoilt(Some(("t0".to_owned(), false)), false), "AuthenticationFailed");
        let mut held = shared();
        spoilt(Some(("t0".to_owned(), false)), false)(&mut held);
        let conditions = super::super::testing::refused("x", "RateLimited", 3.0).status["conditions"].clone();
        status(&mut held)["conditions"] = conditions;
        assert_eq!(astray(&held), []);
        finds(spoilt(Some(("t1".to_owned(), true)), false), "of tenant t1");
    }

    #[test]
    fn users_that_it_does_not_allow_count_and_those_that_are_gone_do_not() {
        let second = |record: &mut Record| {
            let mut other = object("other", "2026-01-01T00:00:01Z");
            (other.key.0, other.spec.service_key) = ("b".to_owned(), KeyRef::Shared("x".to_owned()));
            record.specs.push(other);
            record.states.push(synced("other", 1, 2.0));
            record.tenants[0].terms.as_mut().unwrap().namespaces = vec!["a".to_owned()];
        };
        finds(second, "has 2 users");
        let mut record = shared();
        second(&mut record);
        record.states.last_mut().unwrap().gone = true;
        assert_eq!(astray(&record), []);
    }

    #[test]
    fn a_refused_key_is_held_until_it_is_another_one() {
        let refused = |reason: &str| {
            let reason = reason.to_owned();
            move |record: &mut Record| {
                status(record)["conditions"][0]["status"] = "False".into();
                status(record)["conditions"][0]["reason"] = reason.into();
            }
        };
        assert!(finds(refused("AuthenticationFailed"), "should say"));
        assert!(!finds(refused("RemoteUnavailable"), "should say"));
    }

    #[test]
    fn where_it_is_not_served_nobody_writes_it() {
        assert!(!finds(|record| record.served = false, "is not served"));
        let mut record = shared();
        record.served = false;
        *status(&mut record) = serde_json::json!({ "observedGeneration": -1 });
        assert_eq!(astray(&record), []);
    }
}
