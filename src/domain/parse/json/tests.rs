use proptest::prelude::*;

use super::*;

fn broken(text: &[u8]) -> String {
    match Json::parse(text) {
        Ok(_) => "parsed".to_owned(),
        Err(broken) => broken.to_string(),
    }
}

fn text(text: &str) -> Json {
    Json::Text(Zeroizing::new(text.to_owned()))
}

#[test]
fn errors_say_where_and_never_what() {
    assert_eq!(broken(b""), "the value is empty");
    assert_eq!(broken(b" \n"), "the value is empty");
    assert_eq!(broken(b"\xff{}"), "the value is not UTF-8 text");
    assert_eq!(broken(b"{\"a\": \"s3cr3t\""), "the JSON ends too early (line 1, column 14)");
    assert_eq!(broken(b"{\n\"s3cr3t\": s3cr3t}"), "the value is not valid JSON (line 2, column 11)");
    assert_eq!(
        broken(b"{} s3cr3t"),
        "the value is not valid JSON (line 1, column 4): something follows the JSON"
    );
    let twice = "the value seems to be base64-encoded twice; use stringData, or encode the JSON once in data";
    for encoded in ["eyJhdXRocyI6e319", "\newogICJhdXRocyI6", "ew0KICJhIjoxfQ=="] {
        assert_eq!(broken(encoded.as_bytes()), twice);
    }
}

#[test]
fn errors_say_what_the_person_did() {
    let syntax = |place: &str, hint: &str| format!("the value is not valid JSON ({place}): {hint}");
    assert_eq!(broken(br#"{"a": 1,}"#), syntax("line 1, column 9", "there is a comma too many"));
    assert_eq!(broken(b"{a: 1}"), syntax("line 1, column 2", "a name is not in double quotes"));
    assert_eq!(
        broken(br#"{"a": "\s"}"#),
        syntax("line 1, column 9", "a backslash in a text has to be doubled")
    );
    assert_eq!(
        broken(b"{\"a\": \"s3cr3t\ns3cr3t\"}"),
        syntax(
            "line 2, column 0",
            "a text in quotes has a line break or tab in it; write it as \\n or \\t, and quotes in a text as \\\""
        )
    );
    let utf16 = "the value is UTF-16 text, as Windows PowerShell writes it; save it as UTF-8";
    assert_eq!(broken(b"\xff\xfe{\0}\0"), utf16);
    assert_eq!(broken(b"\xfe\xff\0{\0}"), utf16);
    assert_eq!(broken(b"{\0}\0"), utf16);
    assert_eq!(broken(b"\x1f\x8b\x08\0\0"), "the value is a compressed file; store what is in it");
}

#[test]
fn what_is_kept_of_a_text_has_a_bound() {
    let lists = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
    assert!(Json::parse(lists(MAX_VALUES).as_bytes()).is_ok());
    assert_eq!(broken(lists(MAX_VALUES + 1).as_bytes()), "the JSON has more than 10000 values");
    let nested = format!("[{}[0]]", "[0],".repeat(262_000));
    assert_eq!(broken(nested.as_bytes()), "the JSON has more than 10000 values");
}

#[test]
fn a_byte_order_mark_is_no_content() {
    assert!(
        Json::parse("\u{feff}{}".as_bytes()).is_ok_and(|json| json == Json::Object(JsonObject::new(vec![])))
    );
    assert_eq!(broken("\u{feff}".as_bytes()), "the value is empty");
}

#[test]
fn reads_every_kind_of_value() {
    let json = Json::parse(br#"[null, true, -1, 1, 1.5, "t", {"k": ["\u0041"]}]"#).ok();
    let expected = Json::List(vec![
        Json::Null,
        Json::Bool(true),
        Json::Number,
        Json::Number,
        Json::Number,
        text("t"),
        Json::Object(JsonObject::new(vec![("k".to_owned(), Json::List(vec![text("A")]))])),
    ]);
    assert!(json == Some(expected));
}

#[test]
fn a_duplicate_key_is_an_error_only_when_its_values_differ() {
    let Ok(Json::Object(object)) =
        Json::parse(br#"{"a":1,"b":"x","c":null,"b":"x","d":"x","d":"y","e":null,"e":1}"#)
    else {
        panic!("an object");
    };
    assert!(object.get("a") == Ok(Some(&Json::Number)));
    assert!(object.get("b") == Ok(Some(&text("x"))));
    assert!(object.get("c") == Ok(None), "null is absent");
    assert!(object.get("d") == Err(Ambiguous));
    assert!(object.get("e") == Err(Ambiguous));
    assert!(object.get("z") == Ok(None));
    assert!(object.has("c") && !object.has("z"));
}

/// `{}` as the text of a text of … JSON.
fn wrapped(times: usize) -> Json {
    (0..times).fold(text("{}"), |json, _| text(&serde_json::to_string(json.text().unwrap()).unwrap()))
}

#[test]
fn an_object_may_stand_as_text_in_text_but_not_without_end() {
    assert!(wrapped(0).object().is_some());
    assert!(wrapped(MAX_WRAPPING).object().is_some());
    assert!(wrapped(MAX_WRAPPING + 1).object().is_none());
    assert!(text("[]").object().is_none());
    assert!(Json::List(vec![]).object().is_none());
    assert!(text("{").object().is_none());
    assert!(Json::Object(JsonObject::new(vec![])).object().is_some());
}

#[test]
fn a_secrets_value_is_text_or_binary() {
    assert!(Json::from_secret_value(b"abc") == text("abc"));
    assert!(Json::from_secret_value(b"\xff") == Json::Binary);
    assert!(Json::Binary.text().is_none());
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    assert!(Json::parse("[".repeat(1_000_000).as_bytes()).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        let _ = Json::parse(&bytes);
    }

    #[test]
    fn errors_hold_no_content(prefix in r#"[\[{":, ]{0,6}"#, suffix in r#"[\]}":, ]{0,6}"#) {
        let message = broken(format!("{prefix}c4n4ry{suffix}").as_bytes());
        prop_assert!(!message.contains("c4n4ry"));
    }
}
