use proptest::prelude::*;
use rstest::rstest;

use super::*;

#[rstest]
#[case::plain("it's a \"plain\" sentence: C:\\x, ü, 漢字", "it's a \"plain\" sentence: C:\\x, ü, 漢字")]
#[case::escape("x\u{1b}[2J\u{1b}]0;owned\u{7}", "x\\u{1b}[2J\\u{1b}]0;owned\\u{7}")]
#[case::c1("a\u{9b}31m\u{7f}", "a\\u{9b}31m\\u{7f}")]
#[case::breaks("a\nb\r\nc\td", "a\\nb\\r\\nc\\td")]
#[case::separators("a\u{2028}b\u{2029}c\u{85}d", "a\\u{2028}b\\u{2029}c\\u{85}d")]
#[case::bidi("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}")]
#[case::invisible(
    "a\u{200b}b\u{feff}c\u{ad}d\u{3164}e\u{e0041}",
    "a\\u{200b}b\\u{feff}c\\u{ad}d\\u{3164}e\\u{e0041}"
)]
#[case::combining("e\u{301}", "e\\u{301}")]
#[case::no_break("a\u{a0}b", "a\\u{a0}b")]
#[case::command("::warning title=x::y", "\\u{3a}:warning title=x::y")]
#[case::indented_command("  ::error::y", "  \\u{3a}:error::y")]
#[case::older_command("x ##[error]y", "x #\\u{23}[error]y")]
#[case::azure("##vso[task.setvariable variable=x]y", "#\\u{23}vso[task.setvariable variable=x]y")]
#[case::hashes("####", "#\\u{23}#\\u{23}")]
#[case::one_hash("#1 is fine, a::b too", "#1 is fine, a::b too")]
fn only_what_is_printable_is_left(#[case] text: &str, #[case] shown: &str) {
    assert_eq!(Printable::new(text).as_str(), shown);
}

#[test]
fn a_long_line_is_cut() {
    let line = Printable::new("ü".repeat(1_000_000));
    assert_eq!(line.width(), MAX_CHARACTERS + 1);
    assert!(line.as_str().ends_with("ü…"));
    assert_eq!(Printable::new("abcdef").cut(4).as_str(), "abc…");
    assert_eq!(Printable::new("abcd").cut(4).as_str(), "abcd");
    assert_eq!(Printable::new("abcd").cut(0).as_str(), "…");
}

#[test]
fn it_is_filled_up_as_any_text() {
    assert_eq!(format!("{:<4}|", Printable::new("ü")), "ü   |");
}

proptest! {
    #[test]
    fn whatever_comes_stays_on_its_line(text in "\\PC*|(?s).*|[ :#\\[vso\\]\n]{0,12}") {
        let line = Printable::new(&text);
        let shown = line.as_str();
        prop_assert!(shown.chars().all(|c| c == ' ' || (!c.is_control() && !c.is_whitespace())), "{:?}", shown);
        prop_assert!(!shown.trim_start().starts_with("::") && !shown.contains("##"), "{:?}", shown);
        // What was escaped once is left as it is.
        let again = Printable::new(shown);
        prop_assert_eq!(again.as_str(), shown);
    }
}
