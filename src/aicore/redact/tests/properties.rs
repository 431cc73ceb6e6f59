//! For any secret: what is shown holds no six characters of it in a row, whoever encodes it and how often.

use super::*;

/// Secrets as generators and people make them.
fn secrets() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9+/=_-]{6,60}",
        "[ -~]{6,40}",
        "[ -~äöüßéñ€漢]{6,24}",
        r#"[&<>"'\\/%+=:;{}#]{6,20}"#,
        "[A-Za-z]{4}[ \\n\\t\"]{1,3}[A-Za-z0-9]{4,20}",
    ]
}

fn encoders() -> impl Strategy<Value = Encoder> {
    prop::sample::select(ENCODERS.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_quotes_a_secret_is_shown(
        secret in secrets(),
        inner in encoders(),
        outer in encoders(),
        before in "[a-zA-Z0-9 :,./-]{0,40}",
        after in "[a-zA-Z0-9 :,./-]{0,20}",
    ) {
        for text in [inner.1(&secret), outer.1(&inner.1(&secret))] {
            // What is cut off behind the text that is searched is not shown either.
            if text.chars().count() + before.len() + 1 > SEARCHED {
                continue;
            }
            let text: String = visible(&format!("{before} {text} {after}")).collect();
            prop_assert!(quoted_after(&secret, &text), "{} within {}: {}", inner.0, outer.0, text);
        }
    }

    #[test]
    fn nor_a_part_of_six_characters(secret in secrets(), from in any::<prop::sample::Index>(), encoder in encoders()) {
        let characters: Vec<char> = secret.chars().collect();
        let from = from.index(characters.len() - WIDTH + 1);
        let part: String = characters[from..from + WIDTH].iter().collect();
        let text: String = visible(&format!("bad: {}...", encoder.1(&part))).collect();
        prop_assert!(quoted_after(&secret, &text), "{}: {}", encoder.0, text);
    }

    /// Texts of any kind end within the bounds, and without a secret to look for they are shown as they are.
    #[test]
    fn any_text_is_looked_through_or_withheld(text in "(?s).{0,480}", bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Readings::of(&text);
        let text: String = visible(&text).collect();
        if let Some(shown) = shown(&Sent::default(), &text) {
            prop_assert!(text.contains(shown.trim_end_matches('…')));
        }
        let details = UncheckedDetails::parse(&bytes);
        let _ = details.checked(&Sent { secrets: &["hunter2-hunter2"], ..Sent::default() });
    }
}
