use super::*;

const FAMILY: Family = Family { name: "size", help: "How large it is.", unit: Some("bytes") };

/// So many things, some of which have no series.
fn pieces(things: usize, has_series: fn(usize) -> bool) -> Vec<String> {
    let pieces = FAMILY.pieces(move |after, page| {
        let first = after.map_or(0, |after: &usize| *after + 1);
        (first..things).find(|thing| {
            if has_series(*thing) {
                page.add(&[("thing", &thing.to_string())], thing);
            }
            !page.has_room()
        })
    });
    pieces.collect()
}

#[test]
fn all_series_are_in_one_family_and_no_piece_has_more_than_a_page() {
    let pieces = pieces(PAGE * 2 + 3, |_| true);
    let lines: Vec<usize> = pieces.iter().map(|piece| piece.lines().count()).collect();
    assert_eq!(lines, [PAGE + 3, PAGE, 3], "the first one has the head of the family");
    let text = pieces.concat();
    let head = "# HELP aicore_registry_size_bytes How large it is.\n# TYPE aicore_registry_size_bytes gauge\n\
                # UNIT aicore_registry_size_bytes bytes\n";
    let rows = text.strip_prefix(head).unwrap();
    for (thing, row) in rows.lines().enumerate() {
        assert_eq!(row, format!("aicore_registry_size_bytes{{thing=\"{thing}\"}} {thing}"));
    }
    assert!(rows.ends_with('\n') && rows.lines().count() == PAGE * 2 + 3);
}

#[test]
fn the_head_comes_with_the_first_series_and_not_without_one() {
    let late = pieces(LOOKS * 2, |thing| thing > LOOKS + 5);
    assert_eq!(late[0], "");
    assert!(late[1].starts_with("# HELP "), "{}", late[1]);
    assert_eq!(pieces(LOOKS * 3, |_| false).concat(), "");
    assert_eq!(pieces(0, |_| true).concat(), "");
}

/// Of things that have no series a page passes many, and not all.
#[test]
fn a_page_looks_at_a_number_of_things_whatever_they_have() {
    let lines = |has_series| -> Vec<usize> {
        pieces(LOOKS * 2 + 10, has_series).iter().map(|piece| piece.lines().count()).collect()
    };
    assert_eq!(lines(|_| false), [0, 0, 0]);
    // The head of a family has three lines.
    assert_eq!(lines(|thing| thing % 100 == 0), [11 + 3, 10, 0]);
    assert_eq!(lines(|thing| thing % 2 == 0), [PAGE + 3, PAGE, PAGE, PAGE, 5]);
}

#[test]
fn a_label_cannot_end_before_its_end() {
    let pieces = FAMILY.pieces(|_: Option<&()>, page| {
        page.add(&[("a", "x\"} 1\nforged 1\\"), ("b", "ä")], -0.5);
        None
    });
    let text: String = pieces.collect();
    let line = text.lines().last().unwrap();
    assert_eq!(line, r#"aicore_registry_size_bytes{a="x\"} 1\nforged 1\\",b="ä"} -0.5"#);
}
