//! One figure: what was measured, beside what, and what is to be reached.

use serde::Serialize;

use super::section::Section;
use crate::statistics::Sample;

/// Name of the least that any program could do, beside which most figures stand.
pub const FLOOR: &str = "floor";

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Where it belongs; [`super::Report::add`] says so.
    pub section: Section,
    /// Scenario.
    pub scenario: String,
    /// What was measured.
    pub what: String,
    /// Unit.
    pub unit: String,
    /// Of the operator.
    pub product: f64,
    /// Smallest and largest of the rounds; none where there was one.
    pub spread: Option<(f64, f64)>,
    /// What the same run measured beside it; none where there is nothing to compare.
    pub beside: Option<Beside>,
    /// `product` divided by the value beside it; none where that is zero.
    pub ratio: Option<f64>,
    /// What is to be reached.
    pub target: Option<Target>,
}

/// What a figure is compared with.
#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    /// What it is of, such as `floor` or `quiet`.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Smallest and largest of the rounds; none where there was one.
    pub spread: Option<(f64, f64)>,
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
    /// A figure of the operator alone, measured once.
    #[must_use]
    pub fn new(scenario: &str, what: impl Into<String>, unit: &str, product: f64) -> Self {
        Self {
            section: Section::Alone,
            scenario: scenario.to_owned(),
            what: what.into(),
            unit: unit.to_owned(),
            product,
            spread: None,
            beside: None,
            ratio: None,
            target: None,
        }
    }

    /// A figure of the operator alone: the median of the rounds.
    #[must_use]
    pub fn median(scenario: &str, what: impl Into<String>, unit: &str, rounds: &[f64]) -> Self {
        let sample = Sample::new(rounds.to_vec());
        Self { spread: sample.spread(), ..Self::new(scenario, what, unit, sample.median()) }
    }

    /// Beside the floor: the medians over the pairs, and the ratio of these two medians.
    #[must_use]
    pub fn paired(scenario: &str, what: impl Into<String>, unit: &str, pairs: &[(f64, f64)]) -> Self {
        Self::of_pairs(scenario, what, unit, pairs, Sample::median)
    }

    /// Beside the floor: the largest of all pairs, and the ratio of these two.
    #[must_use]
    pub fn largest(scenario: &str, what: impl Into<String>, unit: &str, pairs: &[(f64, f64)]) -> Self {
        Self::of_pairs(scenario, what, unit, pairs, Sample::max)
    }

    fn of_pairs(
        scenario: &str,
        what: impl Into<String>,
        unit: &str,
        pairs: &[(f64, f64)],
        choose: fn(&Sample) -> f64,
    ) -> Self {
        let (product, beside): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let (product, beside) = (Sample::new(product), Sample::new(beside));
        let ratio = choose(&product) / choose(&beside);
        Self {
            spread: product.spread(),
            ratio: Some(ratio).filter(|ratio| ratio.is_finite()),
            beside: Some(Beside { name: FLOOR.to_owned(), value: choose(&beside), spread: beside.spread() }),
            ..Self::new(scenario, what, unit, choose(&product))
        }
    }

    /// The second of the pairs is not the floor, but this.
    #[must_use]
    pub fn beside(mut self, name: &str) -> Self {
        if let Some(beside) = &mut self.beside {
            name.clone_into(&mut beside.name);
        }
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(f64, f64); 3] = [(2.0, 1.0), (3.0, 2.0), (9.0, 1.5)];

    #[test]
    fn a_ratio_is_that_of_the_two_medians_that_stand_beside_it() {
        let figure = Figure::paired("idle", "p50", "ms", &PAIRS).target(Target::RatioAtMost(1.9));
        let beside = figure.beside.clone().unwrap();
        assert_eq!((figure.product, beside.value, figure.ratio), (3.0, 1.5, Some(2.0)));
        assert_eq!((figure.spread, beside.spread), (Some((2.0, 9.0)), Some((1.0, 2.0))));
        assert_eq!(figure.reached(), Some(false));
    }

    #[test]
    fn the_largest_of_all_pairs_stand_beside_each_other() {
        let figure = Figure::largest("idle", "max", "ms", &PAIRS).beside("quiet");
        let beside = figure.beside.clone().unwrap();
        assert_eq!((figure.product, beside.value, figure.ratio), (9.0, 2.0, Some(4.5)));
        assert_eq!((&*beside.name, figure.reached()), ("quiet", None));
    }

    #[test]
    fn what_was_measured_once_has_no_spread_and_beside_zero_there_is_no_ratio() {
        let figure = Figure::paired("burst", "more", "", &[(1.0, 0.0)]);
        assert_eq!((figure.spread, figure.ratio), (None, None));
        let rounds = Figure::median("restart", "ready", "s", &[0.9, 0.7, 0.8]);
        assert_eq!((rounds.product, rounds.spread), (0.8, Some((0.7, 0.9))));
        assert_eq!(Figure::new("idle", "x", "", 3.0).target(Target::AtMost(3.0)).reached(), Some(true));
    }
}
