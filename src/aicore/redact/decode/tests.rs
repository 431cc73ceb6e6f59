use rstest::rstest;

use super::*;

fn all(text: &str) -> Vec<String> {
    decoded(text.as_bytes()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

#[rstest]
#[case(r"\u0026 \u00e4 \u00E4", "& ä ä")]
#[case(r"\ud83d\ude00 \uD83D\uDE00", "😀 😀")]
#[case(r"\u{1f600} \u{26}", "😀 &")]
#[case(r"\U0001F600", "😀")]
#[case(r#"\/ \" \\ \' \n\t"#, "/ \" \\ ' \n\t")]
#[case(r"\x26 \46 \046 \303\244", "& & & ä")]
#[case(r"\u00 \u \x2 \u{} \uzzzz", r"\u00 \u \x2 \u{} \uzzzz")]
#[case(r"\ud83d!", "!")]
#[case("\\", "\\")]
fn backslashes(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(String::from_utf8_lossy(&rewrite(text.as_bytes(), backslash)), expected);
}

#[rstest]
#[case("%26%2f%2F%C3%A4", "&//ä")]
#[case("%u00e4%u20AC", "ä€")]
#[case("100% %2 %zz %u12", "100% %2 %zz %u12")]
fn percents(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(String::from_utf8_lossy(&rewrite(text.as_bytes(), percent)), expected);
}

#[rstest]
#[case("&amp;&lt;&gt;&quot;&apos;", "&<>\"'")]
#[case("&amp &ampx &AMP;", "& &x &")]
#[case("&#38;&#x26;&#X26;&#38 &#x26!", "&&&& &!")]
#[case("&auml;&Ouml;&szlig;&nbsp;&euro;", "äÖß\u{a0}€")]
#[case("&notit; &;& &#; &#x; &#99999999999;", "¬it; &;& &#; &#x; &#99999999999;")]
#[case("&percnt;&sol;&lbrace;", "%/{")]
fn references(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(String::from_utf8_lossy(&rewrite(text.as_bytes(), entity)), expected);
}

#[rstest]
#[case("cGFzc3dvcmQ=")]
#[case("cGFzc3dvcmQ")]
#[case("xcGFzc3dvcmQ")]
#[case("auth xxcGFzc3dvcmQ.")]
#[case("cGFz\r\nc3dv\r\n cmQ=")]
#[case("70617373776f7264")]
#[case("x 7:0617373776F7264")]
#[case("70:61:73:73:77:6f:72:64")]
#[case(r"0x70, 0x61, 0x73, 0x73, 0x77, 0x6f, 0x72, 0x64")]
#[case("[112 97 115 115 119 111 114 100]")]
#[case("[112,97,115,115,119,111,114,100]")]
fn runs_of_digits(#[case] text: &str) {
    let all = all(text);
    assert!(all.iter().any(|text| text.contains("password")), "{all:?}");
}

#[test]
fn base64_of_both_alphabets() {
    assert_eq!(base64(b"-_-_-_-_", 0), base64(b"+/+/+/+/", 0));
    assert_eq!(base64(b"-_-_-_-_", 0), b"\xfb\xff\xbf\xfb\xff\xbf\n");
}

#[test]
fn latin_1_is_undone() {
    assert_eq!(latin_1("Ã¤€".as_bytes()).unwrap(), "ä€".as_bytes());
    assert_eq!(latin_1(b"\xff"), None);
}

#[test]
fn utf_16_is_recognised_by_what_utf_8_does_not_have() {
    for bytes in [b"p\0a\0s\0s\0\xac\x20".as_slice(), b"\0p\0a\0s\0s\x20\xac", b"xp\0a\0s\0s\0\xac\x20"] {
        assert!(utf_16(bytes).any(|text| text == "pass€".as_bytes()), "{bytes:?}");
    }
    assert_eq!(utf_16("pass€".as_bytes()).count(), 0);
}

#[test]
fn words_are_nothing_but_themselves() {
    for text in ["", "x", "Bad credentials", "no"] {
        let all = all(text);
        assert!(all.iter().all(|other| !other.contains(char::is_alphabetic) || other != text), "{all:?}");
        assert!(all.len() <= 4, "{all:?}");
    }
}
