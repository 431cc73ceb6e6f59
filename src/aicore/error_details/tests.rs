use rstest::rstest;

use super::*;

fn parts(body: &[u8]) -> (Option<String>, Option<String>, Option<String>) {
    let UncheckedDetails { code, request_id, message } = UncheckedDetails::parse(body);
    let text = |text: Option<Zeroizing<String>>| text.map(|text| text.to_string());
    (text(code), text(request_id), text(message))
}

#[rstest]
#[case::sap(
    r#"{"error":{"code":"01010076","message":"no","requestID":"r","target":"/x","details":{}}}"#,
    Some("01010076"),
    Some("r"),
    Some("no")
)]
#[case::sap_as_published(
    r#"{"error":{"code":"1","message":"no","requestId":"r-1"}}"#,
    Some("1"),
    Some("r-1"),
    Some("no")
)]
#[case::sap_with_numbers(
    r#"{"error":{"code":17,"message":17,"requestId":17}}"#,
    Some("17"),
    Some("17"),
    Some("17")
)]
#[case::sap_with_a_list(
    r#"{"error":{"code":["x"],"message":["a","b",7,null]}}"#,
    None,
    None,
    Some("a; b; 7")
)]
#[case::sap_with_an_object(r#"{"error":{"message":{"message":"inner"}}}"#, None, None, Some("inner"))]
#[case::sap_with_nothing(r#"{"error":{"code":null,"message":null}}"#, None, None, None)]
#[case::oauth(
    r#"{"error":"unauthorized","error_description":"Bad credentials"}"#,
    Some("unauthorized"),
    None,
    Some("Bad credentials")
)]
#[case::oauth_without_words(r#"{"error":"invalid_client"}"#, Some("invalid_client"), None, None)]
#[case::fast_api(r#"{"detail":"Not Found"}"#, None, None, Some("Not Found"))]
#[case::fast_api_validation(
    r#"{"detail":[{"loc":["body","name"],"msg":"field required","type":"missing"},{"loc":["body",0],"msg":"bad"}]}"#,
    None, None, Some("body.name: field required; body.0: bad")
)]
#[case::message(
    r#"{"message":"no Route matched","request_id":"abc"}"#,
    None,
    Some("abc"),
    Some("no Route matched")
)]
#[case::spring(
    r#"{"timestamp":"2026","status":404,"error":"Not Found","message":"no handler","path":"/x"}"#,
    None,
    None,
    Some("no handler")
)]
#[case::spring_without_message(r#"{"status":404,"error":"Not Found"}"#, None, None, Some("Not Found"))]
#[case::problem(r#"{"type":"about:blank","title":"Forbidden","status":403}"#, None, None, Some("Forbidden"))]
#[case::api_management(
    r#"{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.x"}}}"#,
    None,
    None,
    Some("Invalid ApiKey")
)]
#[case::errors(r#"{"errors":[{"message":"one"},{"message":"two"}]}"#, None, None, Some("one; two"))]
#[case::a_text(r#""just words""#, None, None, Some("just words"))]
#[case::a_list(r#"["one",{"message":"two"}]"#, None, None, Some("one; two"))]
#[case::nothing_known(r#"{"x":1}"#, None, None, None)]
#[case::null("null", None, None, None)]
#[case::plain(" Unauthorized \n", None, None, Some("Unauthorized"))]
#[case::broken_json(r#"{"error":"#, None, None, Some(r#"{"error":"#))]
#[case::empty("", None, None, None)]
#[case::blank(" \r\n\u{200b}", None, None, None)]
#[case::byte_order_mark("\u{feff}{\"message\":\"no\"}", None, None, Some("no"))]
#[case::page(
    "<!DOCTYPE html><HTML><head><Title lang=en>404 Not\nFound</title></head></html>",
    None,
    None,
    Some("an HTML page with the title \"404 Not Found\"")
)]
#[case::page_without_title("<html>x</html>", None, None, Some("an HTML page"))]
#[case::page_that_ends_early("<html><title", None, None, Some("an HTML page"))]
#[case::code_of_words(r#"{"error":{"code":"not a code!","message":"no"}}"#, None, None, Some("no"))]
#[case::control_characters("{\"message\":\"a\\u001b[2J\\u202eb\"}", None, None, Some("a [2Jb"))]
fn each_form_of_body_is_heard(
    #[case] body: &str,
    #[case] code: Option<&str>,
    #[case] request_id: Option<&str>,
    #[case] message: Option<&str>,
) {
    let expected = [code, request_id, message].map(|text| text.map(str::to_owned));
    assert_eq!(<[Option<String>; 3]>::from(parts(body.as_bytes())), expected, "{body}");
}

#[test]
fn bytes_that_are_no_text_are_shown_as_such() {
    assert_eq!(parts(b"caf\xe9 ferm\xe9").2.as_deref(), Some("caf\u{fffd} ferm\u{fffd}"));
}

#[test]
fn what_is_kept_has_bounds() {
    let long = |length| {
        format!(r#"{{"error":{{"code":"{0}","requestId":"{0}","message":"{0}"}}}}"#, "a".repeat(length))
    };
    let (code, id, message) = parts(long(36).as_bytes());
    assert_eq!((code.unwrap().len(), id.unwrap().len(), message.unwrap().len()), (36, 36, 36));
    let (code, id, message) = parts(long(20_000).as_bytes());
    assert_eq!((code, id, message.unwrap().len()), (None, None, SEARCHED));
    let deep = format!("{}{}", r#"{"message":"#.repeat(100), "7");
    assert!(parts(deep.as_bytes()).2.unwrap().len() <= SEARCHED);
    let nested = format!(r#"{}"x"{}"#, r#"{"message":"#.repeat(20), "}".repeat(20));
    assert_eq!(parts(nested.as_bytes()).2, None);
    let many = format!(r#"{{"errors":[{}]}}"#, [r#""a""#; 1000].join(","));
    assert_eq!(parts(many.as_bytes()).2.unwrap(), ["a"; ITEMS].join("; "));
}
