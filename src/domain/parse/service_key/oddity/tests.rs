use rstest::rstest;

use super::*;

#[rstest]
#[case("'made-up$secret='", Oddity::Quotes)]
#[case("\"made-up$secret=\"", Oddity::Quotes)]
#[case("`made-up`", Oddity::Quotes)]
#[case("\u{201c}made-up\u{201d}", Oddity::Quotes)]
#[case("<client-secret>", Oddity::Placeholder)]
#[case("<your client secret>", Oddity::Placeholder)]
#[case("${AICORE_CLIENT_SECRET}", Oddity::Placeholder)]
#[case("${AICORE_CLIENT_SECRET:-none}", Oddity::Placeholder)]
#[case("$(AICORE_CLIENT_SECRET)", Oddity::Placeholder)]
#[case("$AICORE_CLIENT_SECRET", Oddity::Placeholder)]
#[case("{{ .Values.clientSecret | quote }}", Oddity::Placeholder)]
#[case("((client-secret))", Oddity::Placeholder)]
#[case("%CLIENT_SECRET%", Oddity::Placeholder)]
#[case("<path:secret/data/aicore#clientsecret>", Oddity::Placeholder)]
#[case("****", Oddity::Placeholder)]
#[case("xxxxx", Oddity::Placeholder)]
#[case("...", Oddity::Placeholder)]
#[case("[REDACTED]", Oddity::Placeholder)]
#[case("(sensitive value)", Oddity::Placeholder)]
#[case("YOUR_CLIENT_SECRET", Oddity::Placeholder)]
#[case("your-client-secret", Oddity::Placeholder)]
#[case("changeme", Oddity::Placeholder)]
#[case("undefined", Oddity::Placeholder)]
#[case("made-up\\$secret=", Oddity::EscapedDollar)]
#[case("00000000-0000-0000-0000-00000000abcd$$c2VjcmV0=", Oddity::DoubledDollar)]
#[case("00000000-0000-0000-0000-00000000abcd", Oddity::EatenByShell)]
#[case("00000000-0000-0000-0000-00000000abcd=", Oddity::EatenByShell)]
#[case("00000000-0000-0000-0000-00000000abcd-3x=", Oddity::EatenByShell)]
#[case("made\nup", Oddity::ControlCharacter)]
#[case("m\0a\0d\0e\0", Oddity::ControlCharacter)]
fn a_secret_that_nobody_meant_is_known(#[case] text: &str, #[case] oddity: Oddity) {
    assert_eq!(of_secret(text), Some(oddity));
}

#[rstest]
#[case("00000000-0000-0000-0000-00000000abcd$c2VjcmV0=")]
#[case("00000000-0000-0000-0000-00000000abcdc2VjcmV0=")]
#[case("0000000000000000000000000000000000abcd")]
#[case("00000000-0000-0000-0000-00000000abc")]
#[case("c4n4ry$=")]
#[case("a$$b")]
#[case("$")]
#[case("'")]
#[case("it's")]
#[case("a'b'")]
#[case("<7h$x!>")]
#[case("$abc")]
#[case("%%")]
#[case("xx")]
#[case("your-1secret")]
#[case("p\\a")]
fn a_secret_that_a_program_makes_is_none_of_these(#[case] text: &str) {
    assert_eq!(of_secret(text), None);
}

#[test]
fn lengths_have_a_bound() {
    assert_eq!(of_secret(&"a".repeat(4096)), None);
    assert_eq!(of_secret(&"a".repeat(4097)), Some(Oddity::TooLong(4096)));
    assert_eq!(of_client_id(&"a".repeat(512)), None);
    assert_eq!(of_client_id(&"a".repeat(513)), Some(Oddity::TooLong(512)));
}

#[rstest]
#[case("sb-7ce4!b505946|aicore!b540", None)]
#[case("'sb-1111'", Some(Oddity::Quotes))]
#[case("<client-id>", Some(Oddity::Placeholder))]
#[case("sb\t1", Some(Oddity::ControlCharacter))]
fn a_client_id_too(#[case] text: &str, #[case] oddity: Option<Oddity>) {
    assert_eq!(of_client_id(text), oddity);
}

#[rstest]
#[case("https://<subdomain>.authentication.eu10.hana.ondemand.com", true)]
#[case("https://{subdomain}.authentication.eu10.hana.ondemand.com", true)]
#[case("https://${SUBDOMAIN}.authentication.eu10.hana.ondemand.com", true)]
#[case("${AICORE_AUTH_URL}", true)]
#[case("$AICORE_AUTH_URL", true)]
#[case("https://acme.authentication.eu10.hana.ondemand.com", false)]
fn a_url_too(#[case] text: &str, #[case] is_odd: bool) {
    assert_eq!(of_url(text).is_some(), is_odd);
}

#[rstest]
#[case(r"https://x.example\n", Some(Oddity::LiteralLineBreak))]
#[case(r"https://x.example/oauth/token\r\n", Some(Oddity::LiteralLineBreak))]
#[case("https://x.example,", Some(Oddity::Punctuation(',')))]
#[case("https://x.example/v2;", Some(Oddity::Punctuation(';')))]
#[case("https://x.example\"", Some(Oddity::Punctuation('"')))]
#[case("https://x.example)", Some(Oddity::Punctuation(')')))]
#[case("\"https://x.example", Some(Oddity::OpeningQuote))]
#[case("https://https://x.example", Some(Oddity::TwoUrls))]
#[case("https://x.example, https://y.example", Some(Oddity::TwoUrls))]
#[case("https://*.x.example", Some(Oddity::Star))]
#[case("https://x.example", None)]
#[case("https://[::1]:8443", None)]
#[case("https://x.example/v2/", None)]
fn a_url_that_was_copied_with_more_than_itself(#[case] text: &str, #[case] expected: Option<Oddity>) {
    assert_eq!(of_url(text), expected);
}
