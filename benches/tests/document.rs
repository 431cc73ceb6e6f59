//! docs/performance.md holds what the benchmark writes: its sections, facts and columns, and figures that agree.

use std::{fs, path::Path};

use bench::{
    facts::FACTS,
    publish::parts,
    report::{COLUMNS, COMPARED, Section, header},
};

/// Three digits of three numbers leave that much between a ratio and what it is made of.
const ROUNDING: f64 = 0.02;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))
}

fn document() -> String {
    fs::read_to_string(folder().join("performance.md")).expect("the document is there")
}

/// The columns of a section's table.
fn columns(section: Section) -> &'static [&'static str] {
    if section == Section::Ordinary { &COMPARED } else { &COLUMNS }
}

/// The value, what it is divided by, and the ratio; once for each ratio of a row.
fn ratios<'a>(section: Section, cells: &[&'a str]) -> Vec<[&'a str; 3]> {
    match *cells {
        [_, _, product, beside, ratio, _, _] if section != Section::Ordinary => {
            vec![[product, beside, ratio]]
        }
        [_, _, product, floor, cached, metadata, to_floor, to_cached, to_metadata] => {
            vec![[product, floor, to_floor], [product, cached, to_cached], [product, metadata, to_metadata]]
        }
        _ => panic!("{cells:?}"),
    }
}

/// The first number of a cell.
fn number(cell: &str) -> Option<f64> {
    let digits = |c: char| c.is_ascii_digit();
    let from = cell.find(digits)?;
    let text = &cell[from..];
    text[..text.find(|c| !digits(c) && c != '.').unwrap_or(text.len())].trim_end_matches('.').parse().ok()
}

#[test]
fn every_section_has_its_facts_and_the_columns_of_a_report() {
    let document = document();
    for section in Section::PUBLISHED {
        let (_, content, _) =
            parts(&document, section).unwrap_or_else(|| panic!("no markers of {}", section.name()));
        let facts = content.trim_start().lines().next().unwrap_or_default();
        let names: Vec<&str> = facts.split("; ").filter_map(|fact| Some(fact.split_once(": ")?.0)).collect();
        assert!(names.starts_with(&FACTS), "{}: {facts}", section.name());
        let table: Vec<&str> = content.lines().filter(|line| line.starts_with('|')).collect();
        assert!(
            format!("{}\n", table.join("\n")).starts_with(&header(columns(section))),
            "{}: {table:?}",
            section.name()
        );
        assert!(table.len() > 2, "{}: no figure", section.name());
        for row in table {
            assert_eq!(row.matches('|').count(), columns(section).len() + 1, "{row}");
        }
    }
}

#[test]
fn every_ratio_is_that_of_the_two_values_in_its_row() {
    let document = document();
    let mut checked = 0;
    for section in Section::PUBLISHED {
        let content = parts(&document, section).map_or("", |(_, content, _)| content);
        for row in content.lines().filter(|line| line.starts_with("| ")).skip(1) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            for [product, beside, ratio] in ratios(section, &cells) {
                let Ok(ratio) = ratio.parse::<f64>() else { continue };
                let (product, beside) = (number(product).expect(row), number(beside).expect(row));
                assert!((product / beside - ratio).abs() <= ratio * ROUNDING, "{row}: {}", product / beside);
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "{checked} ratios were checked");
}

#[test]
fn every_plot_is_there() {
    let document = document();
    let plots: Vec<&str> =
        document.split("](performance/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(!plots.is_empty());
    for plot in plots {
        assert!(folder().join("performance").join(plot).is_file(), "{plot}");
    }
}
