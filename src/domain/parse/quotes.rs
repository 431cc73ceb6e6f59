//! Quotes that people and programs leave around a value.

/// Opening and closing marks: of shells and `.env` files, and those that word processors make of them.
const PAIRS: [(char, char); 8] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('\u{201c}', '\u{201d}'),
    ('\u{201d}', '\u{201d}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
];

/// What stands between a pair of quotes that encloses the whole text, without blanks at its ends.
pub(crate) fn inside(text: &str) -> Option<&str> {
    let text = text.trim();
    PAIRS.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close)).map(str::trim)
}

/// Whether a character is one that word processors make of `"` and `'`.
pub(crate) fn is_typographic(character: char) -> bool {
    !character.is_ascii() && PAIRS.iter().any(|(open, close)| [*open, *close].contains(&character))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("\"a\"", Some("a"))]
    #[case(" 'a b' \n", Some("a b"))]
    #[case("`a`", Some("a"))]
    #[case("\u{201c}a\u{201d}", Some("a"))]
    #[case("\u{201e}a\u{201c}", Some("a"))]
    #[case("\u{ab} a \u{bb}", Some("a"))]
    #[case("\"\"", Some(""))]
    #[case("\"'a'\"", Some("'a'"))]
    #[case("\"", None)]
    #[case("'", None)]
    #[case("\"a'", None)]
    #[case("a\"", None)]
    #[case("a'b", None)]
    #[case("", None)]
    fn a_pair_encloses_the_whole_text(#[case] text: &str, #[case] inner: Option<&str>) {
        assert_eq!(inside(text), inner);
    }
}
