//! The annotation `requestedAt`: somebody wants an answer now.

use super::*;

impl Life {
    fn requests(&mut self, value: &str) {
        self.tenant.requested_at = Some(value.into());
    }

    fn answered(&self) -> Option<&str> {
        self.status.last_handled_reconcile_at.as_deref()
    }
}

#[test]
fn each_value_is_answered_once_however_often_the_process_starts() {
    let mut life = Life::valid();
    life.later(seconds(60));
    life.requests("now");
    assert!(!life.known().at_rest() && life.known().is_asked_for());
    assert_eq!(life.asked(Answer::Quota(Some((9, 50)))), HOUR);
    assert_eq!((life.answered(), life.status.quota.as_ref().unwrap().used), (Some("now"), 9));
    for _ in 0..3 {
        life.restart();
        assert!(!life.known().is_asked_for());
        life.rests();
    }
    // To take it away asks for nothing.
    life.tenant.requested_at = None;
    life.rests();
    assert_eq!((life.answered(), life.writes), (Some("now"), 2));
}

#[test]
fn however_often_somebody_asks_there_is_a_pause_between_two_questions() {
    let mut life = Life::valid();
    let mut questions = 0;
    for second in 0..100 {
        life.requests(&second.to_string());
        if life.asks() {
            life.asked(Answer::Quota(Some((7, 50))));
            questions += 1;
        } else {
            let wait = life.found(&life.key());
            assert!(wait <= PAUSE && !wait.is_zero(), "{wait:?}");
        }
        life.later(seconds(1));
    }
    assert_eq!(questions, 9);
}

#[rstest]
#[case::refused(Reason::AuthenticationFailed)]
#[case::forbidden(Reason::Forbidden)]
#[case::unavailable(Reason::RemoteUnavailable)]
fn a_wait_ends_when_somebody_asks(#[case] reason: Reason) {
    let mut life = Life::new();
    for _ in 0..4 {
        life.asked(Answer::Failed(failure(reason)));
        life.later(HOUR);
    }
    life.asked(Answer::Failed(failure(reason)));
    life.later(seconds(1));
    assert!(!life.asks());
    life.requests("now");
    assert_eq!(life.found(&life.key()), seconds(9));
    assert_eq!(life.answered(), None, "nothing was asked yet");
    life.later(PAUSE);
    life.asked(Answer::Failed(failure(reason)));
    assert_eq!(life.answered(), Some("now"), "a refusal is an answer");
    assert!(!life.asks());
    // What another process has left is no reason to let somebody wait.
    life.restart();
    life.requests("again");
    life.asked(Answer::Quota(Some((7, 50))));
    assert_eq!(life.conditions(), ["Ready=True/Valid"]);
}

/// A server that wants to be left alone is, whoever asks.
#[test]
fn what_a_server_has_asked_for_stands() {
    let mut life = Life::new();
    life.asked(Answer::Failed(Failure { retry_after: Some(seconds(300)), ..failure(Reason::RateLimited) }));
    life.requests("now");
    assert_eq!(life.found(&life.key()), seconds(300));
    life.later(seconds(299));
    assert!(!life.asks());
    life.later(seconds(1));
    life.asked(Answer::Quota(Some((7, 50))));
    assert_eq!(life.answered(), Some("now"));
}

#[test]
fn that_there_is_no_key_is_an_answer() {
    let mut life = Life::valid();
    life.requests("now");
    let key = TenantKey { found: Found::Unusable(failure(Reason::ServiceKeyNotFound)), identity: None };
    assert_eq!(life.found(&key), STALLED_INTERVAL);
    assert_eq!(life.answered(), Some("now"));
}
