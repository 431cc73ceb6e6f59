use proptest::prelude::*;
use rstest::rstest;

use super::*;

const KEY: &str = r#"{"clientid": "c", "clientsecret": "c4n4ry"}"#;

fn read(text: &str) -> Result<JsonObject, Unreadable> {
    object(text.as_bytes())
}

fn assert_is_key(object: &JsonObject) {
    let text = |name| object.get(name).unwrap().unwrap().text().unwrap();
    assert_eq!((text("clientid"), text("clientsecret")), ("c", "c4n4ry"));
}

fn utf16_of(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[rstest]
#[case::as_it_is(KEY.to_owned())]
#[case::blanks(format!("\r\n  {KEY}\r\n\r\n"))]
#[case::byte_order_mark(format!("\u{feff}{KEY}"))]
#[case::single_quotes(format!("'{KEY}'"))]
#[case::double_quotes(format!("\"{KEY}\"\n"))]
#[case::backticks(format!("`{KEY}`"))]
#[case::typographic_quotes(format!("\u{201c}{KEY}\u{201d}"))]
#[case::json_text(serde_json::Value::from(KEY).to_string())]
#[case::json_text_twice(serde_json::Value::from(serde_json::Value::from(KEY).to_string()).to_string())]
#[case::json_text_in_quotes(format!("'{}'", serde_json::Value::from(KEY)))]
#[case::quotes_in_json_text(serde_json::Value::from(format!("'{KEY}'")).to_string())]
#[case::assignment(format!("AICORE_SERVICE_KEY={KEY}"))]
#[case::assignment_with_quotes(format!("AICORE_SERVICE_KEY='{KEY}'\n"))]
#[case::export(format!("export AICORE_SERVICE_KEY='{KEY}'"))]
#[case::line_in_front(format!("Getting key key for service instance my-aicore as user@example.com...\n\n{KEY}\n"))]
#[case::lines_in_front(format!("one\r\ntwo\r\n  {KEY}"))]
fn what_is_around_one_object_is_taken_off(#[case] text: String) {
    assert_is_key(&read(&text).unwrap_or_else(|why| panic!("{why}")));
}

#[test]
fn utf_16_with_its_mark_is_read() {
    assert_is_key(
        &object(&utf16_of(&format!("\u{feff}{KEY}\r\n"), u16::to_le_bytes))
            .unwrap_or_else(|why| panic!("{why}")),
    );
    assert_is_key(
        &object(&utf16_of(&format!("\u{feff}{KEY}\r\n"), u16::to_be_bytes))
            .unwrap_or_else(|why| panic!("{why}")),
    );
    for broken in [&b"\xff\xfe{"[..], b"\xff\xfe\x00\xd8", b"\xff", b"\xff\xfe"] {
        assert!(object(broken).is_err());
    }
}

#[rstest]
#[case::python("{'clientid': 'c4n4ry'}", Unreadable::SingleQuotes)]
#[case::python_in_quotes("\"{'clientid': 'c4n4ry'}\"", Unreadable::SingleQuotes)]
#[case::typographic("{\u{201c}clientid\u{201d}: \u{201c}c4n4ry\u{201d}}", Unreadable::TypographicQuotes)]
#[case::escaped("{\\\"clientid\\\": \\\"c4n4ry\\\"}", Unreadable::EscapedQuotes)]
#[case::without_quotes("{clientid: c4n4ry}", Unreadable::NamesWithoutQuotes)]
#[case::two_objects("{\"a\": \"c4n4ry\"}\n{\"b\": 1}", Unreadable::SeveralObjects)]
#[case::two_objects_in_quotes("'{\"a\": 1} {\"b\": 1}'", Unreadable::SeveralObjects)]
#[case::behind("{\"a\": \"c4n4ry\"}\nOK", Unreadable::TextBehind)]
#[case::in_front_on_the_line("key: {\"a\": \"c4n4ry\"}", Unreadable::TextInFront)]
#[case::in_front_with_fields("AICORE_CLIENT_ID=c4n4ry\n{\"a\": 1}", Unreadable::TextInFront)]
#[case::on_both_sides("key: {\"a\": \"c4n4ry\"} # c4n4ry", Unreadable::TextAround)]
#[case::yaml("clientid: c4n4ry\nclientsecret: x\n", Unreadable::Yaml)]
#[case::yaml_document("---\n# a key\nclientid: c4n4ry\nserviceurls: {AI_API_URL: x}\n", Unreadable::Yaml)]
#[case::env_file("# x\nAICORE_CLIENT_ID=\"c4n4ry\"\nexport AICORE_CLIENT_SECRET='x'\n", Unreadable::EnvFile)]
#[case::pem("-----BEGIN CERTIFICATE-----\nc4n4ry", Unreadable::Pem)]
#[case::go_template("{{ .Values.c4n4ry | toJson }}", Unreadable::Placeholder)]
#[case::variable("${C4N4RY}", Unreadable::Placeholder)]
#[case::angles("<c4n4ry>", Unreadable::Placeholder)]
#[case::list("[{\"clientid\": \"c4n4ry\"}]", Unreadable::NotAnObject)]
#[case::number("1", Unreadable::NotAnObject)]
#[case::text("\"c4n4ry\"", Unreadable::NotAnObject)]
#[case::empty("", Unreadable::Broken(Broken::Empty))]
#[case::blank("\u{feff} \n", Unreadable::Broken(Broken::Empty))]
#[case::base64("eyJjbGllbnRpZCI6IngifQ==", Unreadable::Broken(Broken::EncodedTwice))]
#[case::cut("{\"clientid\": \"c4n4ry", Unreadable::Broken(Broken::Incomplete { line: 1, column: 20 }))]
#[case::large(&"x".repeat(MAX_BYTES + 1), Unreadable::TooLarge)]
fn says_what_was_done(#[case] text: &str, #[case] why: Unreadable) {
    let found = read(text).map(|_| ()).unwrap_err();
    assert_eq!(found, why);
    assert!(!found.to_string().contains("c4n4ry"));
}

#[test]
fn wrapping_ends() {
    let mut text = KEY.to_owned();
    for _ in 0..MAX_WRAPPING {
        text = serde_json::Value::from(text).to_string();
    }
    assert_is_key(&read(&text).unwrap_or_else(|why| panic!("{why}")));
    assert_eq!(read(&serde_json::Value::from(text).to_string()).map(|_| ()), Err(Unreadable::NotAnObject));
}

proptest! {
    #[test]
    fn no_text_panics_or_is_shown(
        text in r#"([{}\[\]'"`=:,\\ \n“”<>$]|c4n4ry|clientid|AICORE_A|export |-----BEGIN ){0,16}"#,
        around in r#"['"` \n]{0,3}"#,
    ) {
        for text in [text.clone(), format!("{around}{text}{around}"), format!("{around}{KEY}{text}")] {
            if let Err(why) = read(&text) {
                prop_assert!(!why.to_string().contains("c4n4ry"), "{}", why);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), mark in any::<bool>()) {
        let _ = object(&bytes);
        let _ = object(&[if mark { &b"\xff\xfe"[..] } else { b"\xfe\xff" }, &bytes].concat());
    }
}
