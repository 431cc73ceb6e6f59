use proptest::prelude::*;
use rstest::rstest;

use self::encodings::{ENCODERS, Encoder};
use super::*;
use crate::{
    aicore::error_details::{Message, UncheckedDetails},
    domain::testing::a_payload_for,
};

mod encodings;
mod properties;

/// What is shown of a message after a request; `None` when it is withheld.
fn shown(sent: &Sent<'_>, text: &str) -> Option<String> {
    let Quotes { quoted: [quoted], short_values } = sent.quotes([text]);
    sent.plain(text, quoted || short_values)
}

/// Whether a part of the secret, sent as a token, is found in the text.
fn quoted_after(secret: &str, text: &str) -> bool {
    Sent { secrets: &[secret], ..Sent::default() }.quotes([text]).quoted[0]
}

/// Whether a part of these registries' credentials is found in the text.
fn quoted_after_push(logins: &[(&str, &str, &str)], text: &str) -> bool {
    Sent { payload: Some(&a_payload_for(logins)), ..Sent::default() }.quotes([text]).quoted[0]
}

/// After a request that carried the secret as a token.
fn shown_after(secret: &str, text: &str) -> Option<String> {
    shown(&Sent { secrets: &[secret], ..Sent::default() }, text)
}

/// After a request that carried these registries, user names and passwords.
fn shown_after_push(logins: &[(&str, &str, &str)], text: &str) -> Option<String> {
    shown(&Sent { payload: Some(&a_payload_for(logins)), ..Sent::default() }, text)
}

/// The password of all cases: what encoders treat in their own ways, and letters.
const PASSWORD: &str = "Kp&7<t>Zä\"q/w 9!x~Lm2";

#[test]
fn each_encoding_of_each_encoding_is_recognised() {
    let words = "the registry credential is not accepted";
    let (encoded, encode) = (|inner: &Encoder, outer: &Encoder| outer.1(&inner.1(PASSWORD)), ENCODERS);
    for inner in &encode {
        assert!(quoted_after(PASSWORD, &inner.1(PASSWORD)), "{}", inner.0);
        for outer in &encode {
            let text = format!("{words}: {}", encoded(inner, outer));
            assert!(quoted_after(PASSWORD, &text), "{} within {}: {text}", inner.0, outer.0);
        }
    }
    assert_eq!(shown_after(PASSWORD, words).as_deref(), Some(words));
}

#[rstest]
#[case::six_characters("bad: 7<t>Zä")]
#[case::the_first_twelve("bad: Kp&7<t>Zä\"q/...")]
#[case::the_last_six("…!x~Lm2 is wrong")]
#[case::other_case("KP&7<T>ZÄ")]
#[case::latin_1_taken_for_utf_8("&7<t>Zä\"")]
#[case::utf_8_taken_for_latin_1("&7<t>Zã¤\"")]
#[case::blanks_between("K p & 7 < t > Z ä")]
#[case::dashes_between("9-x-L-m-2 Zä-q-w-9-x-L")]
#[case::line_breaks_between("Kp&7\r\n<t>Z")]
#[case::invisible_characters_between("Kp\u{200b}&7\u{2060}<t\u{feff}>Zä")]
#[case::quoted_by_a_shell("'Kp&7<t>Zä\"q'\\''/w 9!x~Lm2'")]
#[case::inside_a_word("xxKp&7<t>Zäxx")]
fn six_characters_in_a_row_are_enough(#[case] text: &str) {
    assert!(quoted_after(PASSWORD, text));
}

/// Less than six characters are not found; what they are a part of is another matter.
#[rstest]
#[case("bad: 7<t>Z")]
#[case("~Lm2 is wrong")]
fn five_characters_are_not_looked_for(#[case] text: &str) {
    assert!(!quoted_after(PASSWORD, text));
    assert_eq!(shown_after(PASSWORD, text), None);
}

#[rstest]
#[case("Bad credentials")]
#[case("the password for ghcr.io is wrong")]
#[case("invalid auth for ghcr.io: 401 Unauthorized")]
#[case("Jwt issuer is not configured")]
#[case("no healthy upstream")]
#[case("upstream connect error or disconnect/reset before headers. reset reason: connection termination")]
fn ordinary_words_are_shown(#[case] text: &str) {
    assert_eq!(shown_after(PASSWORD, text).as_deref(), Some(text));
    assert_eq!(shown_after_push(&[("ghcr.io", "robot$acme+puller", PASSWORD)], text).as_deref(), Some(text));
}

#[test]
fn the_pair_is_a_secret_and_the_user_name_is_not() {
    use base64::{Engine, engine::general_purpose::STANDARD};

    let logins = [("ghcr.io", "robot$acme+puller", "pA55w0rd")];
    for text in ["robot$acme+puller may not", "user puller: unknown"] {
        assert!(!quoted_after_push(&logins, text), "{text}");
    }
    let auth = STANDARD.encode("robot$acme+puller:pA55w0rd");
    for text in ["ller:p", "robot$acme+puller:pA...", &auth, &auth[..12], &auth[10..16], &auth[1..]] {
        assert!(quoted_after_push(&logins, text), "{text}");
    }
}

#[test]
fn every_entry_counts() {
    let logins: Vec<_> = (0..64).map(|n| (format!("r{n}.example"), format!("secret-{n:03}-pass"))).collect();
    let logins: Vec<_> =
        logins.iter().map(|(host, password)| (host.as_str(), "u", password.as_str())).collect();
    for n in [0, 1, 31, 63] {
        assert!(quoted_after_push(&logins, &format!("cret-{n:03}-p")), "{n}");
    }
    assert!(shown_after_push(&logins, "nothing of it").is_some());
}

/// A value below six characters is a part of ordinary words: any text might hold it on purpose.
#[test]
fn short_values_withhold_all_words() {
    assert_eq!(shown_after("admin", "anything at all"), None);
    assert_eq!(shown_after("ädmin", "anything at all"), None, "five characters, whatever the bytes");
    assert!(shown_after("admin1", "anything at all").is_some());
    assert!(shown_after("", "anything at all").is_some());
    let details = |code: &str| {
        UncheckedDetails::parse(
            serde_json::json!({ "error": { "code": code, "message": "no", "requestId": "a-1" } })
                .to_string()
                .as_bytes(),
        )
    };
    let payload = a_payload_for(&[("ghcr.io", "u", "Admin")]);
    let sent = Sent { secrets: &["eyJhbGciOi"], payload: Some(&payload), ..Sent::default() };
    let clean = details("01010076").checked(&sent);
    assert_eq!((clean.code, clean.request_id, clean.message), (None, None, Message::Withheld));
    for quoted in ["admin", "x-ADMIN-x", "QWRtaW4", "61646d696e2020"] {
        assert_eq!(details(quoted).checked(&sent).code, None, "{quoted}");
    }
}

#[test]
fn codes_and_ids_are_checked_apart() {
    let details = UncheckedDetails::parse(
        br#"{"error":{"code":"01010076","message":"bad hunter2-hunter2","requestId":"hunter2-h"}}"#,
    );
    let shown = details.checked(&Sent { secrets: &["hunter2-hunter2"], ..Sent::default() });
    assert_eq!(shown.code.as_deref(), Some("01010076"));
    assert_eq!(shown.request_id, None);
    assert_eq!(shown.message, Message::Withheld);
}

#[test]
fn a_secret_at_the_cut_is_recognised_by_what_is_behind_it() {
    let secret = "top-secret-value";
    for before in [SHOWN - 17, SHOWN - 3, SHOWN] {
        let text = |encoded: &str| format!("{}{encoded}", "a ".repeat(before).get(..before).unwrap());
        assert!(quoted_after(secret, &text(secret)), "{before}");
        let wide: Vec<_> = secret.bytes().map(|byte| format!("%5Cu{byte:04x}")).collect();
        assert!(quoted_after(secret, &text(&wide.concat())), "{before}");
    }
    let long = "request ".repeat(SHOWN);
    assert_eq!(shown_after(secret, &long), Some(format!("{}…", &long[..SHOWN])));
    assert_eq!(shown_after(secret, &long[..SHOWN - 5]).as_deref(), Some(&long[..SHOWN - 5]));
    // What the cut falls into is judged as a whole.
    let before = &long[..SHOWN - 5];
    assert_eq!(shown_after(secret, &format!("{before} thisisnoword {long}")), None);
    assert!(shown_after(secret, &format!("{before} application thisisnoword {long}")).is_some());
}

/// A text that stands for more than is looked through is withheld, whatever was sent.
#[test]
fn what_cannot_be_looked_through_is_withheld() {
    let texts = ENCODERS
        .iter()
        .flat_map(|inner| ENCODERS.iter().map(move |outer| outer.1(&inner.1(&PASSWORD.repeat(9)))));
    let texts = texts.map(|text| visible(&text).take(SEARCHED).collect::<String>());
    let unknown: Vec<_> = texts.filter(|text| Readings::of(text).is_none()).collect();
    assert!(!unknown.is_empty());
    for text in unknown {
        assert!(quoted_after("hunter2-hunter2", &text));
    }
}

/// What a message costs depends on its length and on the length of what was sent, not on their product, and not on the number of
/// entries: with the product, this would be 10¹² steps.
#[test]
fn the_largest_credential_is_searched_in_one_pass() {
    let passwords: Vec<_> =
        (0..64).map(|n| (format!("r{n}.example"), format!("{n:08x}").repeat(1900))).collect();
    let logins: Vec<_> =
        passwords.iter().map(|(host, password)| (host.as_str(), "u", password.as_str())).collect();
    let payload = a_payload_for(&logins);
    assert!(payload.expose().len() > 900_000);
    let body =
        serde_json::json!({ "error": { "code": "1", "message": "a request ".repeat(6_000) } }).to_string();
    let details = UncheckedDetails::parse(body.as_bytes());
    let shown =
        details.checked(&Sent { secrets: &["token-token"], payload: Some(&payload), ..Sent::default() });
    let Message::Clean(message) = shown.message else { panic!("{:?}", shown.message) };
    assert_eq!(message.chars().count(), SHOWN + 1);
}

/// Eight one-letter passwords that spell the word that once stood in the place of each other.
#[test]
fn passwords_of_one_letter_do_not_multiply() {
    let hosts: Vec<_> = (0..8).map(|n| format!("r{n}.example")).collect();
    let letters = ["[", "r", "e", "d", "a", "c", "t", "]"];
    let logins: Vec<_> =
        hosts.iter().zip(letters).map(|(host, letter)| (host.as_str(), "u", letter)).collect();
    let payload = a_payload_for(&logins);
    let details = UncheckedDetails::parse("[redacted] ".repeat(5000).as_bytes());
    let shown = details.checked(&Sent { payload: Some(&payload), ..Sent::default() });
    assert_eq!(shown.message, Message::Withheld);
}

#[rstest]
#[case("a\nb\u{7}c\u{1b}[2J", "a b c [2J")]
#[case("abc\u{202e}def\u{2066}g\u{2069}", "abcdefg")]
#[case("a\u{200b}b\u{ad}c\u{feff}", "abc")]
#[case("a\u{2028}b\u{2029}c\u{85}d", "a b c d")]
#[case("\u{e0041}x\u{fe0f}", "x")]
#[case("naïve Grüße, 漢字, עברית, हिन्दी", "naïve Grüße, 漢字, עברית, हिन्दी")]
fn only_what_can_be_seen_is_shown(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(visible(text).collect::<String>(), expected);
}
