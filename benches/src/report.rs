//! The figures of a run, as JSON and as tables.

mod comparison;
mod figure;
mod markdown;
mod section;

use std::{fs, path::Path};

use serde::Serialize;

pub use self::{
    comparison::{Comparison, Rounds},
    figure::{Beside, FLOOR, Figure, Target},
    markdown::{COLUMNS, COMPARED, header},
    section::Section,
};
use crate::facts::Facts;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// When, where and of what.
    pub facts: Facts,
    /// The figures, in the order in which they were taken.
    pub figures: Vec<Figure>,
    /// Values of several programs, in the order in which they were taken.
    pub comparisons: Vec<Comparison>,
    /// Scenarios that could not be run, and why.
    pub left_out: Vec<(String, String)>,
    /// Plots that were drawn.
    pub plots: Vec<Drawn>,
    /// Scenarios that ran to their end.
    pub ended: Vec<String>,
    #[serde(skip)]
    section: Option<Section>,
}

/// A plot that was drawn.
#[derive(Debug, Serialize)]
pub struct Drawn {
    /// Where it belongs.
    pub section: Section,
    /// File, relative to the report.
    pub file: String,
    /// What it shows.
    pub caption: String,
}

impl Report {
    /// Without figures yet.
    #[must_use]
    pub fn new(facts: Facts) -> Self {
        Self { facts, ..Self::default() }
    }

    /// What is added from now on belongs to this section.
    pub fn begin(&mut self, section: Section) {
        self.section = Some(section);
    }

    /// The section that was begun last.
    #[must_use]
    pub fn section(&self) -> Section {
        self.section.unwrap_or(Section::Alone)
    }

    /// Takes a figure in, and shows it.
    pub fn add(&mut self, mut figure: Figure) {
        figure.section = self.section();
        println!("    {}", markdown::line(&figure));
        self.figures.push(figure);
    }

    /// Takes a comparison in, and shows it.
    pub fn compare(&mut self, mut comparison: Comparison) {
        comparison.section = self.section();
        println!("    {}", markdown::compared_line(&comparison));
        self.comparisons.push(comparison);
    }

    /// Notes that a scenario could not be run.
    pub fn leave_out(&mut self, scenario: &str, reason: &str) {
        println!("    not measured: {reason}");
        self.left_out.push((scenario.to_owned(), reason.to_owned()));
    }

    /// The figure of that name.
    #[must_use]
    pub fn find(&self, scenario: &str, what: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.scenario == scenario && figure.what == what)
    }

    /// Writes `report.json` and `report.md`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)?)?;
        fs::write(folder.join("report.md"), markdown::report(self))?;
        Ok(())
    }
}
