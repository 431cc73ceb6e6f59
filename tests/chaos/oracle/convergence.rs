//! What must be true when everything works again: AI Core holds for each resource what its Secret holds, the status says so, the
//! losers of conflicts know it, and what was deleted is gone.
//!
//! A resource that the contract holds back (a refused service key, a refused request, `Retry-After`) need not have arrived before
//! somebody asks for it; that it is held is in its status, which must be true as well: Ready only if AI Core has the content.

use std::collections::BTreeMap;

use super::{expiry, lingering, sharing};
use crate::{
    credential::Content,
    recording::{Lead, Record, Remote, SpecVersion, State, said},
};

/// Reasons after which the operator waits for a person, or for as long as AI Core said.
pub(super) const HOLDS: [&str; 6] =
    ["AuthenticationFailed", "Forbidden", "RemoteRejected", "QuotaExceeded", "RemoteMissing", "RateLimited"];

/// A resource that is not where it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Astray {
    pub(crate) uid: String,
    pub(crate) what: String,
    /// Whether the contract holds it back until somebody asks.
    pub(crate) held: bool,
}

pub(crate) fn judge(record: &Record) -> Vec<String> {
    let astray = astray(record);
    // As long as something else is wrong, what is held was not asked for.
    let alone = astray.iter().any(|astray| !astray.held);
    astray.into_iter().filter(|astray| !alone || !astray.held).map(|astray| astray.what).collect()
}

/// All resources that are not where they must be.
pub(crate) fn astray(record: &Record) -> Vec<Astray> {
    let living = record.living();
    let mut astray: Vec<Astray> = living.iter().filter_map(|version| alone(record, version)).collect();
    let mut groups: BTreeMap<Remote, Vec<&SpecVersion>> = BTreeMap::new();
    for version in &living {
        if let Some(remote) = claim(record, version) {
            groups.entry(remote).or_default().push(version);
        }
    }
    for (remote, mut claimants) in groups {
        claimants.sort_by_key(|version| (&version.created, &version.uid));
        astray.extend(together(record, &remote, &claimants));
    }
    astray.extend(lingering::astray(record));
    astray.extend(sharing::astray(record));
    astray
}

/// What it claims: where its service key leads; as long as that cannot be told, what was sent before. What an `AICoreTenant` does
/// not allow claims nothing.
fn claim(record: &Record, version: &SpecVersion) -> Option<Remote> {
    match record.lead_now(version) {
        Lead::To { tenant, .. } => Some((tenant.to_owned(), version.spec.remote.clone())),
        lead if lead.keeps_claim() => {
            record.last_state(&version.uid)?.pushed().filter(|(_, name)| *name == version.spec.remote)
        }
        _ => None,
    }
}

fn is_real(record: &Record, version: &SpecVersion) -> bool {
    matches!(record.lead_now(version), Lead::To { real: true, .. })
}

fn source<'a>(record: &'a Record, version: &SpecVersion) -> Option<(&'a Content, Vec<&'a str>)> {
    record.source_now(&(version.key.0.clone(), version.spec.source.clone()))
}

/// Whether it is to be sent: not suspended, with a credential and a service key that is accepted.
fn works(record: &Record, version: &SpecVersion) -> bool {
    !version.spec.suspend && source(record, version).is_some() && is_real(record, version)
}

/// What is wrong with a resource that is not to be sent, by itself.
fn alone(record: &Record, version: &SpecVersion) -> Option<Astray> {
    if works(record, version) {
        return None;
    }
    let lead = record.lead_now(version);
    let mut expected = if version.spec.suspend { vec!["Suspended"] } else { lead.reasons().to_vec() };
    if !version.spec.suspend && source(record, version).is_none() {
        expected.extend(["SecretNotFound", "RemoteConflict"]);
    }
    let state = record.last_state(&version.uid);
    let status = state.map(|state| &state.status);
    let reasons =
        ["Ready", "Reconciling", "Stalled"].map(|type_| status.map_or("", |status| said(status, type_).1));
    let observed = state.is_some_and(|state| observed(state, version));
    if !observed || !reasons.iter().any(|reason| expected.contains(reason)) {
        return Some(astray_of(record, version, &format!("should say one of {expected:?}")));
    }
    // The name may be another's by now.
    let ready = status.is_some_and(|status| said(status, "Ready").0 == "True");
    (ready && !version.spec.suspend && lead.is_not_allowed())
        .then(|| astray_of(record, version, "should not be Ready, as its AICoreTenant does not allow it"))
}

/// What is wrong with those that claim one name, oldest first.
fn together(record: &Record, remote: &Remote, claimants: &[&SpecVersion]) -> Vec<Astray> {
    let working: Vec<&SpecVersion> =
        claimants.iter().copied().filter(|version| works(record, version)).collect();
    if working.is_empty() {
        return Vec::new();
    }
    let proven = claimants.iter().position(|version| {
        let shown = record.last_state(&version.uid).is_some_and(|state| state.shows_push(remote));
        works(record, version) || (shown && is_real(record, version))
    });
    // Those before the first that is proven for sure may have been proven too: by a token that nobody saw.
    let owners = &claimants[..=proven.unwrap_or(0)];
    let wrong = |owner: &SpecVersion| -> Vec<Astray> {
        let each = working.iter().filter_map(|version| {
            let what = if version.uid == owner.uid {
                synced(record, version, remote)
            } else {
                lost(record, version)
            };
            what.map(|what| astray_of(record, version, &what))
        });
        each.collect()
    };
    owners.iter().map(|owner| wrong(owner)).min_by_key(Vec::len).unwrap_or_default()
}

fn observed(state: &State, version: &SpecVersion) -> bool {
    state.status["observedGeneration"].as_i64() == Some(version.generation)
}

/// Why the resource does not hold the remote as it should.
fn synced(record: &Record, version: &SpecVersion, remote: &Remote) -> Option<String> {
    let (content, versions) = source(record, version)?;
    if version.spec.never && !record.remotes.contains_key(remote) {
        return missing(record, version);
    }
    let stored = record.remotes.get(remote).and_then(|stored| Content::read(stored));
    if stored.as_ref() != Some(content) {
        return Some(format!("{remote:?} should hold {content:?}, and holds {stored:?}"));
    }
    let Some(state) = record.last_state(&version.uid) else { return Some("has no state".to_owned()) };
    let read = state.status["secretResourceVersion"].as_str().unwrap_or_default();
    if said(&state.status, "Ready") != ("True", "Synced") || !observed(state, version) {
        return Some("should be Ready, Synced, of its present generation".to_owned());
    }
    if !said(&state.status, "Stalled").0.is_empty() || !said(&state.status, "Reconciling").0.is_empty() {
        return Some("should have nothing left to do".to_owned());
    }
    if !state.shows_push(remote) {
        return Some(format!("should say that it was sent to {remote:?}"));
    }
    if !versions.contains(&read) {
        return Some(format!("should say one of the Secret's versions {versions:?}"));
    }
    expiry::against(record, version, state)
}

/// Why a resource that must not create does not know that there is nothing to update.
fn missing(record: &Record, version: &SpecVersion) -> Option<String> {
    let state = record.last_state(&version.uid);
    let knows = state.is_some_and(|state| {
        observed(state, version) && said(&state.status, "Stalled") == ("True", "RemoteMissing")
    });
    (!knows).then(|| "should say RemoteMissing".to_owned())
}

/// Why the resource does not know that it has lost.
fn lost(record: &Record, version: &SpecVersion) -> Option<String> {
    let state = record.last_state(&version.uid);
    let knows = state.is_some_and(|state| {
        observed(state, version)
            && said(&state.status, "Stalled") == ("True", "RemoteConflict")
            && said(&state.status, "Ready").0 != "True"
    });
    (!knows).then(|| "should say RemoteConflict, and not Ready".to_owned())
}

fn astray_of(record: &Record, version: &SpecVersion, what: &str) -> Astray {
    let state = record.last_state(&version.uid);
    let null = serde_json::Value::Null;
    let status = state.map_or(&null, |state| &state.status);
    let reason = ["Stalled", "Reconciling"].map(|type_| said(status, type_).1);
    let ready = said(status, "Ready").0 == "True";
    // Ready stays when only the key went bad: then AI Core must have what the Secret has.
    let truthful = !ready
        || claim(record, version).is_none_or(|remote| {
            let stored = record.remotes.get(&remote).and_then(|stored| Content::read(stored));
            stored.as_ref() == source(record, version).map(|(content, _)| content)
        });
    let held = HOLDS.iter().any(|hold| reason.contains(hold)) && truthful;
    Astray {
        uid: version.uid.clone(),
        what: format!("{:?} ({}) {what}; its status is {status}", version.key, version.uid),
        held,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        content, object, refused, shared, source as written, synced, the_only, world,
    };
    use super::*;

    #[track_caller]
    fn finds(record: &Record, what: &str) -> Astray {
        the_only(astray(record), what)
    }

    /// `late` is younger and wants the same name as `r`, and says that it has lost.
    fn conflict() -> Record {
        let mut record = world();
        record.specs.push(object("late", "2026-01-01T00:00:01Z"));
        record.sources.push(written("late-s", 1, 0.0));
        record.states.push(refused("late", "RemoteConflict", 2.0));
        record
    }

    #[test]
    fn other_content_is_found() {
        let mut record = world();
        record.sources.push(written("r-s", 2, 5.0));
        assert!(!finds(&record, "should hold").held);
        record.remotes.clear();
        finds(&record, "holds None");
    }

    #[test]
    fn a_status_that_says_something_else_is_found() {
        let mut record = world();
        record.states[0].status["secretResourceVersion"] = "7".into();
        finds(&record, "versions");
        record.states[0] = synced("r", 1, 2.0);
        record.specs[0].generation = 2;
        finds(&record, "present generation");
        record.specs[0].generation = 1;
        record.states[0].status["authorizationServer"] = "http://host/uaa/t1".into();
        finds(&record, "was sent to");
        record.states[0] = refused("r", "RemoteUnavailable", 2.0);
        assert!(!finds(&record, "should be Ready").held);
    }

    #[test]
    fn what_is_held_by_contract_is_said_to_be_held_while_it_is_true() {
        let mut record = world();
        record.sources.push(written("r-s", 2, 5.0));
        record.states[0] = refused("r", "RemoteRejected", 2.0);
        assert!(finds(&record, "should hold").held);
        record.states[0].status["conditions"][0]["status"] = "True".into();
        assert!(!finds(&record, "should hold").held, "Ready with an old content");
    }

    #[test]
    fn the_oldest_owns_and_the_others_know() {
        let mut record = conflict();
        assert_eq!(astray(&record), []);
        record.states.pop();
        finds(&record, "RemoteConflict");
        let mut record = conflict();
        let younger = content("late-s", 1).data()[".dockerconfigjson"].clone();
        record.remotes.insert(("t0".to_owned(), "remote".to_owned()), younger);
        finds(&record, "should hold");
    }

    #[test]
    fn an_older_one_that_is_suspended_owns_if_it_was_pushed_and_may_own_if_not() {
        let mut record = conflict();
        record.specs[0].spec.suspend = true;
        record.states[0].status["conditions"][0]["reason"] = "Suspended".into();
        assert_eq!(astray(&record), []);
        let mut next = record.clone();
        next.states[1] = synced("late", 1, 3.0);
        let younger = content("late-s", 1).data()[".dockerconfigjson"].clone();
        next.remotes.insert(("t0".to_owned(), "remote".to_owned()), younger);
        finds(&next, "RemoteConflict");
        next.states[0].status["lastSyncTime"] = serde_json::Value::Null;
        assert_eq!(astray(&next), []);
    }

    #[test]
    fn what_is_not_to_be_sent_says_why() {
        let mut record = world();
        record.specs[0].spec.suspend = true;
        finds(&record, "Suspended");
        let mut record = world();
        record.sources[0].content = None;
        finds(&record, "SecretNotFound");
        record.states[0] = refused("r", "SecretNotFound", 3.0);
        assert_eq!(astray(&record), []);
        let mut record = world();
        record.keys[0].tenant = Some(("t0".to_owned(), false));
        finds(&record, "AuthenticationFailed");
    }

    #[test]
    fn what_is_not_allowed_says_so_and_is_not_ready() {
        let mut record = shared();
        record.tenants[0].terms.as_mut().unwrap().namespaces = vec!["b".to_owned()];
        finds(&record, "NamespaceNotAllowed");
        record.states[0] = refused("r", "NamespaceNotAllowed", 3.0);
        assert_eq!(astray(&record), []);
        record.states[0].status["conditions"][0] = synced("r", 1, 3.0).status["conditions"][0].clone();
        finds(&record, "should not be Ready");
        record.tenants[0].terms.as_mut().unwrap().namespaces = vec!["*".to_owned()];
        record.tenants[0].terms.as_mut().unwrap().names = Some(vec!["other".to_owned()]);
        finds(&record, "RemoteNameNotAllowed");
        record.served = false;
        record.states.retain(|state| state.uid != "x");
        finds(&record, "TenantNotServed");
    }

    /// `late` is younger, has a key of its own, and is synced; `r` says that.
    fn lost_to(reason: &str) -> Record {
        let mut record = shared();
        record.specs.push(object("late", "2026-01-01T00:00:01Z"));
        record.sources.push(written("late-s", 1, 0.0));
        record.keys.extend(world().keys);
        record.states.push(synced("late", 1, 3.0));
        let younger = content("late-s", 1).data()[".dockerconfigjson"].clone();
        record.remotes.insert(("t0".to_owned(), "remote".to_owned()), younger);
        record.states[0].status["conditions"] = refused("r", reason, 3.0).status["conditions"].clone();
        record
    }

    #[test]
    fn what_is_not_allowed_claims_nothing() {
        let mut record = lost_to("NamespaceNotAllowed");
        record.tenants[0].terms.as_mut().unwrap().namespaces = vec!["b".to_owned()];
        assert_eq!(astray(&record), []);
        *record.states.last_mut().unwrap() = refused("late", "RemoteConflict", 4.0);
        finds(&record, "should be Ready");
    }

    #[test]
    fn who_waits_for_an_aicoretenant_may_keep_its_claim() {
        // Where none is served, it is as if there were none.
        let mut record = lost_to("TenantNotServed");
        record.served = false;
        record.states.retain(|state| state.uid != "x");
        assert_eq!(astray(&record), []);
        *record.states.last_mut().unwrap() = refused("late", "RemoteConflict", 4.0);
        assert_eq!(astray(&record), []);
        let mut record = lost_to("TenantNotFound");
        record.tenants[0].terms = None;
        assert_eq!(astray(&record), []);
        *record.states.last_mut().unwrap() = refused("late", "RemoteConflict", 4.0);
        assert_eq!(astray(&record), []);
        record.states[0].status["lastSyncTime"] = serde_json::Value::Null;
        finds(&record, "should be Ready");
    }

    #[test]
    fn one_that_must_not_create_says_that_there_is_nothing() {
        let mut record = world();
        record.specs[0].spec.never = true;
        assert_eq!(astray(&record), []);
        record.remotes.clear();
        finds(&record, "RemoteMissing");
        record.states[0] = refused("r", "RemoteMissing", 3.0);
        assert_eq!(astray(&record), []);
    }
}
