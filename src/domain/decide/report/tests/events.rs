//! Events come on change only.

use super::*;

fn reasons(report: &Report) -> Vec<(bool, &'static str)> {
    let left = report.leaving.iter().map(|leaving| &leaving.event);
    left.chain(&report.events).map(|event| (event.warning, event.reason)).collect()
}

#[test]
fn a_life() {
    let mut life = Life::new();
    assert_eq!(reasons(&life.rests(without_source)), [(true, "SecretNotFound")]);
    assert_eq!(reasons(&life.rests(without_source)), []);
    assert_eq!(reasons(&life.push_succeeds(as_found)), [(false, "Synced")]);
    assert_eq!(reasons(&life.push_succeeds(rotated)), [], "a routine rotation");
    assert_eq!(reasons(&life.rests(rotated)), []);
    let refused = failure(Reason::AuthenticationFailed);
    life.object.requested_at = Some("1".into());
    assert_eq!(reasons(&life.push_fails(rotated, refused.clone())), [(true, "AuthenticationFailed")]);
    assert_eq!(reasons(&life.rests(rotated)), [], "held");
    life.later(seconds(1000));
    assert_eq!(reasons(&life.push_fails(rotated, refused)), [], "still refused");
    life.later(seconds(1000));
    assert_eq!(
        reasons(&life.push_fails(rotated, failure(Reason::RemoteUnavailable))),
        [(true, "RemoteUnavailable")]
    );
    life.later(seconds(1000));
    assert_eq!(reasons(&life.push_succeeds(rotated)), [(false, "Synced")]);
    life.spec(|spec| spec.suspend = Some(true));
    assert_eq!(reasons(&life.rests(rotated)), [(false, "Suspended")]);
    life.spec(|spec| spec.suspend = Some(false));
    assert_eq!(reasons(&life.rests(rotated)), [(false, "Synced")]);
    assert_eq!(reasons(&life.rests(owned_by(&key("older")))), [(true, "RemoteConflict")]);
}

#[test]
fn the_note_is_the_message() {
    let mut life = Life::new();
    let report = life.push_fails(as_found, failure(Reason::QuotaExceeded));
    assert_eq!(report.events[0].note, life.message(STALLED));
}

#[test]
fn waiting_for_a_turn_is_no_event_but_what_follows_is() {
    let mut life = Life::new();
    let (_, report) = life.pass(as_found, |_| Outcome::Postponed(NOTEWORTHY_WAIT));
    assert_eq!(reasons(&report), []);
    assert_eq!(reasons(&life.push_succeeds(as_found)), [(false, "Synced")]);
}

#[rstest]
fn another_tenant_is_told_with_what_stays_behind(#[values(false, true)] forced: bool) {
    let mut life = Life::in_sync();
    if forced {
        life.object.requested_at = Some("1".into());
    }
    let elsewhere = |observed: &mut Observed<'_>| observed.service_key = usable("21", tenant("two"));
    // Not before the push succeeds.
    let report = life.push_fails(elsewhere, failure(Reason::RemoteUnavailable));
    assert_eq!(reasons(&report), [(true, "RemoteUnavailable")]);
    life.later(seconds(1));
    if forced {
        life.object.requested_at = Some("2".into());
    }
    let report = life.push_succeeds(elsewhere);
    assert_eq!(reasons(&report), [(true, "TenantChanged"), (false, "Synced")]);
    let note = &report.leaving.unwrap().event.note;
    assert!(note.contains(&tenant("one").api_url), "{note}");
    assert!(note.contains(&tenant("one").authorization_server), "{note}");
    assert!(note.contains("\"pull\""), "{note}");
    assert_eq!(life.status.api_url, Some(tenant("two").api_url));
    assert_eq!(life.status.authorization_server, Some(tenant("two").authorization_server));
}
