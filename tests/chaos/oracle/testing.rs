//! A small world in which everything is right, for the rules' tests to spoil.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::convergence::Astray;
use crate::{
    credential::Content,
    recording::{
        Heard, Key, KeyRef, KeyVersion, Life, Operation, Record, Request, SourceVersion, Spec, SpecVersion,
        State, TenantVersion, Terms,
    },
};

pub(super) const PID: u32 = 100;

pub(super) fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn key(name: &str) -> Key {
    ("a".to_owned(), name.to_owned())
}

pub(super) fn content(secret: &str, version: u32) -> Content {
    Content { namespace: "a".to_owned(), secret: secret.to_owned(), version, password: version }
}

/// The Secret `a/<name>` holds version `version` from then on.
pub(super) fn source(name: &str, version: u32, time: f64) -> SourceVersion {
    SourceVersion {
        key: key(name),
        version: version.to_string(),
        from: at(time),
        to: at(time),
        content: Some(content(name, version)),
        says: Vec::new(),
    }
}

/// The resource `a/<name>` with the uid `<name>`, the Secret `<name>-s`, the key `key` and the remote name `remote`, from 0 s on.
pub(super) fn object(name: &str, created: &str) -> SpecVersion {
    SpecVersion {
        key: key(name),
        uid: name.to_owned(),
        created: created.to_owned(),
        version: 10,
        generation: 1,
        from: at(0.0),
        to: at(0.0),
        spec: Spec {
            source: format!("{name}-s"),
            service_key: KeyRef::Own("key".to_owned()),
            remote: "remote".to_owned(),
            delete: true,
            suspend: false,
            abandon: false,
            never: false,
            resync: false,
        },
    }
}

/// An accepted PATCH of the remote secret `remote` of tenant `t0`.
pub(super) fn patch(secret: &str, version: u32, time: f64) -> Request {
    Request {
        pid: Some(PID),
        operation: Operation::Patch,
        remote: ("t0".to_owned(), "remote".to_owned()),
        content: Some(Ok(content(secret, version))),
        received: at(time),
        answered: at(time + 0.01),
        applied: Some(at(time + 0.005)),
        status: Some(202),
        spoilt: false,
        late: false,
    }
}

pub(super) fn delete(time: f64) -> Request {
    Request { operation: Operation::Delete, content: None, ..patch("", 0, time) }
}

/// Synced with that version of its Secret in `t0`.
pub(super) fn synced(name: &str, version: u32, time: f64) -> State {
    State {
        key: key(name),
        uid: name.to_owned(),
        version: 11,
        generation: 1,
        seen: at(time),
        terminating: false,
        finalizer: true,
        status: json!({
            "observedGeneration": 1,
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Synced", "message": "sent" }],
            "remoteName": "remote",
            "apiURL": "http://host",
            "authorizationServer": "http://host/uaa/t0",
            "secretResourceVersion": version.to_string(),
            "lastSyncTime": "2026-01-01T00:00:00Z",
        }),
        gone: false,
    }
}

/// Refused for this reason, with no push so far.
pub(super) fn refused(name: &str, reason: &str, time: f64) -> State {
    let mut state = synced(name, 1, time);
    let condition = |type_: &str, status: &str| -> Value {
        json!({ "type": type_, "status": status, "reason": reason, "message": "no" })
    };
    state.status = json!({
        "observedGeneration": 1,
        "conditions": [condition("Ready", "False"), condition("Stalled", "True")],
    });
    state
}

pub(super) fn heard(uid: &str, version: u64, time: f64) -> Heard {
    Heard { replica: 0, uid: uid.to_owned(), version, gone: false, at: at(time) }
}

/// The resource `r` is synced with version 1 of its Secret; 60 s have passed.
pub(super) fn world() -> Record {
    Record {
        specs: vec![object("r", "2026-01-01T00:00:00Z")],
        sources: vec![source("r-s", 1, 0.0)],
        keys: vec![KeyVersion {
            key: key("key"),
            from: at(0.0),
            to: at(0.0),
            tenant: Some(("t0".to_owned(), true)),
            broken: false,
            ends: None,
        }],
        states: vec![synced("r", 1, 2.0)],
        requests: vec![patch("r-s", 1, 1.0)],
        lives: vec![Life { pid: PID, working: Some(at(0.5)), ..Life::default() }],
        heard: vec![heard("r", 10, 0.6)],
        remotes: BTreeMap::from([(
            ("t0".to_owned(), "remote".to_owned()),
            content("r-s", 1).data()[".dockerconfigjson"].clone(),
        )]),
        rate: (10, 20),
        end: at(60.0),
        ..Record::default()
    }
}

/// The same, with the key that the `AICoreTenant` `x` shares: it is in the namespace `home`.
pub(super) fn shared() -> Record {
    let mut record = world();
    record.served = true;
    record.specs[0].spec.service_key = KeyRef::Shared("x".to_owned());
    record.keys[0].key = ("home".to_owned(), "vault-key".to_owned());
    record.tenants = vec![TenantVersion {
        name: "x".to_owned(),
        uid: "x".to_owned(),
        version: 5,
        generation: 1,
        from: at(0.0),
        to: at(0.0),
        terms: Some(Terms {
            secret: record.keys[0].key.clone(),
            namespaces: vec!["*".to_owned()],
            names: None,
        }),
    }];
    record.states.push(State {
        key: (String::new(), "x".to_owned()),
        uid: "x".to_owned(),
        version: 6,
        finalizer: false,
        status: json!({
            "observedGeneration": 1,
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Valid", "message": "a token" }],
            "apiURL": "http://host",
            "authorizationServer": "http://host/uaa/t0",
            "resources": 1,
        }),
        ..synced("x", 1, 2.0)
    });
    record.heard.push(heard("x", 5, 0.6));
    record
}

#[test]
fn nothing_is_against_a_world_in_which_everything_is_right() {
    assert_eq!(super::judge(&world()), []);
    assert_eq!(super::judge(&shared()), []);
}

/// What rules are asked that judge requests from when on the process has heard of something, here at 11 s: a moment later, and without
/// having heard of it, it is let pass.
#[track_caller]
pub(super) fn lets_pass_before_it_can_know(mut record: Record, judge: impl Fn(&Record) -> Vec<String>) {
    record.requests.push(patch("r-s", 1, 12.0));
    assert_eq!(judge(&record), Vec::<String>::new());
    record.heard.pop();
    record.requests.push(patch("r-s", 1, 50.0));
    assert_eq!(judge(&record), Vec::<String>::new());
}

/// The only one that is not where it must be, of which this is said.
#[track_caller]
pub(super) fn the_only(astray: Vec<Astray>, what: &str) -> Astray {
    assert!(astray.len() == 1 && astray[0].what.contains(what), "{astray:?}");
    astray.into_iter().next().unwrap()
}
