//! What is said of a tenant's service key, and when: whether it works, and how long it still lives.

use super::*;
use crate::api::condition::{EXPIRED, EXPIRING};

/// One whose key has so many seconds left of a life of a thousand.
fn with_left(left: i64) -> Life {
    let mut life = Life::new();
    let now = life.now.wall.as_second();
    life.validity = Some(Validity { not_before: at(now + left - 1000), not_after: at(now + left) });
    life.asked(Answer::Quota(Some((7, 50))));
    life
}

/// Goes on until nothing turns any more, by the waits that it asks for alone. Returns how many passes that took.
fn live_on(life: &mut Life, mut wait: Duration) -> usize {
    let mut passes = 0;
    while life.conditions().iter().all(|condition| !condition.starts_with(EXPIRED)) {
        assert!(!wait.is_zero() && passes < 10, "{wait:?}");
        life.later(wait);
        wait = life.rests();
        passes += 1;
    }
    passes
}

#[test]
fn each_turn_is_written_once_without_a_look_at_the_secret() {
    let mut life = with_left(1000);
    assert_eq!(life.events, ["Valid"]);
    assert_eq!(life.writes, 1);
    let wait = life.rests();
    assert!(wait >= seconds(800) && wait < seconds(820), "the turn comes before the quota: {wait:?}");
    let passes = live_on(&mut life, wait);
    assert_eq!((passes, life.writes), (2, 3));
    assert_eq!(life.events, ["Valid", EXPIRING, EXPIRED]);
    assert_eq!(life.conditions(), ["CredentialExpired=True/ServiceKey", "Ready=True/Valid"]);
    let ended = condition::find(&life.status.conditions, EXPIRED).unwrap();
    assert!(ended.message.contains("spec.secretRef") && ended.message.contains("create a new service key"));
    // Nothing more turns.
    assert_eq!(life.rests(), life.known().until_quota());
    assert_eq!(life.writes, 3);
}

#[test]
fn a_restart_says_nothing_again() {
    for left in [100, -100] {
        let mut life = with_left(left);
        let said = life.events.len();
        assert_eq!(said, 2, "that it works, and how long it lives");
        life.restart();
        life.rests();
        assert_eq!((life.writes, life.events.len()), (1, said), "{left}");
    }
}

/// A turn while AI Core does not answer, or refuses the key, asks nothing before its time.
#[test]
fn a_turn_in_a_backoff_is_written_and_asks_nothing() {
    let mut life = with_left(1000);
    life.granted = Some(false);
    life.asked(Answer::Failed(failure(Reason::AuthenticationFailed)));
    assert_eq!(life.events, ["Valid", "AuthenticationFailed"]);
    let wait = life.found(&life.key());
    assert!(wait >= seconds(800) && wait < seconds(820), "{wait:?}");
    life.later(wait);
    assert!(!life.asks());
    let key = life.key();
    life.found(&key);
    assert_eq!(life.events, ["Valid", "AuthenticationFailed", EXPIRING]);
    assert_eq!(
        life.conditions(),
        [
            "CredentialExpiring=True/ServiceKey",
            "Ready=False/AuthenticationFailed",
            "Stalled=True/AuthenticationFailed"
        ]
    );
}

#[test]
fn another_key_takes_it_away_and_one_that_is_gone_too() {
    for gone in [false, true] {
        let mut life = with_left(-100);
        assert_eq!(life.conditions()[0], "CredentialExpired=True/ServiceKey");
        life.version = "21".to_owned();
        if gone {
            let found = Found::Unusable(failure(Reason::ServiceKeyNotFound));
            life.found(&TenantKey { found, identity: None });
        } else {
            life.validity = None;
            life.found(&life.key());
        }
        assert!(life.conditions().iter().all(|condition| !condition.starts_with("Credential")), "{gone}");
        let times = (life.status.service_key_expires_at, life.status.service_key_expiring_from);
        assert_eq!(times, (None, None));
    }
}

/// Only that it works, that it does not, and for which reason: not the same twice, and not what passes by itself.
#[test]
fn events_are_at_turns_only() {
    let mut life = Life::valid();
    for reason in [
        Reason::RemoteUnavailable,
        Reason::AuthenticationFailed,
        Reason::AuthenticationFailed,
        Reason::Forbidden,
    ] {
        life.later(HOUR);
        life.asked(Answer::Failed(failure(reason)));
    }
    life.later(HOUR);
    life.asked(Answer::Quota(None));
    life.later(HOUR);
    life.asked(Answer::Quota(None));
    assert_eq!(life.events, ["Valid", "AuthenticationFailed", "Forbidden", "Valid"]);
}

/// Events of what is in no namespace are read in the namespace `default`.
#[test]
fn an_event_names_no_secret() {
    let mut life = Life::valid();
    let failure = Failure::new(
        Reason::ServiceKeyInvalid,
        "Secret \"aicore-key\" of namespace \"platform\" has no clientid",
    );
    life.version = "21".to_owned();
    let key = TenantKey { found: Found::Unusable(failure), identity: None };
    let report = life.known().report(&key, Answer::NotAsked, life.now.uptime, 1.0);
    let [event] = &*report.events else { panic!("{:?}", report.events) };
    assert_eq!((event.warning, event.reason), (true, "ServiceKeyInvalid"));
    assert!(!event.note.contains("aicore-key") && !event.note.contains("platform"), "{}", event.note);
}
