//! One value of several programs, which took turns in one run.

use serde::Serialize;

use super::section::Section;
use crate::{statistics::Sample, subject::Which};

/// One value of several programs.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Where it belongs; [`super::Report::compare`] says so.
    pub section: Section,
    /// Scenario.
    pub scenario: String,
    /// What was measured.
    pub what: String,
    /// Unit.
    pub unit: String,
    /// In the order of [`Which::ALL`]; none for a program that has no such value.
    pub values: [Option<Rounds>; Which::ALL.len()],
}

/// A value of one program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rounds {
    /// The median of the rounds.
    pub median: f64,
    /// Smallest and largest of them; none where there was one.
    pub spread: Option<(f64, f64)>,
}

impl Comparison {
    /// The medians of the rounds of each program.
    #[must_use]
    pub fn new(scenario: &str, what: &str, unit: &str, rounds: impl Fn(Which) -> Vec<f64>) -> Self {
        Self {
            section: Section::Ordinary,
            scenario: scenario.to_owned(),
            what: what.to_owned(),
            unit: unit.to_owned(),
            values: Which::ALL.map(|which| Rounds::of(rounds(which))),
        }
    }

    /// The product's value divided by that of each other program; none where one is missing or the other is zero.
    #[must_use]
    pub fn ratios(&self) -> [Option<f64>; Which::ALL.len() - 1] {
        let [product, others @ ..] = &self.values;
        others.each_ref().map(|other| {
            let ratio = product.as_ref()?.median / other.as_ref()?.median;
            Some(ratio).filter(|ratio| ratio.is_finite())
        })
    }
}

impl Rounds {
    fn of(values: Vec<f64>) -> Option<Self> {
        let sample = Sample::new(values);
        (!sample.values().is_empty()).then(|| Self { median: sample.median(), spread: sample.spread() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_stands_beside_each_other_program_that_has_the_value() {
        let comparison = Comparison::new("restart", "until ready", "s", |which| match which {
            Which::Product => vec![3.0, 1.0, 2.0],
            Which::Floor => Vec::new(),
            Which::OrdinaryCached => vec![8.0],
            Which::OrdinaryMetadata => vec![0.0],
        });
        assert_eq!(comparison.values[0], Some(Rounds { median: 2.0, spread: Some((1.0, 3.0)) }));
        assert_eq!(comparison.values[1], None);
        assert_eq!(comparison.ratios(), [None, Some(0.25), None]);
    }
}
