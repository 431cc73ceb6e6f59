use super::*;

#[test]
fn a_quoted_name_cannot_break_out_of_its_quotes_or_its_line() {
    assert_eq!(Quoted("ghcr.io").to_string(), r#""ghcr.io""#);
    assert_eq!(Quoted("").to_string(), r#""""#);
    assert_eq!(Quoted("a\nb\t\u{1b}[31m\"\\").to_string(), r#""a\nb\t\u{1b}[31m\"\\""#);
    assert_eq!(Quoted("it's ü \u{202e}x").to_string(), "\"it's ü \\u{202e}x\"");
}

#[test]
fn a_long_name_is_cut_after_100_characters() {
    assert_eq!(Quoted(&"ü".repeat(100)).to_string(), format!("\"{}\"", "ü".repeat(100)));
    assert_eq!(Quoted(&"ü".repeat(101)).to_string(), format!("\"{}…\"", "ü".repeat(100)));
}

#[test]
fn lists_read_as_english() {
    assert_eq!(quoted_list([]), "nothing");
    assert_eq!(quoted_list(["a"]), r#""a""#);
    assert_eq!(quoted_list(["a", "b"]), r#""a" and "b""#);
    assert_eq!(quoted_list(["a", "b", "c"]), r#""a", "b" and "c""#);
    let ten = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    assert_eq!(quoted_list(ten), r#""0", "1", "2", "3", "4", "5", "6", "7", "8" and "9""#);
    let twelve = ten.into_iter().chain(["10", "11"]);
    assert_eq!(quoted_list(twelve), r#""0", "1", "2", "3", "4", "5", "6", "7", "8", "9" and 2 more"#);
}

#[test]
fn shows_its_sentence() {
    assert_eq!(Invalid::new("It is wrong.").to_string(), "It is wrong.");
}
