use rstest::rstest;

use super::*;

fn laughs(levels: usize) -> String {
    let level = |level: usize| {
        let item = if level == 0 { "lol".to_owned() } else { format!("*l{}", level - 1) };
        format!("l{level}: &l{level} [{}]\n", vec![item; 10].join(", "))
    };
    (0..levels).map(level).collect::<Vec<_>>().concat()
}

#[rstest]
#[case::aliases_of_aliases(laughs(12))]
#[case::aliases_of_a_long_text(format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 900].join(", ")))]
#[case::many_aliases(format!("a: &a x\nb: [{}]\n", vec!["*a"; 5000].join(", ")))]
#[case::documents("---\nx\n".repeat(MAX_DOCUMENTS + 1))]
#[case::values(format!("[{}]", "x,".repeat(MAX_VALUES + 1)))]
#[case::json_values(format!("{{\"a\": [{}1]}}", "{\"a\":1},".repeat(MAX_VALUES / 2)))]
fn what_would_fill_the_memory_is_refused_with_a_sentence(#[case] text: String) {
    let sentence = read(&text).unwrap_err().to_string();
    assert!(sentence.contains("more than"), "{sentence}");
}

#[rstest]
#[case::json(format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)))]
#[case::yaml("[".repeat(10_000))]
#[case::block((0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect::<String>())]
fn what_is_nested_too_deep_is_refused_with_its_place(#[case] text: String) {
    let sentence = read(&text).unwrap_err().to_string();
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
