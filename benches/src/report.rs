//! The figures of a run, as JSON and as a table.

use std::{fmt::Write, fs, path::Path};

use serde::Serialize;

use crate::parameters::Parameters;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What was asked for.
    pub parameters: Vec<(String, String)>,
    /// The figures, in the order in which they were taken.
    pub figures: Vec<Figure>,
    /// Plots that were drawn: file and caption.
    pub plots: Vec<(String, String)>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Scenario.
    pub scenario: String,
    /// What was measured.
    pub what: String,
    /// Unit.
    pub unit: String,
    /// Of the operator.
    pub product: f64,
    /// Of the floor in the same run; none where there is nothing to compare.
    pub floor: Option<f64>,
    /// Median over the pairs of product / floor.
    pub ratio: Option<f64>,
    /// What is to be reached.
    pub target: Option<Target>,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum Target {
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// The value is at most this.
    AtMost(f64),
}

impl Figure {
    /// A figure of the operator alone.
    #[must_use]
    pub fn new(scenario: &str, what: impl Into<String>, unit: &str, product: f64) -> Self {
        Self {
            scenario: scenario.to_owned(),
            what: what.into(),
            unit: unit.to_owned(),
            product,
            floor: None,
            ratio: None,
            target: None,
        }
    }

    /// Beside the floor: medians of both, and the median of the pairs' ratios.
    #[must_use]
    pub fn paired(scenario: &str, what: impl Into<String>, unit: &str, pairs: &[(f64, f64)]) -> Self {
        use crate::statistics::median;
        Self {
            floor: Some(median(pairs.iter().map(|pair| pair.1))),
            // None where the floor is zero.
            ratio: Some(median(pairs.iter().map(|pair| pair.0 / pair.1))).filter(|ratio| ratio.is_finite()),
            ..Self::new(scenario, what, unit, median(pairs.iter().map(|pair| pair.0)))
        }
    }

    /// With what is to be reached.
    #[must_use]
    pub fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Whether that was reached.
    #[must_use]
    pub fn reached(&self) -> Option<bool> {
        Some(match self.target? {
            Target::RatioAtMost(most) => self.ratio? <= most,
            Target::RatioAtLeast(least) => self.ratio? >= least,
            Target::AtMost(most) => self.product <= most,
        })
    }
}

impl Report {
    /// Takes a figure in, and shows it.
    pub fn add(&mut self, figure: Figure) {
        println!("    {}", line(&figure));
        self.figures.push(figure);
    }

    /// The figure of that name.
    #[must_use]
    pub fn find(&self, scenario: &str, what: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.scenario == scenario && figure.what == what)
    }

    /// Notes the parameters.
    pub fn describe(&mut self, parameters: &Parameters) {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        self.parameters = [
            ("resources", parameters.resources),
            ("unrelated Secrets of 4 KiB", parameters.unrelated),
            ("rotations measured one by one", parameters.rotations),
            ("pairs of product and floor", parameters.pairs),
            ("cores", cores),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .to_vec();
    }

    /// Writes `report.json` and `report.md`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)?)?;
        fs::write(folder.join("report.md"), self.markdown())?;
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = String::from("# Benchmark report\n\n");
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let _ = writeln!(text, "{}.\n", parameters.join("; "));
        text.push_str(
            "| scenario | what | product | floor | ratio | target | reached |\n|---|---|---|---|---|---|---|\n",
        );
        for figure in &self.figures {
            let _ = writeln!(
                text,
                "| {} | {} | {} {} | {} | {} | {} | {} |",
                figure.scenario,
                figure.what,
                shown(figure.product),
                figure.unit,
                figure.floor.map_or_else(String::new, |floor| format!("{} {}", shown(floor), figure.unit)),
                figure.ratio.map_or_else(String::new, shown),
                figure.target.map_or_else(String::new, |target| aim(target, &figure.unit)),
                figure.reached().map_or("", |reached| if reached { "yes" } else { "**no**" }),
            );
        }
        for (file, caption) in &self.plots {
            let _ = write!(text, "\n![{caption}]({file})\n");
        }
        text
    }
}

fn aim(target: Target, unit: &str) -> String {
    match target {
        Target::RatioAtMost(most) => format!("≤ {} × floor", shown(most)),
        Target::RatioAtLeast(least) => format!("≥ {} × floor", shown(least)),
        Target::AtMost(most) => format!("≤ {} {unit}", shown(most)).trim_end().to_owned(),
    }
}

fn line(figure: &Figure) -> String {
    let mut line = format!("{:<58} {:>9} {}", figure.what, shown(figure.product), figure.unit);
    if let (Some(floor), Some(ratio)) = (figure.floor, figure.ratio) {
        let _ = write!(line, "  (floor {}, ratio {})", shown(floor), shown(ratio));
    }
    if let (Some(target), Some(reached)) = (figure.target, figure.reached()) {
        let _ = write!(
            line,
            "  {}: {}",
            aim(target, &figure.unit),
            if reached { "reached" } else { "NOT REACHED" }
        );
    }
    line
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
    fn figures_are_compared_pair_by_pair() {
        let figure = Figure::paired("idle", "p50", "ms", &[(2.0, 1.0), (3.0, 2.0), (9.0, 1.0)])
            .target(Target::RatioAtMost(1.9));
        assert_eq!(figure.ratio, Some(2.0));
        assert_eq!(figure.reached(), Some(false));
        assert_eq!(Figure::new("idle", "x", "", 3.0).target(Target::AtMost(3.0)).reached(), Some(true));
    }

    #[test]
    fn values_have_three_digits() {
        assert_eq!([0.0, 0.5, 1234.0, 12.345, 0.012_345].map(shown), ["0", "0.5", "1234", "12.3", "0.0123"]);
    }
}
