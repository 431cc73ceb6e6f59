use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::domain::{
    parse::{docker_config::Selection, secret_data::tests::secret},
    testing::a_payload_for,
};

/// 2026-11-26T08:00:00Z.
const NOW: i64 = 1_795_680_000;
const DAY: i64 = 24 * 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn now() -> Timestamp {
    at(NOW)
}

fn jwt(claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(claims))
}

/// As Amazon makes it.
fn ecr(expiration: &Value) -> String {
    STANDARD.encode(
        json!({
            "payload": "cGF5bG9hZA==", "datakey": "ZGF0YWtleQ==", "version": "2", "type": "DATA_KEY",
            "expiration": expiration,
        })
        .to_string(),
    )
}

/// As programs break base64 that they print.
fn broken_after(columns: usize, text: &str) -> String {
    let lines: Vec<&str> =
        text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

/// What is read of a Secret with these keys and annotations, whose payload has these passwords.
fn read_of(
    keys: &[(&'static str, &str)],
    ours: Option<&str>,
    external_secrets: Option<&str>,
    passwords: &[&str],
) -> Expiry {
    let kept = |text: Option<&str>| text.map(kept);
    let annotations = Annotations { ours: kept(ours), external_secrets: kept(external_secrets) };
    let secret = secret("pull", None, keys.iter().copied()).with_expiry(annotations);
    let registries: Vec<String> = (0..passwords.len()).map(|number| format!("r{number}.example")).collect();
    let logins: Vec<(&str, &str, &str)> = registries
        .iter()
        .zip(passwords)
        .map(|(registry, password)| (registry.as_str(), "me", *password))
        .collect();
    read(&secret, &a_payload_for(&logins), now())
}

fn end_of(keys: &[(&'static str, &str)], ours: Option<&str>, passwords: &[&str]) -> Option<i64> {
    read_of(keys, ours, None, passwords).ends.map(Timestamp::as_second)
}

#[rstest]
#[case::unix_seconds("1795683600", Some(NOW + 3600))]
#[case::rfc_3339("2026-11-26T09:00:00Z", Some(NOW + 3600))]
#[case::with_an_offset("2026-11-26T10:00:00+01:00", Some(NOW + 3600))]
#[case::with_a_fraction("2026-11-26T09:00:00.9Z", Some(NOW + 3600))]
#[case::lower_case("2026-11-26t09:00:00z", Some(NOW + 3600))]
#[case::blanks_and_a_line_break(" 1795683600\n", Some(NOW + 3600))]
#[case::ended_yesterday("2026-11-25T08:00:00Z", Some(NOW - DAY))]
#[case::in_nine_years("2035-11-26T08:00:00Z", Some(2_079_676_800))]
#[case::two_years_ago("2024-11-26T08:00:00Z", None)]
#[case::in_eleven_years("2037-11-26T08:00:00Z", None)]
#[case::a_year_of_long_ago("0001-01-01T00:00:00Z", None)]
#[case::the_end_of_the_calendar("9999-12-31T23:59:59Z", None)]
#[case::milliseconds("1795683600000", None)]
#[case::nothing("", None)]
#[case::zero("0", None)]
#[case::a_duration("90d", None)]
#[case::a_date_alone("2026-12-24", None)]
#[case::no_offset("2026-11-26T09:00:00", None)]
#[case::more_digits_than_can_be_counted("99999999999999999999999999", None)]
#[case::a_word("never", None)]
#[case::blank_between_date_and_time("2026-11-26 09:00:00Z", Some(NOW + 3600))]
#[case::offset_without_a_colon("2026-11-26T09:00:00+0000", Some(NOW + 3600))]
#[case::offset_in_the_west("2026-11-25T23:00:00-10:00", Some(NOW + 3600))]
#[case::offset_of_a_day("2026-11-27T09:00:00+24:00", None)]
#[case::offset_of_more("2026-11-27T10:00:00+25:00", None)]
#[case::zone_by_name("2026-11-26T10:00:00+01:00[Europe/Berlin]", None)]
#[case::zone_in_letters("2026-11-26T09:00:00 CET", None)]
#[case::as_go_prints_it("2026-11-26 09:00:00 +0000 UTC", None)]
#[case::of_a_header("Thu, 26 Nov 2026 09:00:00 GMT", None)]
#[case::in_quotes("\"2026-11-26T09:00:00Z\"", None)]
#[case::seconds_in_quotes("'1795683600'", None)]
#[case::microseconds("1795683600000000", None)]
#[case::seconds_with_a_fraction("1795683600.5", None)]
#[case::seconds_as_a_power("1.7956836e9", None)]
#[case::seconds_with_a_sign("+1795683600", None)]
#[case::negative("-1795683600", None)]
#[case::hexadecimal("0x6b0771d0", None)]
#[case::with_separators("1_795_683_600", None)]
#[case::other_digits("１７９５６８３６００", None)]
#[case::blank_within("1795 683600", None)]
#[case::two_times("1795683600 1795683700", None)]
#[case::byte_order_mark("\u{feff}1795683600", None)]
#[case::leading_zeros("0001795683600", Some(NOW + 3600))]
#[case::too_long(&format!("{}1795683600", "0".repeat(MAX_TEXT)), None)]
fn a_time_is_read_wherever_it_stands(#[case] text: &str, #[case] ends: Option<i64>) {
    assert_eq!(end_of(&[], Some(text), &["pw"]), ends, "the annotation");
    for key in KEYS {
        assert_eq!(end_of(&[(key, text)], None, &["pw"]), ends, "{key}");
    }
    let other = read_of(&[], None, Some(text), &["pw"]);
    assert_eq!(other.ends.map(Timestamp::as_second), ends, "the annotation of External Secrets");
    assert_eq!(other.remark, None, "who did not write it for the operator hears nothing of it");
}

#[test]
fn an_annotation_that_does_not_count_is_spoken_of_without_its_value() {
    let said = read_of(&[], Some("hunter2"), None, &["pw"]).remark.unwrap();
    assert!(said.contains("aicore-registry.dev/expires-at of Secret \"pull\" does not count"), "{said}");
    assert!(!said.contains("hunter2") && !said.ends_with('.'), "{said}");
    assert!(read_of(&[], Some("1985-01-01T00:00:00Z"), None, &["pw"]).remark.is_some());
    assert_eq!(read_of(&[], Some("2026-11-26T09:00:00Z"), None, &["pw"]).remark, None);
    assert_eq!(read_of(&[], None, None, &["pw"]), Expiry::default());
}

/// What somebody says counts for more than what a program left, and that for more than what a token says of itself.
#[test]
fn the_first_that_gives_a_time_counts() {
    let token = jwt(&json!({"exp": NOW + 300}));
    let key = ("expiry", "1795680200");
    assert_eq!(end_of(&[key], Some("1795680400"), &[&token]), Some(NOW + 400));
    assert_eq!(end_of(&[key], None, &[&token]), Some(NOW + 200));
    assert_eq!(end_of(&[], None, &[&token]), Some(NOW + 300));
    // What does not count hides nothing.
    assert_eq!(end_of(&[key], Some("soon"), &[&token]), Some(NOW + 200));
    assert_eq!(end_of(&[("expiry", "soon")], None, &[&token]), Some(NOW + 300));
    let several = read_of(&[("expires_at", "1795680900"), key], None, Some("1795680100"), &["pw"]);
    assert_eq!(several.ends, Some(at(NOW + 100)), "of one kind the earliest");
    // Both annotations: the operator's own counts, also if it is the later one; one that is none hides nothing.
    let both = read_of(&[], Some("1795680400"), Some("1795680100"), &["pw"]);
    assert_eq!((both.ends, both.remark), (Some(at(NOW + 400)), None));
    let one = read_of(&[], Some("1795680400000"), Some("1795680100"), &["pw"]);
    assert!(one.ends == Some(at(NOW + 100)) && one.remark.is_some(), "{one:?}");
}

#[rstest]
#[case::token(&jwt(&json!({"iss": "x", "exp": NOW + 60})), Some(NOW + 60))]
#[case::token_with_a_fraction(&jwt(&json!({"exp": 1_795_680_060.75})), Some(NOW + 60))]
#[case::token_with_padding(&format!("eyJhIjoxfQ.{}.x", URL_SAFE.encode(json!({"exp": NOW + 60, "a": 1}).to_string())), Some(NOW + 60))]
#[case::token_that_ended(&jwt(&json!({"exp": NOW - 60})), Some(NOW - 60))]
#[case::token_without_an_end(&jwt(&json!({"iat": NOW})), None)]
#[case::token_of_long_ago(&jwt(&json!({"exp": 60})), None)]
#[case::token_of_no_time(&jwt(&json!({"exp": "tomorrow"})), None)]
#[case::token_beyond_all_times(&jwt(&json!({"exp": 1e300})), None)]
#[case::token_before_all_times(&jwt(&json!({"exp": -1e300})), None)]
#[case::token_with_two_ends(&format!("eyJ9.{}.x", URL_SAFE_NO_PAD.encode(r#"{"exp":1795680060,"exp":1795680061}"#)), None)]
#[case::two_parts("eyJhIjoxfQ.eyJleHAiOjE3OTU2ODAwNjB9", None)]
#[case::encrypted_token_of_five_parts("eyJhIjoxfQ.eyJleHAiOjE3OTU2ODAwNjB9.x.y.z", None)]
#[case::a_list(&format!("eyJ9.{}.x", URL_SAFE_NO_PAD.encode("[1795680060]")), None)]
#[case::no_base64("eyJ9.{}.x", None)]
#[case::ecr(&ecr(&json!(NOW + 43_200)), Some(NOW + 43_200))]
#[case::token_of_text(&jwt(&json!({"exp": (NOW + 60).to_string()})), None)]
#[case::token_of_truth(&jwt(&json!({"exp": true})), None)]
#[case::token_of_nothing(&jwt(&json!({"exp": null})), None)]
#[case::token_of_a_list(&jwt(&json!({"exp": [NOW + 60]})), None)]
#[case::token_in_milliseconds(&jwt(&json!({"exp": (NOW + 60) * 1000})), None)]
#[case::token_of_the_largest_number(&jwt(&json!({"exp": u64::MAX})), None)]
#[case::token_of_a_power(&format!("eyJ9.{}.x", URL_SAFE_NO_PAD.encode(r#"{"exp":1.79568006e9}"#)), Some(NOW + 60))]
#[case::token_of_endless_digits(&format!("eyJ9.{}.x", URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{}}}"#, "9".repeat(400)))), None)]
#[case::token_with_a_line_break(&format!("{}\n", jwt(&json!({"exp": NOW + 60}))), Some(NOW + 60))]
#[case::token_with_its_scheme(&format!("Bearer {}", jwt(&json!({"exp": NOW + 60}))), None)]
#[case::token_with_other_claims_of_the_name(&jwt(&json!({"a": {"exp": NOW + 1}, "exp": NOW + 60})), Some(NOW + 60))]
#[case::ecr_with_a_line_break(&format!("{}\n", ecr(&json!(NOW + 60))), Some(NOW + 60))]
#[case::ecr_with_a_line_break_of_windows(&format!("{}\r\n", ecr(&json!(NOW + 60))), Some(NOW + 60))]
#[case::ecr_without_padding(&ecr(&json!(NOW + 60)).trim_end_matches('=').to_owned(), Some(NOW + 60))]
#[case::ecr_in_lines(&broken_after(76, &ecr(&json!(NOW + 60))), None)]
#[case::ecr_with_a_fraction(&ecr(&json!(1_795_680_060.5)), Some(NOW + 60))]
#[case::ecr_of_another_case(&STANDARD.encode(r#"{"Expiration":1795680060}"#), None)]
#[case::ecr_as_text(&ecr(&json!("1795680060")), None)]
#[case::json_without_an_end(&STANDARD.encode(r#"{"payload":"x"}"#), None)]
#[case::a_word("hunter2", None)]
#[case::google("ya29.c.b0AXv0zTN", None)]
#[case::github("ghs_16C7e42F292c6912E7710c838347Ae178B4a", None)]
fn a_password_may_say_when_it_ends(#[case] password: &str, #[case] ends: Option<i64>) {
    assert_eq!(end_of(&[], None, &[password]), ends);
}

#[test]
fn a_password_that_is_too_long_is_not_looked_into() {
    let long = |length: usize| jwt(&json!({"exp": NOW + 60, "scope": "x".repeat(length)}));
    assert_eq!(end_of(&[], None, &[&long(1000)]), Some(NOW + 60));
    assert_eq!(end_of(&[], None, &[&long(16 * 1024)]), None);
    let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let deep =
        format!("eyJ9.{}.x", URL_SAFE_NO_PAD.encode(format!(r#"{{"a":{nested},"exp":{}}}"#, NOW + 60)));
    assert_eq!(end_of(&[], None, &[&deep]), Some(NOW + 60), "what is skipped needs no stack");
}

#[test]
fn of_several_entries_the_earliest_that_is_sent_counts() {
    let (soon, late) = (jwt(&json!({"exp": NOW + 60})), ecr(&json!(NOW + 600)));
    assert_eq!(end_of(&[], None, &[&late, "pw", &soon]), Some(NOW + 60));
    let ancient = jwt(&json!({"exp": 60}));
    assert_eq!(
        end_of(&[], None, &[&late, &ancient]),
        Some(NOW + 600),
        "what does not count is not the earliest"
    );

    let auths = json!({"auths": {
        "a.example": {"username": "me", "password": soon}, "b.example": {"username": "me", "password": late},
    }});
    let secret = secret("pull", None, [(".dockerconfigjson", auths.to_string())]);
    let selected = ["b.example".to_owned()];
    for (registries, ends) in [(None, NOW + 60), (Some(&selected[..]), NOW + 600)] {
        let selection = Selection { registries, ..Selection::default() };
        let payload = crate::domain::parse::docker_config::payload(&secret, &selection).unwrap();
        assert_eq!(read(&secret, &payload, now()).ends, Some(at(ends)), "{registries:?}");
    }
}

#[test]
fn of_an_annotation_no_more_is_kept_than_is_needed_to_refuse_it() {
    assert_eq!(&*kept("2026-11-26T09:00:00Z"), "2026-11-26T09:00:00Z");
    let cut = kept(&"ä".repeat(1000));
    assert!(cut.len() >= MAX_TEXT && cut.len() <= MAX_TEXT + 1, "{}", cut.len());
    assert_eq!(time(&kept(&"1".repeat(1000))), None);
}

proptest! {
    /// Nothing that stands in a Secret makes a time that cannot be.
    #[test]
    fn whatever_is_read_is_plausible(
        text in "[0-9TZ:+.-]{0,70}|[0-9]{0,20}|\\PC{0,20}",
        exp in any::<f64>(),
        second in any::<i64>(),
    ) {
        for exp in [json!(exp), json!(second)] {
            let passwords = [jwt(&json!({"exp": exp})), ecr(&exp)];
            let passwords: Vec<&str> = passwords.iter().map(String::as_str).collect();
            let found = read_of(&[("expiry", &text)], Some(&text), Some(&text), &passwords);
            prop_assert!(found.ends.is_none_or(|end| is_plausible(end, now())), "{:?}", found);
        }
    }

    /// A time is read as it was written, in each of its forms.
    #[test]
    fn a_plausible_time_is_read_back(after in -365 * DAY..3650 * DAY) {
        let end = at(NOW + after);
        for text in [end.to_string(), end.as_second().to_string()] {
            prop_assert_eq!(end_of(&[], Some(&text), &["pw"]), Some(NOW + after));
            prop_assert_eq!(end_of(&[("expires_at", &text)], None, &["pw"]), Some(NOW + after));
        }
        prop_assert_eq!(end_of(&[], None, &[&jwt(&json!({"exp": NOW + after}))]), Some(NOW + after));
        prop_assert_eq!(end_of(&[], None, &[&ecr(&json!(NOW + after))]), Some(NOW + after));
    }
}
