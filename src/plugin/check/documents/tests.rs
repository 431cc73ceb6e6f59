use rstest::rstest;

use super::*;

fn laughs(levels: usize) -> String {
    let mut text = "l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..levels {
        let aliases = vec![format!("*l{}", level - 1); 10].join(", ");
        text.push_str(&format!("l{level}: &l{level} [{aliases}]\n"));
    }
    text
}

#[rstest]
#[case::aliases_of_aliases(laughs(12))]
#[case::aliases_of_a_long_text(format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 900].join(", ")))]
#[case::many_aliases(format!("a: &a x\nb: [{}]\n", vec!["*a"; 5000].join(", ")))]
#[case::documents("---\nx\n".repeat(MAX_DOCUMENTS + 1))]
#[case::values(format!("[{}]", "x,".repeat(MAX_VALUES + 1)))]
#[case::json_values(format!("{{\"a\": [{}1]}}", "{\"a\":1},".repeat(MAX_VALUES / 2)))]
fn what_would_fill_the_memory_is_refused_with_a_sentence(#[case] text: String) {
    let sentence = read(&text).unwrap_err();
    assert!(sentence.contains("more than"), "{sentence}");
}

#[rstest]
#[case::json(format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)))]
#[case::yaml("[".repeat(10_000))]
#[case::block((0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>())]
fn what_is_nested_too_deep_is_refused_with_its_place(#[case] text: String) {
    let sentence = read(&text).unwrap_err();
    assert!(sentence.starts_with("it "), "{sentence}");
}

#[test]
fn what_people_write_is_read() {
    let anchors = "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n---\nd: 1\n";
    assert_eq!(read(anchors).unwrap().len(), 2);
    assert_eq!(read(&"---\nkind: x\n".repeat(2000)).unwrap().len(), 2000);
    assert_eq!(read("{\"a\": \"{[,:\\\"{[\"}{}").unwrap().len(), 2);
    assert_eq!(json_values("{\"a\": \"{[,:\\\"{[\"}"), 2);
}
