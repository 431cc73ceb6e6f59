//! A report as Markdown: for each section the facts of the run, a table and the plots. A section whose scenarios have all run
//! stands between markers, so that it can be published as it is.

use std::fmt::Write;

use super::{Comparison, Figure, Report, Section, Target};
use crate::subject::Which;

/// The columns of the tables of figures.
pub const COLUMNS: [&str; 7] = ["scenario", "what", "product", "beside", "ratio", "target", "reached"];

/// The columns of the tables that compare several programs. A ratio is the product's value divided by that of the other.
pub const COMPARED: [&str; 9] = [
    "scenario",
    "what",
    "product",
    "floor",
    "ordinary, cached",
    "ordinary, metadata",
    "ratio to floor",
    "ratio to cached",
    "ratio to metadata",
];

/// The whole report.
pub(super) fn report(report: &Report) -> String {
    let mut text = String::from("# Benchmark report\n");
    for section in Section::ALL {
        let figures: Vec<&Figure> =
            report.figures.iter().filter(|figure| figure.section == section).collect();
        let comparisons: Vec<&Comparison> =
            report.comparisons.iter().filter(|comparison| comparison.section == section).collect();
        let left_out: Vec<&(String, String)> =
            report.left_out.iter().filter(|(name, _)| section.scenarios().contains(&&**name)).collect();
        if figures.is_empty() && comparisons.is_empty() && left_out.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {}\n\n", section.heading());
        for (scenario, reason) in left_out {
            let _ = writeln!(text, "Not measured: {scenario}, since {reason}.\n");
        }
        let content = content(report, section, &figures, &comparisons);
        let complete = section.scenarios().iter().all(|name| report.ended.iter().any(|ended| ended == name));
        if complete {
            let _ = write!(text, "{}\n{content}{}\n", section.begin(), section.end());
        } else {
            text.push_str("Not all scenarios of this section have run to their end.\n\n");
            text.push_str(&content);
        }
    }
    text
}

fn content(report: &Report, section: Section, figures: &[&Figure], comparisons: &[&Comparison]) -> String {
    let mut text = format!("{}.\n", report.facts.line());
    if !figures.is_empty() {
        let _ = write!(text, "\n{}", header(&COLUMNS));
        text.extend(figures.iter().map(|figure| row(figure)));
    }
    if !comparisons.is_empty() {
        let _ = write!(text, "\n{}", header(&COMPARED));
        text.extend(comparisons.iter().map(|comparison| compared_row(comparison)));
    }
    for plot in report.plots.iter().filter(|plot| plot.section == section) {
        let _ = write!(text, "\n![{}]({})\n", plot.caption, plot.file);
    }
    text
}

/// The first two lines of a table with these columns.
#[must_use]
pub fn header(columns: &[&str]) -> String {
    format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()))
}

fn compared_row(comparison: &Comparison) -> String {
    let mut cells = vec![comparison.scenario.clone(), comparison.what.clone()];
    cells.extend(values(comparison).map(Option::unwrap_or_default));
    cells.extend(comparison.ratios().map(|ratio| ratio.map_or_else(String::new, shown)));
    format!("| {} |\n", cells.join(" | "))
}

fn values(comparison: &Comparison) -> [Option<String>; Which::ALL.len()] {
    comparison
        .values
        .each_ref()
        .map(|rounds| rounds.as_ref().map(|rounds| value(rounds.median, rounds.spread, &comparison.unit)))
}

/// As a line of the console.
pub(super) fn compared_line(comparison: &Comparison) -> String {
    let mut line = format!("{:<58}", comparison.what);
    for (which, value) in Which::ALL.iter().zip(values(comparison)) {
        let _ = write!(line, " {} {};", which.name(), value.as_deref().unwrap_or("–"));
    }
    line
}

fn row(figure: &Figure) -> String {
    let cells: [String; COLUMNS.len()] = [
        figure.scenario.clone(),
        figure.what.clone(),
        value(figure.product, figure.spread, &figure.unit),
        figure.beside.as_ref().map_or_else(String::new, |beside| {
            format!("{} {}", beside.name, value(beside.value, beside.spread, &figure.unit))
        }),
        figure.ratio.map_or_else(String::new, shown),
        aim(figure),
        figure.reached().map_or("", |reached| if reached { "yes" } else { "**no**" }).to_owned(),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// As a line of the console.
pub(super) fn line(figure: &Figure) -> String {
    let mut line = format!("{:<58} {}", figure.what, value(figure.product, figure.spread, &figure.unit));
    if let Some(beside) = &figure.beside {
        let _ = write!(line, "; {} {}", beside.name, value(beside.value, beside.spread, &figure.unit));
    }
    if let Some(ratio) = figure.ratio {
        let _ = write!(line, "; ratio {}", shown(ratio));
    }
    if let Some(reached) = figure.reached() {
        let _ = write!(line, "; {}: {}", aim(figure), if reached { "reached" } else { "NOT REACHED" });
    }
    line
}

fn aim(figure: &Figure) -> String {
    let beside = figure.beside.as_ref().map_or("", |beside| &*beside.name);
    match figure.target {
        None => String::new(),
        Some(Target::RatioAtMost(most)) => format!("≤ {} × {beside}", shown(most)),
        Some(Target::RatioAtLeast(least)) => format!("≥ {} × {beside}", shown(least)),
        Some(Target::AtMost(most)) => format!("≤ {} {}", shown(most), figure.unit).trim_end().to_owned(),
    }
}

fn value(value: f64, spread: Option<(f64, f64)>, unit: &str) -> String {
    let mut text = format!("{} {unit}", shown(value)).trim_end().to_owned();
    if let Some((least, most)) = spread {
        let _ = write!(text, " ({}..{})", shown(least), shown(most));
    }
    text
}

/// Three significant digits.
fn shown(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let digits = if value == 0.0 { 0 } else { (2 - value.abs().log10().floor() as i32).clamp(0, 4) as usize };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits() {
        assert_eq!([0.0, 0.5, 1234.0, 12.345, 0.012_345].map(shown), ["0", "0.5", "1234", "12.3", "0.0123"]);
    }

    #[test]
    fn a_row_says_what_it_was_compared_with_and_how_far_the_pairs_are_apart() {
        let figure = Figure::paired("hung", "p50", "ms", &[(1.0, 2.0), (3.0, 2.0)])
            .beside("quiet")
            .target(Target::RatioAtMost(1.5));
        assert_eq!(
            row(&figure),
            "| hung | p50 | 1 ms (1..3) | quiet 2 ms (2..2) | 0.5 | ≤ 1.5 × quiet | yes |\n"
        );
        let alone = Figure::new("rest", "requests", "", 2.0).target(Target::AtMost(0.0));
        assert_eq!(row(&alone), "| rest | requests | 2 |  |  | ≤ 0 | **no** |\n");
    }

    #[test]
    fn a_row_has_all_programs_and_the_ratios_to_each() {
        let comparison = Comparison::new("burst", "sent", "/s", |which| match which {
            Which::Product => vec![2.0, 3.0, 4.0],
            Which::Floor => Vec::new(),
            _ => vec![6.0],
        });
        assert_eq!(
            compared_row(&comparison),
            "| burst | sent | 3 /s (2..4) |  | 6 /s | 6 /s |  | 0.5 | 0.5 |\n"
        );
        assert_eq!(header(&COMPARED).lines().count(), 2);
    }

    #[test]
    fn what_could_not_be_run_is_named_and_its_section_is_not_complete() {
        let mut part = Report::default();
        part.leave_out("ordinary", "there is no Go on this machine");
        let text = report(&part);
        assert!(text.contains("Not measured: ordinary, since there is no Go on this machine.\n"), "{text}");
        assert!(!text.contains(&Section::Ordinary.begin()));
    }

    #[test]
    fn only_a_section_that_is_complete_stands_between_markers() {
        let mut part = Report::default();
        part.begin(Section::Growth);
        part.add(Figure::new("growth", "memory", "MiB", 3.0));
        assert!(!report(&part).contains(&Section::Growth.begin()));
        part.ended.push("growth".to_owned());
        let text = report(&part);
        assert!(text.contains(&Section::Growth.begin()) && text.contains(&Section::Growth.end()), "{text}");
        assert!(!text.contains(&Section::Alone.begin()));
    }
}
