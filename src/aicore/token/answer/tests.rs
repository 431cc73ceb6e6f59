use rstest::rstest;
use secrecy::ExposeSecret;

use super::*;

fn read(body: &[u8]) -> Result<Granted, Unreadable> {
    super::read(&Answer { body: Zeroizing::new(body.to_vec()), cut: false })
}

#[rstest]
#[case("7199", 7199.0)]
#[case(r#""7199""#, 7199.0)]
#[case(r#"" 3600.0 ""#, 3600.0)]
#[case("3599.5", 3599.5)]
#[case(r#""3.6e3""#, 3600.0)]
#[case("1e300", 86_400.0)]
#[case("99999999999999999999999999", 86_400.0)]
#[case(r#""inf""#, 86_400.0)]
#[case("0", 300.0)]
#[case("-1", 300.0)]
#[case("-0.5", 300.0)]
#[case("0.3", 300.0)]
#[case(r#""NaN""#, 300.0)]
#[case(r#""soon""#, 300.0)]
#[case("null", 300.0)]
#[case("true", 300.0)]
#[case("[3600]", 300.0)]
#[case("1e400", 300.0)]
#[case("NaN", 300.0)]
#[case("-Infinity", 300.0)]
#[case("3600,\"scope\":[NaN,Infinity]", 3600.0)]
#[case("1e400,\"state\":\"\\\" NaN 1e400\"", 300.0)]
fn a_life_is_read_in_whatever_way_it_is_written(#[case] expires_in: &str, #[case] seconds: f64) {
    let body = format!(r#"{{"access_token":"abc","token_type":"bearer","expires_in":{expires_in}}}"#);
    let granted = read(body.as_bytes()).ok().unwrap();
    assert_eq!(granted.life, Duration::from_secs_f64(seconds));
    assert_eq!(granted.value.expose_secret(), "abc");
}

#[test]
fn a_life_and_a_type_may_be_missing() {
    let granted = read(br#"{"access_token":"abc"}"#).ok().unwrap();
    assert_eq!(granted.life, DEFAULT_LIFE);
    for token_type in [r#""Bearer""#, r#""BearerToken""#, r#""jwt""#, "null", "7", r#""""#] {
        let body = format!(r#"{{"access_token":"abc","token_type":{token_type}}}"#);
        assert!(read(body.as_bytes()).is_ok(), "{token_type}");
    }
}

#[rstest]
#[case("", "it is not JSON")]
#[case("<html>", "it is not JSON")]
#[case("[]", "it is not a JSON object")]
#[case("{}", "access_token is missing")]
#[case(r#"{"access_token":null}"#, "access_token is missing")]
#[case(r#"{"access_token":""}"#, "access_token is empty")]
#[case(r#"{"access_token":7}"#, "access_token is not text")]
#[case(r#"{"access_token":["abc"]}"#, "access_token is not text")]
#[case(r#"{"access_token":"a\nb"}"#, "access_token has characters that no HTTP header may have")]
#[case(
    r#"{"access_token":"abc","token_type":"DPoP"}"#,
    "token_type names a kind of token that cannot be used as a bearer token"
)]
fn what_is_no_token_says_why(#[case] body: &str, #[case] why: &str) {
    let Err(Unreadable::Form(form)) = read(body.as_bytes()) else { panic!("{body}") };
    assert_eq!(form, why, "{body}");
}

#[rstest]
#[case(r#"{"error":"invalid_client","error_description":"no such client"}"#)]
#[case(r#"{"error":"invalid_client","error_description":"no such client","access_token":""}"#)]
#[case(r#"{"error":"invalid_client","error_description":"no such client","access_token":null}"#)]
fn an_error_with_a_good_status_is_heard(#[case] body: &str) {
    let Err(Unreadable::ErrorInstead(details)) = read(body.as_bytes()) else { panic!("{body}") };
    assert_eq!(details.code.as_ref().unwrap().as_str(), "invalid_client");
    assert_eq!(details.message.as_ref().unwrap().as_str(), "no such client");
}

#[rstest]
#[case::byte_order_mark(b"\xef\xbb\xbf{\"access_token\":\"abc\"}")]
#[case::blanks_around(br#"{"access_token":" abc\r\n"}"#)]
#[case::twice(br#"{"access_token":"old","access_token":"abc"}"#)]
#[case::not_utf_8(b"{\"access_token\":\"abc\",\"x\":\"\xed\xa0\x80\"}")]
#[case::not_a_number(br#"{"access_token":"abc","scope":NaN}"#)]
fn a_token_is_found_in_an_odd_answer(#[case] body: &[u8]) {
    let granted = read(body).ok().unwrap();
    assert_eq!(granted.value.expose_secret(), "abc");
}

#[test]
fn an_answer_that_was_cut_says_so() {
    let cut = Answer { body: Zeroizing::new(br#"{"access_token":"a"#.to_vec()), cut: true };
    assert!(matches!(super::read(&cut), Err(Unreadable::Form("it is larger than 64 KiB"))));
}
